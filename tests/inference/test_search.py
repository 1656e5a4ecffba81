"""A search for everybody, with a network that sees people of three colored points."""

import numpy as np
import pytest

from cpm import geometry
from cpm.inference import search
from cpm.inference.predictor import Predictor
from cpm.skeleton import own_skeleton
from tests.helpers.colored_dots import HEIGHT, MIDLINE, POSE, WIDTH, Colors, image_of, persons


@pytest.fixture(scope="module")
def predictor():
    return Predictor(Colors(), refinement="none")


def matched(found, truth, size=1.0):
    """For each person found the number of the true one; fails if it is near none.

    A joint may be found anywhere in its dot, whose radius is 4 px at size 1, and not in the middle
    of its cell: a person of 40 px gets a crop of 60, whose cells are 60 · 4 / 64 = 3.8 px wide.
    """
    tolerance_px = (4.0 + 3.8 / 2) * size
    numbers = []
    for person in found:
        errors = [np.linalg.norm(person.joints_px - t, axis=-1).max() for t in truth]
        assert min(errors) < tolerance_px, errors
        numbers.append(int(np.argmin(errors)))
    return numbers


def test_everybody_is_found_once(predictor):
    truth = persons((40, 50), (95, 80), (175, 95))
    found = search.find_people(predictor, image_of(*truth))
    assert sorted(matched(found, truth)) == [0, 1, 2]
    scores = [person.score for person in found]
    assert scores == sorted(scores, reverse=True) and 0 < scores[-1] <= scores[0] <= 1
    x, y, width, height = found[0].box
    low, high = found[0].joints_px.min(0), found[0].joints_px.max(0)
    np.testing.assert_allclose([x, y, width, height], [*low, *(high - low + 1)])


def test_people_of_different_sizes(predictor):
    truth = [*persons((50, 75), size=2.0), *persons((180, 50), size=0.8)]
    found = search.find_people(predictor, image_of(*truth))
    assert sorted(matched(found, truth, size=2.0)) == [0, 1]


@pytest.mark.parametrize("center", [(12, 24), (207, 24), (12, 125), (207, 125)])
def test_people_at_the_edges(predictor, center):
    truth = persons(center)
    found = search.find_people(predictor, image_of(*truth))
    assert matched(found, truth) == [0]


def test_nobody_is_a_result(predictor):
    assert search.find_people(predictor, image_of()) == []


def test_a_limit_takes_the_surest(predictor):
    image = image_of(*persons((40, 50), (95, 80), (175, 95)))
    everybody = search.find_people(predictor, image)
    assert search.find_people(predictor, image, limit=2) == everybody[:2]
    assert predictor(image, people=2).people == tuple(everybody[:2])
    assert len(predictor(image, people="all")) == 3


def test_small_and_narrow_images(predictor):
    """Whatever the size, there are windows, and an answer."""
    for height, width in ((1, 1), (3, 200), (200, 3)):
        assert search.find_people(predictor, image_of(height=height, width=width)) == []


@pytest.mark.parametrize(
    ("height", "width"), [(480, 640), (640, 480), (250, 900), (1, 1), (37, 1000)]
)
def test_windows_cover_the_image(height, width):
    """Somebody half as large as a window is near the center of one, wherever in the image."""
    regions = search.windows(height, width)
    sides = sorted({region.side_px for region in regions}, reverse=True)
    assert sides[0] == max(height, width) and len(sides) >= search.LEVELS
    shorter = max(min(height, width), max(height, width) / 4)
    assert sides[-1] == shorter * search.SHRINK ** (search.LEVELS - 1)
    assert len(regions) <= 180  # the longest strips have the most
    rng = np.random.default_rng(0)
    for side_px in sides:
        centers = np.array([r.center_px for r in regions if r.side_px == side_px])
        low = np.minimum(side_px / 4, np.array([width, height]) / 2) - 0.5
        high = np.array([width, height]) - 1 - low
        for person in rng.uniform(low, high, [50, 2]):
            offset = np.abs(centers - person).max(-1).min()
            assert offset <= search.STEP / 2 * side_px + 1e-9


