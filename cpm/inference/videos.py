"""Reading videos and cameras frame by frame, and writing labeled ones beside them.

    with VideoReader("walk.mov") as reader, VideoWriter.like(reader, "walk_pose.mp4") as writer:
        for frame in reader:
            writer.write(draw(frame.image), frame.time)
    print(reader.frames_read, reader.broken, reader.ended_early)

Frames are upright RGB. Each keeps the time at which it is shown, so a variable frame rate stays as
it is; the rate itself is only a hint. Times are seconds from the start of the file, as players
count. A packet that cannot be decoded is counted and passed over.

The file that is written can be played up to its last second at any time: it is written in
fragments under a name with `.partial` in it, and becomes an ordinary mp4 under its own name when it
is closed, also after an exception.

References: PyAV 17, https://pyav.org/docs; FFmpeg's "mov, mp4, fMP4 muxer": `hybrid_fragmented`.
"""

import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from cpm.errors import UsageError
from cpm.inference.sources import CAMERA, FrameReader
from cpm.untrusted import open_regular

MOST_BYTES = 1 << 50  # of a file: any size is read, but by and by
# Texts that FFmpeg takes for videos and that name other files or addresses: HLS, lists of files,
# DASH, Smooth Streaming, IMF, SDP.
PLAYLIST = re.compile(
    rb"\A(#EXTM3U|ffconcat)|<(MPD|SmoothStreamingMedia|CompositionPlaylist)|c=IN IP[46]"
)
USUAL_RATE = Fraction(25)  # where a file does not say
TIME_BASE = Fraction(1, 90000)  # MPEG's clock: whole numbers of it are 24, 25, 30 and 60 frames/s
# Of a video whose header gives a duration only, not a number of frames, so much may be missing
# before it counts as cut: headers round, and sound may run longer.
TOLERANCE_S = 1.0
# A constant quality at which x264's losses are hard to see, and a speed above the network's.
X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}  # without B-frames times begin at 0
FRAGMENT_US = 1_000_000
# Sound that players expect in an mp4. FFmpeg would also put PCM there, which few can play.
COPIED_SOUND = ("aac", "mp3", "ac3", "eac3", "opus", "alac")


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
        self._container = _open_camera(self.path) if self.is_camera else _open_file(self.path)
        if not self._container.streams.video:
            self._container.close()
            raise UsageError(f"{self.path} has no images, only sound; name a video")
        self._stream = self._container.streams.video[0]
        if not _is_known(self._stream):
            self._container.close()
            raise UsageError(
                f"{self.path} has images that nothing here decodes: it was cut, or is of a codec "
                "that FFmpeg does not know; copy it again, or save it as H.264"
            )
        self._stream.thread_type = "AUTO"
        self._start = _start(self._container)
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
        duration = self._container.duration
        return duration / av.time_base if duration else None

    def _is_cut(self):
        if self.is_camera or self.frames_expected is None:
            return False
        if self._exact:
            return self.frames_read + self._lost < self.frames_expected
        return self._last_time + 1 / float(self.rate) + TOLERANCE_S < self._duration()


def _is_known(stream):
    """Whether a stream has a decoder; PyAV 17 ends the process that decodes one without."""
    return stream.codec_context is not None


def _start(container):
    """The time in a file that players count as 0, in seconds."""
    return max(0, container.start_time or 0) / av.time_base


def _open_file(path):
    if os.path.isdir(path) or not os.path.exists(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise UsageError(f"{path} {what}; name a video")
    try:
        with open_regular(path, MOST_BYTES) as file:
            start = file.read(1 << 12)
        if not start:
            raise UsageError(f"{path} is empty; name a video")
        if PLAYLIST.search(start):
            raise UsageError(f"{path} is a playlist: it names other files; name a video itself")
        # An absolute path is no address, whatever the name: "http:a.mp4" is one of a file, too.
        options = {"protocol_whitelist": "file"}
        return av.open(os.path.abspath(path), metadata_errors="replace", options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as a video ({_reason(error)}); if it was cut while it was "
            "recorded or copied, copy it again, or repair it with ffmpeg"
        ) from error


def _open_camera(path):
    """A camera by the system's own interface: no OpenCV needed."""
    name = path.removeprefix(CAMERA)
    options: dict[str, str] = {}
    if sys.platform == "darwin":
        file, format, options = name, "avfoundation", {"framerate": "30"}
    elif sys.platform == "win32":
        file, format = f"video={name}", "dshow"
    else:
        file = f"/dev/video{name}" if name.isdigit() else name
        format = "video4linux2"
        if not os.path.exists(file):
            raise UsageError(f"{path}: there is no {file}; plug a camera in, or name another")
    try:
        return av.open(file, format=format, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be opened ({_reason(error)}); is it in use, or not allowed?"
        ) from error


def _reason(error):
    return (getattr(error, "strerror", None) or str(error)).lower()


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
        self._sound = _Sound(sound, self._container) if sound else None
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


class _Sound:
    """The first sound stream of a file, copied packet by packet, or as AAC (`COPIED_SOUND`).

    Args:
      path: of the file.
      output: PyAV's container; gets one more stream.
    """

    def __init__(self, path, output):
        self._input, self._output = av.open(path, metadata_errors="replace"), output
        source = self._input.streams.audio[0]
        self._start = _start(self._input)
        self._time_base = source.time_base
        self._resampler = None
        if source.codec_context.codec.canonical_name in COPIED_SOUND:
            self._stream = output.add_stream_from_template(source)
        else:
            layout = "mono" if source.channels == 1 else "stereo"  # some files name none
            self._stream = output.add_stream("aac", source.rate, layout=layout)
            self._resampler = av.AudioResampler("fltp", layout, source.rate)
        self._packets = self._input.demux(source)
        self._next = self._read()

    def copy_until(self, time):
        """Writes the packets that begin before a time, in seconds from the start."""
        while self._next is not None and self._when(self._next) < time:
            if self._resampler is None:
                self._copy(self._next)
            else:
                self._encode(self._next, self._resampler)
            self._next = self._read()

    def close(self):
        """Writes what the encoder still holds."""
        if self._resampler is not None:
            self._output.mux(self._stream.encode(None))
        self._input.close()

    def _read(self):
        """The next packet that says when it begins; None at the end, or where the file breaks."""
        try:
            # What lies before the start is not heard: decoders need it to settle.
            return next(
                (p for p in self._packets if p.dts is not None and self._when(p) >= 0), None
            )
        except av.FFmpegError:
            return None

    def _when(self, packet):
        return float(packet.dts * self._time_base) - self._start

    def _copy(self, packet):
        shift = round(self._start / self._time_base)
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        packet.stream = self._stream
        self._output.mux(packet)

    def _encode(self, packet, resampler):
        try:
            frames = packet.decode()
        except av.FFmpegError:  # a click in the sound
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(self._start / frame.time_base)
            for resampled in resampler.resample(frame):
                self._output.mux(self._stream.encode(resampled))
