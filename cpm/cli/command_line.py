"""What every script of bin/ shares: arguments, exit statuses, errors as one sentence."""

import errno
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags, logging

from cpm.cli import limited, terminal
from cpm.errors import RunStopped, UsageError
from cpm.untrusted import printable

# What oneDNN, XLA, Python and the loader of libraries say of it, in errors of many kinds.
NO_MEMORY = re.compile(
    "could not create a (memory object|primitive)|out of memory|bad_alloc|pthread_create"
    "|can't start new thread|failed to map segment|cannot allocate memory",
    re.IGNORECASE,
)
MOST_CHARACTERS = 4000  # of the sentence that a script ends with
HELP = ("--help", "-help", "-h", "--helpshort", "-?")


def run(script: Any) -> None:
    """Runs a script under absl with the project's exit statuses.

    Args:
      script: module of this package: its docstring is the text of --help, `define_flags()` defines
        its flags, `main(arguments)` takes what absl leaves over, the script's name first.
        `POSITIONAL` says how many arguments that may be, None any number; without it there are
        only flags.

    0 on success, 2 on bad use (one sentence on stderr, no traceback), 1 otherwise.
    """
    terminal.prepare()
    logging.get_absl_handler().setFormatter(PrintableFormatter())
    _hear_the_end()
    script.define_flags()
    for flag in flags.FLAGS.get_key_flags_for_module(script):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules["__main__"].__doc__ = script.__doc__  # absl's --help prints these two
    if any(argument in HELP for argument in sys.argv[1:]):
        # absl's own --help prints the same but exits with status 1, as if it had failed.
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(terminal.finish(0))
    positional = getattr(script, "POSITIONAL", 0)
    app.run(
        lambda arguments: terminal.finish(exit_status(script.main, arguments, positional)),
        flags_parser=_parse,
    )


class PrintableFormatter(logging.PythonFormatter):
    """The lines of absl's log; a name out of a file cannot steer the terminal in them."""

    def formatMessage(self, record: Any) -> str:
        return printable(super().formatMessage(record))


def exit_status(
    main: Callable[[Sequence[str]], int | None],
    arguments: Sequence[str],
    positional: int | None = 0,
) -> int | None:
    """Calls `main(arguments)`; what the user can mend ends in a sentence and a status.

    Args:
      main: function of the arguments.
      arguments: list of str, the script's name first.
      positional: how many more of them it takes; None = any number.

    Returns:
      What `main` returns, 1 or 2. A mistake of the program itself keeps its traceback.
    """
    # TensorFlow tells at INFO, absl's default, how long its checkpoints took to shard.
    logging.set_verbosity(logging.WARNING)
    limited.show_no_stacks()
    try:
        if positional is not None and len(arguments) > 1 + positional:
            raise UsageError(
                f"unexpected argument {arguments[1 + positional]!r}: options are written "
                f"--name=value; see {arguments[0]} --help"
            )
        return main(arguments)
    except UsageError as error:
        return _end(2, f"error: {error}")
    except RunStopped as stopped:
        return _end(1, stopped)
    except KeyboardInterrupt:
        return _end(1, "interrupted")
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return _end_of_memory(error)
        if error.filename is None:
            if error.errno == errno.ENOENT and _is_nowhere():
                return _end(2, "error: the current folder is gone; change to another one")
            if error.errno not in FULL:  # a mistake of the program
                raise
            return _end(2, f"error: a file cannot be written: {error.strerror}; make room for it")
        name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
        advice = "make room there" if error.errno in FULL else "make room or permission for it"
        if error.errno == errno.ENOENT:  # it was to be read
            advice = "restore it, or make it again"
        return _end(
            2,
            f"error: {name!r} cannot be used: {error.strerror}; {advice}, or name another path",
        )
    except Exception as error:
        if _is_of_memory(error):
            return _end_of_memory(error)
        if not (text := _of_tensorflow(error)):
            raise
        return _end(1, text)


def _hear_the_end():
    """SIGTERM and SIGHUP end a script as Ctrl-C does: processes of its own and half files go too.

    A training takes these signals over while it trains (cpm/training/loop.py).
    """

    def interrupt(number, frame):
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)


# What a file system says that takes no more: full, over its quota, a file too large.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _is_nowhere():
    """Whether the current folder was removed: then no name without a folder leads anywhere."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _end(status, text):
    """Says why a script ends, as one printable line; returns its status."""
    text = str(text)
    if len(text) > MOST_CHARACTERS:  # a name or a value out of a file, repeated as it is
        text = f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"
    print(printable(text), file=sys.stderr)
    return status


def _is_of_memory(error):
    kinds = [MemoryError]
    if tensorflow := sys.modules.get("tensorflow"):
        kinds.append(tensorflow.errors.ResourceExhaustedError)
    return isinstance(error, tuple(kinds)) or bool(NO_MEMORY.search(_first_line(error)))


def _end_of_memory(error):
    """`_end`, where little can be relied on any more."""
    first = _first_line(error)
    reason = f" ({first})" if first else ""
    try:
        return limited.leave(_end(1, f"error: out of memory{reason}; {limited.LESS_MEMORY}"))
    except MemoryError:  # not even for the sentence, which the parent of a limited script has
        if limited.is_limited():
            os.abort()
        raise


def _first_line(error):
    return str(getattr(error, "message", error)).strip().partition("\n")[0]


def _of_tensorflow(error):
    """The sentence for a TensorFlow error that no change of the program would mend, or None."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
        return None
    first = _first_line(error)
    if "No space left" in first or "File too large" in first:
        return f"error: a file cannot be written: {first}; make room there, or name another path"
    if isinstance(error, tensorflow.errors.DataLossError):
        return f"error: a file is damaged: {first}; get it again, or make it again"
    return None


def _parse(arguments):
    """absl's flag parser, but with exit status 2 for a wrong flag."""
    try:
        remaining = flags.FLAGS([arguments[0], *map(_at_home, arguments[1:])])
    except flags.Error as error:
        sys.exit(_end(2, f"error: {error}; see {arguments[0]} --help"))
    for name in flags.FLAGS:
        if problem := _empty(flags.FLAGS[name]) or _beyond(flags.FLAGS[name].value):
            shown = f"--{name}={flags.FLAGS[name].value}"
            sys.exit(_end(2, f"error: {shown} {problem}; see {arguments[0]} --help"))
    return remaining


def _at_home(argument):
    """The argument with ~/ as the user's folder: shells leave that to us after `--out=`.

    So they do in quotes, as of patterns. A folder that is called ~ is ./~ here, too.
    """
    names = r"(?<=[=,])~/" if argument.startswith("-") else "^~/"
    return re.sub(names, lambda found: os.path.expanduser(found.group()), argument)


def _empty(flag):
    """What is wrong with a value without a letter, as of --out=$FOLDER if that is not set."""
    if flag.present and flag.value == "" and flag.default is None:
        return "has no value; give it one, or leave it out"
    return None


def _beyond(value):
    """What is wrong with a number that Python can hold, but nothing that computes; else None."""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return "has too many digits; expected at most 18"
    if isinstance(value, float) and not math.isfinite(value):
        return "is not finite; expected a number"
    return None
