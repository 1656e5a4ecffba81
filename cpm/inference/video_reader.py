"""Reading videos and cameras frame by frame.

    with VideoReader("walk.mov") as reader:
        for frame in reader:
            frame.image, frame.number, frame.time
    print(reader.frames_read, reader.broken, reader.ended_early)

Frames are upright RGB. Each keeps the time at which it is shown, so a variable frame rate stays as
it is; the rate itself is only a hint. Times are seconds from the start of the file, as players
count. A packet that cannot be decoded is counted and passed over.

References: PyAV 17, https://pyav.org/docs.
"""

import os
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from cpm.errors import UsageError
from cpm.inference.frame_reader import CAMERA, VideoFrame
from cpm.inference.video_files import TIME_BASE, USUAL_RATE, open_camera, open_file, start_of

# Of a video whose header gives a duration only, not a number of frames, so much may be missing
# before it counts as cut: headers round, and sound may run longer.
TOLERANCE_S = 1.0


class VideoReader:
    """The frames of a video file or of a camera, in order, once.

    Attributes:
      path: of the file, or `camera:0`.
      is_camera: whether it goes on until somebody stops it.
      rate: frames a second on average, a Fraction.
      time_base: seconds that the file's times are multiples of, a Fraction.
      frames_expected: number of frames by the header or its duration; None = not known.
      pixel_aspect: width / height of a pixel of the upright frames, a Fraction, mostly 1.
      has_sound: whether there is a sound stream.
      frames_read: so far.
      broken: packets that could not be decoded, and frames that the decoder says are damaged.
      ended_early: at the end, whether frames that the header promised are missing.

    Args:
      path: of a file; or `camera:0`, the first camera; or `camera:NAME` by the system's name.

    Raises:
      UsageError: if it cannot be opened or has no frames.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        self.is_camera = self.path.startswith(CAMERA)
        self._container = open_camera(self.path) if self.is_camera else open_file(self.path)
        if not self._container.streams.video:
            self._container.close()
            raise UsageError(f"{self.path} has no images, only sound; name a video")
        self._stream = self._container.streams.video[0]
        if not _is_known(self._stream):
            self._container.close()
            raise UsageError(
                f"{self.path} has images that nothing here decodes: it was cut, or is of a codec "
                "that FFmpeg does not know; copy it again, or save it as JPEG or H.264"
            )
        self._stream.thread_type = "AUTO"
        self._start = start_of(self._container)
        self.rate = self._stream.average_rate or self._stream.guessed_rate or USUAL_RATE
        self.time_base = self._stream.time_base or TIME_BASE
        self.has_sound = any(map(_is_known, self._container.streams.audio[:1]))
        self._exact = bool(self._stream.frames)
        self.frames_expected = None if self.is_camera else self._count()
        self.pixel_aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.frames_read = self.broken = self._lost = 0
        self.ended_early = False
        self._last_time = 0.0

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file or the camera."""
        self._container.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yields `VideoFrame` after `VideoFrame`."""
        for decoded in self._decoded():
            self.broken += decoded.is_corrupt
            number = self.frames_read + self._lost
            time = number / float(self.rate) if decoded.time is None else decoded.time - self._start
            if self.frames_read == 0 and decoded.rotation % 180:
                self.pixel_aspect = 1 / self.pixel_aspect
            self.frames_read += 1
            self._last_time = time
            # Equal to ffmpeg's own rotation; PyAV leaves it to the caller.
            image = np.rot90(decoded.to_ndarray(format="rgb24"), decoded.rotation // 90)
            yield VideoFrame(np.ascontiguousarray(image), number, float(time))
        self.ended_early = self._is_cut()

    def _decoded(self):
        """Frames as PyAV has them; what cannot be read is counted, and the end of it is the end."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:  # the file itself breaks off here
                self.broken += 1
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.broken += 1
                self._lost += 1
                continue
            yield from frames

    def _count(self):
        """Frames of the file by its header; else by its duration; else None."""
        if self._exact:
            return self._stream.frames
        seconds = self._duration()
        return round(seconds * self.rate) if seconds else None

    def _duration(self):
        """Seconds by the header, or None."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        if not (duration := self._container.duration):
            return None
        # Matroska's goes from 0 to the end, also where the first frame comes later.
        late = self._start if "matroska" in self._container.format.name else 0.0
        return max(0.0, duration / av.time_base - late) or None

    def _is_cut(self):
        if self.is_camera or self.frames_expected is None:
            return False
        if self._exact:
            return self.frames_read + self._lost < self.frames_expected
        return self._last_time + 1 / float(self.rate) + TOLERANCE_S < self._duration()


def _is_known(stream):
    """Whether a stream has a decoder; PyAV 17 ends the process that decodes one without."""
    return stream.codec_context is not None
