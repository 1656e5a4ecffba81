"""Shapes, noise, shading and the camera of the synthetic images."""

import numpy as np
import pytest

from cpm.synthetic.photo import photograph
from cpm.synthetic.raster import rasterise
from cpm.synthetic.scenery import add_occluders, sample_background
from cpm.synthetic.shading import ZOOM, sample_light, shade
from cpm.synthetic.shapes import Shape, draw_shape, fractal_noise, smooth_noise
from cpm.synthetic.staging import sample_cast, to_screen


@pytest.mark.parametrize("kind, area", [("box", 480.0), ("ellipse", np.pi * 120)])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_draw_shape_covers_its_area(kind, area, angle):
    image, mask = np.zeros((3, 60, 80), np.float32), np.zeros((60, 80), bool)
    draw_shape(image, Shape(kind, (40.3, 30.1), (20, 6), angle), (1.0, 0.5, 0.25), mask=mask)
    # Edges are blurred over one pixel, evenly to both sides up to the shape's curvature.
    assert image[0].sum() == pytest.approx(area, rel=0.03)
    np.testing.assert_allclose(image[1], 0.5 * image[0], atol=1e-6)
    assert np.array_equal(mask, image[0] >= 0.5)


def test_draw_shape_bar_and_gradient():
    image = np.zeros((3, 40, 60), np.float32)
    colors = np.array([(0.0, 0, 0), (1.0, 1, 1)])
    draw_shape(image, Shape("bar", (30, 20), (20, 5)), colors)
    assert image[0, 20, 30] == pytest.approx(0.5) and image[0, 24, 30] > 0.85
    assert image[0, 20, 52] == 0 and image[0, 24, 49] == 0  # the ends are round


def test_draw_shape_outside_the_image_changes_nothing():
    image = np.zeros((3, 20, 20), np.float32)
    draw_shape(image, Shape("box", (-50, 10), (5, 5), 0.3), (1, 1, 1))
    draw_shape(image, Shape("box", (10, 90), (5, 5), 0.3), (1, 1, 1))
    assert (image == 0).all()


def test_noise_has_the_size_and_the_strength_it_says():
    rng = np.random.default_rng(0)
    noise = np.stack([smooth_noise(rng, 50, 70, 10) for _ in range(200)])
    assert noise.shape[1:] == (50, 70)
    # E[w² + (1-w)²] = 2/3 along each axis for linear interpolation at a random place.
    assert noise.std() == pytest.approx(2 / 3, rel=0.05)
    step = np.abs(np.diff(noise, axis=2)).max()
    assert step < 0.9  # a tenth of the largest difference of two free values
    fractal = np.stack([fractal_noise(rng, 50, 70, 32, 0.7) for _ in range(100)])
    assert fractal.std() == pytest.approx(1.0, rel=0.1)


def test_backgrounds_are_images():
    palette = np.full((2, 3), 0.5)
    for seed in range(20):
        image = sample_background(np.random.default_rng(seed), 61, 83, palette)
        assert image.shape == (3, 61, 83) and image.dtype == np.float32
        assert np.isfinite(image).all() and -0.6 < image.min() and image.max() < 1.8


def test_occluders_report_what_they_cover():
    palette, found = np.full((2, 3), 0.5), 0
    for seed in range(30):
        image = np.full((3, 80, 70), -1.0, np.float32)
        box = (20, 20, 50, 60)
        mask = add_occluders(np.random.default_rng(seed), image, box, palette)
        changed = (image != -1).any(axis=0)
        assert (changed[mask]).all() and changed.sum() <= mask.sum() * 1.9 + 60
        found += mask.any()
    assert 3 <= found <= 20


def test_photograph():
    flat = np.full((3, 40, 30), 0.5, np.float32)
    pixels = np.stack([photograph(np.random.default_rng(s), flat) for s in range(40)])
    assert pixels.dtype == np.uint8 and pixels.shape == (40, 40, 30, 3)
    assert 100 < pixels.mean() < 156  # exposure varies about the middle
    assert pixels.std(axis=(1, 2, 3)).min() < 3 < pixels.std(axis=(1, 2, 3)).max()


def test_shade_covers_exactly_the_rasterised_samples():
    rng = np.random.default_rng(3)
    screen = to_screen(sample_cast(rng, 120, 100))
    depth, solid = rasterise(screen, 120 * ZOOM, 100 * ZOOM)
    image, covered = shade(screen, depth, solid, sample_light(rng), rng)
    expected = (solid >= 0).reshape(120, 2, 100, 2).mean(axis=(1, 3))
    np.testing.assert_array_equal(covered, expected.astype(np.float32))
    assert image.shape == (3, 120, 100) and image.dtype == np.float32
    assert np.isfinite(image).all() and image.min() >= 0
    assert (image[:, covered == 0] == 0).all() and (image[:, covered == 1] > 0).any()
