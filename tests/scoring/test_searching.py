"""The surest person of a search, scored: who counts, who is missed, what is said of it."""

import dataclasses
import json

import numpy as np
import pytest

from cpm.cli import eval as eval_command
from cpm.config import DataConfig, NetworkConfig, TrainConfig
from cpm.data.person import Origin, Person, Pose
from cpm.data.records import write_records
from cpm.data.splits import RULES
from cpm.data.stored_people import each_person
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.scoring import searching
from cpm.scoring.evaluate import evaluate_folders
from cpm.scoring.options import Options
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers.colored_dots import MIDLINE, SIZE, Colors, image_of, persons
from tests.helpers.in_process import caller
from tests.helpers.scripts import check_sentence
from tests.helpers.small_runs import CONFIG, write_data, write_run
from tests.helpers.tracing import untraced

DIM = 215  # of dots: surely found, but less surely than bright ones
# The data's order of the joints is not the network's.
BACKWARD = own_skeleton(MIDLINE.joints[::-1])


@pytest.fixture(scope="module", autouse=True)
def operation_by_operation():
    """A handful of images needs no tracing."""
    with untraced():
        yield


def annotated(name, image, joints_px, others=()):
    """A validation person at joints `[3, 2]`; of `others` the like."""
    poses = [Pose(p[::-1], np.full(3, 2)) for p in (joints_px, *others)]
    origin = Origin("dots", name, official_split="validation")
    return Person(f"dots/{name}", image, BACKWARD, poses[0], tuple(poses[1:]), origin=origin)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of one person, of a dimmer one beside, of a brighter one beside, and of nobody."""
    left, right = persons((50, 60), (165, 85))
    both = {"height": 150, "width": 220}
    people = [
        annotated("alone", image_of(right, **both), right),
        annotated("brighter", image_of(left, right, **both, brightness=[255, DIM]), left),
        annotated("dimmer", image_of(left, right, **both, brightness=[DIM, 255]), left, [right]),
        annotated("nobody", image_of(height=120, width=90), left),
    ]
    path = str(tmp_path_factory.mktemp("dots"))
    write_records(people, path, source="dots", rule=RULES["development"])
    return path


@pytest.fixture(scope="module")
def predictor():
    made = Predictor(Colors(), refinement="none")
    made.config = TrainConfig(
        NetworkConfig(skeleton=MIDLINE.name, image_size=SIZE), data=DataConfig(batch_size=3)
    )
    return made


def test_the_surest_person_counts(folder, predictor):
    """Two of four images are right at best: in one somebody else is surer, in one is nobody."""
    found, options, searched = searching.evaluate_search(predictor, [folder])
    assert searched == searching.Searched(images=4, nobody=1, several=2, found=5, company=1)
    assert options == Options(flip=True, refinement="none", people="all")
    rows = {id.removeprefix("dots/"): n for n, id in enumerate(found.people.ids)}
    left, right = persons((50, 60), (165, 85))
    for name, truth, where in (
        ("alone", right, right),
        ("brighter", left, left),
        ("dimmer", left, right),
    ):
        np.testing.assert_allclose(found.people.truth_px[rows[name]], truth, atol=1e-3)
        error = np.linalg.norm(found.people.joints_px[0, rows[name]] - where, axis=-1)
        assert error.max() < 6, name  # a dot's radius and half a cell, as in tests of the search
    assert np.isnan(found.people.joints_px[0, rows["nobody"]]).all()
    assert not found.people.confidence[0, rows["nobody"]].any()
    error = np.linalg.norm(found.people.joints_px[0] - found.people.truth_px, axis=-1)
    # The pelvis is not scored; of the longer side of the true box, 40 px, a tenth is allowed.
    right_ones = (error[:, :2] <= 0.1 * 40).sum()
    values = found.metrics["pck_box@0.1"]
    assert values["people"] == 4 and values["joints"] == 8
    assert values["total"] == pytest.approx(100 * right_ones / 8) and 0 < right_ones <= 4


def test_it_is_the_person_of_the_highest_score(folder, predictor):
    """Not the first of the list, whatever its order."""

    class Reversed:
        config, network, skeleton = predictor.config, predictor.network, predictor.skeleton
        decoding = predictor.decoding

        def predict_many(self, images, people):
            for result in predictor.predict_many(images, people=people):
                yield dataclasses.replace(result, people=result.people[::-1])

    expected = searching.evaluate_search(predictor, [folder])[0].people
    found = searching.evaluate_search(Reversed(), [folder])[0].people
    np.testing.assert_array_equal(found.joints_px, expected.joints_px)


def test_a_limit_leaves_the_surest(folder, predictor):
    """With two people at most nothing changes but what is counted, with the truth of others."""
    all_people = searching.evaluate_search(predictor, [folder])[0]
    two, _, searched = searching.evaluate_search(predictor, [folder], people=2)
    assert two.metrics == all_people.metrics and searched.found == 5
    by_box = evaluate_folders(predictor.network, predictor.config, [folder], Options())
    for field in ("ids", "truth_px", "state", "head_size_px", "crop_scale"):
        ours, theirs = (getattr(e.people, field) for e in (two, by_box))
        np.testing.assert_array_equal(ours, theirs, err_msg=field)


def test_images_are_read_one_after_the_other(folder):
    people = list(each_person(folder, "validation"))
    assert {p.image.shape for p in people} == {(150, 220, 3), (120, 90, 3)}
    assert sum(len(p.others) for p in people) == 1
    assert list(each_person(folder, "test")) == []


def test_evaluate_search_raises(folder, predictor):
    with pytest.raises(ValueError, match="make it from a checkpoint"):
        searching.evaluate_search(Predictor(Colors()), [folder])
    with pytest.raises(UsageError, match="split 'test'"):
        searching.evaluate_search(predictor, [folder], split="test")


def test_what_is_said_of_a_search():
    text = searching.Searched(9, 1, 2, 11, 3).text(SKELETONS["lsp14"].joints)
    assert text == (
        "search: nobody found in 1 of 9 images, more than one person in 2; 11 people in all\n"
        "in 3 images more than one person is annotated: there the surest may be another one"
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An untrained run on noise; its network finds nothing."""
    work = tmp_path_factory.mktemp("work")
    return write_run(work / "run", write_data(work / "data"), config=CONFIG)[0]


