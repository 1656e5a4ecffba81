"""2-D convolution with few multiplications, by bilinear algorithms (Winograd, Lavin and Gray).

    algorithm = best_algorithm(kernel_size, height, width, c_in, c_out)  # None: ops.conv2d
    y = fast_conv2d(x, kernel, bias, algorithm=algorithm)

These names are all that others use. To read the package, begin with README.md, whose first section
is F(2, 3) by hand. Then

    algorithms, cook_toom, fourier         the matrices B_T, G, A_T
    dense_conv2d                           the plainest way to apply them to an image
    component_conv2d, column_conv2d        two others, for large kernels and for small layers
    fast_conv2d                            the door to all three, with gradients
    cost_model, choice                     which algorithm for which layer

and, when they come up, tiling, component_transforms, small_products, grouped_conv2d, batch_parts.
reference.py has it once more as plain NumPy loops.
"""

from ops.fast_conv.algorithms import Bilinear1D, Bilinear2D
from ops.fast_conv.choice import best_algorithm, candidate_algorithms
from ops.fast_conv.fast_conv2d import (
    fast_conv2d,
    fast_conv2d_multiply_adds,
    fast_conv2d_transformed,
    transform_kernel,
)
from ops.fast_conv.grouped_conv2d import library_has_groups

__all__ = [
    "Bilinear1D",
    "Bilinear2D",
    "best_algorithm",
    "candidate_algorithms",
    "fast_conv2d",
    "fast_conv2d_multiply_adds",
    "fast_conv2d_transformed",
    "library_has_groups",
    "transform_kernel",
]
