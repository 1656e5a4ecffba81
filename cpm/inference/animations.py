"""Animated images, GIF, WebP, PNG and AVIF, as short videos without sound."""

import os
from collections.abc import Iterator
from fractions import Fraction

from cpm.data.images import ImageError, as_rgb, read_bytes
from cpm.inference.frame_reader import VideoFrame
from cpm.inference.image_frames import opened_any
from cpm.inference.video_files import TIME_BASE

USUAL_DURATION_S = 0.1  # of a frame that says 0, as browsers have it
# Of a frame. A file of 200 bytes may have a thousand frames, and WebP's decoder takes 16 bytes and
# 80 ns for each pixel of each.
MOST_PIXELS = 1 << 24


class AnimationReader:
    """The frames of an animated image; used as a `cpm.inference.video_reader.VideoReader`.

    Args:
      path: of the file.

    Raises:
      ImageError: if it cannot be read, or its frames have more than `MOST_PIXELS`.
    """

    is_camera = has_sound = False
    time_base, pixel_aspect = TIME_BASE, Fraction(1)

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        with opened_any(read_bytes(path), path) as animation:
            width, height = animation.size
            if width * height > MOST_PIXELS:
                raise ImageError(
                    f"{self.path} moves and has {width} x {height} pixels; at most {MOST_PIXELS} "
                    "are read: make it smaller, or a video"
                )
            self.frames_expected = animation.n_frames
            animation.seek(0)
            self.rate = 1 / Fraction(_seconds(animation)).limit_denominator(1000)
        self.frames_read = self.broken = 0
        self.ended_early = False

    def __enter__(self) -> "AnimationReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yields `VideoFrame` after `VideoFrame`; a frame that cannot be read ends it."""
        time = 0.0
        try:
            with opened_any(read_bytes(self.path), self.path) as animation:
                for number in range(self.frames_expected):
                    animation.seek(number)
                    animation.load()
                    image = as_rgb(animation)
                    self.frames_read += 1
                    yield VideoFrame(image, number, time)
                    time += _seconds(animation)
        except ImageError:
            if not self.frames_read:
                raise
            self.broken, self.ended_early = 1, True


def _seconds(animation):
    return animation.info.get("duration", 0) / 1000 or USUAL_DURATION_S
