"""Resampling against SciPy, polynomials that must come out exactly, and the plain loops."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

import ops
from ops import reference


def matrices(rng, height=5, width=7):
    """Rows that enlarge, columns that blur; H != W."""
    positions = rng.uniform(-1, height, 9)
    return ops.spline_weights(positions, height), ops.gaussian_weights(width, 0.8)


def test_resample_reference(seeded):
    rng = seeded(1)
    maps = rng.normal(size=[2, 5, 7, 3])
    rows, columns = matrices(rng)
    found = ops.resample(maps, rows, columns)
    assert found.shape == (2, 9, 7, 3) and found.dtype == tf.float64
    expected = reference.resample(maps, rows, columns)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_resample_gradient(seeded):
    """Linear, so central differences are exact up to rounding: measured 2e-11."""
    rng = seeded(2)
    rows, columns = matrices(rng)
    maps = tf.constant(rng.normal(size=[2, 5, 7, 2]))
    theory, numeric = tf.test.compute_gradient(lambda m: ops.resample(m, rows, columns), [maps])
    assert np.abs(theory[0] - numeric[0]).max() < 1e-6


def test_resample_same_everywhere(seeded, assert_same_everywhere):
    rng = seeded(3)
    rows, columns = matrices(rng)
    maps = rng.normal(size=[2, 5, 7, 3]).astype(np.float32)
    # Sums of some ten products of numbers near 1: 1e-5 is a hundred roundings.
    assert_same_everywhere(lambda m: ops.resample(m, rows, columns), maps, atol=1e-5)


def test_resample_unknown_batch(seeded):
    rows, columns = matrices(seeded(4))

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 7, 3])])
    def traced(maps):
        out = ops.resample(maps, rows, columns)
        assert out.shape.as_list() == [None, 9, 7, 3]
        return out

    assert traced(tf.zeros([2, 5, 7, 3])).shape == (2, 9, 7, 3)


@pytest.mark.parametrize(
    "shape, message",
    [([2, 5, 7], "4 dimensions"), ([2, 6, 7, 1], "axis 1"), ([2, 5, 8, 1], "axis 2")],
)
def test_resample_raises(seeded, shape, message):
    with pytest.raises(ValueError, match=message):
        ops.resample(tf.zeros(shape), *matrices(seeded(5)))


@pytest.mark.parametrize("cells", [1, 2, 3, 8])
def test_weights_reference(seeded, cells):
    positions = seeded(8).uniform(-1, cells, 20)
    np.testing.assert_allclose(
        ops.spline_weights(positions, cells),
        reference.spline_weights(positions, cells),
        atol=1e-13,
    )
    np.testing.assert_allclose(
        ops.gaussian_weights(cells, 1.3),
        reference.gaussian_weights(cells, 1.3),
        atol=1e-15,
    )


@pytest.mark.parametrize("cells", [2, 3, 9])
def test_spline_weights_scipy(seeded, cells):
    """SciPy's spline of order 3, mirrored at the last cells."""
    rng = seeded(6)
    line, positions = rng.normal(size=cells), rng.uniform(0, cells - 1, 50)
    expected = scipy.ndimage.map_coordinates(line, [positions], order=3, mode="mirror")
    found = ops.spline_weights(positions, cells) @ line
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_spline_weights_keeps_cells_and_continues_the_ends():
    line = np.array([2.0, -1.0, 5.0])
    found = ops.spline_weights([0, 1, 2, -1, -9, 30], 3) @ line
    np.testing.assert_allclose(found, [2, -1, 5, 2, 2, 5], atol=1e-14)
    assert (ops.spline_weights([0.3, -0.4], 1) == 1).all()  # a line of one cell


def test_spline_weights_keep_the_top_of_a_gaussian():
    """Where the top of a Gaussian of 7/8 cells (the paper's target) is read, worst of all phases.

    The figure of the module's docstring; of a cell of 8 px it is half a pixel.
    """
    fine = np.linspace(6, 10, 4001)
    weights = ops.spline_weights(fine, 17)
    tops = np.linspace(7.5, 8.5, 41)
    lines = np.exp(-0.5 * ((np.arange(17) - tops[:, np.newaxis]) / 0.875) ** 2)
    errors = np.abs(fine[np.argmax(lines @ weights.T, 1)] - tops)
    print(f"largest error {errors.max():.4f} cells")
    assert 0.05 < errors.max() < 0.065


def test_gaussian_weights_scipy(seeded):
    """Far from the ends SciPy's blur, truncated where float64 ends."""
    line = seeded(7).normal(size=41)
    found = (ops.gaussian_weights(41, 1.3) @ line)[15:26]
    expected = scipy.ndimage.gaussian_filter1d(line, 1.3, truncate=12)[15:26]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_gaussian_weights_rows_sum_to_one():
    np.testing.assert_allclose(ops.gaussian_weights(6, 2.5).sum(1), 1, atol=1e-15)
