"""The bilinear algorithms as matrices, against correlation by definition, all in float64."""

import numpy as np
import pytest

import ops
from ops import reference
from ops.fast_conv import lines


def correlate(x, kernel):
    """Every place where the kernel lies inside the tile."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel)


def error(algorithm, rng):
    """Norm of the error over norm of the result, on one random tile and kernel."""
    x, kernel = rng.normal(size=algorithm.tile), rng.normal(size=algorithm.kernel_size)
    expected = correlate(x, kernel)
    y = reference.bilinear(x, kernel, algorithm)
    assert y.shape == expected.shape == algorithm.outputs
    return np.linalg.norm(y - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("kernel_size", range(1, 12))
def test_fourier_random(seeded, kernel_size):
    rng, k = seeded(kernel_size), kernel_size
    for n in (k, k + 1, k + 2, k + 5, 2 * k, 2 * k + 3, 2 * k + 10):
        # A unitary transform of rounding 1e-16; sums of some hundred terms. Measured: 2e-15.
        assert error(ops.fourier(k, n), rng) < 1e-13
    assert error(ops.fourier((k, 2), (k + 3, 7)), rng) < 1e-13


@pytest.mark.parametrize(
    "kernel_size, outputs, largest",
    # Rounding 1e-16 times the condition of the points: that is what section 6 of
    # ops/fast_conv/README.md is about. Each bound is about ten times what was measured.
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
def test_cook_toom_random(seeded, kernel_size, outputs, largest):
    rng = seeded(10 * kernel_size + outputs)
    assert error(ops.cook_toom(kernel_size, outputs), rng) < largest
    assert error(ops.cook_toom((kernel_size, 3), (outputs, 2)), rng) < largest


def test_cook_toom_preset():
    # F(2, 3) as Lavin and Gray print it, up to the signs of rows that cancel between A and G:
    # y_0 = m_1 + m_2 + m_3, y_1 = m_2 - m_3 + m_4.
    line = ops.cook_toom_line(3, 2)
    image, kernel, output = line.image, line.kernel, line.output
    x, w = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([3.0, 5.0, 7.0])
    assert (image @ x == [99.0, 110.0, 90.0, 990.0]).all()
    assert (kernel @ w == [-3.0, 7.5, 2.5, 7.0]).all()
    products = (image @ x) * (kernel @ w)
    assert (output.T @ products == [753.0, 7530.0]).all()


def test_gauss_triples_multiply_complex_numbers():
    # sum_t image[t] kernel[t] output[t] is the tensor of the complex product, entry by entry.
    tensor = np.einsum(
        "ta,tc,tz->acz",
        lines.IMAGE_TRIPLE,
        lines.KERNEL_TRIPLE,
        lines.OUTPUT_TRIPLE,
    )
    expected = np.zeros([2, 2, 2])
    expected[0, 0, 0], expected[1, 1, 0] = 1, -1  # re = ac - bd
    expected[0, 1, 1], expected[1, 0, 1] = 1, 1  # im = ad + bc
    np.testing.assert_array_equal(tensor, expected)


def test_products():
    # Multiplications by output value, against the 9 ... 121 of the definition.
    assert ops.cook_toom(3, 4).products == 36
    assert ops.cook_toom(3, 6).products == 64
    assert ops.cook_toom(5, 4).products == 64
    assert ops.fourier(7, 16).products == 1.5 * 16**2
    assert ops.fourier(7, 15).products == 3 * 15 * 8
    for algorithm, least in (
        (ops.cook_toom(3, 4), 4.0),
        (ops.cook_toom(3, 6), 5.0),
        (ops.cook_toom(5, 4), 6.2),
        (ops.fourier(7, 18), 14.5),
        (ops.fourier(9, 20), 19.4),
        (ops.fourier(11, 22), 24.0),
    ):
        definition = np.prod(algorithm.outputs) * np.prod(algorithm.kernel_size)
        assert definition / algorithm.products >= least


@pytest.mark.parametrize(
    "algorithm", [ops.cook_toom(3, 4), ops.fourier(5, 8)], ids=lambda a: a.name
)
def test_separable_is_its_matrix(seeded, algorithm):
    rng = seeded(4)
    for part in (algorithm.image, algorithm.kernel, algorithm.output):
        x = rng.normal(size=[part.rows.shape[2], part.columns.shape[3]])
        z = np.einsum("psi,ij->psj", part.rows, x)
        u = np.einsum("pqsj,psj->pq", part.columns, z)
        np.testing.assert_allclose(part.matrix() @ x.ravel(), u.ravel(), atol=1e-10)


def test_fourier_two_thirds_of_what_is_stored_is_needed():
    # Its image map has rank n^2: three numbers a frequency are kept where two would do.
    algorithm = ops.fourier(3, 8)
    assert np.linalg.matrix_rank(algorithm.image.matrix()) == 64


def test_algorithms_are_made_once():
    assert ops.fourier(7, 16) is ops.fourier((7, 7), (16, 16))
    assert ops.cook_toom(3, 4) is ops.cook_toom((3, 3), (4, 4))


def test_algorithms_raise():
    with pytest.raises(ValueError, match=r"tile is \[6, 6\], expected at least .*\[7, 7\]"):
        ops.fourier(7, 6)
    with pytest.raises(ValueError, match=r"needs 17; use ops.fourier\(9, tile=17\)"):
        ops.cook_toom(9, 9)
    with pytest.raises(ValueError, match="outputs is 0, expected an integer of at least"):
        ops.cook_toom(3, 0)


@pytest.mark.parametrize("k", range(1, 12))
def test_fourier_line_random(seeded, k):
    rng = seeded(20 + k)
    for n in (k, k + 1, k + 2, k + 5, 2 * k + 3, 2 * k + 10):
        line = ops.fourier_line(k, n)
        assert line.tile == n and line.outputs == n - k + 1
        assert line.products == 1.5 * n - (0.5 if n % 2 else 1)
        # As in two dimensions. Measured: 6e-16.
        assert line_error(line, rng) < 1e-13


@pytest.mark.parametrize(
    "kernel_size, outputs, largest",
    # Bounds as for two dimensions, whose condition is the square of a line's.
    [(1, 4, 1e-13), (3, 4, 1e-13), (3, 8, 1e-12), (5, 4, 1e-13), (7, 4, 1e-12)],
)
def test_cook_toom_line_random(seeded, kernel_size, outputs, largest):
    line = ops.cook_toom_line(kernel_size, outputs)
    assert line.products == line.tile == kernel_size + outputs - 1
    assert line_error(line, seeded(kernel_size + outputs)) < largest


def line_error(line, rng):
    x, kernel = rng.normal(size=line.tile), rng.normal(size=line.kernel_size)
    expected = np.correlate(x, kernel, "valid")
    y = reference.line(x, kernel, line)
    assert y.shape == expected.shape
    return np.linalg.norm(y - expected) / np.linalg.norm(expected)


def test_lines_raise():
    with pytest.raises(ValueError, match=r"tile is \[6\], expected at least .*\[7\]"):
        ops.fourier_line(7, 6)
    with pytest.raises(ValueError, match="outputs is 0, expected an integer"):
        ops.cook_toom_line(3, 0)
