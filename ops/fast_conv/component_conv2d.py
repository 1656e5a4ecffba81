"""Convolution in the plane, the products computed component by component.

For transforms of high rank, Fourier's. A component is a frequency of the rows: its part of the
transformed image and kernel is made, multiplied, transformed back, and forgotten, so that it never
leaves the cache. dense_conv2d.py is the same without the loop; read it first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ops.fast_conv.algorithms import Bilinear2D
from ops.fast_conv.component_transforms import KernelTransform, TileTransform
from ops.fast_conv.small_products import sizes
from ops.fast_conv.tiling import tilings


class ComponentConvolution:
    """What `ops.fast_conv2d` does by a `Bilinear2D` of high rank.

    Attributes:
      kernel_shape, transformed_shape: of a kernel, and of a transformed one, for `check_shape`.
      gains_by_xla: whether XLA computes it faster than an ordinary graph.
    """

    gains_by_xla = True

    def __init__(self, algorithm: Bilinear2D) -> None:
        self._algorithm = algorithm
        self.kernel_shape: list[int | str] = [*algorithm.kernel_size, "Cin", "Cout"]
        self.transformed_shape: list[int | str] = [algorithm.rank, "Cin", "Cout"]

    def transform_kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """G g G_T: `[kh, kw, Cin, Cout]` to `[rank, Cin, Cout]`."""
        components, component_of = self._kernel_components(kernel)
        u = each_component(component_of, components, kernel.dtype)
        return tf.reshape(u, [self._algorithm.rank, *kernel.shape[2:]])

    def apply(self, x: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """The convolution by a transformed kernel: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        u = tf.reshape(u, [self._algorithm.components, -1, *u.shape[1:]])  # [P, Q, Cin, Cout]
        return self._convolve(x, lambda p: u[p])

    def forward(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution: `[B, H, W, Cin]` to `[B, H, W, Cout]`."""
        _, component_of = self._kernel_components(kernel)
        return self._convolve(x, component_of)

    def _convolve(self, x, kernel_component):
        """Y = A_T [U * (B_T d B)] A, where `kernel_component(p)` is `[Q, Cin, Cout]` of U."""
        image, output = self._tile_transforms(sizes(x)[:3])
        image_rows = image.transform_rows(x)

        def component(p):
            v = image.transform_columns(image_rows, p)  # [Q, T, Cin]
            m = tf.matmul(v, kernel_component(p))  # [Q, T, Cout]
            return output.adjoint_columns(m, p)

        return output.adjoint_rows(each_component(component, image.components, x.dtype))

    def backward(
        self, x: tf.Tensor, kernel: tf.Tensor, d_y: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Derivatives of sum(d_y * forward(x, kernel)) by (x, kernel)."""
        image, output = self._tile_transforms(sizes(x)[:3])
        weights = KernelTransform(self._algorithm.G, tuple(kernel.shape[2:]))
        image_rows, output_rows = image.transform_rows(x), output.transform_rows(d_y)
        kernel_rows = weights.transform_rows(kernel)

        def component(p):
            v = image.transform_columns(image_rows, p)  # [Q, T, Cin]
            u = weights.transform_columns(kernel_rows, p)  # [Q, Cin, Cout]
            d_m = output.transform_columns(output_rows, p)  # [Q, T, Cout]
            d_v = tf.matmul(d_m, u, transpose_b=True)
            d_u = tf.matmul(v, d_m, transpose_a=True)
            return image.adjoint_columns(d_v, p), weights.adjoint_columns(d_u, p)

        d_x, d_kernel = each_component(component, image.components, (x.dtype, x.dtype))
        return image.adjoint_rows(d_x), weights.adjoint_rows(d_kernel)

    def multiply_adds(
        self, image_shape: Sequence[int], kernel_width: int, c_out: int
    ) -> tuple[int, int, int, int]:
        """Of (the products, B_T d B, G g G_T, A_T m A) of an image (B, H, W, Cin)."""
        del kernel_width  # the algorithm's
        *shape, c_in = image_shape
        image, output = self._tile_transforms(shape)
        tiles = shape[0] * output.tiling.tiles[0] * output.tiling.tiles[1]
        return (
            self._algorithm.rank * tiles * c_in * c_out,
            image.multiply_adds(c_in),
            KernelTransform(self._algorithm.G, (c_in, c_out)).multiply_adds,
            output.multiply_adds(c_out),
        )

    def numbers(self, height: int, width: int, c_in: int, c_out: int) -> int:
        """As how many an image is kept at once: those of the image or of the output."""
        image, output = self._tile_transforms((1, height, width))
        return max(image.numbers(c_in), output.numbers(c_out))

    def _kernel_components(self, kernel):
        """How many components, and the function of a component's number to its `[Q, Cin, Cout]`."""
        weights = KernelTransform(self._algorithm.G, tuple(kernel.shape[2:]))
        rows = weights.transform_rows(kernel)
        return self._algorithm.components, lambda p: weights.transform_columns(rows, p)

    def _tile_transforms(self, image_shape):
        """B_T of the image's tiles, and A of the output's, whose adjoint is A_T."""
        image, output = tilings(self._algorithm, image_shape)
        return (
            TileTransform(self._algorithm.B_T, image),
            TileTransform(self._algorithm.A_T.T, output),
        )


def each_component(function: Callable[[Any], Any], components: int, dtype: Any) -> Any:
    """`function(0)` ... `function(components - 1)`, one after the other, results stacked.

    A loop of the graph, not of Python: XLA would run unrolled components side by side and keep the
    large tensors of all of them at once.

    Args:
      function: of a component's number, a scalar tensor, to a tensor or a tuple of them.
      components: P.
      dtype: of the results, in their structure.
    """
    if components == 1:  # needs no loop
        return tf.nest.map_structure(lambda y: y[tf.newaxis], function(0))
    function = tf.autograph.experimental.do_not_convert(function)
    numbers = tf.range(components)
    return tf.map_fn(function, numbers, parallel_iterations=1, fn_output_signature=dtype)
