"""OKS and average precision: hand-computed cases, and COCO's own code where it is installed."""

import contextlib
import io

import numpy as np
import pytest

from cpm.evaluation.oks import average_precision, joint_sigmas, match, oks
from cpm.skeleton import SKELETONS, own_skeleton

LSP, COCO = SKELETONS["lsp14"], SKELETONS["coco17"]
# cocoeval.py: .26 .25 .25 .35 .35 .79 .79 .72 .72 .62 .62 1.07 1.07 .87 .87 .89 .89, over 10.
OF_COCO = [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062]
OF_COCO += [0.107, 0.107, 0.087, 0.087, 0.089, 0.089]


def test_joint_sigmas_preset():
    assert joint_sigmas(COCO).tolist() == OF_COCO
    legs, arms = [0.089, 0.087, 0.107, 0.107, 0.087, 0.089], [0.062, 0.072, 0.079]
    assert joint_sigmas(LSP).tolist() == [*legs, *arms, *arms[::-1], 0.079, 0.079]
    assert joint_sigmas(SKELETONS["mpii16"]).tolist()[6:10] == [0.107, 0.079, 0.079, 0.079]


def test_joint_sigmas_raises():
    with pytest.raises(ValueError, match="no OKS is defined for the joint 'tail'"):
        joint_sigmas(own_skeleton(["nose", "tail"]))


def test_oks_by_hand():
    """σ = 0.1 and an area of 100: a joint 2 px off is worth exp(−4 / (2 · 100 · 0.04)) = e^−½."""
    truth = np.broadcast_to([[[50.0]], [[80.0]]], [2, 3, 2])
    state = np.array([[2, 1, 0], [0, 0, 0]])
    found = np.stack([truth[0], truth[0] + [2, 0], truth[0]])
    found[0, 2] = 999.0  # unlabeled in the truth
    found[2, 1] = np.nan
    expected = [[1.0, np.exp(-0.5), 0.5], [0.0, 0.0, 0.0]]
    got = oks(truth, state, [100.0, 100.0], found, [0.1] * 3)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_oks_of_nobody():
    nobody, some = np.zeros([0, 14, 2]), np.zeros([3, 14, 2])
    sigmas = joint_sigmas(LSP)
    assert oks(nobody, np.zeros([0, 14]), [], some, sigmas).shape == (0, 3)
    assert oks(some, np.ones([3, 14]), [1, 1, 1], nobody, sigmas).shape == (3, 0)


def test_match_is_greedy_by_score():
    """The surest takes the best for itself, though the other fits it better; then what is free."""
    similarity = np.array([[0.8, 0.9], [0.7, 0.6]])
    assert match(similarity, [0.9, 0.5], [0.5, 0.65]).tolist() == [[0, 1], [0, -1]]
    assert match(similarity, [0.5, 0.9], [0.5, 0.65]).tolist() == [[1, 0], [1, 0]]
    assert match(np.zeros([0, 2]), [1, 2], [0.5]).tolist() == [[-1, -1]]
    # On the line, and OKS 1 at threshold 1, is a match.
    assert match(np.array([[0.5]]), [1.0], [0.5]).tolist() == [[0]]
    assert match(np.array([[1 - 1e-11]]), [1.0], [1.0]).tolist() == [[0]]


def test_average_precision_by_hand():
    """Two true people and three found: right, wrong, right (OKS 0.72), by falling score.

    At OKS 0.5 the precision is 1 up to recall 0.5 (51 of the 101 recalls) and 2/3 beyond (50).
    From 0.75 on the third is wrong too: precision 1 for 51 recalls, none beyond. So 5 of the
    10 thresholds (0.50 … 0.70) are of the first kind and 5 of the second.
    """
    images = [
        (np.array([[0.99, 0.1]]), [0.9, 0.8]),
        (np.array([[0.72]]), [0.7]),
    ]
    low, high = (51 + 50 * 2 / 3) / 101, 51 / 101
    expected = {"ap": (low + high) / 2, "ap50": low, "ap75": high, "ar": (5 * 1 + 5 * 0.5) / 10}
    got = average_precision(images)
    assert got == pytest.approx({name: 100 * value for name, value in expected.items()})


