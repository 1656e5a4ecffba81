"""Whatever people have at hand as an image → `[H, W, 3]` uint8 RGB, upright.

    path, Path                      read by cpm/inference/image_frames.py; the first frame or page
    bytes of a file, an open file   likewise: bytes, bytearray, memoryview, io.BytesIO, an upload
    PIL image                       turned upright by its EXIF data
    array, tensor                   [H, W], [H, W, 1] gray; [H, W, 2] gray and opacity;
                                    [H, W, 3] RGB; [H, W, 4] RGB and opacity

Of arrays, uint8 is taken as it is, floats are 0 … 1 or 0 … 255, whichever holds all of them, and so
are whole numbers of 32 and 64 bits, as of lists, if they fit into 0 … 255. Any other range is
stretched to 0 … 255. So are floats between that end at `DARK` or below, such as 0 … 1.02 after a
resampling: in 0 … 255 they were black. Opacity in whole numbers ends at the type's largest.
OpenCV's arrays are BGR: turn them with `image[..., ::-1]`; nothing in an array says so.
"""

import os
from typing import BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from cpm.data.images import DECODER_ERRORS, ImageError, as_rgb
from cpm.data.stretching import BACKDROP, stretch
from cpm.inference.image_frames import read_image

CHANNELS = (1, 2, 3, 4)
DARK = 16  # of 255: nobody is seen in an image that has nothing brighter
AnyImage: TypeAlias = (
    str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.ArrayLike
)


def any_image(value: AnyImage) -> np.ndarray:
    """`value` as `[H, W, 3]` uint8 RGB.

    Args:
      value: see above.

    Raises:
      ImageError: if it is no image.

    >>> any_image(np.array([[0.0, 1.0]])).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    if (content := _content(value)) is not None:
        return read_image(content)
    if isinstance(value, str | os.PathLike):
        return read_image(os.fspath(value))
    if isinstance(value, Image.Image):
        try:
            return as_rgb(value)
        except DECODER_ERRORS as error:  # decoded only now, perhaps of half a file
            named = repr(name_of(value) or "the PIL image")
            raise ImageError(f"{named} cannot be decoded: {error}") from error
    try:
        array = np.asarray(value)
    except ValueError:  # lists of lists of unequal lengths
        array = np.empty(0, object)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if (
        array.ndim != 3
        or array.shape[2] not in CHANNELS
        or array.dtype.kind not in "buif"
        or not array.size
    ):
        raise ImageError(
            f"an image should be a path, a PIL image or an array [H, W], [H, W, 1 to 4], not "
            f"{_described(value)}"
        )
    if array.dtype.kind in "iu" and array.dtype.itemsize > 2:  # of 16 bits are deep images
        if array.min() >= 0 and array.max() <= 255:
            array = array.astype(np.uint8)
    if array.shape[2] in (2, 4) and array.dtype.kind in "ui" and array.dtype != np.uint8:
        array = _seen(array)
    array = _eight_bits(array)
    if array.shape[2] in (2, 4):
        opacity = array[..., -1:] / 255
        array = np.rint(opacity * array[..., :-1] + (1 - opacity) * BACKDROP).astype(np.uint8)
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=-1)
    return np.ascontiguousarray(array)


def is_pixels(value: object) -> bool:
    """Whether this is the content of one image, and neither a path nor several images.

    >>> is_pixels(np.zeros([20, 30, 3])), is_pixels(np.zeros([9, 20, 30])), is_pixels(["a.jpg"])
    (True, False, False)
    """
    if isinstance(value, bytes | bytearray | Image.Image) or _is_open(value):
        return True
    shape: tuple[int, ...] = getattr(value, "shape", None) or ()
    if isinstance(value, memoryview) and len(shape) == 1:
        return True
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS)


def name_of(value: AnyImage) -> str | None:
    """The path of an image that has one, else None; also of a PIL image and a file opened there."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    if isinstance(value, Image.Image):
        return getattr(value, "filename", None) or None
    name = getattr(value, "name", None) if _is_open(value) else None  # a number, of a pipe
    return name if isinstance(name, str) and os.path.isfile(name) else None


def _is_open(value):
    """Whether this is an open file; a PIL image and an array are none."""
    return callable(getattr(value, "read", None)) and not hasattr(value, "shape")


def _content(value):
    """The bytes of a file that are given as such, or None.

    Raises:
      ImageError: of a file that was opened as text.
    """
    if _is_open(value):
        value = value.read()
        if isinstance(value, str):
            raise ImageError("the file was opened as text; open it with open(path, 'rb')")
        if not value:
            raise ImageError("the file is empty; if it was read before, go to its beginning")
    if isinstance(value, memoryview) and value.ndim > 1:
        return None  # of an array
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def _eight_bits(array):
    """Numbers of any type as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype.kind == "f" and np.isfinite(array).all() and array.min() >= 0:
        highest = array.max()
        if highest <= 1:
            return np.rint(array * 255).astype(np.uint8)
        if highest <= 255 and (highest > DARK or (array == np.rint(array)).all()):
            return np.rint(array).astype(np.uint8)
    return stretch(array)


def _seen(array):
    """Colors and opacity of more than 8 bits as uint8: the range of what is seen is stretched."""
    seen = array[..., -1] > 0
    colors = array[..., :-1].copy()
    colors[~seen] = colors[seen].min() if seen.any() else 0
    opacity = np.rint(array[..., -1:].clip(0) * (255 / np.iinfo(array.dtype).max))
    return np.concatenate([stretch(colors), opacity.astype(np.uint8)], -1)


def _described(value):
    """What somebody gave instead of an image, in a few words."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array {tuple(value.shape)} of {value.dtype}"
    return f"{type(value).__name__}"
