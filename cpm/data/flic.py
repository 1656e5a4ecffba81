"""FLIC, Frames Labeled In Cinema: upper bodies in 5,003 frames of 30 films (FLIC-full: 20,928).

Read from `examples.mat`, a structure array `examples` with one element for each person:

  filepath     name of the image in `images/`
  coords       2 x 29: (x, y) of 29 body points, nan where there is none
  istrain, istest      1 = official training half, test half (3,987 and 1,016 people of FLIC)
  isbad, isunchecked   only in FLIC-full: 1 = mislabeled, occluded or far from frontal; ignored
  torsobox, imgdims, currframe, moviename, poselet_hit_idx    nothing here needs them

Conventions of the file, and what becomes of them:

  - Of the 29 columns eleven are labeled, `COLUMNS` (from 1): both shoulders, elbows, wrists and
    hips, both eyes, the nose. The others (knees, ankles, ears, middles) are nan.
  - Positions are 1-based; they lose their 1 once, in `_pose`.
  - "l" is the person's own left: in the first example (12-oclock-high-special-edition-00004151.jpg,
    seen from the front) the left shoulder lies right of the right one, at x = 436.6 and 265.3.
    Papers call their FLIC tables "observer-centric": predictions made that way need left and right
    exchanged before they are scored here.
  - Whether a joint is hidden is not said: whatever has a position is visible.
  - Who is in neither half is left out as bad or unchecked. Who shares the image is in `others`.
  - There is no head rectangle, so PCKh cannot be scored; `torsobox` is a detector's, no annotation.

References: B. Sapp and B. Taskar, "MODEC: Multimodal Decomposable Models for Human Pose
  Estimation", CVPR 2013; the data set's page, bensapp.github.io/flic-dataset.html, and its demo.
"""

import collections
import dataclasses
import os
import re
from collections.abc import Iterator

import numpy as np

from cpm.data import matlab
from cpm.data.images import inside
from cpm.data.person import Origin, Person, Pose
from cpm.data.splits import TEST, TRAIN
from cpm.errors import UsageError
from cpm.skeleton import ABSENT, SKELETONS, VISIBLE
from cpm.untrusted import no_file

SKELETON = SKELETONS["flic11"]
FILE = "examples.mat"
POINTS = 29
SCENE_FRAMES = 750  # half a minute of film at 25 frames a second
COLUMNS = {
    "left_shoulder": 1, "left_elbow": 2, "left_wrist": 3,
    "right_shoulder": 4, "right_elbow": 5, "right_wrist": 6,
    "left_hip": 7, "right_hip": 10,
    "left_eye": 13, "right_eye": 14, "nose": 17,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Example:
    """What the file says of one person; `excluded` as in `Person`, `test` = official test half."""

    image: str
    pose: Pose
    test: bool
    excluded: str | None


def read_people(
    folder: str | os.PathLike, file: str = FILE, follow_links: bool = False
) -> Iterator[Person]:
    """Yields the `Person` of every example, also where the image is missing.

    Args:
      folder: holds `examples.mat` and `images/`.
      file: another name of the annotations.
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if the annotations are missing or malformed, or name an image outside `images/`.
    """
    examples = list(_examples(os.path.join(folder, file)))
    together = collections.defaultdict(list)
    for example in examples:
        together[example.image].append(example)
    for image, people in together.items():
        path = inside(os.path.join(folder, "images"), image, folder, follow_links)
        for number, example in enumerate(people, start=1):
            yield Person(
                id=person_id(image, number, example.test),
                origin=Origin(
                    source="flic",
                    image_name=image,
                    number=number,
                    group=scene(image),
                    official_split=TEST if example.test else TRAIN,
                ),
                image=path,
                skeleton=SKELETON,
                pose=example.pose,
                others=tuple(
                    other.pose
                    for other in people
                    if other is not example and other.pose.present.any()
                ),
                excluded=example.excluded,
            )


def person_id(image: str, index: int, test: bool) -> str:
    """Id of a person; the test half's says so.

    Args:
      image: name of the file; `.jpg`, which all have, is left out.
      index: of the person among the image's examples, from 1.
      test: whether the person is of the official test half.

    >>> person_id("12-oclock-high-00004151.jpg", 1, False), person_id("a-00000001.jpg", 2, True)
    ('flic/12-oclock-high-00004151-1', 'flic/test-a-00000001-2')
    """
    return f"flic/{'test-' if test else ''}{image.removesuffix('.jpg')}-{index}"


def scene(image: str) -> str:
    """Film and half minute of an image, or its whole name if that holds no number of a frame.

    Frames are numbered through the film and taken every few: those near in number are nearly the
    same image and must share a split.

    >>> scene("12-oclock-high-00004151.jpg")
    '12-oclock-high-5'
    """
    # FLIC's have eight digits; Python refuses to read some thousands.
    match = re.fullmatch(r"(.+)-(\d{1,18})", image.removesuffix(".jpg"))
    return f"{match[1]}-{int(match[2]) // SCENE_FRAMES}" if match else image


def _examples(path):
    """Yields the `Example` of each element of `examples`."""
    if not os.path.isfile(path):
        raise UsageError(
            f"{path!r} {no_file(path)}; expected the unpacked data set, with {FILE} and "
            "images/ in it"
        )
    examples = matlab.structs(matlab.load(path).get("examples"))
    if not examples:
        raise UsageError(
            f"{path!r} holds no structure array `examples`; expected FLIC's own {FILE}"
        )
    for position, struct in enumerate(examples, start=1):
        try:
            yield _example(struct)
        except ValueError as error:
            raise UsageError(
                f"element {position} of examples in {path!r}: {error}; "
                "download the annotations again"
            ) from error


def _example(struct):
    """One element as an `Example`; ValueError if it is no example of FLIC."""
    image = matlab.text(matlab.field(struct, "filepath"))
    if not image:
        raise ValueError("no filepath")
    train, test, bad, unchecked = (
        bool(matlab.number(matlab.field(struct, name)))
        for name in ("istrain", "istest", "isbad", "isunchecked")
    )
    if train and test:
        raise ValueError("both istrain and istest are set")
    excluded = None
    if not (train or test):
        excluded = "bad" if bad else "unchecked" if unchecked else "in neither half"
    return Example(image, _pose(matlab.field(struct, "coords")), test, excluded)


def _pose(coords):
    """The eleven labeled joints of `coords`, absent where a coordinate is nan."""
    shape = np.shape(coords)
    if shape != (2, POINTS) or coords.dtype.kind not in "fiu":
        raise ValueError(f"coords is an array of shape {shape}; expected numbers, 2 x {POINTS}")
    columns = [COLUMNS[joint] - 1 for joint in SKELETON.joints]
    # The file comes from MATLAB, whose first pixel is 1; here it is 0. The only such line.
    joints_px = coords.astype(np.float64)[:, columns].T - 1  # [11, 2]
    present = np.isfinite(joints_px).all(1)
    return Pose(
        np.where(present[:, np.newaxis], joints_px, 0),
        np.where(present, VISIBLE, ABSENT),
    )
