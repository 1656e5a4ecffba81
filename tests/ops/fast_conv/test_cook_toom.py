"""Cook-Toom's algorithms as matrices, against correlation by definition, in float64."""

import numpy as np
import pytest

from ops.fast_conv import reference
from ops.fast_conv.cook_toom import cook_toom_1d, cook_toom_2d


def test_cook_toom_1d_preset():
    """F(2, 3) as Lavin's wincnn prints it. (The paper has the last row of B_T and of A negated.)"""
    f23 = cook_toom_1d(kernel_size=3, outputs=2)
    np.testing.assert_array_equal(
        f23.B_T, [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]]
    )
    np.testing.assert_array_equal(f23.G, [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(f23.A_T, [[1, 1, 1, 0], [0, 1, -1, 1]])
    assert not np.signbit(f23.B_T[f23.B_T == 0]).any()  # no -0.


def test_cook_toom_2d_preset():
    """F(2 x 2, 3 x 3): the transforms are B_T d B, G g G_T and A_T M A."""
    line, plane = cook_toom_1d(3, 2), cook_toom_2d(3, 2)
    d, g = np.arange(16.0).reshape(4, 4) ** 2, np.arange(9.0).reshape(3, 3)
    v, u = line.B_T @ d @ line.B_T.T, line.G @ g @ line.G.T
    np.testing.assert_allclose(plane.B_T.matrix() @ d.ravel(), v.ravel(), rtol=1e-15)
    np.testing.assert_allclose(plane.G.matrix() @ g.ravel(), u.ravel(), rtol=1e-15)
    y = line.A_T @ (u * v) @ line.A_T.T
    np.testing.assert_allclose(plane.A_T.matrix() @ (u * v).ravel(), y.ravel(), rtol=1e-15)
    np.testing.assert_allclose(y, correlate(d, g), rtol=1e-12)


def correlate(d, g):
    """Every place where the kernel lies inside the tile."""
    windows = np.lib.stride_tricks.sliding_window_view(d, g.shape)
    return np.einsum("ijmn,mn->ij", windows, g)


# Rounding of 1e-16 times the condition of the points: that is what section 6 of
# ops/fast_conv/README.md is about. Each bound is about ten times what was measured.
@pytest.mark.parametrize(
    "kernel_size, outputs, largest",
    [(1, 4, 1e-13), (3, 4, 1e-13), (3, 8, 1e-12), (5, 4, 1e-13), (7, 4, 1e-12)],
)
def test_cook_toom_1d_random(seeded, kernel_size, outputs, largest):
    rng = seeded(kernel_size + outputs)
    line = cook_toom_1d(kernel_size, outputs)
    assert line.rank == line.tile == kernel_size + outputs - 1
    d, g = rng.normal(size=line.tile), rng.normal(size=kernel_size)
    expected = np.correlate(d, g, "valid")
    y = reference.bilinear_1d(d, g, line)
    assert y.shape == expected.shape == (outputs,)
    assert np.linalg.norm(y - expected) / np.linalg.norm(expected) < largest


@pytest.mark.parametrize(
    "kernel_size, outputs, largest",
    [
        (1, 1, 1e-15),
        (1, 4, 1e-13),
        (3, 1, 1e-14),
        (3, 2, 1e-14),
        (3, 4, 1e-13),
        (3, 6, 1e-12),
        (5, 2, 1e-13),
        (5, 4, 1e-12),
        (7, 2, 1e-12),
        (7, 4, 1e-11),
        (9, 2, 1e-11),
        (11, 2, 1e-9),
    ],
)
def test_cook_toom_2d_random(seeded, kernel_size, outputs, largest):
    rng = seeded(10 * kernel_size + outputs)
    for algorithm in (
        cook_toom_2d(kernel_size, outputs),
        cook_toom_2d((kernel_size, 3), (outputs, 2)),
    ):
        d, g = rng.normal(size=algorithm.tile), rng.normal(size=algorithm.kernel_size)
        expected = correlate(d, g)
        y = reference.bilinear_2d(d, g, algorithm)
        assert y.shape == expected.shape == algorithm.outputs
        assert np.linalg.norm(y - expected) / np.linalg.norm(expected) < largest


def test_cook_toom_rank():
    """Multiplications by output value, against the 9 and 25 of the definition."""
    for kernel_size, outputs, rank, saving in ((3, 4, 36, 4.0), (3, 6, 64, 5.0), (5, 4, 64, 6.2)):
        algorithm = cook_toom_2d(kernel_size, outputs)
        assert algorithm.rank == rank and algorithm.dense
        assert outputs**2 * kernel_size**2 / rank >= saving


def test_cook_toom_is_made_once():
    assert cook_toom_1d(3, 4) is cook_toom_1d(3, 4)
    assert cook_toom_2d(3, 4) is cook_toom_2d((3, 3), (4, 4))


def test_cook_toom_raises():
    with pytest.raises(ValueError, match=r"needs 17; use fourier with kernel_size=9, tile=17"):
        cook_toom_2d(9, 9)
    for make in (cook_toom_1d, cook_toom_2d):
        with pytest.raises(ValueError, match="outputs is 0, expected an integer of at least"):
            make(3, 0)
    with pytest.raises(ValueError, match=r"outputs is 2\.5, expected an integer of at least"):
        cook_toom_2d(3, (2, 2.5))
