"""The one exception that a script turns into a sentence and exit status 2."""


class UsageError(Exception):
    """Bad input from the user: a flag, a file, a folder.

    The message is one or two sentences: what was named, what was found there, what was expected,
    and the next command to try. Scripts print it without a traceback (`cpm.command_line.run`).
    """
