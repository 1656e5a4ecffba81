"""A network in training: the same layers, computed as an `Execution` says, without effects.

    training = Training(execution)
    beliefs = network(images, center_px, training=True, seed=seed, apply=training)
    training.moments

The plain network would move the averages of its batch norms in the call. Here it only reports the
moments; who called it decides what becomes of them. So the call is a pure function of variables and
batch, which may be run for several replicas, and again for a gradient.
"""

import functools

import tensorflow as tf

import ops
from cpm.execution.convolution import Convolution
from cpm.execution.recompute import recomputed, segments
from cpm.network.layers import BatchNorm, Conv2D, Residual


class Training:
    """Applies the blocks of one training pass; make a new one for each.

    Attributes:
      moments: {name of a batch norm: (mean, variance) of what it was given}, each `[C]`.

    Args:
      execution: `Execution`. With a precision of 16 bits the blocks compute in it by float32
        variables, and so do their results come out.
    """

    def __init__(self, execution):
        self.moments = {}
        self._convolution = Convolution(execution)
        self._recompute = execution.recompute
        narrow = execution.precision != "float32"
        self._narrow = tf.as_dtype(execution.precision) if narrow else None

    def __call__(self, block, x, *, training, seed):
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
                x, *moments[layer.name] = ops.batch_norm_by_batch(
                    x, layer.scale, layer.offset, epsilon=layer.epsilon
                )
            elif isinstance(layer, Residual):
                y, of_inner = self._run(layer.layers, seed, x)
                x, moments = layer.add(x, y), moments | of_inner
            else:
                x = layer(x, training=True, seed=seed)
        return x, moments
