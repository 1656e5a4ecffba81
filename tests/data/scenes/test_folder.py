"""A folder of scenes: written, read, read as any COCO folder, replaced, refused."""

import json
import os

import numpy as np
import pytest

from cpm.data import coco
from cpm.data.images import read_image
from cpm.data.person import Pose
from cpm.data.scenes.folder import Scene, bounding_box, read_scenes, write_scenes
from cpm.errors import UsageError
from tests.helpers.scene_people import LSP
from tests.helpers.small_data_sets import smooth_image


def scene(name, people, seed=0):
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(people):
        state = rng.choice([0, 1, 2], 14)
        state[:2] = 2
        poses.append(Pose(rng.uniform(0, 79, [14, 2]), state))
    sources = tuple(f"made/{n}" for n in range(people))
    return Scene(name, smooth_image(90, 80, seed), tuple(poses), sources, "some", "made/b")


def write(folder, scenes, kind="groups"):
    return write_scenes(str(folder), kind, scenes, LSP, seed=7, remake="bin/make_scenes.py …")


def test_scenes_come_back(tmp_path):
    scenes = [scene("a", 2, 1), scene("b", 0, 2), scene("c", 1, 3)]
    assert write(tmp_path / "out", scenes) == (3, 3)
    found = read_scenes(str(tmp_path / "out"))
    assert found.kind == "groups" and found.skeleton == LSP
    for got, made in zip(found.images, scenes, strict=True):
        assert got.shows == "some" and len(got.state) == len(made.poses)
        assert np.abs(read_image(got.path).astype(int) - made.image).mean() < 3
        for n, pose in enumerate(made.poses):
            np.testing.assert_allclose(got.joints_px[n], pose.joints_px, atol=0.005 + 1e-6)
            np.testing.assert_array_equal(got.state[n], pose.state)
            expected = bounding_box(pose, made.image.shape[:2])
            np.testing.assert_allclose(got.boxes[n], expected, atol=0.005 + 1e-6)
            assert got.area[n] == pytest.approx(0.53 * expected[2] * expected[3], rel=1e-3)
    assert found.images[1].joints_px.shape == (0, 14, 2)
    assert found.images[1].boxes.shape == (0, 4)


def test_bounding_box_preset():
    """50 px wide and 100 tall: 5 px more on every side, cut off at the left and at the bottom."""
    joints_px = np.full([14, 2], [2.0, 60.0])
    joints_px[0], joints_px[1], joints_px[2] = [52, 100], [30, 0], [999, 999]
    state = np.array([2, 1, 0] + [2] * 11)
    # Columns 0 … 57 and rows 0 … 102.
    assert bounding_box(Pose(joints_px, state), (103, 200)) == (0.0, 0.0, 58.0, 103.0)
    assert bounding_box(Pose(joints_px, state), (200, 200)) == (0.0, 0.0, 58.0, 106.0)


def test_coco_reader_reads_the_same_people(tmp_path):
    made = scene("a", 2, 1)
    write(tmp_path, [made, scene("b", 0)])
    people = list(coco.read_people(str(tmp_path)))
    assert len(people) == 2 and people[0].skeleton == LSP
    np.testing.assert_allclose(people[1].pose.joints_px, made.poses[1].joints_px, atol=0.006)
    assert len(people[0].others) == 1


def test_the_record_says_where_everybody_is_from(tmp_path):
    write(tmp_path, [scene("a", 2)])
    record = json.loads((tmp_path / "annotations.json").read_text())
    assert record["info"] == {
        "format": "cpm-scenes",
        "kind": "groups",
        "seed": 7,
        "remake": "bin/make_scenes.py …",
    }
    assert record["images"][0]["sources"] == ["made/0", "made/1"]
    assert record["images"][0]["behind"] == "made/b"
    assert [a["source"] for a in record["annotations"]] == ["made/0", "made/1"]


def test_an_earlier_folder_is_replaced_as_a_whole(tmp_path):
    write(tmp_path / "out", [scene("a", 1), scene("b", 1)])
    write(tmp_path / "out", [scene("c", 1)], kind="nobody")
    assert os.listdir(tmp_path / "out" / "images") == ["c.jpg"]
    assert read_scenes(str(tmp_path / "out")).kind == "nobody"
    assert os.listdir(tmp_path) == ["out"]  # no partial folder stays behind


def test_a_failure_leaves_the_earlier_folder(tmp_path):
    write(tmp_path / "out", [scene("a", 1)])

    def broken():
        yield scene("b", 1)
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        write(tmp_path / "out", broken())
    assert os.listdir(tmp_path / "out" / "images") == ["a.jpg"] and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("inside", ["photo.jpg", "annotations.json"])
def test_files_of_others_are_left_alone(tmp_path, inside):
    (tmp_path / inside).write_text("{}")
    with pytest.raises(UsageError, match="holds files that are no scenes; nothing was changed"):
        write(tmp_path, [scene("a", 1)])
    assert os.listdir(tmp_path) == [inside]


def test_files_added_to_scenes_are_left_alone(tmp_path):
    write(tmp_path / "out", [scene("a", 1)])
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="nothing was changed"):
        write(tmp_path / "out", [scene("b", 1)])
    assert (tmp_path / "out" / "notes.txt").exists()


def test_read_scenes_raises(tmp_path):
    with pytest.raises(
        UsageError, match=r"holds no scenes; make them with: python bin/make_scenes"
    ):
        read_scenes(str(tmp_path))
    write(tmp_path / "out", [scene("a", 1)])
    path = tmp_path / "out" / "annotations.json"
    record = json.loads(path.read_text())
    del record["annotations"][0]["bbox"]
    path.write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"is damaged \(KeyError\('bbox'\)\); make it again with"):
        read_scenes(str(tmp_path / "out"))
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match=r"is a converted folder; score it with --data="):
        read_scenes(str(tmp_path))
