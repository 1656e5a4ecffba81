"""Tensors in, tensors out: the mathematics of the network, one concept a file.

Nothing here knows of variables, files, flags or joint names, and nothing outside `ops` is
imported. Each op is defined once more in `ops/reference.py`, as plain NumPy loops.
"""

from ops.affine_warp import affine_warp
from ops.batch_norm import batch_norm, batch_norm_by_batch, moments
from ops.bilinear import Bilinear, cook_toom, fourier
from ops.conv2d import conv2d
from ops.convolution_choice import best_algorithm, candidate_algorithms, fast_cost
from ops.fast_conv2d import (
    fast_conv2d,
    fast_conv2d_multiply_adds,
    fast_conv2d_transformed,
    transform_kernel,
)
from ops.gaussian_heatmap import gaussian_heatmap
from ops.grouped_conv2d import grouped_conv2d, library_has_groups
from ops.lines import Line, cook_toom_line, fourier_line
from ops.peaks import REFINEMENTS, find_peaks
from ops.pooling import average_pool, max_pool
from ops.resample import gaussian_weights, resample, spline_weights
from ops.shapes import check_floating, check_positive_int, check_rank, check_shape

__all__ = [
    "REFINEMENTS",
    "Bilinear",
    "Line",
    "affine_warp",
    "average_pool",
    "batch_norm",
    "batch_norm_by_batch",
    "best_algorithm",
    "candidate_algorithms",
    "check_floating",
    "check_positive_int",
    "check_rank",
    "check_shape",
    "conv2d",
    "cook_toom",
    "cook_toom_line",
    "fast_conv2d",
    "fast_conv2d_multiply_adds",
    "fast_conv2d_transformed",
    "fast_cost",
    "find_peaks",
    "fourier",
    "fourier_line",
    "gaussian_heatmap",
    "gaussian_weights",
    "grouped_conv2d",
    "library_has_groups",
    "max_pool",
    "moments",
    "resample",
    "spline_weights",
    "transform_kernel",
]
