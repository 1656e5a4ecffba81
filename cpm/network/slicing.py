"""A batch in slices, each a core's work.

TensorFlow shares out the arithmetic of one operation after the other among the cores. Of a small
network much does not share out: short products, copies and sums end before a second core has begun.
So the batch is cut instead, all of the network is computed for every slice, one thread an operation,
and the slices run side by side:

    x = [x_1 | x_2]    b_s = network(x_s)    b = [b_1 | b_2]

Where the people of a batch meet, in batch norms, so do the slices (ops/sliced_batch_norm.py): nothing
but rounding depends on their number.

The operations of a large network do share out, and several at once would only hold more memory, so
they come one after the other.

How many threads an operation has is decided once per process, before TensorFlow computes anything:
`share_out_batches`. The network asks for it when it is traced: `split`.

Reference: docs/decisions/0030-a-batch-of-mini-in-slices.md has the measurements.
"""

import tensorflow as tf

from cpm.network.processor import (
    on_gpu,
    operations_at_once,
    threads_of_operation,
    usable_cores,
)

# Images. With four in each of two slices a step has as many operations as with eight, too short to win.
SMALLEST = 8


def slices_that_pay(config, cores=None):
    """In how many slices a process should compute the batches of a run; 1: in one piece.

    A slice for each core, on a CPU, of a small network, unless they would be too small.

    Args:
      config: `TrainConfig`; its network's `arch`, its batch size and `side_by_side` count.
      cores: to use; None = all of them.
    """
    cores = cores or usable_cores()
    many = config.data.batch_size >= SMALLEST * cores
    pays = config.side_by_side and _small(config) and many and not on_gpu()
    return cores if pays else 1


def share_out_batches(config, cores=None):
    """From here on this process computes batches in `slices_that_pay`.

    Call it before TensorFlow computes anything; later nothing changes. Arguments as there.
    """
    slices = slices_that_pay(config, cores)
    if on_gpu() or not config.side_by_side or (slices == 1 and _small(config)):
        return
    try:
        if slices > 1:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(slices)
    except RuntimeError:
        pass  # TensorFlow has begun: all stays as it is, and is right


def _small(config):
    """Whether operations are so short that cores idle: measured of `mini` alone."""
    return config.network.arch == "mini"


def split(x):
    """The slices of `x`, `[B, ...]`: a list, of `x` alone if operations have several threads.

    Their sizes differ by one at most, the larger ones last. A batch of unknown size is one slice.
    """
    batch = x.shape[0]
    count = min(operations_at_once(), (batch or 0) // SMALLEST)
    if threads_of_operation() > 1 or count < 2:
        return [x]
    return tf.split(x, [(batch + s) // count for s in range(count)])


def join(xs):
    """The batch that `split` cut."""
    return xs[0] if len(xs) == 1 else tf.concat(xs, axis=0)
