"""Frames of videos: all of them, with their numbers and times, upright; damage is counted."""

import av
import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.inference.video_reader import VideoReader
from tests.helpers.walk_videos import (
    even_times,
    read_stamp,
    read_video,
    stamped_images,
    write_video,
)

SIZE = (96, 112)


def test_every_frame_with_its_number_and_time(tmp_path):
    write_video(tmp_path / "a.mp4", stamped_images(30), even_times(30))
    frames, reader = read_video(tmp_path / "a.mp4")
    assert [read_stamp(frame.image) for frame in frames] == list(range(30))
    assert [frame.number for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.time for frame in frames], even_times(30), atol=1e-9)
    assert (reader.rate, reader.frames_expected, reader.frames_read) == (25, 30, 30)
    assert not reader.broken and not reader.ended_early and not reader.has_sound


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_video_is_upright(tmp_path, rotation):
    write_video(tmp_path / "a.mov", stamped_images(3), even_times(3), rotation=rotation)
    frames, _ = read_video(tmp_path / "a.mov")
    assert [frame.image.shape for frame in frames] == [(*SIZE, 3)] * 3
    assert [read_stamp(frame.image) for frame in frames] == [0, 1, 2]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_video_whose_first_frame_comes_late_is_whole(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_video(path, stamped_images(10), [5 + time for time in even_times(10)])
    frames, reader = read_video(path)
    assert len(frames) == 10 and not reader.ended_early
    assert reader.frames_expected in (10, None) and frames[-1].time == pytest.approx(0.36, abs=1e-3)


def test_cut_file_gives_the_frames_it_has(tmp_path):
    write_video(tmp_path / "a.mkv", stamped_images(250), even_times(250))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(content[: len(content) // 2])
    frames, reader = read_video(tmp_path / "b.mkv")
    assert 60 < len(frames) < 200
    assert reader.ended_early
    # A frame is stored after those it is drawn from, so one near the end may be missing.
    stamps = [read_stamp(frame.image) for frame in frames]
    assert stamps[:-3] == list(range(len(frames) - 3))


def test_broken_frames_are_counted(tmp_path):
    write_video(tmp_path / "a.avi", stamped_images(40), even_times(40), codec="mpeg4")
    content = bytearray((tmp_path / "a.avi").read_bytes())
    for start in range(len(content) // 3, len(content) // 2, 50):
        content[start : start + 20] = b"\xff" * 20
    (tmp_path / "b.avi").write_bytes(content)
    frames, reader = read_video(tmp_path / "b.avi")
    assert reader.broken > 0
    assert len(frames) + reader.broken >= 20
    assert read_stamp(frames[5].image) == 5


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", 44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros([1, 1024], np.int16), "s16", "mono")
        frame.sample_rate = 44100
        output.mux(stream.encode(frame))
    with pytest.raises(UsageError, match="only sound"):
        VideoReader(tmp_path / "a.wav")
