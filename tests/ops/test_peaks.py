"""find_peaks: inverse of gaussian_heatmap, hand-computed maps, the plain loops, and bad weather."""

import numpy as np
import pytest
import tensorflow as tf

import ops
from ops import reference


def draw(joints_px, height, width, stride, sigma_px, cutoff=0.0):
    present = np.ones(joints_px.shape[:2])
    return ops.gaussian_heatmap(
        joints_px,
        present,
        height=height,
        width=width,
        stride=stride,
        sigma_px=sigma_px,
        cutoff=cutoff,
    )


def crop_positions(rng, height, width, stride, shape=(8, 16)):
    """`[*shape, 2]` float32 anywhere in the crop, the outermost pixels included."""
    high = [width * stride - 1, height * stride - 1]
    return rng.uniform(0, high, size=[*shape, 2]).astype(np.float32)


@pytest.mark.parametrize("sigma_px", [4.0, 7.0, 21.0, 32.0])
@pytest.mark.parametrize(
    "height, width, stride",
    [(20, 20, 8), (46, 31, 8), (13, 24, 4), (3, 5, 8), (9, 4, 1)],
)
def test_find_peaks_round_trip(seeded, height, width, stride, sigma_px):
    rng = seeded(height * width)
    joints_px = crop_positions(rng, height, width, stride)
    maps = draw(joints_px, height, width, stride, sigma_px)
    points_px, confidence = ops.find_peaks(maps, stride=stride)
    error = np.abs(points_px - joints_px).max()
    print(f"round trip, sigma {sigma_px}, stride {stride}: {error:.1e} px")
    assert error < 1e-3
    assert (confidence.numpy() <= 1).all()


@pytest.mark.parametrize("stride", [4, 8])
def test_find_peaks_round_trip_cutoff(seeded, stride):
    # The training target: sigma 7 px, cells below 0.01 are 0. The cells next to the peak survive.
    joints_px = crop_positions(seeded(1), 12, 17, stride)
    maps = draw(joints_px, 12, 17, stride, 7.0, cutoff=0.01)
    points_px, _ = ops.find_peaks(maps, stride=stride)
    assert np.abs(points_px - joints_px).max() < 1e-3


def test_find_peaks_round_trip_border():
    # All four edges and corners, on the outermost pixels of a 24 x 40 crop, and pixel centers of
    # cells exactly, where the two neighbors are equal.
    xs, ys = [0, 3.5, 19.5, 36, 39], [0, 3.5, 11, 19.5, 23]
    joints_px = np.array([[(x, y) for x in xs for y in ys]], np.float32)
    for cutoff in (0.0, 0.01):
        maps = draw(joints_px, 3, 5, 8, 7.0, cutoff)
        points_px, _ = ops.find_peaks(maps, stride=8)
        np.testing.assert_allclose(points_px, joints_px, atol=1e-3)


@pytest.mark.parametrize("sigma_px, share", [(6.0, 0.045), (6.5, 0.00065), (7.0, 0.0)])
def test_find_peaks_narrow_targets_at_the_border(seeded, sigma_px, share):
    """What section 5 of gaussian_heatmap.md says of `mini`: 6 px, 128 x 128 crops, cut at 0.01."""
    joints_px = seeded(15).uniform(0, 127, size=[500, 40, 2]).astype(np.float32)
    maps = draw(joints_px, 16, 16, 8, sigma_px, cutoff=0.01)
    points_px, _ = ops.find_peaks(maps, stride=8)
    error = np.abs(points_px - joints_px)  # along each axis

    # In a border cell the third cell lies 2 cells further in, and the row at `aside`.
    edge = np.minimum(joints_px, 127 - joints_px)
    aside = np.abs((joints_px + 0.5) % 8 - 4)[..., ::-1]
    cut = (2 * 8 + 3.5 - edge) ** 2 + aside**2 > 2 * sigma_px**2 * np.log(100)
    cut &= edge < 7.5
    print(
        f"sigma {sigma_px}: {cut.any(-1).mean():.4f} of the positions, {edge[cut].max(initial=0)}"
    )
    np.testing.assert_array_equal(error > 1e-3, cut)
    np.testing.assert_allclose(error[cut], 3.5 - edge[cut], atol=1e-4)  # the cell's center
    assert error[~cut].max() < 1e-4
    # A binomial of 20,000 positions; `share` is that of four million. Four standard deviations.
    assert abs(cut.any(-1).mean() - share) <= 4 * np.sqrt(share / 20000)
    assert edge[cut].max(initial=0) < 1.75


