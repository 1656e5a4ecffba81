"""From a video file to people with numbers: read, followed, smoothed, at the right times."""

from fractions import Fraction

import numpy as np
import pytest

from cpm.config import DecodingConfig
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.inference.overlap import ahead, with_later
from cpm.inference.results import ImagePose
from cpm.inference.smoothing import OneEuro
from cpm.inference.video_poses import video_poses
from cpm.inference.video_writer import VideoWriter
from cpm.synthetic.walk import walk
from tests.helpers.plain_images import save_plain
from tests.helpers.truth_reader import MPII, TruthReader
from tests.helpers.walk_videos import stamp, write_video

SIZE, RATE = (120, 160), 12
TIMES = np.arange(10 * RATE) / RATE


class TruthPredictor:
    """A `Predictor` over `TruthReader`."""

    skeleton, margin, threshold = MPII, 1.25, 0.3

    def __init__(self, truth, noise_px=0.0):
        self.reader = TruthReader(truth, noise_px)
        self.decoding = DecodingConfig(flip=True)

    def poses(self, images, regions):
        assert not self.decoding.flip
        return self.reader.poses(images, regions)

    def __call__(self, image, *, people):
        found = self.reader.find(image, None if people == "all" else people)
        return ImagePose(tuple(found), image.shape[:2], MPII)


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """(path, joints `[F, N, 16, 2]`) of ten seconds with one person, turned, and with two."""
    folder = tmp_path_factory.mktemp("walks")
    made = []
    for people, rotation in ((1, 90), (2, 0)):
        frames = list(walk(TIMES, people=people, size=SIZE))
        images = [stamp(frame.image, n) for n, frame in enumerate(frames)]
        path = folder / f"{people}.mp4"
        write_video(path, images, TIMES, rotation=rotation, rate=RATE)
        made.append((path, np.stack([frame.joints_px for frame in frames])))
    return made


def test_ten_seconds_of_a_walk(walks):
    """Rotated on the disk; joints, numbers and times are those of the walk."""
    path, truth = walks[0]
    predictor = TruthPredictor(truth)
    results = [result for _, result in video_poses(predictor, path)]
    # Every frame after the first is looked at, and hardly one twice, though some ahead of time.
    looked = [frame for frame, _ in predictor.reader.regions]
    assert set(looked) == set(range(1, len(TIMES))) and len(looked) < 1.3 * len(TIMES)
    assert [len(result.people) for result in results] == [1] * len(TIMES)
    assert {result.people[0].id for result in results} == {1}
    assert [result.frame for result in results] == list(range(len(TIMES)))
    np.testing.assert_allclose([result.time for result in results], TIMES, atol=1e-4)
    found = np.stack([result.people[0].joints_px for result in results])
    np.testing.assert_allclose(found, truth[:, 0], atol=1e-6)
    assert results[0].file == str(path) and results[0].image_size == SIZE


def test_two_people_keep_their_numbers(walks):
    path, truth = walks[1]
    for _, result in video_poses(TruthPredictor(truth), path, people="all"):
        for person in result.people:
            np.testing.assert_allclose(
                person.joints_px, truth[result.frame, person.id - 1], atol=1e-6
            )


@pytest.mark.parametrize("people, asked", [(1, 1), (2, "all"), ("all", "all")])
def test_a_search_for_several_people_is_for_everybody(walks, people, asked):
    """Of two people the surest two may be followed, or a mix of both; the tracker keeps two."""
    path, truth = walks[1]
    searches = []

    class Asked(TruthPredictor):
        def __call__(self, image, *, people):
            searches.append(people)
            return super().__call__(image, people=people)

    frames = video_poses(Asked(truth), path, people=people)
    found = [len(result.people) for _, (_, result) in zip(range(3), frames, strict=False)]
    frames.close()
    assert searches == [asked] and found == [1 if people == 1 else 2] * 3


