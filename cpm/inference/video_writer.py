"""Writing mp4 files image by image, each with its time, beside the sound of another file.

    with VideoWriter.like(reader, "walk_pose.mp4", (480, 640)) as writer:
        writer.write(image, time)

The file that is written can be played up to its last second at any time: it is written in
fragments under a name with `.partial` in it, and becomes an ordinary mp4 under its own name when it
is closed, also after an exception.

References: PyAV 17, https://pyav.org/docs; FFmpeg's "mov, mp4, fMP4 muxer": `hybrid_fragmented`.
"""

import contextlib
import os
from fractions import Fraction
from typing import Any

import av
import numpy as np

from cpm.errors import UsageError
from cpm.inference.frame_reader import FrameReader
from cpm.inference.video_files import TIME_BASE, USUAL_RATE
from cpm.inference.video_sound import Sound

# A constant quality at which x264's losses are hard to see, and a speed above the network's.
X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}  # without B-frames times begin at 0
FRAGMENT_US = 1_000_000


class VideoWriter:
    """Writes an mp4 (H.264), image by image, with the sound of another file.

    Args:
      path: of the file to make or replace; ends in `.mp4`.
      size: (height, width) of the images. An odd side is made even by repeating its last row.
      rate: frames a second on average.
      time_base: seconds that times are rounded to.
      sound: path of the file whose sound is copied, or None.
      pixel_aspect: width / height of a pixel.
      comment: that the file's header keeps.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        size: tuple[int, int],
        *,
        rate: Fraction | int = USUAL_RATE,
        time_base: Fraction = TIME_BASE,
        sound: str | os.PathLike | None = None,
        pixel_aspect: Fraction = Fraction(1),
        comment: str = "",
    ) -> None:
        self.path = str(path)
        if not self.path.lower().endswith(".mp4"):
            raise UsageError(f"{self.path} should end in .mp4; name another file")
        self._size = tuple(size)
        self._partial = f"{self.path[: -len('.mp4')]}.partial.mp4"
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        self._time_base = Fraction(time_base)
        self._container: Any = av.open(  # None once it is closed
            self._partial,
            "w",
            options={
                "movflags": "hybrid_fragmented+frag_keyframe",
                "frag_duration": str(FRAGMENT_US),
                "flush_packets": "1",
            },
        )
        if comment:
            self._container.metadata["comment"] = comment
        second = max(1, round(rate))
        self._stream = self._container.add_stream(
            "libx264", rate, options=X264 | {"g": f"{second}"}
        )
        height, width = self._size
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = self._time_base
        self._stream.codec_context.sample_aspect_ratio = pixel_aspect
        self._sound = Sound(sound, self._container) if sound else None
        self._last: int | None = None
        self._usual = max(1, round(1 / (rate * self._time_base)))
        self.frames_written = 0
        self._failed = False

    @classmethod
    def like(
        cls,
        reader: FrameReader,
        path: str | os.PathLike,
        size: tuple[int, int],
        comment: str = "",
    ) -> "VideoWriter":
        """A writer for what a `VideoReader` reads: its rate, its times, its sound.

        Args:
          reader: as a `VideoReader`; one frame of it has been read, which tells the rotation.
          path, comment: as above.
          size: (height, width) of the images that will be written.
        """
        return cls(
            path,
            size,
            rate=reader.rate,
            time_base=reader.time_base if reader.time_base < Fraction(1, 100) else TIME_BASE,
            sound=reader.path if reader.has_sound and not reader.is_camera else None,
            pixel_aspect=reader.pixel_aspect,
            comment=comment,
        )

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, image: np.ndarray, time: float) -> None:
        """Adds an image.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          time: at which it is shown, seconds from the start; later than that of the one before.
        """
        if image.shape[:2] != self._size:
            raise ValueError(f"image is {image.shape[:2]}; the video's images are {self._size}")
        height, width = self._size
        if height % 2 or width % 2:
            image = np.pad(image, [(0, height % 2), (0, width % 2), (0, 0)], "edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        stamp = round(time / self._time_base)
        if self._last is not None:  # broken files may repeat a time; an mp4 may not
            stamp = max(stamp, self._last + 1)
        frame.pts, frame.time_base, self._last = stamp, self._time_base, stamp
        try:
            if self._sound:
                self._sound.copy_until(time)
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError):
            self._failed = True
            raise
        self.frames_written += 1

    def close(self) -> None:
        """Finishes the file and gives it its name; without a frame there is none.

        After a failed write the file keeps what it has, and its name of an unfinished one.
        """
        if self._container is None:
            return
        container, self._container = self._container, None
        if self._failed:  # FFmpeg ends the process if it is asked to write on
            with contextlib.suppress(av.FFmpegError, OSError):
                container.close()
            if not os.path.getsize(self._partial):
                os.remove(self._partial)
            return
        if self.frames_written:
            if self._sound:
                self._sound.copy_until(float(((self._last or 0) + self._usual) * self._time_base))
            container.mux(self._stream.encode(None))
        if self._sound:
            self._sound.close()
        container.close()
        if self.frames_written:
            os.replace(self._partial, self.path)
        elif os.path.exists(self._partial):
            os.remove(self._partial)