def test_average_precision_extremes():
    perfect = [(np.eye(3), [0.1, 0.2, 0.3]), (np.zeros([0, 0]), [])]
    assert average_precision(perfect) == pytest.approx(
        dict.fromkeys(("ap", "ap50", "ap75", "ar"), 100)
    )
    nobody_found = [(np.zeros([3, 0]), [])]
    assert set(average_precision(nobody_found).values()) == {0.0}
    nobody_there = [(np.zeros([0, 2]), [0.5, 0.5])]
    assert np.isnan(list(average_precision(nobody_there).values())).all()


def test_average_precision_counts_the_surest_20_of_an_image():
    """Twenty wrong people before the right one: COCO does not look at it any more."""
    similarity = np.zeros([1, 21])
    similarity[0, 20] = 1.0
    scores = np.linspace(1.0, 0.5, 21)
    assert average_precision([(similarity, scores)])["ap"] == 0
    assert average_precision([(similarity[:, 1:], scores[1:])])["ap"] > 0


@pytest.mark.parametrize("skeleton", [LSP, COCO], ids=["lsp14", "coco17"])
def test_average_precision_equals_pycocotools(seeded, skeleton):
    """Random people, some found twice, some not at all, equal scores included."""
    pytest.importorskip("pycocotools", reason="pycocotools is not installed: no second opinion")
    rng = seeded(4)
    joints = len(skeleton)
    truth, found = [], []
    for _ in range(30):
        people = rng.integers(0, 5)
        centers = rng.uniform(0, 400, [people, 1, 2])
        joints_px = centers + rng.normal(scale=30, size=[people, joints, 2])
        state = rng.choice([0, 1, 2], [people, joints], p=[0.2, 0.2, 0.6])
        state[:, 0] = 2  # COCO ignores people without labels
        truth.append((joints_px, state, rng.uniform(2e3, 2e4, people)))
        rows = rng.integers(0, max(people, 1), rng.integers(0, 2 * people + 1))
        noise = rng.choice([2.0, 8.0, 20.0], [len(rows), 1, 1])
        where = joints_px[rows] + noise * rng.normal(size=[len(rows), joints, 2])
        found.append((where, rng.integers(0, 20, len(rows)) / 20))
    sigmas = joint_sigmas(skeleton)
    images = [(oks(*t, f[0], sigmas), f[1]) for t, f in zip(truth, found, strict=True)]
    expected = pycocotools_summary(truth, found, sigmas)
    got = average_precision(images)
    for name, value in expected.items():
        # The same sums of up to 1010 numbers, in another order.
        assert got[name] == pytest.approx(100 * value, rel=1e-12), name
    assert 10 < got["ap"] < 90


def pycocotools_summary(truth, found, sigmas):
    """{ap, ap50, ap75, ar} as fractions."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def keypoints(joints_px, third):
        return (
            np.concatenate([joints_px, np.broadcast_to(third, (len(sigmas), 1))], 1)
            .ravel()
            .tolist()
        )

    annotations, results = [], []
    for image, ((joints_px, state, area), (where, score)) in enumerate(
        zip(truth, found, strict=True)
    ):
        for n in range(len(state)):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0}
                | {
                    "area": area[n],
                    "bbox": [0, 0, 10, 10],
                    "num_keypoints": int((state[n] > 0).sum()),
                }
                | {"keypoints": keypoints(joints_px[n], state[n][:, None])}
            )
        for n in range(len(score)):
            results.append(
                {"image_id": image, "category_id": 1, "score": score[n]}
                | {"keypoints": keypoints(where[n], [[1]])}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {
            "images": [{"id": n} for n in range(len(truth))],
            "categories": [{"id": 1}],
            "annotations": annotations,
        }
        gt.createIndex()
        run = COCOeval(gt, gt.loadRes(results), "keypoints")
        run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(("ap", "ap50", "ap75"), run.stats[:3], strict=True)) | {"ar": run.stats[5]}
