"""Whatever people point at → images, one after the other: files, folders, videos, cameras, arrays.

    images = images_from(["photos", "walk.mp4", "*.png"])
    for item in images:
        item.image, item.file, item.frame, item.time
    print(images.skipped)

What is asked for   an image, a TIFF or HEIC of several, an animation, a video; several of them; a
                    pattern (`photos/*.jpg`); a folder; `camera:0`; in Python also a `Path`,
                    bytes, an open file, a PIL image, an array, and lists or generators of all these
Order               as asked for; inside a folder and a pattern by name
Passed over         in a folder: what is neither image nor video, and what cannot be read; folders
                    in it unless it is searched through; what the caller does not want, such as
                    drawings of an earlier run; it is counted and named. A file that was named
                    alone is an error instead.
Links               what is named, or fits a pattern, may be a link to anywhere. What is found in
                    a folder may not lead out of it, unless links are to be followed: an unpacked
                    archive could show any file of the machine. No folder is entered twice.

Nothing is read before it is needed, and nothing is kept.
"""

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cpm.data.images import FOLLOW, leads_out
from cpm.errors import UsageError
from cpm.inference.any_image import AnyImage, is_pixels, name_of
from cpm.inference.frame_reader import CAMERA
from cpm.inference.one_source import (
    SUFFIXES,
    Source,
    SourceImage,
    source_of_file,
    stem_of,
    suffix_of,
)
from cpm.text_table import listed

LEADS_OUT = f"a link that leads out of the folder; {FOLLOW} reads it"
NAMED = 5  # so many of what was passed over are named in one line

# Why one of several files is passed over, or None.
Unwanted = Callable[[str], str | None]


class Skipped:
    """What was passed over, and why.

    Attributes:
      reasons: list of (path, why).
    """

    def __init__(self) -> None:
        self.reasons: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self.reasons)

    def add(self, path: str | os.PathLike, why: object) -> None:
        """One more."""
        text = str(why)  # a message begins with the name, and so does the line of this list
        for named in (f"{str(path)!r} ", f"{path} "):
            text = text.removeprefix(named)
        self.reasons.append((str(path), text))

    def __str__(self) -> str:
        """One line, like `2 skipped: notes.txt (neither image nor video), …`; empty if none was."""
        if not self.reasons:
            return ""
        named = [f"{os.path.basename(path)} ({why})" for path, why in self.reasons]
        return f"{len(self)} skipped: {listed(named, NAMED)}"


class Images:
    """The images of everything that was asked for; see `images_from`.

    Attributes:
      skipped: `Skipped`, of what was walked through so far.
      several: whether more than one file may come: then one that cannot be read is passed over.
    """

    def __init__(
        self,
        inputs: AnyImage | Iterable[Any],
        recursive: bool,
        unwanted: Unwanted | None = None,
        follow_links: bool = False,
    ) -> None:
        self._inputs, self._recursive, self._unwanted = inputs, recursive, unwanted
        self._follow_links = follow_links
        self.skipped = Skipped()
        self.several = not _is_one(inputs) or _is_many(inputs)

    def sources(self) -> Iterator[Source]:
        """Yields a `Source` for each file, camera and array, without reading it.

        Raises:
          UsageError: if a file or folder does not exist, or a folder or pattern holds nothing.
        """
        yield from self._sources_of(self._inputs)

    def __iter__(self) -> Iterator[SourceImage]:
        """Yields `SourceImage`s."""
        for source in self.sources():
            try:
                yield from source.images()
            except UsageError as error:
                if not self.several:
                    raise
                self.skipped.add(source.file or source.name, error)

    def _sources_of(self, value):
        if not _is_one(value):
            for element in value:
                yield from self._sources_of(element)
        elif not isinstance(value, str | os.PathLike):
            file = name_of(value)
            yield Source(stem_of(file) if file else "image", file, False, value)
        else:
            path = os.fspath(value)
            if os.path.isdir(path):
                yield from self._in_folder(path)
            elif path.startswith(CAMERA):
                yield Source(path.replace(":", "_"), path, True, path)
            elif not os.path.exists(path) and glob.has_magic(path):
                yield from self._matching(path)
            elif self.several and os.path.exists(path):
                yield from self._wanted(path)
            else:
                yield source_of_file(path)

    def _matching(self, pattern):
        paths = sorted(_matches(_folders_as_they_are(pattern)))
        if not paths:
            raise UsageError(f"{pattern} matches nothing; name images or a folder")
        for path in paths:
            if os.path.isdir(path):
                self.skipped.add(path, "a folder")
            else:
                yield from self._usable(path)

    def _in_folder(self, folder):
        def leaves(path):
            return not self._follow_links and leads_out(path, folder)

        found = False
        for path in _walk(folder, self._recursive, self.skipped, set(), leaves):
            for source in self._usable(path):
                found = True
                yield source
        if not found:
            raise UsageError(
                f"{folder} holds no image and no video"
                + (f" ({self.skipped})" if self.skipped else "")
                + f"; expected files that end in {', '.join(SUFFIXES)}"
            )

    def _usable(self, path):
        """The source of a file that nobody named, if its name promises one."""
        if suffix_of(path) not in SUFFIXES:
            self.skipped.add(path, "neither image nor video")
        else:
            yield from self._wanted(path)

    def _wanted(self, path):
        """The source of one of several files, unless the caller does not want it."""
        if self._unwanted and (why := self._unwanted(path)):
            self.skipped.add(path, why)
        else:
            yield source_of_file(path)


