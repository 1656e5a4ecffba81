"""Large batches in a compiled convolution: how many images at a time, and the same results."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops.fast_conv import batch_parts
from ops.fast_conv.cook_toom import cook_toom_2d
from ops.fast_conv.fast_conv2d import convolution_by
from ops.fast_conv.fourier import fourier_2d


@pytest.mark.parametrize("images, parts", [(1, 6), (2, 3), (4, 2), (6, 1), (0.5, 6)])
@pytest.mark.parametrize(
    "algorithm, numbers",
    [
        # The output's 4 channels: 3 x 4 tiles of 36 numbers.
        (cook_toom_2d(3, 4), 4 * 3 * 4 * 36),
        # The image's 3 channels: 2 x 4 blocks of 6 columns of 12 numbers.
        (fourier_2d(7, 12), 3 * 2 * 4 * 6 * 12),
    ],
)
def test_compiled_batches_are_computed_in_parts(
    seeded, monkeypatch, random_case, errors, algorithm, numbers, images, parts
):
    """Of as many images as fit, but all of one size: six are not cut into four and two."""
    x, kernel, upstream = random_case(seeded(12), algorithm, (6, 9, 14), 3, 4)
    assert convolution_by(algorithm).numbers(9, 14, 3, 4) == numbers
    monkeypatch.setattr(batch_parts, "MOST_AT_ONCE", images * numbers)
    assert batch_parts.count_parts(6, numbers) == parts
    calls, split = [], tf.split
    monkeypatch.setattr(tf, "split", lambda y, n, **axis: calls.append(n) or split(y, n, **axis))
    # Measured: up to 2.4e-15.
    assert max(errors(algorithm, x, kernel, upstream, compiled=True)) < 1e-12
    # x forward, x and d_y backward.
    assert [n for n in calls if n == parts] == ([] if parts == 1 else 3 * [parts])

    weights = ops.transform_kernel(kernel, algorithm=algorithm)
    options = {"algorithm": algorithm, "compiled": True}
    y = ops.fast_conv2d_transformed(x, weights, **options)
    np.testing.assert_allclose(y, ops.conv2d(x, kernel), atol=1e-10)


def test_parts_run_one_after_the_other(ops_before):
    """Side by side they would need as much memory as the whole batch."""

    @tf.function
    def doubled(x):
        results = batch_parts.in_parts(lambda part, w: (tf.sin(part * w),), 3, [x], 2.0)
        return [y for (y,) in results]

    graph = doubled.get_concrete_function(tf.ones([6, 2])).graph
    sines = [op for op in graph.get_operations() if op.type == "Sin"]
    assert len(sines) == 3
    for earlier, later in itertools.pairwise(sines):
        assert earlier in ops_before(later)
