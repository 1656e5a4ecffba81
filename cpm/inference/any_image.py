"""Whatever people have at hand as an image → `[H, W, 3]` uint8 RGB, upright.

    path, Path, bytes of a file     read by cpm/inference/image_frames.py; the first frame or page
    PIL image                       turned upright by its EXIF data
    array, tensor                   [H, W], [H, W, 1] gray; [H, W, 2] gray and opacity;
                                    [H, W, 3] RGB; [H, W, 4] RGB and opacity

Of arrays, uint8 is taken as it is, floats are 0 … 1 or 0 … 255, whichever holds all of them, and
any other range is stretched to 0 … 255. Opacity in whole numbers ends at the type's largest.
OpenCV's arrays are BGR: turn them with `image[..., ::-1]`; nothing in an array says so.
"""

import os
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from cpm.data.images import ImageError, as_rgb
from cpm.data.stretching import BACKDROP, stretch
from cpm.inference.image_frames import read_image

CHANNELS = (1, 2, 3, 4)
AnyImage: TypeAlias = str | os.PathLike | bytes | Image.Image | npt.ArrayLike


def any_image(value: AnyImage) -> np.ndarray:
    """`value` as `[H, W, 3]` uint8 RGB.

    Args:
      value: see above.

    Raises:
      ImageError: if it is no image.

    >>> any_image(np.array([[0.0, 1.0]])).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    if isinstance(value, bytes):
        return read_image(value)
    if isinstance(value, str | os.PathLike):
        return read_image(os.fspath(value))
    if isinstance(value, Image.Image):
        return as_rgb(value)
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
    if isinstance(value, bytes | Image.Image):
        return True
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS)


def name_of(value: AnyImage) -> str | None:
    """The path of an image that has one, else None; also of a PIL image that was opened there."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    return getattr(value, "filename", None) or None if isinstance(value, Image.Image) else None


def _eight_bits(array):
    """Numbers of any type as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype.kind == "f" and np.isfinite(array).all() and array.min() >= 0:
        for highest in (1, 255):
            if array.max() <= highest:
                return np.rint(array * (255 / highest)).astype(np.uint8)
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
    if isinstance(value, np.ndarray) or hasattr(value, "shape"):
        return f"an array {tuple(value.shape)} of {value.dtype}"
    return f"{type(value).__name__}"
