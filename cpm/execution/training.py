"""A network in training: the same layers, computed as an `Execution` says, without effects.

    training = Training(execution)
    beliefs = network(images, center_px, training=True, seed=seed, apply=training)
    training.moments

The plain network would move the averages of its batch norms in the call. Here it only reports the
moments; who called it decides what becomes of them. So the call is a pure function of variables and
batch, which may be run for several replicas, and again for a gradient.
"""

import functools
from typing import Any

import tensorflow as tf

import ops
from cpm.execution.convolution import Convolution
from cpm.execution.devices import Devices
from cpm.execution.recompute import recomputed, segments
from cpm.execution.settings import Execution
from cpm.network.layers import BatchNorm, Block, Conv2D, Residual


class Training:
    """Applies the blocks of one training pass; make a new one for each.

    Attributes:
      moments: {name of a batch norm: (mean, variance) of what it was given}, each `[C]`.

    Args:
      execution: `Execution`. With a precision of 16 bits the blocks compute in it by float32
        variables, and so do their results come out.
      devices: `Devices` that run this pass together; only `sync_batch_norm` asks for them.
    """

    def __init__(self, execution: Execution, devices: Devices | None = None) -> None:
        self.moments: dict[str, Any] = {}
        self._devices = devices if execution.sync_batch_norm else None
        self._convolution = Convolution(execution)
        self._recompute = execution.recompute
        narrow = execution.precision != "float32"
        self._narrow = tf.as_dtype(execution.precision) if narrow else None

    def __call__(
        self, block: Block, x: tf.Tensor, *, training: bool, seed: tf.Tensor | None
    ) -> tf.Tensor:
        """`block(x, training=True, seed=seed)`."""
        if not training:
            raise ValueError("these blocks are applied for training; use the network without them")
        if self._narrow is not None:
            x = tf.cast(x, self._narrow)
        for layers in segments(block.layers) if self._recompute else [block.layers]:
            run = functools.partial(self._run, layers, seed)
            x, moments = recomputed(run, x) if self._recompute else run(x)
            self.moments |= moments
        return x

    def _run(self, layers, seed, x):
        """Layers in a row: what comes out, and the moments of their norms."""
        moments = {}
        for layer in layers:
            if isinstance(layer, Conv2D):
                x = self._convolution(x, layer.kernel, layer.bias, layer.stride)
            elif isinstance(layer, BatchNorm):
                x, *moments[layer.name] = self._normalize(layer, x)
            elif isinstance(layer, Residual):
                y, of_inner = self._run(layer.layers, seed, x)
                x, moments = layer.add(x, y), moments | of_inner
            else:
                x = layer(x, training=True, seed=seed)
        return x, moments

    def _normalize(self, norm, x):
        """A batch norm by the moments of this batch: the result, mean and variance."""
        affine = {"scale": norm.scale, "offset": norm.offset, "epsilon": norm.epsilon}
        if self._devices is None:
            return ops.batch_norm_by_batch(x, **affine)
        mean, variance = _over_devices(self._devices, *ops.moments(x))
        y = ops.batch_norm(x, mean, variance, **affine)
        return y, tf.stop_gradient(mean), tf.stop_gradient(variance)


def _over_devices(devices, mean, variance):
    """Moments of the batch of all devices, from those of every device's part.

        mean = 1/R sum_r mean_r,   variance = 1/R sum_r (variance_r + (mean_r - mean)²)

    The parts are of one size. Differences of means, not of squares: E[x²] - E[x]² would lose the
    digits of a variance that is small beside its mean.

    Reference: Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing
    sample variances".
    """
    means, variances = tf.unstack(devices.gather(tf.stack([mean, variance])), axis=1)  # [R, C]
    mean = tf.reduce_mean(means, axis=0)
    variance = tf.reduce_mean(variances + tf.math.squared_difference(means, mean), axis=0)
    return mean, variance
