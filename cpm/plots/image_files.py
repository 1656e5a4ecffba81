"""Sizes on the screen, and pixels as image files. No Matplotlib: it takes long to import."""

import os
from typing import Any

import numpy as np
from PIL import Image

from cpm import files, output_files
from cpm.errors import UsageError


def display_zoom(height: int, width: int, smallest: int = 480, largest: int = 1280) -> float:
    """Factor that brings an image's longer side into a range that suits a screen.

    >>> display_zoom(120, 240), display_zoom(600, 800), display_zoom(2560, 1000)
    (2.0, 1.0, 0.5)
    """
    longer = max(height, width)
    return min(max(longer, smallest), largest) / longer


def fit(image: np.ndarray, longer_px: int) -> np.ndarray:
    """The image resized so that its longer side is `longer_px`."""
    height, width = image.shape[:2]
    zoom = longer_px / max(height, width)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


_FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 88},
    ".jpeg": {"format": "JPEG", "quality": 88},
}


def check_image_name(path: str | os.PathLike) -> None:
    """UsageError if the name says no kind of image, or no file can be written there."""
    if os.path.splitext(path)[1].lower() not in _FORMATS:
        raise UsageError(f"--out={path} should end in {', '.join(_FORMATS)}; name another file")
    output_files.check_target(path, "out")


def write_image(path: str | os.PathLike, pixels: np.ndarray) -> None:
    """Writes `[H, W, 3]` uint8 pixels in one step: the old file or the new, never half.

    The suffix says how: JPEG for pages of photographs, PNG for everything that is drawn.

    Raises:
      UsageError: for another suffix.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMATS:
        check_image_name(path)
    with files.replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, **_FORMATS[suffix])
