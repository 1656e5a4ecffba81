"""The input pipeline's batches through a network: joints of every stage, in image pixels.

Used by bin/eval.py and by the training loop's evaluations, so both measure the same thing.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

import ops
from cpm import geometry
from cpm.config import DecodingConfig
from cpm.errors import UsageError
from cpm.evaluation.predictions import Predictions
from cpm.execution.use import Executed
from cpm.inference.beliefs import batch_beliefs, decoded_grid

PLAIN = DecodingConfig()


def predict_batch(network, batch, decoding=PLAIN):
    """Joints of every stage for one batch, in crop pixels.

    Compiled on the first call for each network, batch shape and option.

    Args:
      network: a `ConvolutionalPoseMachine`, or an `Executed`, which says how it is computed.
      batch: dict with `image` `[B, H, W, 3]`, `center_px` `[B, 2]` and, for several scales,
        `pyramid` (cpm/inference/beliefs.py).
      decoding: `DecodingConfig`.

    Returns:
      joints `[T, B, P, 2]` in crop pixels, confidence `[T, B, P]`.
    """
    return look(network, batch, decoding)[1:]


def look(network, batch, decoding=PLAIN):
    """As `predict_batch`, with the maps that the joints were read from.

    Returns:
      beliefs: T tensors `[B, h, w, P(+1)]`, as `batch_beliefs` gives them.
      joints: `[T, B, P, 2]` in crop pixels.
      confidence: `[T, B, P]`.
    """
    keys = ("image", "center_px", "pyramid")  # strings (ids) cannot enter XLA
    tensors = {key: batch[key] for key in keys if key in batch}
    whole = isinstance(network, Executed) and network.compiled
    return _compiled(decoding, whole)(network, tensors)


def find_joints(network, maps, decoding):
    """Peaks of the joints' maps of one stage, the background left out.

    Args:
      network: which drew the maps.
      maps: `[B, h, w, P(+1)]`, of `batch_beliefs`.
      decoding: `DecodingConfig`, the same.

    Returns:
      joints `[B, P, 2]` in crop pixels, confidence `[B, P]`.
    """
    stride, origin_px = decoded_grid(network, decoding)
    joints_px, confidence = ops.find_peaks(
        maps[..., : len(network.skeleton)],
        stride=stride,
        refinement=decoding.refinement,
        sigma_cells=decoding.sigma_px / stride,
    )
    # find_peaks counts from the middle of the pixels that a cell stands for.
    return joints_px + (origin_px - (stride - 1) / 2), confidence


# A network is a key of tf.function's cache (by weak reference), so that each one is traced once,
# however often a training loop evaluates it.
@functools.cache
def _compiled(decoding, whole):
    def predict(network, batch):
        maps = batch_beliefs(network, batch, decoding)  # T × [B, h, w, P(+1)]
        joints = len(network.skeleton)
        # All stages at once: half of the time to a first picture is that of tracing.
        stages = tf.concat([b_t[..., :joints] for b_t in maps], 0)  # [T·B, h, w, P]
        joints_px, confidence = find_joints(network, stages, decoding)
        return (
            maps,
            tf.reshape(joints_px, [len(maps), -1, joints, 2]),
            tf.reshape(confidence, [len(maps), -1, joints]),
        )

    return tf.function(predict, jit_compile=whole or None)


def evaluate_batches(network, batches, decoding=PLAIN, *, progress=None):
    """Runs a network over evaluation batches.

    Args:
      network: as in `predict_batch`.
      batches: finite iterable of batch dicts (cpm/data/pipeline.py); rows with `valid` 0 are
        padding of the last batch and are dropped.
      decoding: as in `predict_batch`.
      progress: called with the number of people after each batch, or None.

    Returns:
      `Predictions`, image pixels.

    Raises:
      UsageError: if there is nobody to evaluate.
    """
    rows = []
    for batch in batches:
        joints_px, confidence = predict_batch(network, batch, decoding)
        rows.append(_in_image(batch, joints_px.numpy(), confidence.numpy()))
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
    """One person of a batch with all that a picture of the result needs. Frame: the crop.

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


def collect_examples(network, batches, ids, decoding=PLAIN):
    """Runs the network again over the batches that hold these people, and keeps everything.

    Belief maps of a whole data set do not fit into memory; those of a few people do.

    Args:
      network, batches, decoding: as in `evaluate_batches`.
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
        beliefs, joints_px, confidence = look(network, batch, decoding)
        for n in rows:
            found[names[n]] = Example(
                id=names[n],
                crop=np.clip(np.rint(batch["image"][n]), 0, 255).astype(np.uint8),
                beliefs=tuple(b_t[n].numpy() for b_t in beliefs),
                joints_px=joints_px[-1, n].numpy(),
                confidence=confidence[-1, n].numpy(),
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


def reference_scale(crop_to_image, size):
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
