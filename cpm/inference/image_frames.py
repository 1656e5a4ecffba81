"""Image files of all kinds that people have, and the frames of those that have several.

    JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF     by Pillow
    HEIC, the photos of iPhones               by Pillow with the package pillow-heif
    PNG and TIFF of 16 bits a color           by FFmpeg (PyAV); see cpm/data/deep_images.py

An animated GIF, WebP, PNG or AVIF is a short video (animations.py); the pages of a TIFF and the
images of a HEIC are images of their own. Everything is upright RGB; more than 8 bits are stretched
by the range that is used (cpm/data/stretching.py::stretch).
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from cpm.data.images import (
    DECODER_ERRORS,
    FORMATS,
    MAX_BYTES,
    MAX_PIXELS,
    ImageError,
    opened,
    page_of,
    read_bytes,
)
from cpm.untrusted import open_regular

ALL_FORMATS = (*FORMATS, "GIF", "TIFF", "AVIF")
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"),
    *(".heic", ".heif", ".jfif", ".jpe", ".mpo", ".apng"),  # the last four are JPEG and PNG
)
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
SEVERAL = ("TIFF", "HEIF")  # may hold several images that do not move
HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")  # brands in a file's first bytes
SMALLER_COPY = 254  # TIFF's tag NewSubfileType; 1 = a smaller copy of another page


def read_pages(source: str | bytes) -> Iterator[np.ndarray]:
    """Yields the images of a file that does not move: one, or those of a TIFF or a HEIC.

    Args:
      source: path (str), or the bytes of a file.

    Returns:
      iterator of `[H, W, 3]` uint8, RGB, upright.

    Raises:
      ImageError: if it is no image, damaged, too large, or a HEIC without its package.
    """
    content = source if isinstance(source, bytes) else read_bytes(source)
    with opened_any(content, source) as image:
        for _ in _pages(image):
            yield page_of(content, image, MAX_PIXELS)


def read_image(source: str | bytes) -> np.ndarray:
    """The image of a file, the first if there are several; as `read_pages`."""
    return next(read_pages(source))


def number_of_images(path: str | os.PathLike) -> int:
    """Images in a file by its header: of a TIFF or a HEIC, frames of an animation, else 1."""
    try:
        with open_regular(path, MAX_BYTES) as file:
            formats = _formats(file.read(64), _named(path))
            file.seek(0)
            with Image.open(file, formats=formats) as image:
                if image.format in ANIMATED:
                    return getattr(image, "n_frames", 1)
                return sum(1 for _ in _pages(image))
    except DECODER_ERRORS:
        return 1


def is_animated(path: str | os.PathLike) -> bool:
    """Whether a file is an image that moves; False if it is none, damaged, or no regular file."""
    try:
        with (
            open_regular(path, MAX_BYTES) as file,
            Image.open(file, formats=ALL_FORMATS) as image,
        ):
            return image.format in ANIMATED and getattr(image, "n_frames", 1) > 1
    except DECODER_ERRORS:
        return False


def is_image(path: str | os.PathLike) -> bool:
    """Whether a file's content is an image, whatever its name; a pipe is none."""
    try:
        with open_regular(path, MAX_BYTES) as file:
            try:
                with Image.open(file, formats=ALL_FORMATS):
                    return True
            except UnidentifiedImageError:
                file.seek(0)
                return _is_heic(file.read(64))
    except DECODER_ERRORS:
        return False


def opened_any(
    content: bytes, source: str | os.PathLike | bytes
) -> contextlib.AbstractContextManager[Any]:
    """The Pillow image of a file whose bytes are at hand, as `cpm.data.images.opened` gives it.

    Args:
      content: its bytes.
      source: its path, for messages, or the bytes again.
    """
    name = _named(source)
    return opened(content, name=name, formats=_formats(content, name))


def _pages(image):
    """Goes to each image of a file that does not move, and yields its number.

    The main image of a HEIC, which programs that show one show, comes first. Of a TIFF smaller
    copies of other pages are passed over.
    """
    numbers = range(image.n_frames if image.format in SEVERAL else 1)
    main = image.tell()
    for number in sorted(numbers, key=lambda number: number != main):
        image.seek(number)
        if not number or image.format != "TIFF" or not image.tag_v2.get(SMALLER_COPY, 0) & 1:
            yield number


def _named(source):
    return None if isinstance(source, bytes) else repr(str(source))


def _is_heic(content):
    """Whether a file begins as HEIF's do with HEVC inside (AVIF is HEIF with AV1 inside)."""
    return content[4:8] == b"ftyp" and content[8:12] in HEIC


def _formats(content, name):
    """Pillow's names of the formats that a file may have, by its first bytes.

    Raises:
      ImageError: if it is a HEIC, and the package for it is not there.
    """
    if not _is_heic(content):
        return ALL_FORMATS
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(
            f"{name or 'the image'} is a HEIC photo, which needs one more package: "
            "pip install pillow-heif; or save it as JPEG"
        ) from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)
