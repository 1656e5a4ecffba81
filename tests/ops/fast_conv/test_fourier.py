"""Convolution by the discrete Fourier transform as matrices, against correlation by definition."""

import numpy as np
import pytest

from ops.fast_conv import fourier, reference
from ops.fast_conv.fourier import fourier_1d, fourier_2d


def correlate(d, g):
    """Every place where the kernel lies inside the tile."""
    windows = np.lib.stride_tricks.sliding_window_view(d, g.shape)
    return np.einsum("ijmn,mn->ij", windows, g)


@pytest.mark.parametrize("r", range(1, 12))
def test_fourier_1d_random(seeded, r):
    rng = seeded(20 + r)
    for n in (r, r + 1, r + 2, r + 5, 2 * r + 3, 2 * r + 10):
        line = fourier_1d(r, n)
        assert line.tile == n and line.outputs == n - r + 1
        assert line.rank == 1.5 * n - (0.5 if n % 2 else 1)
        d, g = rng.normal(size=n), rng.normal(size=r)
        expected = np.correlate(d, g, "valid")
        y = reference.bilinear_1d(d, g, line)
        assert y.shape == expected.shape
        # A unitary transform of rounding 1e-16; sums of some ten terms. Measured: 6e-16.
        assert np.linalg.norm(y - expected) / np.linalg.norm(expected) < 1e-13


@pytest.mark.parametrize("r", range(1, 12))
def test_fourier_2d_random(seeded, r):
    rng = seeded(r)
    tiles = (r, r + 1, r + 2, r + 5, 2 * r, 2 * r + 3, 2 * r + 10)
    for algorithm in (*(fourier_2d(r, n) for n in tiles), fourier_2d((r, 2), (r + 3, 7))):
        d, g = rng.normal(size=algorithm.tile), rng.normal(size=algorithm.kernel_size)
        expected = correlate(d, g)
        y = reference.bilinear_2d(d, g, algorithm)
        assert y.shape == expected.shape == algorithm.outputs
        # As on a line; sums of some hundred terms. Measured: 2e-15.
        assert np.linalg.norm(y - expected) / np.linalg.norm(expected) < 1e-13


def test_fourier_is_the_spectrum(seeded):
    """B_T d holds, for every frequency, Gauss's (a + b, a, b) of NumPy's a + ib."""
    d = seeded(3).normal(size=8)
    v = fourier_1d(3, 8).B_T @ d
    spectrum = np.fft.fft(d)
    np.testing.assert_allclose(v[:2], spectrum[[0, 4]].real, atol=1e-14)
    a, b = spectrum[1:4].real, spectrum[1:4].imag
    np.testing.assert_allclose(v[2:].reshape(3, 3), np.stack([a + b, a, b], axis=1), atol=1e-14)


def test_gauss_triples_multiply_complex_numbers():
    # sum_t image[t] kernel[t] output[t] is the tensor of the complex product, entry by entry.
    tensor = np.einsum(
        "ta,tc,tz->acz", fourier.IMAGE_TRIPLE, fourier.KERNEL_TRIPLE, fourier.OUTPUT_TRIPLE
    )
    expected = np.zeros([2, 2, 2])
    expected[0, 0, 0], expected[1, 1, 0] = 1, -1  # re = ac - bd
    expected[0, 1, 1], expected[1, 0, 1] = 1, 1  # im = ad + bc
    np.testing.assert_array_equal(tensor, expected)


def test_fourier_rank():
    assert fourier_2d(7, 16).rank == 1.5 * 16**2 and not fourier_2d(7, 16).dense
    assert fourier_2d(7, 15).rank == 3 * 15 * 8
    # Multiplications by output value, against the 49, 81 and 121 of the definition.
    for algorithm, saving in (
        (fourier_2d(7, 18), 14.5),
        (fourier_2d(9, 20), 19.4),
        (fourier_2d(11, 22), 24.0),
    ):
        definition = np.prod(algorithm.outputs) * np.prod(algorithm.kernel_size)
        assert definition / algorithm.rank >= saving


def test_fourier_two_thirds_of_what_is_stored_is_needed():
    # The image transform has the rank n^2 of a matrix: three numbers a frequency are kept where
    # two would do.
    assert np.linalg.matrix_rank(fourier_2d(3, 8).B_T.matrix()) == 64


def test_fourier_is_made_once():
    assert fourier_1d(7, 16) is fourier_1d(7, 16)
    assert fourier_2d(7, 16) is fourier_2d((7, 7), (16, 16))


def test_fourier_raises():
    with pytest.raises(ValueError, match=r"tile is \[6, 6\], expected at least .*\[7, 7\]"):
        fourier_2d(7, 6)
    with pytest.raises(ValueError, match=r"tile is \[6\], expected at least .*\[7\]"):
        fourier_1d(7, 6)
    with pytest.raises(ValueError, match="kernel_size is 0, expected an integer"):
        fourier_1d(0, 6)