@pytest.mark.parametrize("refinement", ops.REFINEMENTS)
def test_find_peaks_origin(seeded, refinement):
    """The same maps on another grid: every point moves with cell 0, and the round trip stays."""
    joints_px = crop_positions(seeded(14), 12, 17, 8) - 3.5  # from cell 0 half a cell outwards on
    maps = ops.gaussian_heatmap(
        joints_px, np.ones([8, 16]), height=12, width=17, stride=8, sigma_px=7.0, origin_px=0.0
    )
    options = {"stride": 8, "refinement": refinement, "sigma_cells": 7 / 8}
    points_px, confidence = ops.find_peaks(maps, **options, origin_px=np.float64(0.0))
    centered_px, same = ops.find_peaks(maps, **options)
    # Coordinates up to 136 px, rounded to 8e-6 twice.
    np.testing.assert_allclose(centered_px - points_px, np.full([8, 16, 2], 3.5), atol=2e-5)
    np.testing.assert_array_equal(confidence, same)
    if refinement == "taylor":
        assert np.abs(points_px - joints_px).max() < 1e-3


def test_find_peaks_dark_round_trip(seeded):
    """The blur of a sampled Gaussian by a sampled Gaussian is no Gaussian any more, but nearly."""
    joints_px = crop_positions(seeded(12), 20, 28, 8)
    joints_px = np.clip(joints_px, 24, [28 * 8 - 25, 20 * 8 - 25])  # away from the border
    maps = draw(joints_px, 20, 28, 8, 7.0)
    points_px, confidence = ops.find_peaks(maps, stride=8, refinement="dark", sigma_cells=7 / 8)
    error = np.abs(points_px - joints_px).max()
    print(f"dark round trip: {error:.1e} px")
    assert error < 0.02  # measured: 0.013
    np.testing.assert_array_equal(confidence, tf.reduce_max(maps, [1, 2]))


def test_find_peaks_dark_beats_taylor_on_rough_maps(seeded):
    """What the blur is for. Noise of a tenth of the peak in every cell, 2,000 peaks of σ 7 px."""
    rng = seeded(13)
    joints_px = rng.uniform(40, [28 * 8 - 41, 20 * 8 - 41], [125, 16, 2])
    maps = draw(joints_px, 20, 28, 8, 7.0).numpy()
    maps += 0.1 * rng.normal(size=maps.shape)
    means = {}
    for refinement in ops.REFINEMENTS:
        points_px, _ = ops.find_peaks(maps, stride=8, refinement=refinement, sigma_cells=7 / 8)
        errors = np.linalg.norm(points_px - joints_px, axis=-1)
        means[refinement] = errors.mean()
    print({name: f"{mean:.2f} px" for name, mean in means.items()})
    assert means["dark"] < 0.9 * means["taylor"] < means["quarter"] < means["none"]


@pytest.mark.parametrize("refinement, bound", [("none", 4.0), ("quarter", 2.0), ("taylor", 1e-3)])
def test_find_peaks_error_of_each_refinement(seeded, refinement, bound):
    # Stride 8: the cell is right to 4 px; a quarter (2 px) towards the higher neighbor leaves 2.
    joints_px = crop_positions(seeded(2), 20, 28, 8)
    joints_px = np.clip(joints_px, 8, [28 * 8 - 9, 20 * 8 - 9])  # no border cells
    maps = draw(joints_px, 20, 28, 8, 7.0)
    points_px, _ = ops.find_peaks(maps, stride=8, refinement=refinement)
    error = np.abs(points_px - joints_px).max()
    assert bound / 2 < error <= bound + 1e-4 or (refinement == "taylor" and error < bound)


