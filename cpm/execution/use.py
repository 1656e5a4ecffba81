"""A network in use: the same layers, computed as an `Execution` says."""

from typing import Any

import tensorflow as tf

from cpm.execution import replicas
from cpm.execution.convolution import Convolution, KeptKernels, compiles_whole
from cpm.execution.folding import folded, with_norms
from cpm.execution.settings import Execution
from cpm.network.layers import Conv2D, Residual
from cpm.network.model import ConvolutionalPoseMachine
from ops.shapes import TensorLike


class Executed:
    """A network with the way it is computed; called like the network, and described like it.

    Attributes:
      network: the plain `ConvolutionalPoseMachine`.
      precision: of the layers, `float32`, `bfloat16` or `float16`.
      compiled: whether functions that call it should be compiled by XLA as a whole.
      config, skeleton, stride, origin_px: the network's.

    Args:
      network: `ConvolutionalPoseMachine`.
      execution: `Execution`; its `xla`, `conv`, `precision` and `replicas` count. With a precision
        of 16 bits the layers compute in it; the belief maps come out as float32.
      constant: promises that no weight changes any more: what can be computed from the weights
        once, is, and norms are folded into convolutions (cpm/execution/folding.py).
    """

    def __init__(
        self, network: ConvolutionalPoseMachine, execution: Execution, *, constant: bool = False
    ) -> None:
        self.network = network
        self.compiled = compiles_whole(execution)
        self.config, self.skeleton = network.config, network.skeleton
        self.stride, self.origin_px = network.stride, network.origin_px
        self._replicas = execution.replicas
        self.precision = execution.precision
        self._constant = constant
        self._convolution = (KeptKernels if constant else Convolution)(execution)
        self._folded: dict[Any, tuple[tf.Tensor, tf.Tensor]] = {}

    def __call__(
        self, images: TensorLike, center_px: TensorLike, *, training: bool = False
    ) -> tuple[tf.Tensor, ...]:
        """The network's belief maps of every stage; the parts of a batch side by side.

        Args:
          images: `[B, H, W, 3]`.
          center_px: `[B, 2]`.
          training: False; a network is trained by cpm/training/step.py.
        """
        if training:
            raise ValueError("a network in use is not trained; train its plain network")
        batch = tf.convert_to_tensor(images), tf.convert_to_tensor(center_px)
        parts = replicas.cut(batch, self._replicas)
        beliefs = replicas.join([self.network(*part, apply=self._apply) for part in parts])
        return tuple(tf.cast(b_t, self.network.dtype) for b_t in beliefs)

    def _apply(self, block, x, *, training, seed):
        """`block(x)`."""
        if self.precision != "float32":
            x = tf.cast(x, self.precision)
        layers = with_norms(block.layers) if self._constant else ((n, None) for n in block.layers)
        for layer, norm in layers:
            if isinstance(layer, Conv2D):
                kernel, bias = self._weights(layer, norm)
                x = self._convolution(x, kernel, bias, layer.stride)
            elif isinstance(layer, Residual):
                x = layer.add(x, self._apply(layer, x, training=training, seed=seed))
            else:
                x = layer(x)
        return x

    def _weights(self, layer, norm):
        """Kernel and bias of a convolution, the norm behind it folded in if there is one."""
        if norm is None:
            return layer.kernel, layer.bias
        key = layer.kernel.ref()
        if key not in self._folded:
            with tf.init_scope():  # outside of the graph that asks
                self._folded[key] = folded(layer, norm)
        return self._folded[key]