def test_the_command_scores_who_is_never_found(run, capfd, tmp_path):
    """All joints are missed, none is left out: tables, numbers, a file that can be compared."""
    preds = tmp_path / "search.json"
    call = caller(eval_command, capfd)
    status, output, error = call(f"--ckpt={run}", "--people=all", f"--write_predictions={preds}")
    assert status == 0, error
    said = "nothing found in 5 of 5 images, more than one object in 0; 0 objects in all"
    assert said in output and "5 objects in" in output
    with open(f"{run}/eval/validation-people-all.json") as file:
        record = json.load(file, parse_constant=lambda word: pytest.fail(word))
    values = record["metrics"]["pck_box@0.1"]
    assert values["total"] == 0 and values["people"] == 5 and values["joints"] == 20
    assert record["box"]["rule"] == "search" and record["passes"] is None and record["flip"]
    assert record["search"] == {
        **{"people": "all", "images": 5, "nobody": 5, "several": 0, "found": 0, "company": 0}
    }
    with open(f"{run}/eval/validation-people-all.md") as file:
        assert said in file.read()
    joints = json.loads(preds.read_text())["people"][0]["joints"]
    assert set(joints.values()) == {None}
    one = tmp_path / "one.json"
    assert call(f"--ckpt={run}", "--crop=middle", f"--write_predictions={one}")[0] == 0
    data = f"{run}/../data"
    status, output, error = call(f"--predictions={one},{preds}", f"--ground_truth={data}")
    assert status == 0, error
    assert "only search" in output


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--people=all", "--crop=middle"], ["--crop is not for --people=all"]),
        (["--people=2", "--passes=2"], ["--passes is not for --people=2"]),
        (["--people=all", "--plots={0}/plots"], ["--plots is not for --people=all"]),
        (["--people=all", "--scenes={0}"], ["--people is not for --scenes"]),
        (["--people=both"], ["--people=both", "a number from 1 on, or all"]),
        (["--people=0"], ["--people=0", "a number from 1 on, or all"]),
        (["--people=all", "--write_predictions={0}/a.txt"], ["has no known suffix"]),
    ],
)
def test_flags_that_do_not_go_with_a_search(tmp_path, capfd, arguments, words):
    arguments = [argument.format(tmp_path) for argument in arguments]
    status, _, error = caller(eval_command, capfd)(f"--ckpt={tmp_path}/run", *arguments)
    check_sentence(status, error, *words)


@pytest.mark.parametrize("flag", ["--people=all", "--scales=0.9,1.1", "--refinement=dark"])
def test_a_prediction_file_is_not_searched_nor_decoded(capfd, flag):
    status, _, error = caller(eval_command, capfd)("--predictions=a.mat", flag)
    name = flag.partition("=")[0]
    check_sentence(status, error, f"{name} goes with --ckpt, not with --predictions")
