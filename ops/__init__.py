"""Tensors in, tensors out: the mathematics of the network, one concept a file.

Nothing here knows of variables, files, flags or joint names, and nothing outside `ops` is
imported. Each op is defined once more in `ops/reference.py`, as plain NumPy loops. `ops/fast_conv/`
is a package of its own: the names below that come from it are all of it that others use.
"""

from ops.affine_warp import affine_warp
from ops.batch_norm import batch_norm, batch_norm_by_batch, moments
from ops.conv2d import conv2d
from ops.fast_conv import (
    Bilinear1D,
    Bilinear2D,
    best_algorithm,
    candidate_algorithms,
    fast_conv2d,
    fast_conv2d_multiply_adds,
    fast_conv2d_transformed,
    library_has_groups,
    transform_kernel,
)
from ops.gaussian_heatmap import gaussian_heatmap
from ops.peaks import REFINEMENTS, find_peaks
from ops.pooling import average_pool, max_pool
from ops.resample import gaussian_weights, resample, spline_weights
from ops.shapes import check_finite, check_floating, check_positive_int, check_rank, check_shape

__all__ = [
    "REFINEMENTS",
    "Bilinear1D",
    "Bilinear2D",
    "affine_warp",
    "average_pool",
    "batch_norm",
    "batch_norm_by_batch",
    "best_algorithm",
    "candidate_algorithms",
    "check_finite",
    "check_floating",
    "check_positive_int",
    "check_rank",
    "check_shape",
    "conv2d",
    "fast_conv2d",
    "fast_conv2d_multiply_adds",
    "fast_conv2d_transformed",
    "find_peaks",
    "gaussian_heatmap",
    "gaussian_weights",
    "library_has_groups",
    "max_pool",
    "moments",
    "resample",
    "spline_weights",
    "transform_kernel",
]
