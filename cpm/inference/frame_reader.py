"""What reads the frames of a video, and the frames that it gives: videos, cameras, animations."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import numpy as np

CAMERA = "camera:"  # what a camera's path begins with


@dataclasses.dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
      image: `[H, W, 3]` uint8, RGB, upright.
      number: of the frame in its video, from 0; one that cannot be decoded has a number, too.
      time: seconds from the start of the video.
    """

    image: np.ndarray
    number: int
    time: float


class FrameReader(Protocol):
    """A `VideoReader`, or what is used like one; iterate over its frames.

    Its attributes are explained in cpm/inference/video_reader.py.
    """

    path: str
    is_camera: bool
    rate: Fraction
    time_base: Fraction
    pixel_aspect: Fraction
    has_sound: bool
    frames_expected: int | None
    frames_read: int
    broken: int
    ended_early: bool

    def __enter__(self) -> "FrameReader":
        """Itself, to be closed at the end."""
        ...

    def __exit__(self, *error: object) -> None:
        """Lets go of the file or the camera."""

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yields `VideoFrame` after `VideoFrame`."""
        ...
