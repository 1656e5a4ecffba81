"""One file, camera or array that somebody points at, not opened yet → its images.

An image is one, a TIFF or HEIC may be several, an animation and a video are one a frame.
Nothing is read before it is needed, and nothing is kept.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from cpm.data.images import why_missing
from cpm.errors import UsageError
from cpm.inference import image_frames
from cpm.inference.any_image import any_image
from cpm.inference.frame_reader import FrameReader

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".ogv"),
)
SUFFIXES = (*image_frames.SUFFIXES, *VIDEO_SUFFIXES)


@dataclasses.dataclass(frozen=True, eq=False)
class SourceImage:
    """One image, or one frame.

    Attributes:
      image: `[H, W, 3]` uint8, RGB, upright.
      name: for files made of it: the file's without folder and suffix, or `image`.
      file: path, or None.
      frame: number of the frame in its video, or of several images in its file, from 0; else None.
      time: of the frame in its video, seconds; else None.
    """

    image: np.ndarray
    name: str
    file: str | None = None
    frame: int | None = None
    time: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """One file, camera or array, not opened yet.

    Attributes:
      name: as of `SourceImage`.
      file: path or `camera:0`; None = pixels that have none.
      moves: whether it is a video, an animation or a camera, so that people can be followed.
      value: what was given.
    """

    name: str
    file: str | None
    moves: bool
    value: Any

    def images(self) -> Iterator[SourceImage]:
        """Yields its `SourceImage`s."""
        if self.moves:
            with self.reader() as reader:
                for frame in reader:
                    yield SourceImage(frame.image, self.name, self.file, frame.number, frame.time)
        elif self.file is None or not isinstance(self.value, str):
            yield SourceImage(any_image(self.value), self.name, self.file)
        else:
            pages = image_frames.read_pages(self.file)
            first = next(pages)
            second = next(pages, None)
            if second is None:
                yield SourceImage(first, self.name, self.file)
                return
            for number, page in enumerate(itertools.chain([first, second], pages)):
                yield SourceImage(page, self.name, self.file, number)

    def reader(self) -> FrameReader:
        """A `VideoReader`, or what is used like one; of a source that moves."""
        assert self.file is not None  # pixels do not move
        # PyAV takes a sixth of a second to import: not where there is no video.
        if suffix_of(self.file) in image_frames.SUFFIXES:
            from cpm.inference.animations import AnimationReader

            return AnimationReader(self.file)
        from cpm.inference.video_reader import VideoReader

        return VideoReader(self.file)


def source_of_file(path: str) -> Source:
    """The `Source` of a file, by its name or, where that says nothing, its content.

    Raises:
      UsageError: if it does not exist.
    """
    if not os.path.exists(path):
        usual = f"{path} does not exist; name an image, a video or a folder"
        raise UsageError(why_missing(path) or usual)
    suffix = suffix_of(path)
    if suffix in image_frames.SUFFIXES:
        moves = image_frames.is_animated(path)
    else:
        moves = suffix in VIDEO_SUFFIXES or not image_frames.is_image(path)
    return Source(stem_of(path), path, moves, path)


def suffix_of(path: str) -> str:
    """The end of a file's name, like `.jpg`, in small letters."""
    return os.path.splitext(path)[1].lower()


def stem_of(path: str) -> str:
    """A file's name without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]