def test_smoothing_calms_a_walk(walks):
    """Joints off by 1 % of the body's size, 12 frames a second: calmer, and no less exact."""
    path, truth = walks[0]
    errors, trembling = {}, {}
    for name, smooth in (("raw", None), ("smooth", OneEuro())):
        predictor = TruthPredictor(truth, noise_px=1.0)
        found = np.stack(
            [r.people[0].joints_px for _, r in video_poses(predictor, path, smooth=smooth)]
        )
        error = (found - truth[:, 0])[5:]
        errors[name] = np.sqrt((error**2).mean())
        trembling[name] = np.diff(error, axis=0).std()
    assert trembling["smooth"] < 0.75 * trembling["raw"]
    assert errors["smooth"] < 1.1 * errors["raw"]


@pytest.mark.slow
def test_walk_with_the_projects_weights(tmp_path):
    """Two seconds: one person throughout, joints within a tenth of the height.

    Sides may be exchanged, which the weights do to people who show their back. Wrists and elbows
    are left out: an arm behind the body is not to be seen.
    """
    frames = list(walk(np.arange(24) / 12, size=(240, 320), seed=2))
    path = tmp_path / "walk.mp4"
    with VideoWriter(path, (240, 320), rate=Fraction(12)) as writer:
        for frame in frames:
            writer.write(frame.image, frame.time)
    predictor = Predictor("pretrained")
    results = [result for _, result in video_poses(predictor, path)]
    assert [[person.id for person in result.people] for result in results] == [[1]] * 24
    skeleton = predictor.skeleton
    truth = np.stack([f.joints_px[0, skeleton.channels_from(MPII)] for f in frames])
    found = np.stack([result.people[0].joints_px for result in results])
    height = np.ptp(truth[..., 1], axis=1, keepdims=True)
    errors = [np.linalg.norm(found - t, axis=-1) for t in (truth, truth[:, skeleton.mirror])]
    near = np.minimum(*errors) < 0.1 * height  # [F, P]
    arms = [p for p, name in enumerate(skeleton.joints) if "wrist" in name or "elbow" in name]
    assert np.delete(near, arms, axis=1).mean() > 0.95


def test_stopping_early_lets_go_of_the_file(walks):
    path, truth = walks[0]
    frames = video_poses(TruthPredictor(truth), path)
    next(frames)
    frames.close()


def test_ahead_raises_where_the_item_would_come():
    def items():
        yield 1
        raise ValueError("broken")

    taken = []
    with pytest.raises(ValueError, match="broken"):
        for item in ahead(items()):
            taken.append(item)
    assert taken == [1]


def test_what_is_no_video_is_said(tmp_path):
    truth = np.zeros([1, 1, 16, 2])
    save_plain(tmp_path / "a.png")
    for path in (tmp_path / "a.png", tmp_path, f"{tmp_path}/*.png"):
        with pytest.raises(UsageError, match=r"is no video; predictor\.predict_many"):
            next(video_poses(TruthPredictor(truth), path))
    with pytest.raises(UsageError, match="people is 0; expected a number from 1 on"):
        next(video_poses(TruthPredictor(truth), "walk.mp4", people=0))
    for frames in ([np.zeros([9, 9, 3])], np.zeros([2, 9, 9, 3]), iter([]), b"", None):
        with pytest.raises(UsageError, match=r"video is .*; expected a path, camera:0 or an open"):
            next(video_poses(TruthPredictor(truth), frames))
    with pytest.raises(UsageError, match=r"smooth is True; expected OneEuro\(\), or None"):
        next(video_poses(TruthPredictor(truth), "walk.mp4", smooth=True))


def test_with_later_raises_where_the_item_would_come():
    def items():
        yield from "abc"
        raise ValueError("broken")

    taken = []
    with pytest.raises(ValueError, match="broken"):
        for pair in with_later(items(), 2):
            taken.append(pair)
    assert taken == [("a", ("b", "c")), ("b", ("c",)), ("c", ())]
    assert list(with_later("ab", 0)) == [("a", ()), ("b", ())]
    assert list(with_later("", 2)) == []


def test_ahead_makes_no_more_than_it_may():
    made = []

    def items():
        for n in range(100):
            made.append(n)
            yield n

    taken = ahead(items(), depth=3)
    assert next(taken) == 0
    taken.close()
    assert len(made) <= 6
