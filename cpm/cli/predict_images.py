"""The images of bin/predict.py: read one after the other, each with the boxes that are known of it.

A file that cannot be read is passed over, and named, where it is one of several.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cpm.errors import UsageError
from cpm.inference.boxes import BoxFile
from cpm.inference.one_source import Source
from cpm.inference.results import ImagePose
from cpm.inference.sources import Images

Box: TypeAlias = Sequence[float]  # x, y, width, height


class Item(NamedTuple):
    """One image that was read, and the boxes that are known of it."""

    image: np.ndarray
    file: str
    frame: int | None
    boxes: Sequence[Box] | None


def read_images(
    sources: Iterable[Source],
    images: Images,
    boxes: Sequence[Box] | None,
    box_file: BoxFile | None,
) -> Iterator[Item]:
    """Yields an `Item` for each image, or page, of the files that can be read.

    Args:
      sources: iterable of `Source` that do not move.
      images: `Images`, gets to know what is passed over.
      boxes: of a single image, or None.
      box_file: `BoxFile`, or None.

    Raises:
      ImageError: if the only image that was named cannot be read.
    """
    for source in sources:
        try:
            for image in source.images():
                known = boxes
                if box_file is not None:
                    known = box_file.inside(path_of(source), image.image.shape[:2]) or []
                yield Item(image.image, path_of(source), image.frame, known)
        except UsageError as error:
            if not images.several:
                raise
            print(f"skipped: {error}")
            images.skipped.add(path_of(source), error)


def path_of(source: Source | ImagePose) -> str:
    """The path of an input or of its result: here all have one."""
    assert source.file is not None
    return source.file


def page_name(result: ImagePose) -> str:
    """What a drawing is called after: the file, or a page of it counted from 1.

    >>> from types import SimpleNamespace
    >>> page_name(SimpleNamespace(file="scans/a.tif", frame=0))
    'scans/a_0001.tif'
    """
    if result.frame is None:
        return path_of(result)
    stem, suffix = os.path.splitext(path_of(result))
    return f"{stem}_{result.frame + 1:04d}{suffix}"
