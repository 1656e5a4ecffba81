"""Layouts that fit in shape only are refused with the finding; bad predictions as such are not."""

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.prediction_files.layout_checks import best_order, check_layout, nearness, sizes
from cpm.skeleton import SKELETONS
from tests.helpers.published_files import CPM_ON_LSP, HOURGLASS_ON_MPII, published

LSP = SKELETONS["lsp14"]
RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0, 200, [40, 14, 2]) * [1, 1.5]


def people(predicted, state=2, truth=TRUTH):
    n = len(predicted)
    return Predictions(
        ids=tuple(f"lsp/{k}" for k in range(n)),
        joints_px=np.asarray(predicted, float)[np.newaxis],
        confidence=np.ones([1, n, 14]),
        truth_px=truth[:n],
        state=np.broadcast_to(state, [n, 14]).copy(),
        head_size_px=np.zeros(n),
        crop_scale=np.full(n, np.nan),
    )


def noisy(predicted):
    """A method that finds two joints in three."""
    wrong = RNG.uniform(size=predicted.shape[:2]) < 1 / 3
    return np.where(wrong[..., np.newaxis], RNG.uniform(0, 200, predicted.shape), predicted)


@pytest.mark.parametrize(
    "predicted",
    [
        TRUTH,
        noisy(TRUTH),
        TRUTH + 60,
        np.full_like(TRUTH, 100.0),
        np.full_like(TRUTH, np.nan),
        RNG.uniform(0, 250, TRUTH.shape),
        TRUTH[:1],
    ],
    ids=["exact", "noisy", "shifted", "one point", "nothing", "random", "one person"],
)
def test_check_layout_preset_passes(predicted):
    assert check_layout(people(predicted), LSP, "a.mat") == []


@pytest.mark.parametrize(
    "predicted, message",
    [
        (noisy(TRUTH)[:, ::-1], r"joints in another order .*right_ankle lies at head_top"),
        (noisy(TRUTH)[..., ::-1], r"as \(y, x\), not as \(x, y\)"),
        (np.roll(TRUTH, 1, 0), "people in another order than the truth: 100%"),
        (TRUTH / 300, "positions up to about 0.9.*, the truth up to 2"),
        (TRUTH * 8, "expected pixels of the original images"),
    ],
)  # fmt: skip
def test_check_layout_raises(predicted, message):
    with pytest.raises(UsageError, match=message):
        check_layout(people(predicted), LSP, "a.mat")


def test_check_layout_preset_people_with_missing_joints_are_found_elsewhere():
    predicted = np.roll(TRUTH, 1, 0)
    predicted[:, 6:8] = np.nan
    with pytest.raises(UsageError, match="people in another order"):
        check_layout(people(predicted), LSP, "a.mat")


def test_check_layout_preset_mirrored_is_a_warning():
    (warning,) = check_layout(people(noisy(TRUTH)[:, LSP.mirror]), LSP, "a.mat")
    assert "left and right exchanged" in warning


class TestLookalikes:
    """One person in nearly the same place in every image, as before a fixed camera."""

    ALIKE = TRUTH[:1] + RNG.uniform(0, 5, TRUTH.shape)

    def test_joints_that_nobody_predicts_are_not_compared(self):
        predicted = self.ALIKE + 1
        predicted[:, 2:4] = np.nan
        assert check_layout(people(predicted, truth=self.ALIKE), LSP, "a.json") == []

    def test_joints_that_nobody_has_together_are_not_compared(self):
        """Of two people the one has the first seven joints, the other the rest."""
        predicted, state = TRUTH[:2].copy(), np.full([2, 14], 2)
        for person, absent in ((0, slice(7, None)), (1, slice(7))):
            predicted[person, absent], state[person, absent] = np.nan, 0
        assert check_layout(people(predicted, state), LSP, "a.npz") == []

    def test_ids_decide_who_is_who(self):
        """Though everybody's prediction lies on somebody else."""
        predicted = np.roll(TRUTH, 1, 0)
        assert check_layout(people(predicted), LSP, "a.json", people_named=True) == []

    def test_names_decide_which_joint_is_which(self):
        named = {"joints_named": True, "people_named": True}
        assert check_layout(people(TRUTH[:, ::-1]), LSP, "a.json", **named) == []


def test_nearness_and_best_order():
    moved = TRUTH[:, [1, 2, 0, *range(3, 14)]]
    state = np.full([40, 14], 2)
    state[:, 13] = 0
    near = nearness(moved, people(moved, state))
    assert near[0, 1] == near[1, 2] == near[2, 0] == near[5, 5] == 1
    assert np.isnan(near[:, 13]).all()
    assert best_order(near).tolist() == [1, 2, 0, *range(3, 14)]


def test_nearness_of_a_joint_that_only_some_predict():
    """It counts where it was predicted: half of the people do, all of them right."""
    predicted = TRUTH.copy()
    predicted[::2, 3] = np.nan
    predicted[:, 4] = np.nan
    near = nearness(predicted, people(predicted))
    assert near[3, 3] == 1 and np.isnan(near[4]).all()


def test_sizes():
    state = np.zeros([40, 14])
    state[0, :2] = 1
    found = sizes(people(TRUTH, state))
    assert found[0] == np.abs(TRUTH[0, 0] - TRUTH[0, 1]).max()
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("protocol, names", [("lsp", CPM_ON_LSP), ("mpii", HOURGLASS_ON_MPII)])
def test_check_layout_of_published_files(protocol, names):
    """As they are they pass; their joints turned round, or their people, they do not."""
    found, skeleton = published(protocol, names)
    assert check_layout(found, skeleton, "a.mat") == []
    for axis, message in ((1, "people in another order"), (2, "joints in another")):
        turned = np.flip(found.joints_px, axis)
        with pytest.raises(UsageError, match=message):
            check_layout(Predictions(**(vars(found) | {"joints_px": turned})), skeleton, "a")
