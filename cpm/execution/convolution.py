"""How convolutions are computed, directly or by a fast algorithm, and what XLA compiles.

Weights and results do not depend on it but for rounding. The plain network knows the direct
convolution alone; this is the only file that knows the fast ones (ops/fast_conv/README.md).

On a GPU XLA compiles whole functions. On a CPU it is slower than TensorFlow's own library at direct
convolutions and pooling and faster at fast convolutions on tiles, so it gets those, each with its
gradients a compiled part of an ordinary graph. Fast convolutions along one axis are mostly the
library's work, so they need no XLA.

References: ops/fast_conv/README.md; the measurements behind both rules are in docs/decisions,
0026, 0027 and 0029.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

import ops
from cpm.execution.processor import on_gpu
from cpm.execution.settings import Execution
from cpm.execution.threads import threads_of_operation


class Convolution:
    """The convolution of every layer of a network: `convolution(x, kernel, bias, stride)`.

    Args:
      execution: `Execution`. Of `conv`, `direct` is the library's convolution; `fast` the cheapest
        bilinear algorithm wherever there is one; `auto` that only where the cost model
        (`ops.best_algorithm`) says it pays, and only on a CPU: on tiles where it is compiled, along
        one axis where the library has groups of channels. A GPU's library chooses for itself.
    """

    def __init__(self, execution: Execution) -> None:
        self._conv = execution.conv
        self._compiled = compiles_parts(execution)
        self._one_thread = threads_of_operation(execution) == 1

    def __call__(
        self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None, stride: int
    ) -> tf.Tensor:
        """`ops.conv2d(x, kernel, bias, stride=stride)`, `x` perhaps narrower than the variables.

        Args:
          x: `[B, H, W, Cin]`.
          kernel: `[kh, kw, Cin, Cout]`; float32 if `x` has 16 bits.
          bias: `[Cout]`, of the type of the kernel, or None.
          stride: s ≥ 1.
        Returns:
          `[B, ceil(H / s), ceil(W / s), Cout]`, of the type of `x`.
        """
        if x.dtype != kernel.dtype:
            return self._narrow(x, kernel, bias, stride)
        algorithm = self.algorithm(kernel.shape, stride, x.shape)
        if algorithm is None:
            return ops.conv2d(x, kernel, bias, stride=stride)
        return self._fast(x, kernel, bias, {"algorithm": algorithm, "compiled": self._compiled})

    def _fast(self, x, kernel, bias, how):
        return ops.fast_conv2d(x, kernel, bias, **how)

    def _narrow(self, x, kernel, bias, stride):
        return narrow_conv2d(x, kernel, bias, stride)

    def algorithm(
        self,
        kernel_shape: Sequence[int] | tf.TensorShape,
        stride: int,
        image_shape: Sequence[int | None] | tf.TensorShape,
    ) -> ops.Bilinear1D | ops.Bilinear2D | None:
        """The algorithm for one layer.

        Args:
          kernel_shape: (k, k, Cin, Cout).
          stride: of the layer.
          image_shape: (B, H, W, Cin); B may be None: one image is then assumed.

        Returns:
          An `ops.Bilinear2D`, an `ops.Bilinear1D`, or None for the direct convolution; that also
          for strided layers and images of unknown size.

        >>> from cpm.execution import Execution
        >>> fast = Convolution(Execution(conv="fast"))
        >>> fast.algorithm((3, 3, 8, 8), 1, (None, 24, 40, 8)).kernel_size
        (3, 3)
        >>> fast.algorithm((3, 3, 8, 8), 2, (None, 24, 40, 8)) is None
        True
        """
        k, _, c_in, c_out = kernel_shape
        batch, height, width, _ = image_shape
        if self._conv == "direct" or stride != 1 or height is None or width is None:
            return None
        layer = (k, height, width, c_in, c_out)
        how: dict[str, Any] = {
            "batch": batch or 1,
            "allow_1d": ops.library_has_groups(tf.float32),
            "one_thread": self._one_thread,
        }
        if self._conv == "fast":
            return next(iter(ops.candidate_algorithms(*layer, **how)), None)
        if on_gpu():
            return None
        return ops.best_algorithm(*layer, **how, allow_2d=self._compiled)

    def multiply_adds(
        self,
        kernel_shape: Sequence[int] | tf.TensorShape,
        stride: int,
        image_shape: Sequence[int],
        *,
        gradients: bool,
        transformed: bool = False,
    ) -> int:
        """Multiply-adds that one layer really takes, both gradients counted if asked for.

        Args:
          kernel_shape, stride, image_shape: as for `algorithm`, sizes known.
          gradients: with those by the image and by the kernel.
          transformed: the kernel was transformed before, as `KeptKernels` does.
        """
        k, _, c_in, c_out = kernel_shape
        algorithm = self.algorithm(kernel_shape, stride, image_shape)
        if algorithm is None:
            batch, height, width, _ = image_shape
            outputs = batch * -(-height // stride) * -(-width // stride)
            return outputs * k**2 * c_in * c_out * (3 if gradients else 1)
        options = {"gradients": gradients, "transformed": transformed}
        return ops.fast_conv2d_multiply_adds(algorithm, image_shape, k, c_out, **options)


class KeptKernels(Convolution):
    """The same for weights that change no more: each is transformed, or narrowed, only once.

    The results live here, where tf.Module and checkpoints do not look.
    """

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution)
        self._transformed: dict[Any, tf.Tensor] = {}
        self._narrowed: dict[Any, tf.Tensor] = {}

    def _fast(self, x, kernel, bias, how):
        key = kernel.ref(), how["algorithm"]
        if key not in self._transformed:
            with tf.init_scope():  # outside of the graph that asks
                weights = ops.transform_kernel(kernel, algorithm=how["algorithm"])
            self._transformed[key] = weights
        return ops.fast_conv2d_transformed(x, self._transformed[key], bias, **how)

    def _narrow(self, x, kernel, bias, stride):
        # No gradient is summed here, so the bias may be narrow, too; the library adds it for free.
        weights = [v if v is None else self._as(v, x.dtype) for v in (kernel, bias)]
        return ops.conv2d(x, *weights, stride=stride)

    def _as(self, variable, dtype):
        key = variable.ref(), dtype
        if key not in self._narrowed:
            with tf.init_scope():
                self._narrowed[key] = tf.cast(variable, dtype)
        return self._narrowed[key]


def narrow_conv2d(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None, stride: int
) -> tf.Tensor:
    """A convolution in 16 bits by float32 variables: always direct.

    A fast algorithm's errors are the larger the narrower the type.

    Reference: Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.1.
    """
    y = ops.conv2d(x, tf.cast(kernel, x.dtype), stride=stride)
    if bias is None:
        return y
    # Added in the bias's own type, so that its gradient is summed there: a sum over thousands
    # of cells in bfloat16 stands still once it is 256 times as large as what is added.
    return tf.cast(tf.cast(y, bias.dtype) + bias, x.dtype)


def compiles_parts(execution: Execution) -> bool:
    """Whether `xla` means parts of an ordinary graph: on a CPU."""
    return execution.xla and not on_gpu()


def compiles_whole(execution: Execution) -> bool:
    """Whether `xla` means whole functions: on a GPU."""
    return execution.xla and on_gpu()
