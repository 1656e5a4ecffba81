"""COCO's results: what detectors and pose tools write for COCO's own evaluation.

    [{"image_id": 42, "category_id": 1, "keypoints": [x, y, c, x, y, c, ...], "score": 0.9}, ...]

The joints come in the order of the data set's keypoints, and nothing says which annotated person
of an image a result belongs to. Images are named by their ids, or, where nobody knew these, by
their files (`called`). Each image keeps as many results as it has annotated people, those of the
highest scores. They are assigned to people such that the sum of distances is least. A person
without a result was not found.

References: "Results format" at cocodataset.org.
"""

import collections
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.optimize

from cpm.data.coco_values import id_of
from cpm.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Results:
    """What a file of COCO's results holds, a row for each result.

    Attributes:
      joints: `[N, P, 3]` float64: x, y, confidence; nan where a joint was not found.
      images: N ids of images as text.
      scores: `[N]`, how sure a result is.
    """

    joints: np.ndarray
    images: tuple[str, ...]
    scores: np.ndarray

    @property
    def source(self) -> str:
        """What was read, in words."""
        return f"{len(self.images)} results of {len(set(self.images))} images"


def is_results(record: Any) -> bool:
    """Whether a JSON value is a list of results that name their images."""
    return (
        isinstance(record, list)
        and bool(record)
        and all(isinstance(r, dict) and {"image_id", "keypoints"} <= r.keys() for r in record)
    )


def called(file: str) -> str:
    """What results call an image that has no id: its name, or the number that is its name.

    >>> called("val/000000000042.jpg"), called("a/cat.jpg")
    ('42', 'cat')
    """
    stem = os.path.splitext(os.path.basename(file))[0]
    return str(int(stem)) if stem.isascii() and stem.isdecimal() else stem


def read_results(record: Any, path: str, joints: int) -> Results:
    """The results in a JSON value.

    Args:
      record: JSON value for which `is_results` holds.
      path: of the file, for the messages.
      joints: P, of the skeleton.

    Returns:
      `Results`.

    Raises:
      UsageError: if a result has not P times three numbers, or no id of an image.
    """
    values, images, scores = [], [], []
    for number, result in enumerate(record, start=1):
        keypoints = result["keypoints"]
        try:
            images.append(id_of(result, "image_id", f"result {number}"))
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from None
        try:
            row = np.array(keypoints, np.float64).reshape(joints, 3)
            scores.append(float(result.get("score") or 0.0))
        except (TypeError, ValueError):
            size = len(keypoints) if isinstance(keypoints, list) else repr(keypoints)
            raise UsageError(
                f"{path}: result {number} has {size} values as keypoints; expected "
                f"{3 * joints} numbers: x, y, confidence of each of the {joints} joints"
            ) from None
        row[~row.any(-1)] = np.nan  # 0, 0, 0 is what COCO writes for a joint that is not there
        values.append(row)
    return Results(np.stack(values), tuple(images), np.array(scores))


def assign(
    found_px: np.ndarray,
    images: Sequence[str],
    scores: np.ndarray,
    truth_px: np.ndarray,
    state: np.ndarray,
    truth_images: Sequence[str],
) -> np.ndarray:
    """Which result is whose.

    Args:
      found_px: `[N, P, 2]`; images, scores: of each, as `Results` has them.
      truth_px, state: `[M, P, 2]`, `[M, P]` of the annotated people.
      truth_images: M ids of images.

    Returns:
      `[M]` int: row of each person's result; -1 = not found.
    """
    results, people = collections.defaultdict(list), collections.defaultdict(list)
    for n, image in enumerate(images):
        results[image].append(n)
    for m, image in enumerate(truth_images):
        people[image].append(m)
    rows = np.full(len(truth_images), -1)
    for image, members in people.items():
        best = sorted(results.get(image, ()), key=lambda n: -scores[n])[: len(members)]
        if best:
            cost = _distances(found_px[best], truth_px[members], state[members] > 0)
            for a, b in zip(*scipy.optimize.linear_sum_assignment(cost), strict=True):
                rows[members[b]] = best[a]
    return rows


def _distances(found_px, truth_px, there):
    """`[K, M]` mean distance of the annotated joints that were found; large where none was."""
    cost = np.empty([len(found_px), len(truth_px)])
    for k, pose_px in enumerate(found_px):  # [K, M, P, 2] at once is gigabytes for a crowd
        distance = np.linalg.norm(pose_px - truth_px, axis=-1)  # [M, P]
        common = there & np.isfinite(distance)
        total = np.where(common, distance, 0.0).sum(-1)
        cost[k] = np.where(common.any(-1), total / np.maximum(common.sum(-1), 1), 1e9)
    return cost