def test_a_pose_made_of_others_joints_is_nobody():
    """Two people, one of them found twice, and a surer mix of both."""
    one, two = persons((50, 50), (150, 50))
    mix = np.stack([one[0], two[1], one[2]])
    joints_px = np.stack([one, two, one + 1.0, mix])
    confidence = np.float64([[0.9] * 3, [0.6] * 3, [0.8] * 3, [0.7] * 3])
    rows, scores = search.different_people(joints_px, confidence, 0.1)
    assert rows[:2] == [0, 1]
    np.testing.assert_allclose(scores, [0.9, 0.6])


def test_distinct_poses():
    """The surest of those that agree in most joints."""
    one, two = persons((50, 50), (150, 50))
    mix = np.stack([one[0], two[1], two[2] + 30.0])
    joints_px = np.stack([one, mix, two, one + 1.0])
    confidence = np.float64([[0.7] * 3, [0.9] * 3, [0.8] * 3, [0.6] * 3])
    assert search.distinct(joints_px, confidence, np.full(4, True)) == [1, 2, 0]
    assert search.distinct(joints_px, confidence, confidence.mean(-1) >= 0.75) == [1, 2]


def test_passes_of_a_search_are_few():
    """One call for all windows, and one for each further pass at the candidates."""
    calls = []

    class Counting:
        skeleton, threshold, margin = MIDLINE, 0.0, 1.25

        def poses(self, images, regions, *, plain=False):
            calls.append((len(images), plain))
            joints_px = np.array([np.array(r.center_px) + r.side_px / 60 * POSE for r in regions])
            return joints_px, np.full([len(regions), 3], 0.9, np.float32)

    search.find_people(Counting(), image_of())
    count = len(search.windows(HEIGHT, WIDTH))
    assert calls[0] == (count, True) and not calls[-1][1]
    assert len(calls) == 1 + search.PASSES
    assert all(size <= search.CANDIDATES for size, _ in calls[1:])


def test_an_image_of_nobody_costs_one_pass_a_window():
    """Poses that are less sure than a person would be are not followed."""
    calls = []

    class Unsure:
        skeleton, threshold, margin = MIDLINE, 0.6, 1.25

        def poses(self, images, regions, *, plain=False):
            calls.append(len(images))
            count = len(regions)
            return np.zeros([count, 3, 2]), np.full([count, 3], 0.4, np.float32)

    assert search.find_people(Unsure(), image_of()) == []
    assert calls[0] > 0 and not any(calls[1:])


def test_windows_of_a_square_image_begin_with_all_of_it():
    first = search.windows(100, 100)[0]
    assert first == geometry.CropRegion((49.5, 49.5), 100.0)


class Moves:
    """Answers that are written down: the last pass at the second person gives the first one."""

    threshold, margin, skeleton = 0.5, 1.2, MIDLINE

    def __init__(self, people):
        self._people = people

    def poses(self, images, regions, *, plain=False):
        joints_px = np.stack([self._nearest(region, plain) for region in regions])
        sure = np.array([0.9, 0.7])
        rows = [int(np.array_equal(pose, self._people[1])) for pose in joints_px]
        return joints_px, np.repeat(sure[rows][:, np.newaxis], 3, axis=1).astype(np.float32)

    def _nearest(self, region, plain):
        if not plain:
            return self._people[0]
        distance = [np.linalg.norm(p.mean(0) - region.center_px) for p in self._people]
        return self._people[int(np.argmin(distance))]


def test_somebody_whom_the_last_pass_left_for_a_neighbor_is_still_found():
    people = persons((50, 75), (170, 75))
    found = search.find_people(Moves(people), image_of(*people))
    assert matched(found, people) == [0, 1]
    assert found[0].score == pytest.approx(0.9)
    # The confidence is what the pass gave; the score tells that it was not the last one.
    np.testing.assert_allclose(found[1].confidence, 0.7)
    assert found[1].score == pytest.approx(search.EARLIER * 0.7)


class Point(Colors):
    """The same, of the red dots alone."""

    skeleton = own_skeleton(["point"])

    def __call__(self, images, center_px, *, training=False, seed=None):
        return (super().__call__(images, center_px)[0][..., :1],)


