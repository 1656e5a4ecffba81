"""Opening videos and cameras: what is refused, and why; names that look like addresses."""

import os

import av
import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.inference.video_reader import VideoReader
from cpm.inference.video_sound import Sound
from cpm.plots.drawing_files import is_drawing, mark_of
from tests.helpers.walk_videos import even_times, stamped_images, write_video


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.mp4", None, "does not exist"),
        ("a.mp4", b"", "is empty"),
        ("a.mp4", b"no video" * 99, "cannot be read as a video"),
        ("camera:99", None, "plug a camera in"),
        ("camera:", None, "names no camera; the first one is camera:0"),
    ],
)
def test_reader_says_what_is_wrong(tmp_path, name, content, message):
    path = name if name.startswith("camera:") else tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        VideoReader(path)


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
    write_video(str(tmp_path / "hidden.mp4"), [np.zeros([16, 16, 3], np.uint8)] * 3, even_times(3))
    for name in ("a.mp4", "a.m3u8"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="it names other files"):
            VideoReader(tmp_path / name)


def test_names_of_videos_are_no_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "concat:a.mp4|b.mp4"):
        write_video(str(tmp_path / name), [np.zeros([16, 16, 3], np.uint8)] * 3, even_times(3))
        with VideoReader(name) as reader:
            assert len(list(reader)) == 3
        with av.open(os.path.abspath(name)) as copied, av.open("out.mp4", "w") as output:
            output.metadata["comment"] = mark_of(name)
            output.add_stream_from_template(copied.streams.video[0])
            output.start_encoding()
        os.replace("out.mp4", name)
        assert is_drawing(name)


def test_the_sound_is_that_of_the_file_and_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video("a.mp4", stamped_images(5), even_times(5), sound="aac")
    os.rename("a.mp4", "http:a.mp4")
    with av.open("out.mp4", "w") as output:
        Sound("http:a.mp4", output)
        assert output.streams.audio
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile a.mp4\n")
    with av.open("out.mp4", "w") as output, pytest.raises(UsageError, match="names other files"):
        Sound("list.mp4", output)
