"""What a network says of the people in batches, beside what is true, in image pixels.

The network comes in as a function of a batch; that is all that is known of it here. bin/eval.py and
the evaluations during training both go this way, so they measure the same thing.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cpm import geometry
from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions


def gather_predictions(
    batches: Iterable[Mapping[str, Any]],
    predict: Callable[[Mapping[str, Any]], Sequence[Any]],
    *,
    progress: Callable[[int], object] | None = None,
) -> Predictions:
    """What a network says of everybody in some batches.

    Args:
      batches: finite iterable of batch dicts (cpm/data/pipeline.py); rows with `valid` 0 are
        padding of the last batch and are dropped.
      predict: function of a batch: joints `[T, B, P, 2]` in crop pixels and confidence `[T, B, P]`,
        such as `cpm.inference.predict_batch` of one network.
      progress: called with the number of people after each batch, or None.

    Returns:
      `Predictions`, image pixels.

    Raises:
      UsageError: if there is nobody to evaluate.
    """
    rows = []
    for batch in batches:
        joints_px, confidence = map(np.asarray, predict(batch))
        rows.append(_in_image(batch, joints_px, confidence))
        if progress is not None:
            progress(len(rows[-1]["ids"]))
    if not sum(len(row["ids"]) for row in rows):
        raise UsageError(
            "there is nobody to evaluate: the split holds no people; look at the folder's "
            "manifest.json, or name another with --data and --split"
        )
    axis = {"joints_px": 1, "confidence": 1}  # the people's axis; 0 elsewhere
    joined = {key: np.concatenate([row[key] for row in rows], axis.get(key, 0)) for key in rows[0]}
    return Predictions(**joined | {"ids": tuple(joined["ids"].tolist())})


@dataclasses.dataclass(frozen=True)
class Example:
    """One person of a batch with all that a figure of the result needs. Frame: the crop.

    Attributes:
      id: the person's.
      crop: `[H, W, 3]` uint8.
      beliefs: T maps `[h, w, P(+1)]`, of cells, or of crop pixels if averaged over scales.
      joints_px, confidence: `[P, 2]`, `[P]`, the last stage's.
      truth_px, state: `[P, 2]`, `[P]`.
    """

    id: str
    crop: np.ndarray
    beliefs: tuple[np.ndarray, ...]
    joints_px: np.ndarray
    confidence: np.ndarray
    truth_px: np.ndarray
    state: np.ndarray


def gather_examples(
    batches: Iterable[Mapping[str, Any]],
    predict: Callable[[Mapping[str, Any]], Sequence[Any]],
    ids: Collection[str],
) -> dict[str, Example]:
    """What a network says of a few people, with the maps it was read from.

    Belief maps of a whole data set do not fit into memory; those of a few people do.

    Args:
      batches: as in `gather_predictions`; only those that hold one of the people are predicted.
      predict: as in `gather_predictions`, but with T belief maps `[B, h, w, P(+1)]` before the
        joints, as `cpm.inference.batches.predict_with_beliefs` returns them.
      ids: of the people wanted.

    Returns:
      {id: `Example`}.
    """
    wanted, found = set(ids), {}
    for batch in batches:
        names = [name.decode() for name in np.asarray(batch["id"])]
        rows = [
            n
            for n, name in enumerate(names)
            if name in wanted and name not in found and batch["valid"][n] > 0
        ]
        if not rows:
            continue
        beliefs, joints_px, confidence = predict(batch)
        for n in rows:
            found[names[n]] = Example(
                id=names[n],
                crop=np.clip(np.rint(batch["image"][n]), 0, 255).astype(np.uint8),
                beliefs=tuple(np.asarray(b_t[n]) for b_t in beliefs),
                joints_px=np.asarray(joints_px[-1, n]),
                confidence=np.asarray(confidence[-1, n]),
                truth_px=np.asarray(batch["joints_px"][n, 0]),
                state=np.asarray(batch["state"][n, 0]),
            )
        if len(found) == len(wanted):
            break
    return found


def _in_image(batch, joints_crop, confidence):
    """One batch's part of the `Predictions`: real rows only, crop pixels → image pixels."""
    batch = {key: np.asarray(value) for key, value in batch.items() if key != "image"} | {
        "size": batch["image"].shape[1:3]
    }
    real = batch["valid"] > 0  # [B]
    matrices = batch["crop_to_image"][real]  # [b, 2, 3]
    # Person 0 is the one the crop was cut around; the others are for stage 1's target.
    state = batch["state"][real, 0]  # [b, P]
    truth_px = geometry.transform_points(matrices, batch["joints_px"][real, 0])
    return {
        "ids": np.array([str(id, "utf-8") for id in batch["id"][real]], object),
        "joints_px": geometry.transform_points(matrices, joints_crop[:, real]),
        "confidence": confidence[:, real],
        "truth_px": np.where(state[..., np.newaxis] > 0, truth_px, 0.0),
        "state": state,
        "head_size_px": batch["head_size_px"][real],
        "crop_scale": reference_scale(matrices, batch["size"]),
    }


def reference_scale(crop_to_image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels of the 368-pixel crop per image pixel.

    Args:
      crop_to_image: `[B, 2, 3]`, similarity maps.
      size: (height, width) of the crop; the shorter side is the one that 368 stands for.

    Returns:
      `[B]`.

    >>> matrix = np.array([[[0.5, 0.0, 7.0], [0.0, 0.5, 0.0]]])  # a pixel is half an image pixel
    >>> reference_scale(matrix, (184, 200)).tolist()
    [4.0]
    """
    image_per_crop = np.sqrt(np.abs(np.linalg.det(crop_to_image[..., :2])))
    return geometry.REFERENCE_CROP_PX / (image_per_crop * min(size))
