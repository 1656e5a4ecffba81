"""From a converted folder to scenes of every kind."""

import dataclasses
import json
import os

import numpy as np
import pytest

from cpm.config import TrainConfig
from cpm.data import pipeline
from cpm.data.person import Pose
from cpm.data.records import write_records
from cpm.data.scenes import drawing, making
from cpm.data.scenes.folder import read_scenes
from cpm.data.splits import SplitRule
from cpm.data.stored_people import read_people
from cpm.errors import UsageError
from cpm.skeleton import own_skeleton
from tests.helpers.scene_people import crowd

EVERYBODY = SplitRule("all", "Everybody: validation.", lambda id: "validation")


def convert(folder, people):
    write_records(people, str(folder), source="made", rule=EVERYBODY)
    return str(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work") / "data"
    return convert(folder, crowd(8, size=(180, 180), top=(90, 40)))


def test_gray_shows_the_same_people_without_colors(data, tmp_path):
    out = str(tmp_path / "gray")
    assert making.make_scenes("gray", [data], out) == (8, 8)
    before = {person.id: person for person in read_people([data], "validation")}
    for person in read_people([out], "validation"):
        source = before[person.id]
        np.testing.assert_array_equal(person.pose.joints_px, source.pose.joints_px)
        image = person.image.astype(int)
        assert (image == image[..., :1]).all()
        luma = source.image @ [0.299, 0.587, 0.114]
        # Rounded twice, and JPEG of quality 95 at the edges of a painted body.
        assert np.abs(image[..., 0] - luma).mean() < 1.5


def test_neighbors_are_read_like_any_folder(data, tmp_path):
    """And their sources are told; the pipeline gives both people, the primary one first."""
    out = str(tmp_path / "neighbors")
    assert making.make_scenes("neighbors", [data], out, count=3, seed=2) == (3, 6)
    sources = json.loads((tmp_path / "neighbors" / "sources.json").read_text())
    people = read_people([out], "validation")
    assert {person.id for person in people} == set(sources)
    assert all(len(person.others) == 1 for person in people)
    config = TrainConfig()
    network = dataclasses.replace(config.network, skeleton="lsp14")
    config = dataclasses.replace(config, network=network)
    (batch,) = pipeline.evaluation_batches([out], config, split="validation", batch_size=3)
    assert ((batch["state"].numpy() > 0).all(-1)[:, :2]).all()
    out_alone = str(tmp_path / "alone")
    making.make_scenes("alone", [data], out_alone, count=3, seed=2)
    assert json.loads((tmp_path / "alone" / "sources.json").read_text()) == sources
    for alone in read_people([out_alone], "validation"):
        (scene,) = (person for person in people if person.id == alone.id)
        assert alone.image.shape == scene.image.shape and not alone.others


@pytest.mark.parametrize("kind", ["groups", "collages", "nobody"])
def test_images_are_written_in_cocos_layout(data, tmp_path, kind):
    images, people = making.make_scenes(kind, [data], str(tmp_path / "out"), count=4)
    found = read_scenes(str(tmp_path / "out"))
    assert (images, found.kind, len(found.images)) == (4, kind, 4)
    assert people == sum(len(image.state) for image in found.images)
    assert (people == 0) == (kind == "nobody")


@pytest.mark.parametrize("kind", making.KINDS)
def test_the_same_seed_gives_the_same_bytes(data, tmp_path, kind):
    def bytes_of(folder):
        making.make_scenes(kind, [data], str(folder), count=2, seed=3)
        # The manifest and the annotations name the folder in the command that makes it again.
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in (".tfrecord", ".jpg")
        }

    first = bytes_of(tmp_path / "a")
    assert first and first == bytes_of(tmp_path / "b")


def test_who_is_not_alone_is_neither_pasted_nor_removed():
    person, other = crowd(2)
    assert drawing.can_be_pasted(person) and drawing.can_be_removed(person)
    known = dataclasses.replace(person, id="lsp/im0902")
    annotated = dataclasses.replace(person, others=(other.pose,))
    for somebody in (known, annotated):
        assert not drawing.can_be_pasted(somebody) and not drawing.can_be_removed(somebody)
    for absent, pasted in ((2, True), (3, False)):
        state = person.pose.state.copy()
        state[:absent] = 0
        partly = dataclasses.replace(person, pose=Pose(person.pose.joints_px, state))
        assert drawing.can_be_pasted(partly) == pasted and not drawing.can_be_removed(partly)


def test_not_alone_names_validation_people_of_the_leeds_sets():
    ids = drawing.not_alone()
    assert {"lsp/im0902", "lspet/im00060"} < ids
    for id in ids:
        source, number = id.split("/im")
        assert (source == "lsp" and 901 <= int(number) <= 1000) or (
            source == "lspet" and int(number) % 20 == 0
        ), id


@pytest.mark.parametrize("kind", ["gray", "groups"])
def test_no_folder_is_replaced_by_scenes_of_itself(tmp_path, kind):
    folder = convert(tmp_path / "people", crowd(3))
    os.symlink(folder, tmp_path / "link")
    before = {path.name: path.read_bytes() for path in (tmp_path / "people").iterdir()}
    for out in (folder, f"{folder}/", str(tmp_path / "link")):
        with pytest.raises(UsageError, match=r"--out=.* is a folder of --data, whose people"):
            making.make_scenes(kind, [folder], out)
    assert {path.name: path.read_bytes() for path in (tmp_path / "people").iterdir()} == before


def test_make_scenes_raises(tmp_path):
    few = convert(tmp_path / "few", crowd(3))
    with pytest.raises(
        UsageError, match=r"--kind=groups needs 6 or more people who are alone .* 3 of 3"
    ):
        making.make_scenes("groups", [few], str(tmp_path / "out"))
    with pytest.raises(UsageError, match="nobody is in the split 'test'"):
        making.make_scenes("gray", [few], str(tmp_path / "out"), split="test")
    state = np.where(np.arange(14) == 0, 0, 2)  # an ankle is not labeled
    parts = [dataclasses.replace(p, pose=Pose(p.pose.joints_px, state)) for p in crowd(2)]
    with pytest.raises(UsageError, match=r"people who stand upright .* none of 2 does"):
        making.make_scenes("truncated", [convert(tmp_path / "p", parts)], str(tmp_path / "out"))
    own = own_skeleton([f"spot_{n}" for n in range(14)])
    spots = [dataclasses.replace(p, skeleton=own) for p in crowd(2)]
    with pytest.raises(
        UsageError, match=r"cuts people off by their head top.*'joints:spot.* lacks some"
    ):
        making.make_scenes("truncated", [convert(tmp_path / "s", spots)], str(tmp_path / "out"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_text("")
    for kind in ("gray", "nobody"):
        with pytest.raises(UsageError, match="nothing was changed"):
            making.make_scenes(kind, [few], str(tmp_path / "mine"))
