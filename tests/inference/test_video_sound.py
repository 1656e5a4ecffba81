"""The sound of a video in its copy: the same to the byte, or as AAC, and in time."""

import av
import numpy as np
import pytest

from cpm.inference.video_sound import Sound
from tests.helpers.walk_videos import (
    copy_video,
    even_times,
    read_video,
    stamped_images,
    write_video,
)


@pytest.mark.parametrize(
    "container, codec, written",
    [("mp4", "aac", "aac"), ("avi", "pcm_s16le", "aac"), ("mkv", "libmp3lame", "mp3float")],
)
def test_sound_is_kept(tmp_path, container, codec, written):
    """Copied where players expect it in an mp4; the rest is written as AAC."""
    source = tmp_path / f"a.{container}"
    write_video(source, stamped_images(50), even_times(50), sound=codec)
    copy_video(source, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as file:
        sound = file.streams.audio[0]
        assert sound.codec_context.name == written
        samples = np.concatenate([f.to_ndarray().mean(0) for f in file.decode(sound)])
    assert 1.8 < len(samples) / 44100 < 2.1
    middle = samples[22050:44100].astype(np.float64)
    strongest = np.abs(np.fft.rfft(middle)).argmax() * 44100 / len(middle)
    assert abs(strongest - 440) < 5  # Hz: still the tone


def test_copied_sound_is_the_same_to_the_byte(tmp_path):
    write_video(tmp_path / "a.mp4", stamped_images(25), even_times(25), sound="aac")
    copy_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
    packets = []
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name)) as file:
            packets.append([bytes(p) for p in file.demux(audio=0) if p.size])
    original, copied = packets
    assert len(copied) > 30
    # The first packet lies before the start: encoders begin with some silence.
    assert copied == original[1 : len(copied) + 1]


def test_sound_does_not_shift_the_images(tmp_path):
    """An AAC stream begins before the start."""
    write_video(tmp_path / "a.mp4", stamped_images(25), even_times(25), sound="aac")
    copy_video(tmp_path / "a.mp4", tmp_path / "b.mp4")
    for name in ("a.mp4", "b.mp4"):
        frames, _ = read_video(tmp_path / name)
        np.testing.assert_allclose([frame.time for frame in frames], even_times(25), atol=1e-6)


def test_sound_that_goes_back_in_time_is_left_out(tmp_path):
    """FFmpeg refuses such packets; a damaged file has them, and costs its own sound alone."""
    write_video(tmp_path / "a.mp4", stamped_images(25), even_times(25), sound="aac")
    with av.open(str(tmp_path / "b.mp4"), "w") as output:
        sound = Sound(tmp_path / "a.mp4", output)
        one, two, three, *rest = sound._packets
        sound._packets = iter([one, three, two, *rest])
        sound.copy_until(10)
        sound.close()
    with av.open(str(tmp_path / "b.mp4")) as file:
        written = [p for p in file.demux(audio=0) if p.size]
    assert len(written) == 3 + len([p for p in rest if p.dts is not None])
