"""PCK and PCKh against cases computed by hand and published scores of published predictions."""

import numpy as np
import pytest

from cpm.evaluation import pck, report, tables
from cpm.evaluation.predictions import Predictions
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers.animals import AP10K
from tests.helpers.published_files import CPM_ON_LSP, HOURGLASS_ON_MPII, published

LSP, MPII = SKELETONS["lsp14"], SKELETONS["mpii16"]


def person(skeleton, **positions):
    """`[1, P, 2]` truth and `[1, P]` state with only these joints annotated."""
    truth, state = np.zeros([1, len(skeleton), 2]), np.zeros([1, len(skeleton)], int)
    for joint, position in positions.items():
        truth[0, skeleton.index(joint)] = position
        state[0, skeleton.index(joint)] = 2
    return truth, state


def torso_of_ten():
    """Left shoulder and right hip 6 right, 8 down of each other: a torso of exactly 10 px."""
    return person(LSP, left_shoulder=(0, 0), right_hip=(6, 8), neck=(3, 0), left_wrist=(50, 50))


def test_pck_preset_on_the_line_is_correct():
    truth, state = torso_of_ten()
    predicted = truth.copy()
    predicted[0, LSP.index("left_wrist")] += (2.0, 0.0)  # exactly 0.2 torsos
    assert pck.pck(predicted, truth, state, LSP).total == 100.0
    predicted[0, LSP.index("left_wrist")] += (1e-9, 0.0)
    assert pck.pck(predicted, truth, state, LSP).total == 75.0


def test_pck_preset_rules():
    truth, state = torso_of_ten()
    state[0, LSP.index("neck")] = 1  # occluded: counts
    predicted = truth.copy()
    predicted[0, LSP.index("left_wrist")] = np.nan  # not predicted: wrong
    predicted[0, LSP.index("left_ankle")] = 999.0  # not annotated: ignored
    score = pck.pck(predicted, truth, state, LSP)
    assert score.total == 75.0
    assert score.counts["neck"] == 1 and score.per_joint["neck"] == 100.0
    assert score.counts["left_wrist"] == 1 and score.per_joint["left_wrist"] == 0.0
    assert score.counts["left_ankle"] == 0 and np.isnan(score.per_joint["left_ankle"])
    assert score.name == "pck@0.2" and score.people == 1


def test_pck_preset_without_a_torso_the_person_is_ignored():
    truth, state = torso_of_ten()
    state[0, LSP.index("right_hip")] = 0
    assert pck.pck(truth, truth, state, LSP).people == 0
    truth, state = torso_of_ten()
    truth[0, LSP.index("right_hip")] = (0, 0)  # both ends in one place
    score = pck.pck(truth, truth, state, LSP)
    assert score.people == 0 and np.isnan(score.total)


def test_pck_preset_skeleton_without_a_torso():
    headless = SKELETONS["coco17"]
    truth, state = person(headless, left_shoulder=(0, 0), right_hip=(3, 4))
    assert pck.torso_lengths(truth, state, headless).tolist() == [5.0]


CAT = own_skeleton(["nose", "left_ear", "right_ear", "tail"])


def cat():
    """Three joints in a box of 40 × 20 pixels, the tail unannotated."""
    return person(CAT, nose=(10, 10), left_ear=(50, 20), right_ear=(30, 30))


def test_pck_box_preset():
    """0.1 of the longer side of the true joints' box: 4 px."""
    truth, state = cat()
    predicted = truth.copy()
    predicted[0, 0] += (0, 4)  # on the line
    predicted[0, 1] += (0, 4.001)
    predicted[0, 3] = np.nan  # unannotated: does not count
    found = pck.pck_box(predicted, truth, state, CAT)
    assert found.name == "pck_box@0.1" and found.total == pytest.approx(200 / 3)
    assert pck.pck_box(predicted, truth, state, CAT, alpha=0.11).total == 100.0
    state[0, 1:] = 0  # one joint has no size
    assert np.isnan(pck.pck_box(predicted, truth, state, CAT).total)


def test_pck_box_leaves_people_to_their_own_metrics():
    truth, state = torso_of_ten()
    assert np.isnan(pck.pck_box(truth, truth, state, LSP).total)


def test_report_of_an_own_skeleton_shows_its_own_joints():
    """No column of a body part that it lacks, and it is compared by the size of its box."""
    truth, state = cat()
    found = Predictions(
        ids=("a",),
        joints_px=truth[np.newaxis] + 1.0,
        confidence=np.ones([1, 1, 4]),
        truth_px=truth,
        state=state,
        head_size_px=np.array([np.nan]),
        crop_scale=np.array([1.0]),
    )
    metrics = report.score(found, CAT, resamples=0)
    assert report.main_metric(metrics) == "pck_box@0.1"
    text = tables.full_report(metrics, report.curves(found, CAT))
    head = text.splitlines()[0]
    assert "left_ear" in head and "tail" in head and "Sho" not in text
    source = tables.source_table("pck_box@0.1", {"x": metrics})
    assert "right_ear" in source.splitlines()[0]
    assert "pck_box@0.1 100.0 %" in report.one_line(metrics)


def test_no_joint_of_an_animal_is_left_out_of_the_columns():
    """AP-10K's joints are mostly called like a person's; a dog has paws and a tail, too."""
    for skeleton, expected in (
        (AP10K, ()),  # too many for a column each
        (own_skeleton(AP10K.joints[3:9]), AP10K.joints[3:9]),
        (LSP, ("Head", "Sho", "Elb", "Wri", "Hip", "Kne", "Ank")),
        (SKELETONS["coco17"], ("Head", "Sho", "Elb", "Wri", "Hip", "Kne", "Ank")),
    ):
        values = {"per_joint": dict.fromkeys(skeleton.joints, 50.0), "groups": {}}
        assert tuple(tables.columns_of("pck@0.2", values)) == expected


