"""Finding the images that an annotation file names, on a disk where they may be called otherwise.

Tools write names for their own machine. A name is looked for as it is in each of the likely
folders, then with `\\` read as `/`, `%20` as a space, and without a foreign beginning (a drive, a
server, `../..`). What is still missing is looked for in the whole data set by the end of its path,
without regard to case and to how accents are composed (NFC, NFD), and taken if exactly one file
fits; a name without an extension fits an image of any. Only files of the data set's own folder are
ever opened: links that lead out of it are refused, and not searched, unless they are to be trusted.
"""

import collections
import functools
import hashlib
import os
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Sequence

from cpm import files, untrusted
from cpm.data import images
from cpm.errors import UsageError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_END = 4096  # bytes at the end of a file, which differ in nearly all images of one size


class ImageFiles:
    """The images of a data set's folder.

    Attributes:
      root: the folder.
      follow_links: whether links may lead out of it.
      not_searched: folders that do.
    """

    def __init__(self, root: str | os.PathLike, follow_links: bool = False) -> None:
        self.root, self.follow_links = str(root), follow_links
        self.not_searched: list[str] = []

    def find(self, name: object, folders: Sequence[str]) -> str:
        """Path of an image.

        Args:
          name: what the annotations call it.
          folders: where it may lie, paths in `root`, the likeliest first.

        Returns:
          Its path; of an image that is not found, where it was looked for first.

        Raises:
          ValueError: if the name is no file name, or the image a link that leads out of the root.
        """
        path = self._find(name, folders)
        if not self.follow_links:
            try:
                images.check_links(path, self.root)
            except UsageError as error:
                raise ValueError(f"the file_name {untrusted.shown(name)}: {error}") from None
        return path

    def _find(self, name, folders):
        parts = name_parts(name)
        for folder in folders:
            for spelled in dict.fromkeys((name, "/".join(parts))):
                if (path := _below(folder, spelled)) and os.path.isfile(path):
                    return path
        return self._by_its_end(parts) or os.path.join(folders[0], *parts)

    def name_of(self, path: str) -> str:
        """What an image is called in this project: relative to images/ or to the data set.

        The same on every machine, since a split and an augmentation are drawn by it.
        """
        relative = os.path.relpath(path, os.path.join(self.root, "images"))
        if relative.split(os.sep)[0] == os.pardir:
            relative = os.path.relpath(path, self.root)
        return unicodedata.normalize("NFC", relative.replace(os.sep, "/"))

    def is_elsewhere(self, name: object, path: str) -> bool:
        """Whether an image lies in other folders than its name says, apart from images/.

        So are images whose own folder is missing, if another folder has one of the same name.

        Args:
          name: that `find` took.
          path: that it found.
        """
        named, there = name_parts(name), os.path.relpath(path, self.root).split(os.sep)
        named, there = (parts[parts[0] == "images" :] for parts in (named, there))
        folders = zip(named[-2::-1], there[-2::-1], strict=False)  # from the image upwards
        return any(_key(a) != _key(b) for a, b in folders)

    def _by_its_end(self, parts):
        """The one file whose path ends like this, as much of it as fits; None for none or more."""
        for start in range(len(parts)):
            found = self._ends.get(_key("/".join(parts[start:])), ())
            if found:
                return found[0] if len(found) == 1 else None
        return None

    @functools.cached_property
    def _ends(self):
        """{end of a path: the files that have it}, made when an image is missing."""
        ends = collections.defaultdict(list)
        for path in self._files():
            parts = os.path.relpath(path, self.root).split(os.sep)
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                ends[_key(end)].append(path)
                stem, extension = os.path.splitext(end)
                if extension.lower() in EXTENSIONS:
                    ends[_key(stem)].append(path)
        return ends

    def _files(self):
        """Every file below the root; links are followed, each folder is visited once."""
        seen = set()
        for folder, folders, names in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            leaves = not self.follow_links and images.leads_out(folder, self.root)
            if leaves:
                self.not_searched.append(folder)
            if leaves or real in seen:
                folders.clear()
                continue
            seen.add(real)
            yield from (os.path.join(folder, name) for name in sorted(names))


def may_be_one(name: object, other: object) -> bool:
    """Whether two names may be of one image: the one is the end of the other.

    >>> may_be_one("images/a.jpg", "A.jpg"), may_be_one("cam1/a.jpg", "cam2/a.jpg")
    (True, False)
    """
    pairs = zip(reversed(name_parts(name)), reversed(name_parts(other)), strict=False)
    return all(_key(a) == _key(b) for a, b in pairs)


def file_identity(path: str | os.PathLike) -> str:
    """What is the same for all links to a file, symbolic or hard: one of its paths."""
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
    except OSError:
        return real
    return real if found.st_nlink == 1 else f"{found.st_dev}:{found.st_ino}"


def copies(paths: Iterable[str]) -> list[list[str]]:
    """Files of the same content.

    Args:
      paths: of files; those that cannot be read are passed over.

    Returns:
      List of lists of two paths or more.
    """
    groups = [sorted(paths)]
    # Of files of one size and one end, nearly all are the same: few are read as a whole.
    for key in (_size, _end_digest, files.sha256):
        groups = [same for group in groups for same in _alike(group, key)]
    return groups


def _alike(paths, key):
    """Lists of those with the same key, two or more; without those that cannot be read."""
    found = collections.defaultdict(list)
    for path in paths:
        try:
            found[key(path)].append(path)
        except OSError:
            continue
    return [group for group in found.values() if len(group) > 1]


def _size(path):
    """Bytes of a regular file."""
    if not os.path.isfile(path):
        raise OSError
    return os.path.getsize(path)


def _end_digest(path):
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - _END))
        return hashlib.blake2b(file.read(_END)).digest()


def name_parts(name: object) -> list[str]:
    """The folders and the file of a name, without a foreign beginning.

    >>> name_parts("..\\\\media\\\\my%20cat.jpg"), name_parts("/data/?d=x/a.jpg")
    (['media', 'my cat.jpg'], ['x', 'a.jpg'])
    >>> name_parts("C:\\\\a.jpg")
    ['a.jpg']
    """
    try:
        if not isinstance(name, str) or not name.encode() or "\0" in name:
            raise ValueError
    except ValueError:  # no text, none at all, or half a character, which JSON may hold
        raise ValueError(f"the file_name {name!r}; expected a file's name") from None
    text = urllib.parse.unquote(name) if re.search(r"%[0-9A-Fa-f]{2}", name) else name
    text = re.sub(r"^\w+://[^/]*/|^[A-Za-z]:|^.*\?d=", "", text.replace("\\", "/"))
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    if not parts:
        raise ValueError(f"the file_name {name!r}; expected a file's name")
    return parts


def _below(folder, name):
    """The path of a name in a folder, or None if it leads out of it."""
    path = os.path.normpath(os.path.join(folder, name))
    inside = path.startswith(os.path.join(os.path.normpath(folder), ""))
    return path if inside and not os.path.isabs(name) else None


def _key(path):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
