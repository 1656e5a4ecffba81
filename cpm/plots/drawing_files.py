"""Names and marks of drawings: none replaces another image's, none is taken for a photograph.

A drawing is called like its image, `photo_pose.jpg` of any `photo.png`. Each file carries a mark of
the image's path. A second run over the same image replaces its drawing; another image of the same
name gets `photo.png_pose.jpg`, or a number. A folder that is searched for images and also takes the
drawings would otherwise hold twice as many images in the next run.
"""

import hashlib
import os
import re
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from cpm import files

SUFFIXES = {"jpg": ".jpg", "png": ".png"}
VIDEO_SUFFIX = ".mp4"
FORMATS = ("JPEG", "PNG")  # of drawings; any file may come, and Pillow runs a program for some


class DrawingFolder:
    """The folder that drawings go to.

    Args:
      folder: its path; made when the first drawing is written.
      format: `jpg`, quick to write and small, or `png`, without loss.
    """

    def __init__(self, folder: str | os.PathLike, format: str = "jpg") -> None:
        self.folder, self._suffix = folder, SUFFIXES[format]
        # Path of a drawing: mark of its image, of this run.
        self._taken: dict[str, str] = {}

    def path(self, source: str, kind: str = "pose") -> str:
        """Path for a drawing of the image at `source`: free, or of an earlier drawing of it.

        Args:
          source: path of the image.
          kind: what is drawn, the end of the name.
        """
        base, mark = os.path.basename(source), mark_of(source)
        stem = os.path.splitext(base)[0]
        names = files.result_names(stem, base, f"_{kind}{self._suffix}")
        paths = (os.path.join(self.folder, name) for name in names)
        path = next(p for p in paths if (self._taken.get(p) or _owner(p)) in (None, mark))
        self._taken[path] = mark
        return path

    def write(self, path: str, pixels: np.ndarray, source: str) -> None:
        """Writes `[h, w, 3]` uint8 pixels in one step; threads may write several at once.

        Args:
          path: of `path`.
          pixels: the drawing.
          source: path of the image.
        """
        write_drawing(path, pixels, source)


def write_drawing(path: str | os.PathLike, pixels: np.ndarray, source: str | os.PathLike) -> None:
    """Writes a drawing in one step, with the mark of its image; as of `DrawingFolder`.

    Args:
      path: ends in .jpg, .jpeg or .png.
      pixels: `[h, w, 3]` uint8.
      source: path of the image.
    """
    # Lines are colored: at full resolution of colors they stay sharp.
    mark = mark_of(source)
    options: dict[str, Any] = {"quality": 90, "subsampling": 0, "comment": mark.encode()}
    if os.fspath(path).lower().endswith(".png"):
        facts = PngImagePlugin.PngInfo()
        facts.add_text("Source", mark)
        options = {"compress_level": 1, "pnginfo": facts}
    with files.replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, **options)


def why_unwanted(path: str) -> str | None:
    """Why a file among others is passed over as an input: it is a drawing; None if it is not."""
    return "a drawing of an earlier run" if is_drawing(path) else None


def is_drawing(path: str | os.PathLike) -> bool:
    """Whether a file has the mark of a drawing: an image of `DrawingFolder`, or a marked video."""
    if not os.path.isfile(path):  # a pipe would be waited for
        return False
    if os.path.splitext(path)[1].lower() == VIDEO_SUFFIX:
        mark = _comment_of_video(path)
    else:
        mark = _owner(path) or ""
    return bool(re.fullmatch("image [0-9a-f]{16}", mark))


def is_free_for(path: str | os.PathLike, source: str | None) -> bool:
    """Whether the labeled video of `source` may be written: nothing lies there, or an earlier one.

    Args:
      path: of the video to be.
      source: path of the video that is labeled; None = of a camera. What a camera saw does not come
        again, so it is never replaced.
    """
    if not os.path.lexists(path):
        return True
    return source is not None and _comment_of_video(path) == mark_of(source)


def mark_of(source: str | os.PathLike) -> str:
    """What stands for an image's path in its drawing: a path says too much of its owner."""
    path = os.fsencode(os.path.abspath(source))  # a name need not be UTF-8
    return "image " + hashlib.sha256(path).hexdigest()[:16]


def _owner(path):
    """The mark in an existing drawing; None if there is no file, and text if it has no mark."""
    if not os.path.exists(path):
        return None
    try:
        with Image.open(path, formats=FORMATS) as drawing:
            mark = drawing.info.get("Source") or drawing.info.get("comment") or "unknown"
    except Exception:  # what decoders raise of broken files is their own affair
        return "unknown"
    return mark.decode("ascii", "replace") if isinstance(mark, bytes) else mark


def _comment_of_video(path):
    """The comment in a video's header; empty if it has none, or cannot be read."""
    import av  # takes a sixth of a second: not where there is no video

    try:
        # No list of other files, and a path is never an address: "http:a.mp4" is a file.
        with av.open(os.path.abspath(path), format="mp4", metadata_errors="replace") as container:
            return container.metadata.get("comment", "")
    except (av.FFmpegError, OSError, ValueError):
        return ""