def test_find_peaks_outside_the_crop():
    # Of a joint beyond the edge the border cell knows only the slope; the answer stays in it.
    joints_px = np.array([[[-9.0, 12.0], [50.0, -20.0]]], np.float32)
    points_px, _ = ops.find_peaks(draw(joints_px, 4, 5, 8, 7.0), stride=8)
    np.testing.assert_allclose(points_px, [[[-0.5, 12.0], [39.5, -0.5]]], atol=1e-3)


def test_find_peaks_oblique(seeded):
    # A Gaussian with correlated axes: exact only with the mixed derivative.
    u, v = np.meshgrid(np.arange(9.0), np.arange(7.0))
    du, dv = u - 4.3, v - 2.8
    blob = np.exp(-(du**2 + dv**2 - 1.2 * du * dv) / 2)[None, :, :, None]
    points_px, confidence = ops.find_peaks(blob, stride=1)
    np.testing.assert_allclose(points_px, [[[4.3, 2.8]]], atol=1e-9)
    np.testing.assert_array_equal(confidence, [[blob.max()]])


def test_find_peaks_preset():
    # log2 of the row: -2 0 -1, slope 1/2, curvature -3: the top is 1/6 of a cell to the right.
    row = tf.constant([0.25, 1.0, 0.5], tf.float64)
    maps = tf.reshape(row[:, None] * row, [1, 3, 3, 1])
    cell = 8 + 3.5
    for refinement, step in (("none", 0), ("quarter", 1 / 4), ("taylor", 1 / 6)):
        points_px, confidence = ops.find_peaks(maps, stride=8, refinement=refinement)
        np.testing.assert_allclose(points_px, [[[cell + 8 * step] * 2]], rtol=1e-12)
        np.testing.assert_array_equal(confidence, [[1.0]])


def test_find_peaks_x_is_not_y():
    maps = np.zeros([1, 4, 6, 2], np.float32)
    maps[0, 1, 5, 0] = 2.0
    maps[0, 3, 0, 1] = 3.0
    points_px, confidence = ops.find_peaks(maps, stride=8, refinement="none")
    np.testing.assert_array_equal(points_px, [[[43.5, 11.5], [3.5, 27.5]]])
    np.testing.assert_array_equal(confidence, [[2.0, 3.0]])


def bad_weather(rng):
    """`[B, 6, 5, P]` float32: maps no network should make but every network does."""
    flat = [np.full([6, 5], value) for value in (0.0, 1.0, -1.0, 1e-40, 1e30)]
    noise = rng.normal(size=[12, 6, 5])
    ripple = 1 + 1e-7 * rng.normal(size=[4, 6, 5])
    spike = np.zeros([3, 6, 5])
    spike[[0, 1, 2], [0, 3, 5], [0, 2, 4]] = 1
    everything = np.concatenate([flat, noise, np.abs(noise), ripple, spike])
    return everything.reshape(4, -1, 6, 5).transpose(0, 2, 3, 1).astype(np.float32)


