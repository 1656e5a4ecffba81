"""Opening videos and cameras: the file that is named and no other, or a sentence.

FFmpeg takes some texts for videos and opens what they name, files or addresses. Here they are
refused, only regular files are opened, and a path is never an address.

References: PyAV 17, https://pyav.org/docs.
"""

import os
import re
import sys
from fractions import Fraction
from typing import Any

import av

from cpm.errors import UsageError
from cpm.inference.frame_reader import CAMERA
from cpm.untrusted import no_file, open_regular

MOST_BYTES = 1 << 50  # of a file: any size is read, but by and by
# Texts that FFmpeg takes for videos and that name other files or addresses: HLS, lists of files,
# DASH, Smooth Streaming, IMF, SDP.
PLAYLIST = re.compile(
    rb"\A(#EXTM3U|ffconcat)|<(MPD|SmoothStreamingMedia|CompositionPlaylist)|c=IN IP[46]"
)
USUAL_RATE = Fraction(25)  # where a file does not say
TIME_BASE = Fraction(1, 90000)  # MPEG's clock: whole numbers of it are 24, 25, 30 and 60 frames/s


def open_file(path: str) -> Any:
    """PyAV's container of a video file.

    Raises:
      UsageError: if it is none, or one that names other files.
    """
    if os.path.isdir(path) or not os.path.exists(path):
        raise UsageError(f"{path} {no_file(path)}; name a video")
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


def open_camera(path: str) -> Any:
    """PyAV's container of a camera, by the system's own interface: no OpenCV needed.

    Args:
      path: `camera:0`, or `camera:NAME` by the system's name.

    Raises:
      UsageError: if there is no such camera, or it cannot be opened.
    """
    name = path.removeprefix(CAMERA)
    if not name:
        raise UsageError(f"{path} names no camera; the first one is {CAMERA}0")
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


def start_of(container: Any) -> float:
    """The time in a file that players count as 0, in seconds."""
    return max(0, container.start_time or 0) / av.time_base


def _reason(error):
    return (getattr(error, "strerror", None) or str(error)).lower()
