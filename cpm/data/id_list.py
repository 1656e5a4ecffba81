"""Lists of people in text files: an id to a line, and behind a tab what one wants to say of it.

bin/eval.py writes those whose annotations a network almost never matches, bin/convert.py leaves out
those of a list; in between somebody may check the images and strike out lines. Empty lines and
lines that begin with # don't count.
"""

import os
from collections.abc import Iterable

from cpm import files, untrusted
from cpm.errors import UsageError


def write_ids(
    path: str | os.PathLike, ids: Iterable[str], notes: Iterable[str], heading: str
) -> None:
    """Writes a list.

    Args:
      path: of the file.
      ids: list of str without tabs and line breaks.
      notes: for each what stands behind it.
      heading: a line for the top.
    """
    lines = [f"# {heading}", *(f"{id}\t{note}" for id, note in zip(ids, notes, strict=True))]
    files.write_text(path, "\n".join(lines) + "\n")


def read_ids(path: str | os.PathLike) -> frozenset[str]:
    """The ids of a list, a frozenset.

    Raises:
      UsageError: if there is no such file, it is not text or names nobody.
    """
    try:
        with untrusted.open_regular(path, untrusted.SMALL_JSON_BYTES) as file:
            lines = file.read().decode().splitlines()
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {str(path)!r}; expected a text file with an id in every line, "
            "as bin/eval.py --write_suspects makes it"
        ) from None
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{str(path)!r} is not a text file; expected an id in every line"
        ) from None
    ids = frozenset(line.split("\t")[0].strip() for line in lines if not line.startswith("#")) - {
        ""
    }
    if not ids:
        raise UsageError(f"{str(path)!r} names nobody; expected an id in every line")
    return ids
