"""Reading images of any origin safely: always `[H, W, 3]` uint8 RGB, upright, or a clear error.

An image may come from a data set, a camera or a stranger. Only the formats in `FORMATS` are
opened, files that claim absurd sizes are refused before they are decoded, the camera's rotation
(EXIF) is applied, and gray, palette, CMYK, transparent and 16-bit images become plain RGB. Of more
than 8 bits, as of microscopes and thermal cameras, the range that is used counts: its darkest value
becomes 0, its brightest 255 (stretching.py). Colors of 16 bits are read by deep_images.py.

References: Pillow's documentation of `Image.open(formats=...)`, decompression bombs and
  `ImageOps.exif_transpose`.
"""

import contextlib
import io
import os
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cpm.data.deep_images import is_deep, read_deep
from cpm.data.stretching import BACKDROP, bands, stretch
from cpm.errors import UsageError
from cpm.untrusted import open_regular, shown

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
MAX_PIXELS = 64_000_000  # a 64-megapixel camera; decoded: 192 MB
MAX_BYTES = 1 << 29  # of a file: what the largest image of 16 bits takes without compression
# Of more, Pillow reads not even the header. A program may have lifted its limit: None.
PILLOW_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 89_478_485)
LONGEST_SIDE_PX = 720  # converted data sets store no larger images unless asked to
FOLLOW = "--follow_links"  # of bin/convert.py and bin/predict.py
_ORIENTATION = 0x0112  # EXIF's tag; 1 = upright, 2 to 8 = turned or mirrored

# What Pillow's decoders raise on files that are truncated, forged or not images at all.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    MemoryError,
    RuntimeError,  # libavif and libheif
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

DAMAGE = (OSError, SyntaxError, EOFError, struct.error, zlib.error)  # of a file that was cut, say


class ImageError(UsageError):
    """An image that cannot be read; the message names it and says why."""


class SizeError(ImageError):
    """An image of another size than the one its annotations were made in."""


