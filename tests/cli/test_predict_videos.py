"""bin/predict.py on videos, as a user runs it: drawings, tables line by line, mistakes."""

import csv
import json
import os
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from cpm.cli import predict, predict_videos
from cpm.inference import video_files, video_reader
from cpm.inference.person_pose import PersonPose
from cpm.inference.results import ImagePose
from cpm.inference.sources import images_from
from cpm.plots.drawing_files import is_drawing
from cpm.skeleton import SKELETONS
from tests.helpers.in_process import caller
from tests.helpers.scripts import check_sentence
from tests.helpers.tiny_networks import tiny_weights
from tests.helpers.walk_videos import stamp, write_video

LSP = SKELETONS["lsp14"]
SIZE, FRAMES = (64, 96), 12


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a tiny network, two videos, one of them with sound, and an animation."""
    folder = tmp_path_factory.mktemp("videos")
    tiny_weights(folder / "w.npz")
    rng = np.random.default_rng(1)
    images = [
        stamp(rng.integers(0, 256, [*SIZE, 3]).astype(np.uint8), number) for number in range(FRAMES)
    ]
    times = [n / 25 for n in range(FRAMES)]
    (folder / "in").mkdir()
    write_video(folder / "in" / "a.mp4", images, times, sound="aac")
    write_video(folder / "in" / "a.mov", images, times, rotation=90)
    first, *others = map(Image.fromarray, images[:3])
    first.save(folder / "in" / "b.gif", save_all=True, append_images=others, duration=40)
    first.save(folder / "in" / "c.png")
    (folder / "cut.mp4").write_bytes((folder / "in" / "a.mp4").read_bytes()[:3000])
    return folder


@pytest.fixture
def run(capfd):
    return caller(predict, capfd)


def frames_of(path):
    with av.open(str(path)) as file:
        return [(frame.time, frame.height, frame.width) for frame in file.decode(video=0)]


def test_folder_of_videos_and_images(work, run):
    out = work / "out"
    status, text, error = run(
        f"--ckpt={work}/w.npz",
        f"--input={work}/in",
        f"--out={out}",
        f"--csv={out}/a.csv",
        f"--json={out}/a.jsonl",
        "--smooth",
    )
    assert status == 0, error
    assert f"in/a.mp4: {FRAMES} frames" in text and f"-> {out}/a.mp4_pose.mp4" in text
    assert sorted(path.name for path in out.glob("*pose*")) == [
        *("a.mp4_pose.mp4", "a_pose.mp4", "b_pose.mp4", "c_pose.jpg"),
    ]
    assert all(is_drawing(path) for path in out.glob("*pose*"))
    assert not any(is_drawing(path) for path in (work / "in").iterdir())
    for name in ("a_pose.mp4", "a.mp4_pose.mp4"):
        frames = frames_of(out / name)
        assert [size for _, *size in frames] == [list(SIZE)] * FRAMES
        np.testing.assert_allclose([time for time, *_ in frames], np.arange(FRAMES) / 25, atol=1e-4)
    with av.open(str(out / "a.mp4_pose.mp4")) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
    lines = [json.loads(line) for line in (out / "a.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * FRAMES + 3 + 1
    numbers = [(line.get("frame"), line.get("time")) for line in lines]
    assert numbers[:2] == [(0, 0.0), (1, 0.04)] and numbers[-1] == (None, None)
    assert all(person["id"] >= 1 for line in lines[:-1] for person in line["people"])
    with open(out / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "frame", "time", "person", "joint", "x", "y", "confidence"]
    assert len(rows) == 14 * sum(len(line["people"]) for line in lines)


def test_video_names_the_drawing(work, run):
    status, text, error = run(
        f"--ckpt={work}/w.npz", f"{work}/in/a.mp4", f"--video={work}/named/x.mp4"
    )
    assert status == 0, error
    assert len(frames_of(work / "named" / "x.mp4")) == FRAMES
    assert "nothing was written" not in text


def test_a_video_of_one_frame_without_anybody(work, tmp_path, run):
    """What is said of it is for videos, which take no boxes."""
    write_video(tmp_path / "one.mp4", [np.full([*SIZE, 3], 90, np.uint8)], [0.0])
    status, text, error = run(f"--ckpt={work}/w.npz", f"{tmp_path}/one.mp4", "--threshold=1")
    assert status == 0, error
    assert "one.mp4: 1 frame, " in text and "1 frame of 1 video done, 0 skipped, 1 w" in text
    assert "with --threshold=0, joints are found" in text and "--box" not in text
    assert "--people=all" not in text


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["{0}/cut.mp4"], ["cut.mp4", "cannot be read as a video", "copy it again"]),
        (["camera:97"], ["camera:97", "plug a camera in"]),
    ],
)
def test_mistakes_end_in_a_sentence(work, run, arguments, words):
    arguments = [argument.format(work) for argument in arguments]
    status, _, error = run(f"--ckpt={work}/w.npz", *arguments)
    check_sentence(status, error, *words)


def test_one_bad_video_of_several_is_passed_over(work, run):
    status, text, error = run(f"--ckpt={work}/w.npz", f"{work}/cut.mp4", f"{work}/in/c.png")
    assert status == 0, error
    assert "skipped: " in text and "1 image done, 1 skipped" in text and "cut.mp4 (" in text


class Interrupted:
    """A predictor that is stopped by Ctrl-C at the sixth frame."""

    def __call__(self, predictor, reader, **options):
        for n, frame in enumerate(reader):
            if n == 5:
                raise KeyboardInterrupt
            joints_px = np.full([14, 2], 30.0)
            person = PersonPose(LSP, joints_px, np.ones(14), (20, 20, 20, 20), id=1)
            yield frame.image, ImagePose((person,), SIZE, LSP, frame=n, time=frame.time)


def test_cut_run_keeps_what_it_had(work, monkeypatch):
    """Five frames were done: so many are in the drawing and were handed on."""

    def frames(*arguments, **options):
        return Interrupted()(*arguments, **options)

    monkeypatch.setattr(predict_videos, "video_poses", frames)
    (source,) = images_from(work / "in" / "a.mp4").sources()
    done, target = [], str(work / "cut_pose.mp4")
    with pytest.raises(KeyboardInterrupt):
        predict_videos.predict_video(
            None, source, done.append, target, predict_videos.VideoOptions()
        )
    assert len(done) == len(frames_of(target)) == 5


@pytest.fixture
def camera(work, monkeypatch):
    """A camera that shows the first video, once."""
    monkeypatch.setattr(
        video_reader, "open_camera", lambda path: video_files.open_file(str(work / "in" / "a.mp4"))
    )


def test_a_camera_is_followed_until_it_ends(work, tmp_path, run, camera):
    status, text, error = run(
        "camera:0", f"--ckpt={work}/w.npz", f"--out={tmp_path}", f"--json={tmp_path}/a.jsonl"
    )
    assert status == 0, error
    assert f"camera:0: {FRAMES} frames" in text and "ends early" not in text
    assert len(frames_of(tmp_path / "camera_0_pose.mp4")) == FRAMES
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(FRAMES))
    assert {line["file"] for line in lines} == {"camera:0"}


def test_ctrl_c_ends_a_camera_and_keeps_all(work, tmp_path, run, camera, monkeypatch):
    """It is how a camera ends: no error, and every file is whole."""
    monkeypatch.setattr(predict_videos, "video_poses", Interrupted())
    files = [f"--json={tmp_path}/a.json", f"--csv={tmp_path}/a.csv"]
    status, text, error = run("camera:0", f"--ckpt={work}/w.npz", f"--out={tmp_path}", *files)
    assert status == 0, error
    assert "camera:0: 6 frames" in text and "1 person" in text
    assert len(frames_of(tmp_path / "camera_0_pose.mp4")) == 5
    assert len(json.loads((tmp_path / "a.json").read_text())["images"]) == 5
    with open(tmp_path / "a.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5 * 14


def test_labeled_videos_of_one_name_do_not_replace_one_another():
    sources = [SimpleNamespace(name="a", file=f"{folder}/a.mp4") for folder in "xyzw"]
    taken = set()
    paths = [predict_videos.labeled_path("out", source, taken) for source in sources]
    names = ["a_pose.mp4", "a.mp4_pose.mp4", "a_2_pose.mp4", "a_3_pose.mp4"]
    assert paths == [os.path.join("out", name) for name in names]


def test_labeled_videos_replace_their_own_alone(work, tmp_path, run):
    """A video of that name that somebody else made is kept; a second run replaces the first's."""
    own = work / "in" / "a.mp4"
    theirs = tmp_path / "a_pose.mp4"
    theirs.write_bytes(own.read_bytes())
    for _ in range(2):
        status, _, error = run(own, f"--ckpt={work}/w.npz", f"--out={tmp_path}")
        assert status == 0, error
        assert theirs.read_bytes() == own.read_bytes()
        assert sorted(os.listdir(tmp_path)) == ["a.mp4_pose.mp4", "a_pose.mp4"]
        assert len(frames_of(tmp_path / "a.mp4_pose.mp4")) == FRAMES


def test_what_a_camera_saw_is_never_replaced(work, tmp_path, run, camera):
    for _ in range(2):
        status, _, error = run("camera:0", f"--ckpt={work}/w.npz", f"--out={tmp_path}")
        assert status == 0, error
    assert sorted(os.listdir(tmp_path)) == ["camera_0_2_pose.mp4", "camera_0_pose.mp4"]
