"""What is asked of one image: its pixels, the boxes of its people, how many; all of it checked."""

import dataclasses
import glob
import math
import os
import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from cpm.data.images import ImageError
from cpm.errors import UsageError
from cpm.inference import image_frames
from cpm.inference.any_image import any_image, name_of
from cpm.inference.frame_reader import CAMERA
from cpm.inference.one_source import VIDEO_SUFFIXES, suffix_of

# (x, y, width, height) in image pixels; a fifth number is a detector's score.
Box: TypeAlias = Sequence[float] | np.ndarray
FARTHEST_PX = 1e9  # of a box: the squares of larger ones are no pixels any more


@dataclasses.dataclass(frozen=True, eq=False)
class ImageQuery:
    """One image on its way: pixels, boxes (None = the middle), and what its result is called."""

    image: np.ndarray
    boxes: Sequence[Box] | np.ndarray | None
    file: str | None
    frame: int | None = None
    time: float | None = None


def image_query(value: Any, boxes: Sequence[Box] | None) -> ImageQuery:
    """The `ImageQuery` of an element of `Predictor.predict_many`.

    Args:
      value: an image (cpm/inference/any_image.py), or an object with the attribute `image` and
        perhaps `file`, `frame`, `time`, `boxes` (cpm/inference/one_source.py).
      boxes: of its people; None = those of `value`.

    Raises:
      ImageError: if it is no image.
    """
    if not hasattr(value, "image"):
        return ImageQuery(one_image(value), boxes, name_of(value))
    names = ("file", "frame", "time")
    file, frame, time = (getattr(value, name, None) for name in names)
    if boxes is None:
        boxes = getattr(value, "boxes", None)
    file = None if file is None else os.fspath(file)
    frame = None if frame is None else int(frame)
    time = None if time is None else float(time)
    return ImageQuery(any_image(value.image), boxes, file, frame, time)


def one_image(value: Any) -> np.ndarray:
    """`any_image` of what is to be one image; of a file that holds several it says so.

    Raises:
      ImageError: for a video, a camera and a folder: the message names the call that takes them.
      And as `any_image`.
    """
    if not isinstance(value, str | os.PathLike):
        return any_image(value)
    path = os.fspath(value)
    moves = path.startswith(CAMERA) or (os.path.isfile(path) and suffix_of(path) in VIDEO_SUFFIXES)
    if moves:
        raise ImageError(
            f"{path} is a video, not an image: video_poses(predictor, {path!r}) of cpm.inference "
            "follows the people in it"
        )
    if os.path.isdir(path):
        raise ImageError(
            f"{path} is a folder, not an image: predictor.predict_many({path!r}) takes its images"
        )
    if not os.path.exists(path) and glob.has_magic(path):
        raise ImageError(
            f"{path} is no file: predictor.predict_many({path!r}) takes all that fit the pattern"
        )
    pixels = any_image(path)
    count = image_frames.number_of_images(path)
    if count > 1:
        warnings.warn(
            f"{path} holds {count} images, this is the first: predictor.predict_many({path!r}) "
            "takes all of them",
            stacklevel=3,
        )
    return pixels


def check_people(people: int | Literal["all"], maps: bool) -> int | Literal["all"]:
    """The checked argument: `all` or a positive int.

    Raises:
      UsageError: if it is neither, or belief maps (`maps`) are to be kept in a search.
    """
    if people != "all":
        whole = isinstance(people, int | np.integer) and not isinstance(people, bool)
        if not whole or people < 1:
            raise UsageError(f"people is {people!r}; expected a number from 1 on, or 'all'")
        people = int(people)
    if maps and people != 1:
        raise UsageError(
            f"belief maps are not kept in a search for people={people}; ask for them at boxes, or "
            "of one person"
        )
    return people


def check_box(
    box: Box, height: int, width: int, file: str | None = None
) -> tuple[float, float, float, float]:
    """The box as four floats; an error names the `file` if there is one.

    Raises:
      UsageError: if it is not (x, y, width, height) of something inside a height × width image.
    """
    of = f"{file}: " if file else ""
    try:
        numbers = tuple(map(float, [box] if isinstance(box, str) else box))
    except (TypeError, ValueError):  # a text, one number, a list of boxes
        number = np.ndim(box) == 0 and not isinstance(box, str | dict)
        one = "; boxes is a list of such, and box is one" if number else ""
        shown = str(box) if number else repr(box)
        raise UsageError(
            f"{of}box is {shown}; expected four numbers: x, y, width, height in pixels{one}"
        ) from None
    if len(numbers) != 4 or not np.isfinite(numbers).all() or min(numbers[2:]) <= 0:
        raise UsageError(
            f"{of}box is {numbers}; expected x, y, width, height in pixels with a positive size"
        )
    x, y, box_width, box_height = numbers
    if max(map(abs, numbers)) > FARTHEST_PX:
        raise UsageError(f"{of}box is {numbers}; expected pixels, none above {FARTHEST_PX:.0e}")
    if is_outside(numbers, height, width):
        raise UsageError(
            f"{of}box {numbers} lies outside the image, which is {width} x {height} pixels"
        )
    return x, y, box_width, box_height


def is_outside(box: Sequence[float], height: int, width: int) -> bool:
    """Whether nothing of a box (x, y, width, height, …) lies in a height × width image."""
    x, y, box_width, box_height = box[:4]
    return x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0


def check_score(score: object, file: str | None = None) -> float | None:
    """The score of a box as a float; None = it has none.

    Raises:
      UsageError: if it is no number, or not finite.
    """
    try:
        value = None if score is None else float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = math.nan
    if value is not None and not math.isfinite(value):
        of = f"{file}: " if file else ""
        raise UsageError(f"{of}the score of a box is {score!r}; expected a number, or None")
    return value
