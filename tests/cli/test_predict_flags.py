"""Flags of bin/predict.py that contradict each other: a sentence before any work, then values."""

import pytest
from PIL import Image

from cpm.cli import predict
from cpm.inference.sources import images_from
from tests.helpers.in_process import caller
from tests.helpers.scripts import check_sentence


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with images, videos and weights by their names: there is nothing in them."""
    folder = tmp_path_factory.mktemp("predict_flags")
    files = (
        "in/1.jpg",
        "in/2.png",
        "in/sub/1.jpg",
        "videos/a.mp4",
        "videos/b.mov",
        "videos/c.webm",
        "w.npz",
    )
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["{0}/in", "--box=1,2,3,4"], ["--box is for a single image"]),
        (["{0}/in/1.jpg", "--box=1,2,3,4", "--boxes=b.csv"], ["leave one of them out"]),
        (["{0}/in/1.jpg", "--box=1,2,3,4", "--people=2"], ["--people searches"]),
        (["{0}/in/1.jpg", "--people=none"], ["a number from 1 on, or all"]),
        (["{0}/in/1.jpg", "--people=all", "--passes=3"], ["--passes is about", "--people=all"]),
        (["{0}/in/1.jpg", "--people=2", "--crop=whole"], ["--crop is about", "--people=2"]),
        (["{0}/videos/a.mp4", "--people=all", "--crop=whole"], ["--crop is for images"]),
        (["{0}/videos/a.mp4", "--passes=3"], ["--passes is for images", "no input is one"]),
        (["{0}/videos/a.mp4", "--panel", "--out={0}/o"], ["--panel is for images"]),
        (["{0}/videos/a.mp4", "--format=png", "--out={0}/o"], ["--format is for images"]),
        (["{0}/in/1.jpg", "--smooth"], ["--smooth is for videos", "no input is one"]),
        (["{0}/videos/a.mp4", "--smooth_cutoff=3"], ["--smooth_cutoff is of --smooth"]),
        (["{0}/in", "--recursive", "--coco={0}/c.json"], ["1.jpg and", "sub/1.jpg are both 1"]),
        (["{0}/in/1.jpg", "--heatmaps"], ["say where to with --out"]),
        (["{0}/in/1.jpg", "--json={0}/a.txt"], ["should end in .json or .jsonl"]),
        (["{0}/in/1.jpg", "--csv={0}/a.txt"], ["a.txt should end in .csv"]),
        (["{0}/in/1.jpg", "--csv=-"], ["--csv=- should end in .csv"]),
        (["{0}/in/1.jpg", "--coco={0}/a.csv"], ["a.csv should end in .json"]),
        (["{0}/in/1.jpg", "--json=/dev/null"], ["should end in .json or .jsonl"]),
        (["{0}/in/1.jpg", "--openpose={0}/a.json"], ["name of a file", "name a folder"]),
        (["{0}/in/1.jpg", "--belief_maps={0}/a.npy"], ["should end in .npz"]),
        (["{0}/in/1.jpg", "--threshold=30"], ["--threshold=30.0 should be from 0 to 1"]),
        (["{0}/in/1.jpg", "--threshold=-0.1"], ["should be from 0 to 1"]),
        (["{0}/in/1.jpg", "--box_score=0.5"], ["--box_score is of --boxes"]),
        (["{0}/in/1.jpg", "--panel"], ["--panel is of --out"]),
        (["{0}/in/1.jpg", "--format=png", "--json={0}/a.json"], ["--format is of --out"]),
        (["{0}/in/1.jpg", "--draw_boxes"], ["--draw_boxes is of --out or --video"]),
        (["{0}/in/1.jpg", "--out={0}/w.npz"], ["is a file; name a folder"]),
        (["{0}/in/1.jpg", "--openpose={0}/w.npz/a"], ["w.npz, which is a file"]),
        (["{0}/videos/a.mp4", "--box=1,2,3,4"], ["--box is for images", "a.mp4 is a video"]),
        (["{0}/videos/a.mp4", "--heatmaps", "--out={0}/o"], ["--heatmaps is for images"]),
        (["{0}/videos", "--video={0}/x.mp4"], ["--video is for one video, but there are 3"]),
        (["{0}/in/1.jpg", "--video={0}/x.mp4"], ["--video is for videos"]),
        (["{0}/videos/a.mp4", "--video={0}/x.avi"], ["should end in .mp4"]),
        (["{0}/videos/a.mp4", "--video={0}/videos/a.mp4"], ["is the input"]),
        (["{0}/in/1.jpg", "--belief_maps={0}/w.npz"], ["is what --ckpt names"]),
        (["{0}/in", "--boxes={0}/b.json", "--json={0}/b.json"], ["is what --boxes names"]),
        (
            ["{0}/in", "--coco={0}/b.json", "--json={0}/b.json"],
            ["is what --", "names; name another"],
        ),
        (["{0}/videos/a.mp4", "--smooth", "--smooth_cutoff=0"], ["--smooth_cutoff=0.0", "above 0"]),
    ],
)
def test_mistakes_end_in_a_sentence(work, capfd, arguments, words):
    arguments = [argument.format(work) for argument in arguments]
    status, _, error = caller(predict, capfd)(f"--ckpt={work}/w.npz", *arguments)
    check_sentence(status, error, *words)


def test_the_belief_maps_of_pages_do_not_replace_one_another(work, tmp_path, capfd):
    page = Image.new("RGB", (20, 20))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    arguments = [f"--ckpt={work}/w.npz", f"--belief_maps={tmp_path}/m.npz"]
    status, _, error = caller(predict, capfd)(*arguments, f"{tmp_path}/a.tif")
    check_sentence(status, error, "--belief_maps is for a single image", "a.tif holds 3")


def test_a_file_that_is_named_twice_is_one(work, monkeypatch):
    """However it is written; a link to it is another, which has a drawing of its own."""
    monkeypatch.chdir(work)
    (work / "linked.jpg").symlink_to(work / "in" / "1.jpg")
    names = ["in/1.jpg", "./in/1.jpg", f"{work}/in/1.jpg", "in/sub/../1.jpg", "linked.jpg"]
    found = predict.each_once(images_from([*names, "in", "camera:0"]).sources())
    assert [source.file for source in found] == ["in/1.jpg", "linked.jpg", "in/2.png", "camera:0"]
