"""How a network is computed: which convolutions by a fast algorithm, and what XLA compiles.

Weights and results do not depend on it but for rounding, so it is no part of a `NetworkConfig`:
whoever builds a network says it (`--conv`, `--xla`), and a checkpoint fits either way.

On a GPU XLA compiles whole functions. On a CPU it is slower than TensorFlow's own library at direct
convolutions and pooling and faster at fast convolutions on tiles, so it gets those, each with its
gradients a compiled island in an ordinary graph, and one pass of the norms of slices
(ops/sliced_batch_norm.py). Fast convolutions on lines are mostly the library's work, so they need
no XLA.

References: ops/fast_conv/README.md; the measurements behind both rules: BUILD_NOTES.md, "Speed".
"""

import dataclasses

import tensorflow as tf

import ops
from cpm.config import CONVOLUTIONS
from cpm.network.processor import on_gpu, threads_of_operation


@dataclasses.dataclass(frozen=True)
class ConvolutionMethod:
    """The choice for all layers of a network.

    Attributes:
      method: `direct`, the library's convolution; `fast`, the cheapest bilinear algorithm wherever
        there is one; `auto`, that only where the cost model (`ops.best_algorithm`) says it pays,
        and only on a CPU: on tiles where it is compiled, on lines where the library has groups of
        channels. A GPU's library chooses for itself.
      xla: whether `--xla` was given.
    """

    method: str = "direct"
    xla: bool = False

    def __post_init__(self):
        if self.method not in CONVOLUTIONS:
            known = ", ".join(CONVOLUTIONS)
            raise ValueError(f"conv is {self.method!r}; known: {known}")

    @property
    def compiled(self):
        """Whether what gains by it is compiled on its own: fast convolutions on tiles, norms."""
        return self.xla and not on_gpu()

    def algorithm(self, kernel_shape, stride, image_shape, *, threads=None):
        """The algorithm for one layer.

        Args:
          kernel_shape: (k, k, Cin, Cout).
          stride: of the layer.
          image_shape: (B, H, W, Cin); B may be None: one image is then assumed.
          threads: that compute it; None = as TensorFlow does here.

        Returns:
          An `ops.Bilinear2D`, an `ops.Bilinear1D`, or None for the direct convolution; that also
          for strided layers and images of unknown size.

        >>> ConvolutionMethod("fast").algorithm((3, 3, 8, 8), 1, (None, 24, 40, 8)).kernel_size
        (3, 3)
        >>> ConvolutionMethod("fast").algorithm((3, 3, 8, 8), 2, (None, 24, 40, 8)) is None
        True
        """
        k, _, c_in, c_out = kernel_shape
        batch, height, width, _ = image_shape
        if self.method == "direct" or stride != 1 or None in (height, width):
            return None
        layer = (k, height, width, c_in, c_out)
        how = {
            "batch": batch or 1,
            "allow_1d": ops.library_has_groups(tf.float32),
            "one_thread": (threads or threads_of_operation()) == 1,
        }
        if self.method == "fast":
            return next(iter(ops.candidate_algorithms(*layer, **how)), None)
        if on_gpu():
            return None
        return ops.best_algorithm(*layer, **how, allow_2d=self.compiled)


DIRECT = ConvolutionMethod()


def compiles_whole(xla):
    """Whether `--xla` means a whole function (a GPU) or islands in it (a CPU)."""
    return xla and on_gpu()