def read_image(source: str | os.PathLike | bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads one image.

    Args:
      source: path (str), or the bytes of a file.
      max_pixels: images of more are refused before they are decoded; up to `PILLOW_PIXELS`.

    Returns:
      `[H, W, 3]` uint8, RGB, upright.

    Raises:
      ImageError: if the file is missing, truncated, too large or not of a known format.
    """
    content = source if isinstance(source, bytes) else read_bytes(source)
    name = None if isinstance(source, bytes) else repr(str(source))
    with opened(content, name=name, max_pixels=max_pixels) as image:
        return page_of(content, image, max_pixels)


def page_of(content: bytes, image: Image.Image, max_pixels: int) -> np.ndarray:
    """The page at which Pillow's image of a file stands: data sets and prediction read it here.

    Args:
      content: bytes of the file.
      image: Pillow's image of them, not decoded yet (`opened`).
      max_pixels: of the page.

    Returns:
      `[H, W, 3]` uint8, RGB, upright.

    Raises:
      ValueError, and Pillow's errors: if the page is damaged or too large; `opened` makes an
        `ImageError` of them.
    """
    if image.width * image.height > max_pixels:  # of a later page; `opened` saw the first
        raise ValueError(
            f"a page has {image.width} x {image.height} pixels; at most {max_pixels} are read"
        )
    if is_deep(image):
        return read_deep(content, image)
    image.load()
    return as_rgb(image)


@contextlib.contextmanager
def opened(
    source: str | os.PathLike | bytes,
    *,
    name: str | None = None,
    formats: tuple[str, ...] = FORMATS,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Image.Image]:
    """Gives Pillow's image, not decoded yet; what fails inside the block is an `ImageError`.

    Args:
      source, max_pixels: as of `read_image`.
      name: of the bytes, for messages.
      formats: Pillow's names of those that may be opened.
    """
    if not isinstance(source, bytes):
        name, source = repr(str(source)), read_bytes(source)
    name = name or "image"
    try:
        with _open(source, name, max_pixels, formats) as image:
            yield image
    except UnidentifiedImageError as error:  # its own text names a buffer, not the file
        raise ImageError(
            f"{name} cannot be decoded: it is damaged, no image, or {_not_of(formats)}"
        ) from error
    except DECODER_ERRORS as error:
        advice = "; copy it again, or save it anew" if isinstance(error, DAMAGE) else ""
        raise ImageError(f"{name} cannot be decoded: {error}{advice}") from error


def _not_of(formats):
    return f"not {formats[0]}" if len(formats) == 1 else f"none of {', '.join(formats)}"


def read_bytes(path: str | os.PathLike) -> bytes:
    """The bytes of a file; ImageError if it is not there, cannot be an image or is empty."""
    if not os.path.lexists(path):
        raise ImageError(why_missing(path) or f"{str(path)!r} does not exist; expected an image")
    try:
        with open_regular(path, MAX_BYTES) as file:
            content = file.read()
    except OSError as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if not content:
        raise ImageError(f"{str(path)!r} is empty; expected an image")
    return content


def why_missing(path: str | os.PathLike) -> str | None:
    """What is wrong with a name that no file could have, or hardly one; None of any other.

    >>> why_missing("a.jpg"), why_missing("https://example.org/a.jpg")
    (None, 'https://example.org/a.jpg is an address; download it, and name the file')
    """
    name = os.fspath(path)
    if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", name):  # a `Path` keeps one / of two
        return f"{name} is an address; download it, and name the file"
    if name == "-":
        return "- would be the standard input, which is not read; name a file"
    return None if name else "the name of an input is empty; name a file"


def check_size(
    content: bytes, upright: tuple[int, int], annotated: tuple[int | None, int | None]
) -> None:
    """Compares an image with the size that its positions belong to; a pixel is let pass.

    Args:
      content: bytes of the file.
      upright: (height, width) of the image as it is read.
      annotated: (height, width), each None if unknown.

    Raises:
      SizeError: if they differ; the message says how.
    """
    if _alike(upright, annotated):
        return
    with _open(content, "image", PILLOW_PIXELS) as image:
        lies = _alike(image.size[::-1], annotated)
    claimed = tuple("?" if length is None else length for length in annotated)
    size = "{1} x {0}".format
    if lies:
        raise SizeError(
            f"annotated lying, as {size(*claimed)} pixels, but upright it has {size(*upright)}: "
            "the file's EXIF data turns it; annotate it upright, or save it without that data"
        )
    exchanged = ", or exchange width and height in the file" if upright[::-1] == annotated else ""
    raise SizeError(
        f"{size(*upright)} pixels, annotated in {size(*claimed)}: take the images that were "
        f"annotated{exchanged}"
    )


def is_turned_unsaid(
    path: str | os.PathLike,
    upright: tuple[int, int],
    annotated: tuple[int | None, int | None] | None,
) -> bool:
    """Whether EXIF data turns or mirrors an image, and the annotated size does not tell which way.

    Some tools show an image as it is stored, others as it was held. Only the sizes can tell, and
    not those of an image that is turned upside down, mirrored, or a square.

    Args:
      path: of the file.
      upright: (height, width) of the image as it is read.
      annotated: (height, width), each None if unknown, or None.
    """
    try:
        with opened(path, formats=("JPEG", "WEBP")) as image:
            if image.getexif().get(_ORIENTATION, 1) == 1:
                return False
            stored = image.size[::-1]
    except ImageError:  # of another format, which cameras do not turn
        return False
    return annotated is None or _alike(stored, annotated) == _alike(upright, annotated)


def _alike(size, annotated):
    return all(b is None or abs(a - b) <= 1 for a, b in zip(size, annotated, strict=True))


def is_plain_jpeg(content: bytes) -> bool:
    """Whether `content` is a baseline RGB JPEG that needs no rotation.

    Only such bytes may be stored as they are: every decoder agrees on them.
    """
    try:
        with _open(content, "image", PILLOW_PIXELS) as image:
            rotation = image.getexif().get(_ORIENTATION, 1)
            return (
                image.format == "JPEG"
                and image.mode == "RGB"
                and not image.info.get("progressive")
                and rotation == 1
            )
    except DECODER_ERRORS:
        return False


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """`[H, W, 3]` uint8 RGB as JPEG bytes, colors at full resolution (4:4:4: no chroma shift)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def shrink(image: np.ndarray, longest_side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes an image smaller if its longer side exceeds the limit, without aliasing.

    Args:
      image: `[H, W, 3]` uint8.
      longest_side_px: of the result, at most.

    Returns:
      (`[h, w, 3]` uint8, `[2]` float64: old pixels per new pixel in x and y, each >= 1).
    """
    height, width = image.shape[:2]
    factor = max(height, width, longest_side_px) / longest_side_px
    size = max(1, round(width / factor)), max(1, round(height / factor))
    if size != (width, height):
        image = np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    return image, np.array([width, height]) / size


def inside(
    folder: str | os.PathLike,
    name: str,
    root: str | os.PathLike | None = None,
    follow_links: bool = False,
) -> str:
    """Path of `name` in `folder`, for names that come from an annotation file.

    Args:
      folder: of the images.
      name: relative to it.
      root: folder that no link may lead out of, that of the data set; None = `folder`.
      follow_links: whether they may.

    Raises:
      UsageError: if the name would leave the folder (absolute, `..`, a link) or is no file name.

    >>> inside("images", "a/b.jpg")
    'images/a/b.jpg'
    >>> inside("images", "../secret.jpg")
    Traceback (most recent call last):
    ...
    cpm.errors.UsageError: the annotations name the image '../secret.jpg', which is not inside 'images'; expected a relative path
    """  # noqa: E501
    path = os.path.normpath(os.path.join(folder, name))
    relative = os.path.relpath(path, folder) if "\0" not in name else ".."
    if os.path.isabs(name) or relative.split(os.sep)[0] in ("..", "."):
        raise UsageError(
            f"the annotations name the image {name!r}, which is not inside {str(folder)!r}; "
            "expected a relative path"
        )
    if not follow_links:
        check_links(path, folder if root is None else root)
    return path


def check_links(path: str | os.PathLike, root: str | os.PathLike) -> None:
    """Refuses what lies in a folder by a link only: of a data set, and of images to predict.

    A symbolic link may lead to another place in the folder, or the folder itself be one. An
    unpacked archive whose links lead out of it could show any file of the machine.

    Raises:
      UsageError: if the path leads out of `root`.
    """
    if leads_out(path, root):
        raise UsageError(
            f"{shown(os.fspath(path))} is a link that leads out of {shown(os.fspath(root))}; copy "
            f"the file itself into the folder, or trust its links: {FOLLOW}"
        )


def leads_out(path: str | os.PathLike, root: str | os.PathLike) -> bool:
    """Whether a path in a folder is, or goes through, a link that leads out of the folder."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return os.path.commonpath([real, top]) != top


def _open(content, name, max_pixels, formats=FORMATS):
    """Pillow's lazily decoded image, after the checks that need only its header."""
    image = Image.open(io.BytesIO(content), formats=formats)
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(f"{name} has {width} x {height} pixels; at most {max_pixels} are read")
    return image


def _upright(image):
    """The image as its camera was held; as it is where the EXIF data cannot be read."""
    try:
        if image.getexif().get(_ORIENTATION, 1) == 1:  # Pillow would copy it
            return image
        return ImageOps.exif_transpose(image)
    except DECODER_ERRORS:
        return image


def as_rgb(image: Image.Image) -> np.ndarray:
    """Any Pillow image, upright, as `[H, W, 3]` uint8."""
    image = _upright(image)
    if image.mode[0] in "IF":  # 16 or 32 bits, whole numbers or not
        return np.repeat(stretch(np.asarray(image))[..., None], 3, axis=-1)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    for rows in bands(height, width):
        pixels[rows] = _opaque(image.crop((0, rows.start, width, rows.stop)))
    return pixels


def _opaque(image):
    """A Pillow image of 8 bits as RGB, gray where it is transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        backdrop = Image.new("RGBA", image.size, (BACKDROP,) * 3 + (255,))
        image = Image.alpha_composite(backdrop, image)
    return image.convert("RGB")