def test_pckh_preset():
    # Head size 10. Errors 5 (correct, on the line), 5.1 (wrong) and 0 of a joint that is no
    # official one (ignored); the second person's head is unknown (ignored).
    truth, state = person(MPII, head_top=(0, 0), left_knee=(90, 90), pelvis=(40, 40))
    predicted = truth + 0.0
    predicted[0, MPII.index("head_top")] += (3.0, 4.0)
    predicted[0, MPII.index("left_knee")] += (5.1, 0.0)
    score = pck.pckh(
        np.concatenate([predicted, predicted]),
        np.concatenate([truth, truth]),
        np.concatenate([state, state]),
        np.array([10.0, 0.0]),
        MPII,
    )
    assert score.total == 50.0 and score.people == 1
    assert score.counts["pelvis"] == 0
    assert score.groups == {"Head": 100.0, "Kne": 0.0}


def test_pckh_auc_preset():
    # One joint, error 0.25 of the head: wrong below, right from 0.25 on. Trapezoids of width
    # 0.01 over [0, 0.5]: half of the one that ends at 0.25, and all 25 after it.
    truth, state = person(MPII, left_knee=(0, 0))
    predicted = truth + np.array([2.5, 0.0])
    score = pck.pckh_auc(predicted, truth, state, np.array([10.0]), MPII)
    assert score.total == pytest.approx(100 * (0.5 + 25) / 50, abs=1e-10)


def test_auc_random_is_the_area_under_the_curve(seeded):
    generator = seeded(3)
    truth = generator.uniform(0, 200, [40, 16, 2])
    predicted = truth + generator.normal(0, 6, truth.shape)
    state = generator.integers(0, 3, [40, 16])
    head = generator.uniform(15, 40, 40)
    score = pck.pckh_auc(predicted, truth, state, head, MPII)
    errors = pck.normalized_errors(predicted, truth, state, head, MPII)
    percent = pck.curve(errors, pck.PCKH_THRESHOLDS)
    # Independent: NumPy's trapezoid rule over the pooled curve.
    assert score.total == pytest.approx(np.trapezoid(percent, pck.PCKH_THRESHOLDS) / 0.5, abs=1e-9)


def test_thresholds_preset_are_the_decimal_numbers():
    assert pck.PCKH_THRESHOLDS.tolist() == [float(f"{k / 100:.2f}") for k in range(51)]
    assert pck.PCK_THRESHOLDS[-1] == 0.2 and len(pck.PCK_THRESHOLDS) == 21


@pytest.mark.parametrize(
    "change, message",
    [
        ({"predicted": np.zeros([1, 13, 2])}, "predicted should be"),
        ({"truth": np.zeros([1, 14, 3])}, "truth should be"),
        ({"state": np.zeros([2, 14])}, "state should be"),
        ({"reference": np.ones(2)}, "reference should be"),
    ],
)
def test_normalized_errors_raises(change, message):
    truth, state = torso_of_ten()
    arguments = {"predicted": truth, "truth": truth, "state": state}
    arguments |= {"reference": np.ones(1), "skeleton": LSP} | change
    with pytest.raises(ValueError, match=message):
        pck.normalized_errors(**arguments)


def test_published_cpm_on_lsp():
    """CPM trained on LSP and LSPet: PCK@0.2 84.3, AUC 59.3 (computed from the authors' file)."""
    people, skeleton = published("lsp", CPM_ON_LSP)
    predicted, truth, state = people.joints_px[-1], people.truth_px, people.state
    score = pck.pck(predicted, truth, state, skeleton)
    assert score.total == pytest.approx(84.3, abs=0.05)
    expected = [96.8, 87.1, 80.4, 75.1, 86.5, 83.2, 81.2]
    assert list(score.groups.values()) == pytest.approx(expected, abs=0.0501)
    auc = pck.pck_auc(predicted, truth, state, skeleton)
    assert auc.total == pytest.approx(59.3, abs=0.05)


def test_published_hourglass_on_mpii():
    """Two-stack hourglass, 2,958 validation people: 87.30 pooled, 86.76 unweighted, 23.9 @0.1."""
    people, skeleton = published("mpii", HOURGLASS_ON_MPII)
    arguments = (
        people.joints_px[-1],
        people.truth_px,
        people.state,
        people.head_size_px,
        skeleton,
    )
    score = pck.pckh(*arguments)
    assert score.total == pytest.approx(87.30, abs=0.005)
    assert score.people == 2958
    assert score.mean == pytest.approx(86.76, abs=0.005)
    assert pck.pckh(*arguments, threshold=0.1).total == pytest.approx(23.9, abs=0.05)
    assert pck.pckh_auc(*arguments).total == pytest.approx(57.4, abs=0.05)


@pytest.mark.parametrize(
    "protocol, files, numbers",
    [
        ("lsp", CPM_ON_LSP, ["84.3", "59.3", "81.4", "86.2"]),
        ("mpii", HOURGLASS_ON_MPII, ["87.30", "86.76", "23.9", "57.4"]),
    ],
)
def test_published_numbers_are_printed(protocol, files, numbers):
    people, skeleton = published(protocol, files)
    metrics = report.score(people, skeleton, resamples=2)
    text = tables.full_report(metrics, report.curves(people, skeleton))
    cells = {cell.strip() for line in text.splitlines() for cell in line.split("|")}
    assert cells >= set(numbers)
