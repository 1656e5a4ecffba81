"""The exceptions that a script turns into one sentence and an exit status."""


class UsageError(Exception):
    """Bad input from the user: a flag, a file, a folder. Exit status 2.

    The message is one or two sentences: what was named, what was found there, what was expected,
    and the next command to try. Scripts print it without a traceback (`cpm.cli.command_line.run`).
    """


class RunStopped(Exception):
    """A run that could not go on to its end, though it was asked for rightly. Exit status 1.

    The message says at which step, why, what is kept, and how to go on.
    """


class MapsNotFinite(UsageError):
    """A network whose belief maps hold infinities or NaN: nothing can be found with it."""