@pytest.mark.parametrize("refinement", ops.REFINEMENTS)
def test_find_peaks_bad_weather(seeded, assert_same_everywhere, refinement):
    maps = bad_weather(seeded(3))
    # Of a map that is flat but for rounding, the blur's own rounding says which neighbor is higher.
    extent = np.ptp(maps, axis=(1, 2))
    by_rounding = (refinement == "dark") & (extent > 0) & (extent < 1e-5 * maps.max((1, 2)))

    def find(maps):
        return ops.find_peaks(maps, stride=8, refinement=refinement, sigma_cells=0.9)

    def certain(maps):
        points_px, confidence = find(maps)
        return tf.where(by_rounding[..., np.newaxis], 0.0, points_px), confidence

    assert by_rounding.sum() == (4 if refinement == "dark" else 0)
    assert_same_everywhere(certain, maps, atol=1e-3)
    points_px, confidence = (found.numpy() for found in find(tf.constant(maps)))
    cells, _ = ops.find_peaks(maps, stride=8, refinement="none")
    assert np.isfinite(points_px).all()
    assert np.abs(points_px - cells).max() <= 4.0  # half a cell
    np.testing.assert_array_equal(confidence, maps.max((1, 2)))


def test_find_peaks_flat_map_stays_on_its_cell():
    # Nothing to climb: the first cell in reading order, unmoved.
    for value in (0.0, 0.5, -2.0):
        points_px, _ = ops.find_peaks(tf.fill([1, 4, 5, 1], value), stride=8)
        np.testing.assert_array_equal(points_px, [[[3.5, 3.5]]])


def test_find_peaks_falls_back_to_quarter():
    # The right neighbor was cut to 0, so there is no logarithm; the left one is higher.
    row = np.zeros([1, 1, 5, 1], np.float32)
    row[0, 0, :, 0] = [0, 0.4, 0.9, 0, 0]
    points_px, _ = ops.find_peaks(row, stride=8)
    np.testing.assert_array_equal(points_px, [[[19.5 - 2, 3.5]]])


def test_find_peaks_floor():
    # A cell at the floor has a logarithm, one below it has none: that axis takes a quarter step.
    row = np.zeros([1, 1, 5, 1], np.float32)
    row[0, 0, :, 0] = [0, 0.5, 1, 0.25, 0]
    newton = 19.5 - 8 * (np.log(2) / 2) / (3 * np.log(2))  # slope log(1/2) / 2, curvature -log 8
    for floor, x in ((None, newton), (0.25, newton), (0.26, 19.5 - 2)):
        points_px, _ = ops.find_peaks(row, stride=8, floor=floor)
        np.testing.assert_allclose(points_px, [[[x, 3.5]]], rtol=1e-6)
    for floor in (0, -1e-3, 1, float("nan")):
        with pytest.raises(ValueError, match="expected a number between 0 and 1"):
            ops.find_peaks(row, stride=8, floor=floor)


@pytest.mark.parametrize("refinement", ops.REFINEMENTS)
@pytest.mark.parametrize("size", [(7, 4), (3, 3), (2, 6), (1, 1), (5, 2)])
def test_find_peaks_reference(seeded, size, refinement):
    rng = seeded(4)
    # Positive noise: maxima everywhere, most refinements clamped, some corners oblique.
    maps = rng.uniform(0.01, 1, size=[6, *size, 5])
    options = {"stride": 8, "refinement": refinement, "sigma_cells": 0.9}
    for others in ({}, {"origin_px": -1.25}, {"floor": 0.3}):  # 0.3: a third of all cells
        points_px, confidence = ops.find_peaks(maps, **options, **others)
        expected = reference.find_peaks(maps, **options, **others)
        np.testing.assert_allclose(points_px, expected[0], atol=1e-9)
        np.testing.assert_array_equal(confidence, expected[1])


def test_find_peaks_reference_bad_weather(seeded):
    maps = bad_weather(seeded(5)).astype(np.float64)
    for refinement in ops.REFINEMENTS:
        options = {"stride": 8, "refinement": refinement, "sigma_cells": 0.9}
        points_px, _ = ops.find_peaks(maps, **options)
        expected, _ = reference.find_peaks(maps, **options)
        np.testing.assert_allclose(points_px, expected, atol=1e-6)


