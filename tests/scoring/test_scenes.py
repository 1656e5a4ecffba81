"""Scenes scored: with a predictor whose answers are known, and by the scripts on a small run."""

import json
import types

import numpy as np
import pytest

from cpm import config as configuration
from cpm.checkpoints import Checkpoints
from cpm.data.images import read_image
from cpm.data.records import write_records
from cpm.data.scenes.folder import read_scenes
from cpm.data.scenes.making import RULE, make_scenes
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.network import ConvolutionalPoseMachine
from cpm.scoring import scenes
from cpm.skeleton import SKELETONS
from cpm.training.optimizers import make_optimizer
from cpm.training.run_folder import RunFolder
from tests.helpers.scene_people import crowd
from tests.helpers.scripts import check_sentence, run

LSP, MPII = SKELETONS["lsp14"], SKELETONS["mpii16"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with `data`, `groups`, `collages` and `nobody`."""
    folder = tmp_path_factory.mktemp("work")
    people = crowd(8, size=(180, 180), top=(90, 40))
    write_records(people, str(folder / "data"), source="made", rule=RULE)
    for kind in ("groups", "collages", "nobody"):
        make_scenes(kind, [str(folder / "data")], str(folder / kind), count=6)
    return folder


class Knowing:
    """A predictor that knows the truth: of a box the person in it, without one the first.

    It finds everybody where it is asked for all people, and `ghosts` more who are nobody.
    """

    threshold = 0.5

    def __init__(self, folder, skeleton, ghosts=0):
        self.ghosts = ghosts
        self.network = types.SimpleNamespace(skeleton=skeleton)
        self.channels = skeleton.channels_from(LSP)
        self.truth = {read_image(s.path).tobytes(): s for s in read_scenes(folder).images}

    def __call__(self, image, *, boxes=(None,), people=1):
        scene = self.truth[np.asarray(image).tobytes()]
        if people == "all":
            found = [*scene.joints_px, *[scene.joints_px[0] + 500] * self.ghosts]
            return types.SimpleNamespace(people=[self.person(px) for px in found])
        rows = [
            0 if box is None else int(np.abs(scene.boxes - box).sum(1).argmin()) for box in boxes
        ]
        people = tuple(self.person(scene.joints_px[row]) for row in rows)
        return types.SimpleNamespace(people=people)

    def person(self, joints_px):
        found = np.where(self.channels[:, None] >= 0, joints_px[self.channels], 0.0)
        confidence = np.full(len(self.channels), 0.75)
        return types.SimpleNamespace(joints_px=found, confidence=confidence, score=None)


@pytest.mark.parametrize("skeleton", [LSP, MPII], ids=["lsp14", "mpii16"])
def test_groups_with_the_truth(work, skeleton):
    """Also where the network's joints stand in another order."""
    folder = str(work / "groups")
    found = read_scenes(folder)
    people = sum(len(s.state) for s in found.images)
    scores = scenes.groups_score(found, Knowing(folder, skeleton))
    truth, image = scores["truth"], scores["image"]
    assert truth["people"] == truth["found"] == people > 6
    assert truth["ap"] == pytest.approx(100) and truth["pck@0.2"] == 100
    assert truth["recall"] == 100 and truth["too_many"] == 0
    # One person an image, and that one is right.
    assert image["found"] == 6 and image["too_many"] == 0
    assert image["recall"] == image["pck@0.2"] == pytest.approx(100 * 6 / people)


def test_collages_are_scored_like_groups_under_their_name(work):
    folder = str(work / "collages")
    text, record = scenes.score_scenes([folder], Knowing(folder, MPII))
    people = sum(len(s.state) for s in read_scenes(folder).images)
    assert f"| 6 collages, {people} people |" in text
    assert record[folder]["kind"] == "collages"
    assert record[folder]["box_source"]["truth"]["pck@0.2"] == 100


def test_groups_with_a_search_for_several_people(work):
    folder = str(work / "groups")
    scores = scenes.groups_score(read_scenes(folder), Knowing(folder, LSP, ghosts=1))
    assert set(scores) == {"truth", "image", "search"}
    assert scores["search"]["recall"] == scores["search"]["pck@0.2"] == 100
    assert scores["search"]["too_many"] == 6
    assert scores["search"]["seconds"] >= 0
    nothing = {"nothing": lambda predictor, image, scene: []}
    nobody = scenes.groups_score(read_scenes(folder), Knowing(folder, LSP), nothing)["nothing"]
    assert nobody["found"] == 0 and nobody["ap"] == 0


def test_the_score_of_a_search_ranks_its_people(work):
    """A ghost of full confidence costs precision, unless the search was less sure of it."""
    folder = str(work / "groups")
    knowing = Knowing(folder, LSP, ghosts=1)

    def ap(ghost_score):
        def find(predictor, image, scene):
            *people, ghost = predictor(image, people="all").people
            for person in people:
                person.score = 0.6
            ghost.score = ghost_score
            return [ghost, *people]

        found = scenes.groups_score(read_scenes(folder), knowing, {"find": find})
        return found["find"]["ap"]

    assert ap(0.5) == pytest.approx(100) and ap(0.7) < 90


def test_a_joint_that_the_network_does_not_know_is_not_found(work):
    """COCO's network has no neck and no head top: 12 of 14 joints."""
    folder = str(work / "groups")
    scores = scenes.groups_score(read_scenes(folder), Knowing(folder, SKELETONS["coco17"]))
    assert scores["truth"]["pck@0.2"] == pytest.approx(100 * 12 / 14)


def test_people_cut_off_are_scored_by_the_whole_person(work):
    """Everything right, and joints beyond the image that are not drawn."""
    folder = str(work / "truncated")
    make_scenes("truncated", [str(work / "data")], folder)

    class Seeing(Knowing):
        def person(self, joints_px):
            person = super().person(joints_px)
            person.confidence = np.where((joints_px > 0).any(-1)[self.channels], 0.75, 0.25)
            return person

    text, record = scenes.score_scenes([folder], Seeing(folder, MPII))
    score = record[folder]
    assert score["kind"] == "truncated" and score["images"] == 16
    assert list(score["kinds"]) == ["all", "upper body", "head and shoulders"]
    for part in score["kinds"].values():
        assert part["pck@0.2"] == part["drawn"] == part["found"] == 100 and part["imagined"] == 0
    assert "head and shoulders" in text and "imagined" in text


class Doubtful:
    """As sure as the image is bright."""

    threshold = 0.5
    network = types.SimpleNamespace(skeleton=LSP)

    def __call__(self, image, people=1):
        if people == "all":  # somebody in every bright image
            return types.SimpleNamespace(people=[None] * int(np.mean(image) > 128))
        person = types.SimpleNamespace(confidence=np.full(14, np.mean(image) / 255))
        return types.SimpleNamespace(people=(person,))


def test_nobody_is_compared_with_true_people(work):
    """Bright people, dull images: nobody passes at a threshold that all people reach."""
    text, record = scenes.score_scenes(
        [str(work / "nobody")], Doubtful(), data=[str(work / "data")]
    )
    score = record[str(work / "nobody")]
    assert score["kind"] == "nobody" and (score["people"], score["images"]) == (8, 6)
    assert set(score["kinds"]) == {"strip", "texture", "part"}
    brightness = [np.mean(read_image(s.path)) for s in read_scenes(work / "nobody").images]
    expected = 100 * np.mean(np.array(brightness) / 255 >= score["threshold"])
    assert score["share"] == pytest.approx(expected)
    assert score["found"] == np.sum(np.array(brightness) > 128)
    assert score["searched"] == pytest.approx(100 * score["found"] / 6)
    assert "of 8 true people" in text and "texture" in text


def test_score_scenes_raises(work):
    with pytest.raises(UsageError, match="shows nobody; name true people"):
        scenes.score_scenes([str(work / "nobody")], Doubtful())
    with pytest.raises(UsageError, match="is a converted folder; score it with --data="):
        scenes.score_scenes([str(work / "data")], Doubtful())


@pytest.fixture(scope="module")
def untrained(work):
    """A run folder with one checkpoint of an untrained network."""
    config = configuration.TrainConfig(
        network=configuration.NetworkConfig(
            skeleton="lsp14", stages=1, width=0.1, image_size=(48, 48)
        )
    )
    record = RunFolder(str(work / "run"))
    record.claim(config, Execution(), [str(work / "data")])
    network = ConvolutionalPoseMachine(config.network, seed=1)
    optimizer = make_optimizer(config.optimizer, network)
    Checkpoints(record.checkpoints, network, optimizer, config).save(1)
    return str(work / "run")


@pytest.mark.slow
def test_scripts_make_and_score(work, untrained, tmp_path):
    status, output, error = run(
        "make_scenes.py",
        f"--data={work / 'data'}",
        "--kind=groups",
        f"--out={tmp_path / 'groups'}",
        "--count=2",
    )
    assert status == 0, error
    assert "wrote" in output and f"--scenes={tmp_path / 'groups'}" in output
    status, output, error = run(
        "eval.py",
        f"--ckpt={untrained}",
        f"--scenes={tmp_path / 'groups'},{work / 'nobody'}",
        f"--data={work / 'data'}",
        f"--json={tmp_path / 'scores.json'}",
        timeout=300,
    )
    assert status == 0, error
    assert "true boxes" in output and "give a person, %" in output
    record = json.loads((tmp_path / "scores.json").read_text())
    groups, nobody = record["scenes"].values()
    assert set(groups["box_source"]) == {"truth", "image", "search"} and nobody["images"] == 6
    assert record["flip"] is True and record["commit"]


@pytest.mark.slow
def test_scripts_refuse_in_one_sentence(work, untrained, tmp_path):
    status, _, error = run(
        "make_scenes.py", f"--data={tmp_path}", "--kind=gray", f"--out={tmp_path / 'out'}"
    )
    check_sentence(status, error, "is not a complete data folder")
    options = f"--ckpt={untrained}", f"--scenes={work / 'groups'}"
    status, _, error = run("eval.py", *options, "--crop=whole")
    check_sentence(status, error, "--crop is not for --scenes")