def images_from(
    inputs: AnyImage | Iterable[Any],
    recursive: bool = False,
    unwanted: Unwanted | None = None,
    follow_links: bool = False,
) -> Images:
    """The images of everything that is asked for, lazily.

    Args:
      inputs: one of the above, or an iterable of them.
      recursive: whether folders are searched through, with the folders in them.
      unwanted: function of the path of one of several files: why it is passed over, or None.
      follow_links: whether links in a folder may lead out of it.

    Returns:
      `Images`; iterate over it, or over `sources()`.
    """
    return Images(inputs, recursive, unwanted, follow_links)


def _walk(folder, recursive, skipped, entered, leaves):
    """Paths of the files of a folder, sorted by name; hidden ones are left out.

    Args:
      folder: path.
      recursive: whether the folders in it are searched, too.
      skipped: `Skipped`.
      entered: set of the real paths of folders, to which those that are entered are added: links
        may lead in a circle.
      leaves: function of a path: whether it is left alone, since it lies elsewhere.
    """
    entered.add(os.path.realpath(folder))
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if leaves(path):
            skipped.add(path, LEADS_OUT)
        elif not os.path.isdir(path):
            yield path
        elif not recursive:
            skipped.add(path, "a folder; --recursive, or a pattern that ends in /**, looks into it")
        elif os.path.realpath(path) in entered:
            skipped.add(path, "a link to a folder that is searched already")
        else:
            yield from _walk(path, recursive, skipped, entered, leaves)


def _folders_as_they_are(pattern):
    """The pattern in which the folders that it begins with, like `photos [2024]/`, are names."""
    parts = pattern.split(os.sep)
    count = 0
    while count < len(parts) - 1 and os.path.isdir(os.sep.join(parts[: count + 1]) or os.sep):
        count += 1
    return os.sep.join([*map(glob.escape, parts[:count]), *parts[count:]])


def _matches(pattern):
    """What a pattern fits; `**` enters no folder twice, as links in a circle would."""
    if os.path.basename(pattern) == "**":
        pattern = os.path.join(pattern, "*")
    head, stars, tail = (os.sep + pattern).partition(f"{os.sep}**{os.sep}")
    if not stars:
        return set(glob.glob(pattern))
    head = head[1:] or (os.sep if pattern.startswith(os.sep) else "")
    found = set()
    for folder in glob.glob(head) if head else [""]:
        for below in _folders(folder, set()):
            found |= _matches(os.path.join(glob.escape(below), tail))
    return found


def _folders(folder, entered):
    """A folder and all below it, each once; hidden ones are left out."""
    entered.add(os.path.realpath(folder))
    yield folder
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*", ""))):
        if os.path.realpath(path) not in entered:
            yield from _folders(os.path.dirname(path), entered)


def _is_one(value):
    """Whether this is one image, file or folder, and no collection of them."""
    if isinstance(value, str | os.PathLike) or is_pixels(value):
        return True
    return hasattr(value, "shape") or not hasattr(value, "__iter__")


def _is_many(value):
    """Whether one path stands for many files."""
    if not isinstance(value, str | os.PathLike):
        return False
    path = os.fspath(value)
    return os.path.isdir(path) or (not os.path.exists(path) and glob.has_magic(path))
