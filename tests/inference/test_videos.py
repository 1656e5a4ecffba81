"""Videos in and out: times, rotation, sound, damage, and files that are not finished."""

import shutil
from fractions import Fraction

import av
import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.inference.videos import VideoReader, VideoWriter
from tests.helpers.walk_videos import read_stamp, stamp, write_video

SIZE = (96, 112)


def images(count, size=SIZE):
    """Frames with their number in a corner, in front of a slope of grays."""
    gray = np.linspace(30, 220, size[1]).astype(np.uint8)
    plain = np.broadcast_to(gray[None, :, None], (*size, 3))
    return [stamp(plain, number) for number in range(count)]


def even_times(count, rate=25):
    return [n / rate for n in range(count)]


def read(path):
    with VideoReader(path) as reader:
        return list(reader), reader


def copy(source, target):
    """Reads and writes without drawing anything."""
    with VideoReader(source) as reader:
        writer = None
        for frame in reader:
            writer = writer or VideoWriter.like(reader, target, frame.image.shape[:2])
            writer.write(frame.image, frame.time)
        writer.close()


def test_every_frame_with_its_number_and_time(tmp_path):
    write_video(tmp_path / "a.mp4", images(30), even_times(30))
    frames, reader = read(tmp_path / "a.mp4")
    assert [read_stamp(frame.image) for frame in frames] == list(range(30))
    assert [frame.number for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.time for frame in frames], even_times(30), atol=1e-9)
    assert (reader.rate, reader.frames_expected, reader.frames_read) == (25, 30, 30)
    assert not reader.broken and not reader.ended_early and not reader.has_sound


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_video_is_upright(tmp_path, rotation):
    write_video(tmp_path / "a.mov", images(3), even_times(3), rotation=rotation)
    frames, _ = read(tmp_path / "a.mov")
    assert [frame.image.shape for frame in frames] == [(*SIZE, 3)] * 3
    assert [read_stamp(frame.image) for frame in frames] == [0, 1, 2]


def test_copy_of_a_rotated_video_is_stored_upright(tmp_path):
    write_video(tmp_path / "a.mov", images(3), even_times(3), rotation=90)
    copy(tmp_path / "a.mov", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as file:
        frame = next(file.decode(video=0))
    assert frame.rotation == 0 and (frame.height, frame.width) == SIZE


def test_variable_frame_rate_is_kept(tmp_path, seeded):
    times = np.cumsum(seeded(3).integers(1, 9, 40)) * 256 / 12800  # multiples of the time base
    times -= times[0]
    write_video(tmp_path / "a.mp4", images(40), times)
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    frames, _ = read(tmp_path / "b.mp4")
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-6)
    assert [read_stamp(frame.image) for frame in frames] == list(range(40))


def test_a_rate_that_is_no_whole_number_is_kept(tmp_path):
    rate = Fraction(24000, 1001)
    with VideoWriter(tmp_path / "a.mp4", SIZE, rate=rate, time_base=Fraction(1, 24000)) as writer:
        for n, image in enumerate(images(48)):
            writer.write(image, float(n / rate))
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert read(tmp_path / "b.mp4")[1].rate == rate


