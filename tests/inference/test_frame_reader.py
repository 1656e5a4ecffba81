"""Readers of frames are used alike: each has all that a `FrameReader` has."""

import numpy as np
from PIL import Image

from cpm.inference.frame_reader import FrameReader, VideoFrame
from cpm.inference.sources import images_from
from tests.helpers.walk_videos import write_video


def test_videos_and_animations_have_all_of_it(tmp_path):
    frames = [np.full([32, 48, 3], gray, np.uint8) for gray in (50, 90, 130)]
    write_video(tmp_path / "a.mp4", frames, [0.0, 0.04, 0.08])
    first, *others = map(Image.fromarray, frames)
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=40)
    for name in ("a.mp4", "a.gif"):
        (source,) = images_from(tmp_path / name).sources()
        with source.reader() as reader:
            assert all(hasattr(reader, field) for field in FrameReader.__annotations__)
            found = list(reader)
        assert all(isinstance(frame, VideoFrame) for frame in found)
        assert [frame.number for frame in found] == [0, 1, 2]
        np.testing.assert_allclose([frame.time for frame in found], [0.0, 0.04, 0.08])
