"""What every script of bin/ shares: arguments, exit statuses, errors as one sentence."""

import sys

from absl import app, flags, logging

from cpm.errors import RunStopped, UsageError

HELP = ("--help", "-help", "-h", "--helpshort", "-?")


def run(main, *, positional=0):
    """Calls `main(arguments)` under absl with the project's exit statuses.

    Args:
      main: function of the arguments that absl left over, the script's name first.
      positional: how many of them the script takes; None = any number.

    0 on success, 2 on bad use (one sentence on stderr, no traceback), 1 otherwise.
    """
    if any(argument in HELP for argument in sys.argv[1:]):
        # absl's own --help prints the same but exits with status 1, as if it had failed.
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(0)
    app.run(lambda arguments: exit_status(main, arguments, positional), flags_parser=_parse)


def exit_status(main, arguments, positional=0):
    """Calls `main(arguments)`; what the user can mend ends in a sentence and a status.

    Args:
      main, positional: as in `run`.
      arguments: list of str.

    Returns:
      What `main` returns, 1 or 2. A mistake of the program itself keeps its traceback.
    """
    # TensorFlow tells at INFO, absl's default, how long its checkpoints took to shard.
    logging.set_verbosity(logging.WARNING)
    try:
        if positional is not None and len(arguments) > 1 + positional:
            raise UsageError(
                f"unexpected argument {arguments[1 + positional]!r}: options are written "
                f"--name=value; see {arguments[0]} --help"
            )
        return main(arguments)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunStopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named
            raise
        print(
            f"error: {error.filename!r} cannot be used: {error.strerror}; name another path, or "
            "make room or permission for this one",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _parse(arguments):
    """absl's flag parser, but with exit status 2 for a wrong flag."""
    try:
        remaining = flags.FLAGS(arguments)
    except flags.Error as error:
        print(f"error: {error}; see {arguments[0]} --help", file=sys.stderr)
        sys.exit(2)
    return remaining