@pytest.mark.parametrize(
    "container, codec, written",
    [("mp4", "aac", "aac"), ("avi", "pcm_s16le", "aac"), ("mkv", "libmp3lame", "mp3float")],
)
def test_sound_is_kept(tmp_path, container, codec, written):
    """Copied where players expect it in an mp4; the rest is written as AAC."""
    source = tmp_path / f"a.{container}"
    write_video(source, images(50), even_times(50), sound=codec)
    copy(source, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as file:
        sound = file.streams.audio[0]
        assert sound.codec_context.name == written
        samples = np.concatenate([f.to_ndarray().mean(0) for f in file.decode(sound)])
    assert 1.8 < len(samples) / 44100 < 2.1
    middle = samples[22050:44100].astype(np.float64)
    strongest = np.abs(np.fft.rfft(middle)).argmax() * 44100 / len(middle)
    assert abs(strongest - 440) < 5  # Hz: still the tone


def test_copied_sound_is_the_same_to_the_byte(tmp_path):
    write_video(tmp_path / "a.mp4", images(25), even_times(25), sound="aac")
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
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
    write_video(tmp_path / "a.mp4", images(25), even_times(25), sound="aac")
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    for name in ("a.mp4", "b.mp4"):
        frames, _ = read(tmp_path / name)
        np.testing.assert_allclose([frame.time for frame in frames], even_times(25), atol=1e-6)


def test_cut_file_gives_the_frames_it_has(tmp_path):
    write_video(tmp_path / "a.mkv", images(250), even_times(250))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(content[: len(content) // 2])
    frames, reader = read(tmp_path / "b.mkv")
    assert 60 < len(frames) < 200
    assert reader.ended_early
    # A frame is stored after those it is drawn from, so one near the end may be missing.
    stamps = [read_stamp(frame.image) for frame in frames]
    assert stamps[:-3] == list(range(len(frames) - 3))


def test_broken_frames_are_counted(tmp_path):
    write_video(tmp_path / "a.avi", images(40), even_times(40), codec="mpeg4")
    content = bytearray((tmp_path / "a.avi").read_bytes())
    for start in range(len(content) // 3, len(content) // 2, 50):
        content[start : start + 20] = b"\xff" * 20
    (tmp_path / "b.avi").write_bytes(content)
    frames, reader = read(tmp_path / "b.avi")
    assert reader.broken > 0
    assert len(frames) + reader.broken >= 20
    assert read_stamp(frames[5].image) == 5


def test_unfinished_file_can_be_played(tmp_path):
    """What a killed process leaves."""
    writer = VideoWriter(tmp_path / "a.mp4", SIZE)
    for n, image in enumerate(images(120)):
        writer.write(image, n / 25)
    shutil.copy(tmp_path / "a.partial.mp4", tmp_path / "left.mp4")
    frames, _ = read(tmp_path / "left.mp4")
    assert len(frames) >= 50  # of 4.8 s; the encoder holds back about one, and so does a fragment
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    assert len(read(tmp_path / "a.mp4")[0]) == 120
    assert not (tmp_path / "a.partial.mp4").exists()


def test_writer_keeps_what_it_had_after_an_exception(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with VideoWriter(tmp_path / "a.mp4", SIZE) as writer:
            for n, image in enumerate(images(10)):
                writer.write(image, n / 25)
            raise KeyboardInterrupt
    assert len(read(tmp_path / "a.mp4")[0]) == 10


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
        for image, time in zip(images(4, (97, 113)), (0, 0.04, 0.04, 0.12), strict=True):
            writer.write(image, time)
    frames, _ = read(tmp_path / "a.mp4")
    assert frames[0].image.shape == (98, 114, 3) and len(frames) == 4


def test_writer_refuses_an_image_of_another_size(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", SIZE) as writer:
        with pytest.raises(ValueError, match="the video's images are"):
            writer.write(np.zeros([8, 8, 3], np.uint8), 0.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.mp4", None, "does not exist"),
        ("a.mp4", b"", "is empty"),
        ("a.mp4", b"no video" * 99, "cannot be read as a video"),
        ("camera:99", None, "plug a camera in"),
    ],
)
def test_reader_says_what_is_wrong(tmp_path, name, content, message):
    path = name if name.startswith("camera:") else tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        VideoReader(path)


TIMES = [0.0, 0.04, 0.08]


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhidden.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile hidden.mp4\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    ],
    ids=["HLS", "list", "DASH", "SDP"],
)
def test_playlists_are_refused(tmp_path, content):
    """FFmpeg would read the files that they name, as if they were the video."""
    write_video(str(tmp_path / "hidden.mp4"), [np.zeros([16, 16, 3], np.uint8)] * 3, TIMES)
    for name in ("a.mp4", "a.m3u8"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="it names other files"):
            VideoReader(tmp_path / name)


def test_names_of_videos_are_no_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "concat:a.mp4|b.mp4"):
        write_video(str(tmp_path / name), [np.zeros([16, 16, 3], np.uint8)] * 3, TIMES)
        with VideoReader(name) as reader:
            assert len(list(reader)) == 3


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", 44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros([1, 1024], np.int16), "s16", "mono")
        frame.sample_rate = 44100
        output.mux(stream.encode(frame))
    with pytest.raises(UsageError, match="only sound"):
        VideoReader(tmp_path / "a.wav")
