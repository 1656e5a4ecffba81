"""Videos and cameras of bin/predict.py: people followed, drawn, written frame by frame.

Decoding, the network, and drawing with encoding run in three threads.
"""

import collections
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from cpm import files
from cpm.humans import number_of
from cpm.inference.frame_reader import CAMERA, FrameReader
from cpm.inference.one_source import Source
from cpm.inference.predictor import Predictor
from cpm.inference.results import ImagePose
from cpm.inference.smoothing import OneEuro
from cpm.inference.video_poses import video_poses
from cpm.plots.drawing_files import is_free_for, mark_of
from cpm.plots.pose_drawing import draw_pose
from cpm.text_table import counted

WAITING = 4  # frames that wait to be drawn


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """How a video is predicted and drawn.

    Attributes:
      people: number of people who are followed, or `all`.
      flip: whether passes are averaged with their mirror images.
      smooth: `OneEuro`, or None.
      threshold: least confidence of joints that are drawn.
      boxes: whether boxes are drawn.
    """

    people: int | Literal["all"] = 1
    flip: bool = False
    smooth: OneEuro | None = None
    threshold: float = 0.0
    boxes: bool = False


def predict_video(
    predictor: Predictor,
    source: Source,
    add: Callable[[ImagePose], None],
    target: str | None,
    options: VideoOptions,
) -> str:
    """Follows the people of one video, until its end or, of a camera, until Ctrl-C.

    Args:
      predictor: `Predictor`.
      source: `Source` that moves.
      add: function that gets the `ImagePose` of each frame.
      target: path of the labeled mp4, or None.
      options: `VideoOptions`.

    Returns:
      one line that says what was done.
    """
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(source.reader())
        labeled = None
        if target is not None:
            labeled = stack.enter_context(LabeledVideo(target, reader, options))
        bar = stack.enter_context(_progress(reader))
        if reader.is_camera:  # Ctrl-C is how it ends
            stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        began, ids = time.perf_counter(), set()
        frames: Any = video_poses(
            predictor,
            reader,
            people=options.people,
            flip=options.flip,
            smooth=options.smooth,
        )
        stack.callback(frames.close)
        for image, result in frames:
            add(result)
            ids |= {person.id for person in result.people}
            if labeled is not None:
                labeled.add(image, result)
            bar.update()
    who = number_of(predictor.skeleton.joints, len(ids))
    return _line(source.file, reader, who, time.perf_counter() - began, target)


class LabeledVideo:
    """An mp4 on whose frames people are drawn, in a thread of its own. A context.

    Args:
      path: of the file.
      reader: of the original: rate, times, sound.
      options: `VideoOptions`.
    """

    def __init__(self, path: str, reader: FrameReader, options: VideoOptions) -> None:
        self._path, self._reader, self._options = path, reader, options
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="draw")
        self._pending: collections.deque[Future] = collections.deque()
        self._writer: Any = None  # a `VideoWriter` from the first frame on

    def __enter__(self) -> "LabeledVideo":
        return self

    def add(self, image: np.ndarray, result: ImagePose) -> None:
        """Draws one more frame; waits if too many wait already."""
        self._pending.append(self._pool.submit(self._draw, image, result))
        while len(self._pending) > WAITING:
            self._pending.popleft().result()

    def __exit__(self, *_: object) -> None:
        try:
            while self._pending:
                self._pending.popleft().result()
        finally:
            self._pool.shutdown()
            if self._writer is not None:
                self._writer.close()

    def _draw(self, image, result):
        drawing = draw_pose(
            image,
            result,
            threshold=self._options.threshold,
            boxes=self._options.boxes,
            zoom=1.0,
            numbers=self._options.people != 1,
        )
        if self._writer is None:
            from cpm.inference.video_writer import VideoWriter  # imports PyAV: not for images

            self._writer = VideoWriter.like(
                self._reader, self._path, drawing.shape[:2], mark_of(self._reader.path)
            )
        self._writer.write(drawing, result.time)


def labeled_path(folder: str, source: Source, taken: set[str]) -> str:
    """`NAME_pose.mp4` in a folder; with suffix or number where another video has the name.

    Args:
      folder: path.
      source: `Source`.
      taken: set of the paths that this run has used; gets one more.
    """
    file = source.file
    if file is not None and file.startswith(CAMERA):
        file = None
    names = files.result_names(source.name, os.path.basename(file or source.name), "_pose.mp4")
    paths = (os.path.join(folder, name) for name in names)
    path = next(p for p in paths if p not in taken and is_free_for(p, file))
    taken.add(path)
    return path


def _progress(reader):
    """A bar with frames a second and the time left; a line every half a minute in a log."""
    terminal = sys.stderr.isatty()
    numbers = "{n_fmt}/{total_fmt} frames, {rate_noinv_fmt}, {remaining} left"
    seconds = 0.5 if terminal else 30.0
    return tqdm(
        total=reader.frames_expected,
        desc=os.path.basename(reader.path),
        unit=" frames",
        dynamic_ncols=terminal,
        leave=False,
        mininterval=seconds,
        delay=seconds,
        bar_format="{desc} |{bar}| " + numbers if terminal else "{desc}: " + numbers + "\n",
    )


def _line(file, reader, who, seconds, target):
    """What was done with a video, in one line."""
    rate = reader.frames_read / max(seconds, 1e-9)
    line = f"{file}: {counted(reader.frames_read, 'frame')}, {rate:.1f} a second, {who}"
    if reader.broken:
        line += f", {reader.broken} broken"
    if reader.ended_early:
        promised = counted(reader.frames_expected, "frame")
        line += f"; the file ends early, its header promises {promised}"
    if target is not None and reader.frames_read:
        line += f" -> {target}"
    return line
