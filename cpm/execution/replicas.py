"""Replicas: a batch cut into parts, each computed by the same network, then added up.

    L(w) = sum_r L_r(w),    dL/dw = sum_r dL_r/dw

because the loss is a sum over people divided by a count of the whole batch. The counts are taken
before the batch is cut; so nothing is a mean of means. Every replica runs the plain network, with
dropout masks of its own. Batch norms take the moments of their part, as on several GPUs, and the
moving averages follow the mean of all replicas' moments.

On a CPU the replicas run side by side, a core each. TensorFlow shares out one operation after the
other among the cores; of a small network much does not share out: short products, copies and sums
end before a second core has begun. So each replica has one thread (cpm/execution/threads.py). The
operations of a large network do share out, and several at once would only hold more memory, so
they come one after the other.

Reference: docs/decisions/0039-replicas-instead-of-slices.md has the measurements.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from cpm.config import TrainConfig
from cpm.execution.processor import on_gpu, usable_cores

# People of a replica. With four in each of two a step has as many operations as with eight, and
# they are too short to win.
SMALLEST = 8


def replicas_that_pay(config: TrainConfig, cores: int | None = None) -> int:
    """How many replicas a run should be computed in; 1: the batch in one piece.

    One for each core, on a CPU, of a small network, unless they would be too small.

    Args:
      config: `TrainConfig`; its network's `arch` and its batch size count.
      cores: to use; None = all of them.
    """
    cores = cores or usable_cores()
    many = config.data.batch_size >= SMALLEST * cores
    return cores if _small(config) and many and not on_gpu() else 1


def serial_pays(config: TrainConfig) -> bool:
    """Whether a run's operations should come one after the other: those of a large network."""
    return not _small(config) and not on_gpu()


def cut(batch: Any, count: int) -> list[Any]:
    """The parts of a batch, first rows first; their sizes differ by one at most, larger ones last.

    Args:
      batch: tensors `[B, …]` in any structure.
      count: how many parts; no part is empty, and a batch of unknown size is one part.
    Returns:
      List of the same structure.
    """
    size = tf.nest.flatten(batch)[0].shape[0]
    count = min(count, size or 1)
    if count == 1:
        return [batch]
    sizes = [(size + r) // count for r in range(count)]
    parts = [tf.split(tensor, sizes) for tensor in tf.nest.flatten(batch)]
    return [tf.nest.pack_sequence_as(batch, part) for part in zip(*parts, strict=True)]


def join(parts: Sequence[Any]) -> Any:
    """The batch that `cut` cut."""
    if len(parts) == 1:
        return parts[0]
    return tf.nest.map_structure(lambda *tensors: tf.concat(tensors, axis=0), *parts)


def seed_of(seed: tf.Tensor, replica: int | tf.Tensor, count: int) -> tf.Tensor:
    """The dropout seed of one replica: different in every replica of every step.

    Args:
      seed: `[2]` int32, (run seed, step).
      replica: its number, from 0.
      count: how many replicas there are. With one, the seed stays as it is.
    """
    return seed * [1, count] + [0, replica]


def total(parts: Sequence[Any]) -> Any:
    """The sum over replicas of tensors in any structure."""
    if len(parts) == 1:
        return parts[0]
    return tf.nest.map_structure(lambda *tensors: tf.add_n(tensors), *parts)


def over(totals: Any, count: int) -> Any:
    """The means of tensors in any structure, from their `total` over `count` replicas."""
    return tf.nest.map_structure(lambda tensor: tensor / count, totals)


def _small(config):
    """Whether operations are so short that cores idle: measured of `mini` alone."""
    return config.network.arch == "mini"
