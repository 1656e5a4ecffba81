"""Standard streams that cannot end a script: any encoding, a closed pipe, a full disk, no terminal.

What a script prints is a courtesy; its files are the result. A training of days goes on when the
program that reads its output ends (`| head -1`), when the disk of its log is full, or when a
character like σ has no place in the terminal's encoding. It then works on in silence; a stream that
was full is said on the other one.
"""

import codecs
import os
import re
import sys
from typing import Any

from cpm.cli import limited
from cpm import machine
from cpm.untrusted import printable

# How a plain terminal shows what these programs print; everything else becomes an escape.
PLAIN = {
    **{"…": "...", "×": "x", "σ": "sigma", "Σ": "sum", "λ": "lambda", "·": "*", "−": "-"},
    **{"→": "->", "±": "+-", "≥": ">=", "≤": "<=", "²": "^2", "—": "-", "°": " deg"},
    **{"█": "#", "▏": "|", "“": '"', "”": '"', "∞": "inf"},
}
HANDLER = "cpm.plain"


def before_libraries() -> None:
    """What a script needs before TensorFlow is imported, which takes seconds.

    Closed standard streams are opened to nowhere, so that no file of ours gets their number, and
    Ctrl-C is said in a word instead of a traceback. Too few addresses end the script: TensorFlow's
    libraries would end it with a traceback, or none. Under a larger limit it runs in a child, and
    its parent says so when they have run out.
    """
    _open_missing()
    sys.excepthook = _quiet_interrupt(sys.excepthook)
    limit, fewest = machine.address_limit(), machine.FEWEST_ADDRESSES
    if limit is None:
        return
    if limit < fewest:
        print(
            f"error: this process may use {limit / 1e9:.1f} GB of addresses (ulimit -v), and "
            f"TensorFlow alone takes {fewest / 1e9:.1f} GB; allow more with: ulimit -v unlimited",
            file=sys.stderr,
        )
        sys.exit(2)
    if limited.is_limited():
        limited.run_in_child(limit)


def prepare() -> None:
    """Makes the standard streams of this process safe; call once, before anything is printed."""
    codecs.register_error(HANDLER, _plain)
    sys.stdout = Stream(sys.stdout, escapes=True)
    sys.stderr = Stream(sys.stderr)


class Stream:
    """A text stream that swallows what cannot be written; after the first failure all of it.

    Args:
      stream: the text stream to write to.
      escapes: whether control characters other than line breaks and tabs become escapes. Not for
        standard error, on which the progress bar moves the cursor.

    Attributes:
      failed: the OSError of the first failure, or None.
    """

    def __init__(self, stream: Any, escapes: bool = False) -> None:
        self._stream, self._escapes = stream, escapes
        self.failed: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)

    def write(self, text: str) -> int:
        """Writes a text, or swallows it; returns its length."""
        if self.failed is None:
            try:
                self._stream.write(_without_controls(text) if self._escapes else text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flushes, or does nothing."""
        if self.failed is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error):
        """Turns the stream to nowhere, what is still in its buffer too."""
        self.failed = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def finish(status: int | None) -> int | None:
    """Flushes the streams; the exit status of a script whose work ended in `status`.

    A closed pipe is its reader's choice. A result that could not be printed for another reason is
    said on standard error and makes a success a failure.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    failed = getattr(sys.stdout, "failed", None)
    if failed is None or isinstance(failed, BrokenPipeError):
        return status
    print(
        f"error: standard output cannot be written: {failed.strerror}; make room there, or let it "
        "go somewhere else. Files that were asked for are written",
        file=sys.stderr,
    )
    return status or 1


def _open_missing():
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def _plain(error):
    """Error handler of codecs: what the encoding lacks, in plain characters."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    rest = error.object[error.start : error.end]
    return "".join(PLAIN.get(c) or _escaped(c) for c in rest), error.end


def _escaped(character):
    escaped = printable(character)
    return escaped.encode("ascii", "backslashreplace").decode()


def _without_controls(text):
    """The text with control characters as escapes; line breaks, returns and tabs stay."""
    parts = re.split("([\n\r\t])", text)
    return "".join(part if part in "\n\r\t" else printable(part) for part in parts)


def _quiet_interrupt(earlier):
    def hook(kind, error, trace):
        # A library that was being loaded says that it could not be, because of it.
        cause = error.__cause__ if issubclass(kind, ImportError) else error
        if isinstance(cause, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        else:
            earlier(kind, error, trace)

    return hook