def test_single_keypoints_are_found_once_each():
    """They have no extent: nearness is measured by the windows that they were found in."""
    predictor = Predictor(Point(), refinement="none")
    truth = persons((40, 50), (95, 80), (175, 95))
    found = search.find_people(predictor, image_of(*truth))
    assert len(found) == 3
    for person in found:
        errors = [np.linalg.norm(person.joints_px[0] - t[0]) for t in truth]
        assert min(errors) < 10
        x, y, width, height = person.box
        middle = x + (width - 1) / 2, y + (height - 1) / 2
        np.testing.assert_allclose(middle, person.joints_px[0])
        assert width == height > 20  # of the window


BODY = np.float64([[0, 0], [10, 20], [-10, 20], [5, 60], [-5, 60]])


def part(joints_px, certain, confidence=0.9):
    """Candidates of many joints: `[N, P, 2]`, confidences where they are certain, else 0.1."""
    certain = np.asarray(certain, bool)
    possible = certain.sum(-1) >= 2
    return np.asarray(joints_px, np.float64), np.where(certain, confidence, 0.1), certain, possible


def test_somebody_of_whom_few_joints_are_there_is_a_person():
    """Five joints a person: of the second one two are in the image, far from the first one."""
    candidates = part(
        [BODY + np.float64([50, 10]), BODY + np.float64([150, 10])], [[1] * 5, [1, 1, 0, 0, 0]]
    )
    rows, scores = search.people_in_part(*candidates, rows=[0])
    assert rows == [1]
    np.testing.assert_allclose(scores, [(2 * 0.9 + 3 * 0.1) / 5])


@pytest.mark.parametrize(
    "moved, why",
    [
        ((0.0, 0.0), "the same joints as somebody has"),
        ((10.0, 21.0), "a joint where somebody has another one"),
    ],
)
def test_a_part_of_somebody_found_is_nobody(moved, why):
    candidates = part([BODY, BODY + np.float64(moved)], [[1] * 5, [1, 1, 0, 0, 0]])
    assert search.people_in_part(*candidates, rows=[0]) == ([], []), why


@pytest.mark.parametrize("certain, expected", [(1, 0), (2, 0), (3, 1)])
def test_how_many_certain_joints_are_a_person(certain, expected):
    """A quarter of ten joints, and their mean is below that of a person."""

    class Part(Portrait):
        def poses(self, images, regions, *, plain=False):
            joints_px, confidence = super().poses(images, regions, plain=plain)
            confidence[:, certain:] = 0.05
            return joints_px, confidence

    assert len(search.find_people(Part(), np.zeros([100, 220, 3], np.uint8))) == expected


def test_a_part_near_the_one_certain_joint_of_somebody_found_is_nobody():
    """That joint alone would make nobody; its owner was found by the mean of all five."""
    found, moved = [1, 0, 0, 0, 0], np.float64([-10, -21])
    candidates = part([BODY, BODY + moved], [found, [1, 1, 0, 0, 0]])
    assert not candidates[-1][0]
    assert search.people_in_part(*candidates, rows=[0]) == ([], [])
    assert search.people_in_part(*candidates, rows=[]) == ([1], [(2 * 0.9 + 3 * 0.1) / 5])


def test_the_same_part_twice_is_one_person():
    candidates = part([BODY, BODY + 1], [[1, 1, 1, 0, 0]] * 2)
    assert search.people_in_part(*candidates, rows=[])[0] == [0]


class Portrait:
    """Sees a person of ten joints in windows, with three of them certain, and less from near."""

    skeleton, threshold, margin = own_skeleton([f"joint{n}" for n in range(10)]), 0.5, 1.25

    def poses(self, images, regions, *, plain=False):
        count = len(regions)
        along = np.array([0, 9, 5, 1, 2, 3, 4, 6, 7, 8])[:, np.newaxis]
        joints_px = np.tile([80.0, 10.0] + along * [5.0, 9.0], [count, 1, 1])
        confidence = np.full([count, 10], 0.05, np.float32)
        from_far = np.array([region.side_px > 200 for region in regions], bool)
        confidence[from_far, :3] = 0.8
        return joints_px, confidence


def test_a_portrait_is_found_in_a_window_and_lost_from_near():
    (person,) = search.find_people(Portrait(), np.zeros([100, 220, 3], np.uint8))
    assert (person.confidence[:3] > 0.7).all()
    np.testing.assert_allclose(person.score, search.EARLIER**2 * (3 * 0.8 + 7 * 0.05) / 10)
