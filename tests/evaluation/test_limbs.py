"""PCP of limbs against cases computed by hand and the published score of a published file."""

import numpy as np
import pytest

from cpm.evaluation import report
from cpm.evaluation.limbs import LIMB_METRICS, STICKS, limb_pcp, stick_errors
from cpm.skeleton import SKELETONS
from tests.helpers.published_files import CPM_ON_LSP, published

LSP, MPII, COCO = (SKELETONS[name] for name in ("lsp14", "mpii16", "coco17"))


def person(**positions):
    """`[1, 14, 2]` truth and `[1, 14]` state with only these joints annotated."""
    truth, state = np.zeros([1, 14, 2]), np.zeros([1, 14], int)
    for joint, position in positions.items():
        truth[0, LSP.index(joint)] = position
        state[0, LSP.index(joint)] = 2
    return truth, state


def shin():
    """A single stick, 10 px long: each end may be off by 5."""
    return person(left_knee=(20, 20), left_ankle=(26, 28))


def both(predicted, truth, state, skeleton=LSP):
    """Totals of strict and of average PCP."""
    return tuple(
        limb_pcp(predicted, truth, state, skeleton, kind=kind).total
        for kind in ("strict", "average")
    )


@pytest.mark.parametrize(
    "knee, ankle, expected",
    [
        ((0, 0), (0, 0), (100.0, 100.0)),
        ((3, 4), (0, 0), (100.0, 100.0)),  # on the line
        ((3, 4), (4, 3), (100.0, 100.0)),  # both ends on it
        ((0, 10), (0, 0), (0.0, 100.0)),  # one end out, the mean exactly 5
        ((0, 10), (0.001, 0), (0.0, 0.0)),
        ((6, 0), (0, 1), (0.0, 100.0)),
        ((np.nan, 0), (0, 0), (0.0, 0.0)),  # not predicted: wrong, not skipped
    ],
)
def test_limb_pcp_preset(knee, ankle, expected):
    truth, state = shin()
    predicted = truth.copy()
    predicted[0, LSP.index("left_knee")] += knee
    predicted[0, LSP.index("left_ankle")] += ankle
    assert both(predicted, truth, state) == expected


def test_limb_pcp_preset_counts():
    truth, state = shin()
    state[0, LSP.index("left_ankle")] = 1  # occluded: counts
    score = limb_pcp(truth, truth, state, LSP)
    assert score.people == 1 and score.counts == {
        stick: int(stick == "left_lower_leg") for stick in STICKS
    }
    assert score.groups == {"L.leg": 100.0} and score.name == "pcp_strict"
    state[0, LSP.index("left_ankle")] = 0  # an absent end: ignored
    assert limb_pcp(truth, truth, state, LSP).people == 0
    truth, state = person(left_knee=(20, 20), left_ankle=(20, 20))  # no length: ignored
    assert np.isnan(limb_pcp(truth, truth, state, LSP).total)


def test_limb_pcp_preset_torso_joins_the_middles():
    """Hips around (50, 100), shoulders around (50, 60): 40 long, limit 20."""
    truth, state = person(
        left_hip=(60, 100), right_hip=(40, 100),
        left_shoulder=(70, 60), right_shoulder=(30, 60),
    )  # fmt: skip
    _, length, counted = stick_errors(truth, truth, state, LSP)
    torso = list(STICKS).index("torso")
    assert counted.sum() == 1 and counted[0, torso] and length[0, torso] == 40
    predicted = truth[:, LSP.mirror]  # sides exchanged: the middles stay
    assert both(predicted, truth, state) == (100.0, 100.0)
    predicted[0, LSP.index("left_hip")] += (41.0, 0.0)  # moves their middle by 20.5
    assert both(predicted, truth, state) == (0.0, 100.0)
    state[0, LSP.index("left_hip")] = 0
    assert limb_pcp(truth, truth, state, LSP).people == 0


def test_limb_pcp_preset_goes_by_names():
    """MPII's upper neck is LSP's neck; COCO has neither a neck nor a head top."""
    for skeleton, sticks in ((LSP, 10), (MPII, 10), (COCO, 9)):
        truth = np.random.default_rng(0).uniform(0, 200, [3, len(skeleton), 2])
        state = np.full([3, len(skeleton)], 2)
        score = limb_pcp(truth, truth, state, skeleton)
        assert sum(score.counts.values()) == 3 * sticks and score.total == 100.0


def test_limb_pcp_random(seeded):
    """Against loops over people and sticks, written from the definition."""
    generator = seeded(4)
    truth = generator.uniform(0, 100, [50, 14, 2])
    predicted = truth + generator.normal(0, 12, truth.shape)
    predicted[generator.random([50, 14]) < 0.1] = np.nan
    state = generator.choice([0, 1, 2, 2, 2], [50, 14])
    right = {"strict": [], "average": []}
    for n in range(50):
        for ends in STICKS.values():
            joints = [[LSP.index(joint) for joint in end] for end in ends]
            if any(state[n, p] == 0 for end in joints for p in end):
                continue
            a, b = (np.mean([truth[n, p] for p in end], 0) for end in joints)
            c, d = (np.mean([predicted[n, p] for p in end], 0) for end in joints)
            limit, e1, e2 = (
                np.hypot(*(a - b)) / 2,
                np.hypot(*(a - c)),
                np.hypot(*(b - d)),
            )
            right["strict"].append(e1 <= limit and e2 <= limit)
            right["average"].append((e1 + e2) / 2 <= limit)
    assert 20 < 100 * np.mean(right["strict"]) < 90  # the case decides something
    for kind, credit in right.items():
        score = limb_pcp(predicted, truth, state, LSP, kind=kind)
        assert sum(score.counts.values()) == len(credit)
        assert score.total == pytest.approx(100 * np.mean(credit), abs=1e-9)


def test_limb_pcp_raises():
    truth, state = shin()
    with pytest.raises(ValueError, match="kind should be one of strict, average"):
        limb_pcp(truth, truth, state, LSP, kind="loose")
    with pytest.raises(ValueError, match="predicted should be"):
        limb_pcp(truth[:, :3], truth, state, LSP)


def test_published_cpm_on_lsp():
    """CPM trained on LSP and LSPet: strict 81.4, average 86.2 (computed from the authors' file)."""
    people, skeleton = published("lsp", CPM_ON_LSP)
    metrics = report.score(people, skeleton, resamples=100)
    for name, expected in zip(LIMB_METRICS, (81.4, 86.2), strict=True):
        values = metrics[name]
        assert values["total"] == pytest.approx(expected, abs=0.05)
        assert values["people"] == 1000
        assert values["joints"] == 9999  # one person's limb has no length
        low, high = values["interval"]
        assert low < values["total"] < high < low + 4
