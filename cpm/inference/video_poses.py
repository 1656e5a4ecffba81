"""People in every frame of a video: read, followed, smoothed if asked for.

    for image, result in video_poses(Predictor("pretrained"), "walk.mp4"):
        for person in result.people:
            person.id, person["left_wrist"]

The next frames are decoded while one is computed. Those of a file are also looked at in one batch
with it (lookahead.py); a camera's are not there yet.
"""

import contextlib
import copy
import dataclasses
import functools
import itertools
import os
from collections.abc import Iterator
from typing import Literal

import numpy as np

from cpm.errors import UsageError
from cpm.inference.frame_reader import FrameReader
from cpm.inference.image_query import check_people
from cpm.inference.lookahead import CROPS
from cpm.inference.overlap import ahead, with_later
from cpm.inference.predictor import Predictor
from cpm.inference.results import ImagePose
from cpm.inference.smoothing import OneEuro, Smoother
from cpm.inference.sources import images_from
from cpm.inference.tracking import Tracker, TrackingOptions
from cpm.untrusted import shown


def video_poses(
    predictor: Predictor,
    video: str | os.PathLike | FrameReader,
    *,
    people: int | Literal["all"] = 1,
    flip: bool = False,
    smooth: OneEuro | None = None,
    tracking: TrackingOptions | None = None,
) -> Iterator[tuple[np.ndarray, ImagePose]]:
    """Yields (image, result) of each frame.

    Args:
      predictor: `Predictor`.
      video: path of a video or an animation, `camera:0`, or an open `VideoReader`.
      people: how many people are followed: a number, or `all`.
      flip: whether passes are averaged with their mirror images: a little better, half as fast.
      smooth: `OneEuro`, or None: joints as they are found.
      tracking: `TrackingOptions`; None = the usual.

    Yields:
      `[H, W, 3]` uint8 RGB, upright, and an `ImagePose` with `frame` and `time`, whose people have
      an `id`.

    Raises:
      UsageError: if there is no such file, it is neither a video nor an animation, or `people` is
        no such number.
    """
    people = check_people(people, maps=False)
    if not isinstance(video, str | os.PathLike) and not hasattr(video, "is_camera"):
        raise UsageError(
            f"video is {shown(video)}; expected a path, camera:0 or an open VideoReader; "
            "predictor.predict_many(images) takes images, and follows nobody"
        )
    if smooth is not None and not isinstance(smooth, OneEuro):
        raise UsageError(f"smooth is {shown(smooth)}; expected OneEuro(), or None")
    predictor = copy.copy(predictor)  # the same network, with a decoding of its own
    predictor.decoding = dataclasses.replace(predictor.decoding, flip=flip)
    tracker = Tracker(
        predictor.poses,
        functools.partial(_everybody, predictor, people),
        predictor.skeleton,
        margin=predictor.margin,
        limit=None if people == "all" else people,
        threshold=predictor.threshold,
        options=tracking,
    )
    smoother = None if smooth is None else Smoother(smooth)
    with contextlib.ExitStack() as stack:
        if isinstance(video, str | os.PathLike):
            reader = stack.enter_context(_opened(video))
        else:
            reader = video
        frames = ahead(reader)
        stack.callback(frames.close)  # before the reader: its thread still reads
        for frame, later in with_later(frames, 0 if reader.is_camera else CROPS - 1):
            found = tracker(frame.image, frame.time, [(f.image, f.time) for f in later])
            if smoother is not None:
                found = smoother(found, frame.time)
            yield (
                frame.image,
                ImagePose(
                    people=found,
                    image_size=frame.image.shape[:2],
                    skeleton=predictor.skeleton,
                    threshold=predictor.threshold,
                    file=reader.path,
                    frame=frame.number,
                    time=frame.time,
                ),
            )


def _everybody(predictor, people, image):
    """A full search: for one person the usual passes, for several a search (search.py).

    It is for all people: of so many as are followed, the surest may be followed already.
    """
    return list(predictor(image, people=1 if people == 1 else "all").people)


def _opened(path: str | os.PathLike) -> FrameReader:
    """The reader of a video that is named by its path."""
    sources = list(itertools.islice(images_from(os.fspath(path)).sources(), 2))
    if len(sources) > 1 or not sources[0].moves:
        raise UsageError(
            f"{os.fspath(path)} is no video; predictor.predict_many({os.fspath(path)!r}) finds "
            "the people in images"
        )
    return sources[0].reader()
