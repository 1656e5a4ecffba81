"""Videos that are written: times and rates kept, playable at any time, also when cut short."""

import shutil
from fractions import Fraction

import av
import numpy as np
import pytest

from cpm.inference.video_writer import VideoWriter
from tests.helpers.walk_videos import (
    copy_video,
    even_times,
    read_stamp,
    read_video,
    stamped_images,
    write_video,
)

SIZE = (96, 112)


def test_copy_of_a_rotated_video_is_stored_upright(tmp_path):
    write_video(tmp_path / "a.mov", stamped_images(3), even_times(3), rotation=90)
    copy_video(tmp_path / "a.mov", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as file:
        frame = next(file.decode(video=0))
    assert frame.rotation == 0 and (frame.height, frame.width) == SIZE


def test_variable_frame_rate_is_kept(tmp_path, seeded):
    times = np.cumsum(seeded(3).integers(1, 9, 40)) * 256 / 12800  # multiples of the time base
    times -= times[0]
    write_video(tmp_path / "a.mp4", stamped_images(40), times)
    copy_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
    frames, _ = read_video(tmp_path / "b.mp4")
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-6)
    assert [read_stamp(frame.image) for frame in frames] == list(range(40))


def test_a_rate_that_is_no_whole_number_is_kept(tmp_path):
    rate = Fraction(24000, 1001)
    with VideoWriter(tmp_path / "a.mp4", SIZE, rate=rate, time_base=Fraction(1, 24000)) as writer:
        for n, image in enumerate(stamped_images(48)):
            writer.write(image, float(n / rate))
    copy_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert read_video(tmp_path / "b.mp4")[1].rate == rate


def test_unfinished_file_can_be_played(tmp_path):
    """What a killed process leaves."""
    writer = VideoWriter(tmp_path / "a.mp4", SIZE)
    for n, image in enumerate(stamped_images(120)):
        writer.write(image, n / 25)
    shutil.copy(tmp_path / "a.partial.mp4", tmp_path / "left.mp4")
    frames, _ = read_video(tmp_path / "left.mp4")
    assert len(frames) >= 50  # of 4.8 s; the encoder holds back about one, and so does a fragment
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    assert len(read_video(tmp_path / "a.mp4")[0]) == 120
    assert not (tmp_path / "a.partial.mp4").exists()


def test_writer_keeps_what_it_had_after_an_exception(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with VideoWriter(tmp_path / "a.mp4", SIZE) as writer:
            for n, image in enumerate(stamped_images(10)):
                writer.write(image, n / 25)
            raise KeyboardInterrupt
    assert len(read_video(tmp_path / "a.mp4")[0]) == 10


@pytest.mark.parametrize("limit", [0, 20, 3000])
def test_writer_survives_a_full_disk(tmp_path, seeded, limit):
    """In the header or behind it: an error that names the file, where FFmpeg ended the process."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = seeded(1).integers(0, 256, (40, *SIZE, 3), dtype=np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*a\.partial\.mp4'"):
            with VideoWriter(tmp_path / "a.mp4", SIZE) as writer:
                for n, image in enumerate(noise):
                    writer.write(image, n / 25)
                writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["a.partial.mp4"] * (limit > 0)


def test_odd_sides_and_repeated_times(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", (97, 113)) as writer:
        for image, time in zip(stamped_images(4, (97, 113)), (0, 0.04, 0.04, 0.12), strict=True):
            writer.write(image, time)
    frames, _ = read_video(tmp_path / "a.mp4")
    assert frames[0].image.shape == (98, 114, 3) and len(frames) == 4


def test_writer_refuses_an_image_of_another_size(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", SIZE) as writer:
        with pytest.raises(ValueError, match="the video's images are"):
            writer.write(np.zeros([8, 8, 3], np.uint8), 0.0)
    assert not list(tmp_path.iterdir())
