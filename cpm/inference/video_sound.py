"""The sound of one video in another: copied, or encoded anew where players could not play it."""

import os
from typing import Any

import av

from cpm.inference.video_files import open_file, start_of

# Sound that players expect in an mp4. FFmpeg would also put PCM there, which few can play.
COPIED_SOUND = ("aac", "mp3", "ac3", "eac3", "opus", "alac")


class Sound:
    """The first sound stream of a file, copied packet by packet, or as AAC (`COPIED_SOUND`).

    Args:
      path: of the file.
      output: PyAV's container; gets one more stream.
    """

    def __init__(self, path: str | os.PathLike, output: Any) -> None:
        self._input, self._output = open_file(os.fspath(path)), output
        source = self._input.streams.audio[0]
        self._start = start_of(self._input)
        self._time_base: Any = source.time_base
        self._resampler = None
        if source.codec_context.codec.canonical_name in COPIED_SOUND:
            self._stream = output.add_stream_from_template(source)
        else:
            layout = "mono" if source.channels == 1 else "stereo"  # some files name none
            rate = nearest_rate(source.rate)
            self._stream = output.add_stream("aac", rate, layout=layout)
            self._resampler = av.AudioResampler("fltp", layout, rate)
        self._packets = self._input.demux(source)
        self._last_dts: int | None = None
        self._next = self._read()

    def copy_until(self, time: float) -> None:
        """Writes the packets that begin before a time, in seconds from the start."""
        while self._next is not None and self._when(self._next) < time:
            if self._resampler is None:
                self._copy(self._next)
            else:
                self._encode(self._next, self._resampler)
            self._next = self._read()

    def close(self) -> None:
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
        if self._last_dts is not None and packet.dts <= self._last_dts:
            return  # a file that is damaged goes back in time, an mp4 may not
        self._last_dts = packet.dts
        packet.stream = self._stream
        self._output.mux(packet)

    def _encode(self, packet, resampler):
        try:
            frames = packet.decode()
            for frame in frames:
                if frame.pts is not None:
                    frame.pts -= round(self._start / frame.time_base)
            resampled = [part for frame in frames for part in resampler.resample(frame)]
        except (av.FFmpegError, ValueError):  # a click in the sound, or another format within it
            return
        for frame in resampled:
            self._output.mux(self._stream.encode(frame))


def nearest_rate(rate: int) -> int:
    """The rate of AAC, in samples a second, that is nearest to another one.

    >>> nearest_rate(44100), nearest_rate(9000), nearest_rate(192000), nearest_rate(0)
    (44100, 8000, 96000, 7350)
    """
    return min(av.Codec("aac", "w").audio_rates or [44100], key=lambda known: abs(known - rate))