def test_find_peaks_same_everywhere(seeded, assert_same_everywhere):
    joints_px = crop_positions(seeded(6), 11, 14, 8, shape=(3, 4))
    maps = draw(joints_px, 11, 14, 8, 7.0)
    points_px, _ = assert_same_everywhere(
        lambda maps: ops.find_peaks(maps, stride=8), maps, atol=1e-4
    )
    np.testing.assert_allclose(points_px, joints_px, atol=1e-3)


def test_find_peaks_static_shape_and_unknown_size():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 14])])
    def traced(maps):
        points_px, confidence = ops.find_peaks(maps, stride=8)
        assert points_px.shape.as_list() == [None, 14, 2]
        assert confidence.shape.as_list() == [None, 14]
        return points_px

    joints_px = np.full([2, 14, 2], [17.0, 9.0], np.float32)
    for size in ((5, 4), (8, 7)):
        points_px = traced(draw(joints_px, *size, 8, 7.0))
        np.testing.assert_allclose(points_px, joints_px, atol=1e-3)


def test_find_peaks_16_bit(seeded):
    joints_px = crop_positions(seeded(7), 6, 9, 8)
    maps = tf.cast(draw(joints_px, 6, 9, 8, 7.0), tf.float16)
    points_px, _ = ops.find_peaks(maps, stride=8)
    assert points_px.dtype == tf.float32
    # float16 knows a value to 5e-4; through the logarithm and a curvature of 1.3 per cell^2 that
    # is some 1e-3 cells. A tie between two cells costs nothing: both point at the same spot.
    assert np.abs(points_px - joints_px).max() < 0.05


@pytest.mark.parametrize("origin_px", [None, 0.0])
def test_find_peaks_gradient(seeded, gradient_error, origin_px):
    # The sub-cell step is a smooth function of the map (the cell is not).
    joints_px = np.array([[[12.0, 13.0], [37.0, 2.0], [1.0, 22.0]]])
    maps = draw(joints_px, 4, 5, 8, 14.0)

    def points_and_confidence(maps):
        points_px, confidence = ops.find_peaks(maps, stride=8, origin_px=origin_px)
        return tf.concat([points_px, confidence[..., None]], -1)

    # Measured: 9.6e-9. (At the usual step of 1e-5 the truncation alone is 6.9e-7: the logarithm
    # bends sharply in the low cells of a corner.)
    assert gradient_error(points_and_confidence, maps, delta=1e-6) < 1e-6


def test_find_peaks_gradient_is_finite_in_bad_weather(seeded):
    maps = tf.constant(bad_weather(seeded(8)))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        points_px, confidence = ops.find_peaks(maps, stride=8)
    gradient = tape.gradient([points_px, confidence], maps)
    assert np.isfinite(gradient).all()


def test_find_peaks_raises():
    maps = tf.zeros([1, 4, 5, 2])
    with pytest.raises(ValueError, match=r"maps has shape \[4, 5, 2\], expected 4 dim"):
        ops.find_peaks(maps[0], stride=8)
    with pytest.raises(ValueError, match="stride is 0"):
        ops.find_peaks(maps, stride=0)
    with pytest.raises(ValueError, match="origin_px is nan, expected a finite number"):
        ops.find_peaks(maps, stride=8, origin_px=float("nan"))
    with pytest.raises(ValueError, match="refinement is 'best', expected one of none"):
        ops.find_peaks(maps, stride=8, refinement="best")
    for sigma_cells in (None, 0.0):
        with pytest.raises(ValueError, match="dark needs sigma_cells > 0"):
            ops.find_peaks(maps, stride=8, refinement="dark", sigma_cells=sigma_cells)
    with pytest.raises(ValueError, match="dark needs maps of a known size"):
        tf.function(
            lambda m: ops.find_peaks(m, stride=8, refinement="dark", sigma_cells=1.0)
        ).get_concrete_function(tf.TensorSpec([1, None, 5, 2]))
    with pytest.raises(ValueError, match="maps has type int32"):
        ops.find_peaks(tf.cast(maps, tf.int32), stride=8)
