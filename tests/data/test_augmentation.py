"""Augmentation: stateless, within their ranges, the geometry of cpm.geometry, true colors."""

import colorsys
import math

import numpy as np
import pytest
import tensorflow as tf

from cpm import geometry
from cpm.config import AUGMENTATIONS, AugmentConfig
from cpm.data import augmentation
from cpm.data.augmentation import Augmentation
from cpm.skeleton import SKELETONS

STRONG = AUGMENTATIONS["strong"]
GOLDEN = {"scale": 0.783251202, "angle_rad": 0.653489021}


def augmented(**values):
    """An `Augmentation` that does nothing but `values`."""
    neutral = Augmentation(
        scale=1.0,
        angle_rad=0.0,
        flip=False,
        shift=[0.0, 0.0],
        brightness=1.0,
        contrast=1.0,
        saturation=1.0,
        hue=0.0,
        noise=0.0,
    )
    values = neutral._replace(**values)
    kinds = Augmentation(*[tf.float64] * 2, tf.bool, tf.float64, *[tf.float32] * 5)
    return Augmentation(*(tf.constant(v, k) for v, k in zip(values, kinds, strict=True)))


def draw_many(config, count=400):
    """Fields of `count` drawn changes as arrays."""

    def one(number):
        seed = augmentation.example_seed(3, 1, tf.strings.as_string(number))
        return tuple(augmentation.draw_augmentation(seed, config))

    dataset = tf.data.Dataset.range(count).map(one).batch(count)
    return Augmentation(*(value.numpy() for value in next(iter(dataset))))


class TestDraw:
    def test_stateless(self):
        def draw(seed, epoch, id):
            key = augmentation.example_seed(seed, epoch, tf.constant(id))
            return float(augmentation.draw_augmentation(key, STRONG).angle_rad)

        here = draw(0, 0, "lsp/im0001")
        assert here == draw(0, 0, "lsp/im0001")
        others = [draw(1, 0, "lsp/im0001"), draw(0, 1, "lsp/im0001"), draw(0, 0, "b")]
        assert len({here, *others}) == 4

    def test_golden(self):
        # The stream is part of the format of a run: resuming after an update needs the same one.
        key = augmentation.example_seed(0, 0, tf.constant("lsp/im0001"))
        config = AugmentConfig(scale=(0.75, 1.3), rotation_deg=40.0)
        drawn = augmentation.draw_augmentation(key, config)
        assert float(drawn.scale) == pytest.approx(GOLDEN["scale"], rel=1e-6)
        assert float(drawn.angle_rad) == pytest.approx(GOLDEN["angle_rad"], rel=1e-6)

    def test_ranges(self):
        config = AugmentConfig(
            scale=(0.5, 2.0),
            rotation_deg=30.0,
            flip=0.25,
            shift=0.1,
            brightness=0.2,
            contrast=0.3,
            saturation=0.4,
            hue=0.05,
            noise=6.0,
        )
        drawn = draw_many(config)
        expected = {  # field: low, high
            "scale": (0.5, 2.0),
            "angle_rad": (-math.pi / 6, math.pi / 6),
            "shift": (-0.1, 0.1),
            "brightness": (0.8, 1.2),
            "contrast": (0.7, 1.3),
            "saturation": (0.6, 1.4),
            "hue": (-0.05, 0.05),
            "noise": (0.0, 6.0),
        }
        for field, (low, high) in expected.items():
            values = getattr(drawn, field)
            assert low <= values.min() and values.max() <= high, field
            # 400 uniform draws leave less than 3 % of the range free with p > 0.9999.
            assert np.ptp(values) > 0.97 * (high - low), field
        # Log-uniform: as many people are halved as doubled. 4 standard deviations.
        assert abs((drawn.scale < 1).mean() - 0.5) < 4 * 0.5 / 20
        assert abs(drawn.flip.mean() - 0.25) < 4 * math.sqrt(0.25 * 0.75) / 20

    def test_uniform_scale_is_the_papers(self):
        """U[.7, 1.3] has its mean at 1; drawn by logarithm it would be 0.969."""
        drawn = draw_many(AUGMENTATIONS["paper"], 4000).scale
        assert 0.7 <= drawn.min() and drawn.max() <= 1.3
        # 4 standard deviations of a mean of 4000 numbers that spread by 0.6 / sqrt(12).
        assert abs(drawn.mean() - 1.0) < 4 * 0.6 / math.sqrt(12 * 4000)

    def test_wild_shift_grows_with_the_room(self):
        """People shown at half their size may be 0.6 of the free quarter off; large ones not."""
        config = AUGMENTATIONS["wild"]
        drawn = draw_many(config, 2000)
        room = 0.6 * np.maximum(0, 1 - drawn.scale) / 2
        limit = (config.shift + room)[:, np.newaxis]
        used = np.abs(drawn.shift) / limit
        assert used.max() <= 1 + 1e-12
        # 4000 uniform numbers: the mean is 1/2 to 4 standard deviations of 1 / sqrt(12 · 4000).
        assert abs(used.mean() - 0.5) < 4 / math.sqrt(12 * 4000)
        small = drawn.scale < 0.55
        assert np.abs(drawn.shift[small]).max() > 0.15
        assert np.abs(drawn.shift[drawn.scale > 1]).max() <= config.shift

    def test_independent(self):
        drawn = draw_many(STRONG)
        columns = [
            *drawn[:2],
            drawn.flip,
            *drawn.shift.T,
            drawn.brightness,
            drawn.contrast,
            drawn.saturation,
            drawn.hue,
        ]
        correlation = np.corrcoef(np.array(columns, float)) - np.eye(len(columns))
        # 1 / sqrt(400) = 0.05 is one standard deviation; 36 pairs.
        assert np.abs(correlation).max() < 0.2

    def test_none_changes_nothing(self):
        drawn = draw_many(AugmentConfig(), 20)
        for got, neutral in zip(drawn, augmented(), strict=True):
            np.testing.assert_array_equal(got, np.broadcast_to(neutral, got.shape))


class TestGeometry:
    @pytest.mark.parametrize("case", range(20))
    def test_equals_geometry(self, case, seeded):
        rng = seeded(case)
        size = tuple(int(side) for side in rng.integers(8, 400, 2))
        region = geometry.CropRegion(tuple(rng.uniform(-50, 600, 2)), rng.uniform(5, 900))
        scale, angle = rng.uniform(0.5, 2), rng.uniform(-3, 3)
        flip, shift = bool(rng.integers(2)), rng.uniform(-0.2, 0.2, 2)
        expected = geometry.crop_to_image(
            region, size, scale, angle, flip, shift * region.side_px / scale
        )
        drawn = augmented(scale=scale, angle_rad=angle, flip=flip, shift=shift)
        got = augmentation.crop_map(region.center_px, region.side_px, size, drawn)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-4)
        plain = augmentation.crop_map(region.center_px, region.side_px, size)
        np.testing.assert_allclose(
            plain, geometry.crop_to_image(region, size), rtol=1e-6, atol=1e-4
        )

    def test_image_to_crop(self, seeded):
        rng = seeded(0)
        matrix = rng.normal(size=(2, 3))
        points = rng.normal(size=(3, 5, 2))
        there = geometry.transform_points(matrix, points)
        got = augmentation.image_to_crop(tf.constant(matrix), there)
        np.testing.assert_allclose(got, points, atol=1e-10)

    @pytest.mark.parametrize("name", sorted(SKELETONS))
    def test_mirror_joints(self, name):
        skeleton = SKELETONS[name]
        values = np.arange(2 * len(skeleton)).reshape(2, -1)

        def mirrored(values, flip):
            return augmentation.mirror_joints(
                tf.constant(values), tf.constant(flip), skeleton.mirror
            ).numpy()

        np.testing.assert_array_equal(mirrored(values, False), values)
        once = mirrored(values, True)
        np.testing.assert_array_equal(mirrored(once, True), values)
        left, right = (skeleton.index(f"{side}_hip") for side in ("left", "right"))
        assert once[1, left] == values[1, right] and once[1, right] == values[1, left]


class TestColor:
    """Against color changes written out one after another, and closed forms."""

    def recolored(self, color, **values):
        linear, offset = augmentation.color_map(augmented(**values))
        return linear.numpy() @ np.asarray(color, np.float64) + offset.numpy()

    @pytest.mark.parametrize("color", [(200, 30, 90), (0, 0, 0), (128, 128, 128)])
    def test_one_at_a_time(self, color):
        color = np.array(color, np.float64)
        luma = color @ (0.299, 0.587, 0.114)
        expected = {
            "brightness": 1.3 * color,
            "contrast": 128 + 1.3 * (color - 128),
            "saturation": luma + 1.3 * (color - luma),
        }
        for field, value in expected.items():
            got = self.recolored(color, **{field: 1.3})
            np.testing.assert_allclose(got, value, atol=1e-3, err_msg=field)
        np.testing.assert_allclose(self.recolored(color), color, atol=1e-4)

    def test_order(self):
        got = self.recolored((200, 30, 90), brightness=0.9, saturation=0.5, contrast=1.2)
        color = 0.9 * np.array([200.0, 30, 90])
        luma = color @ (0.299, 0.587, 0.114)
        color = luma + 0.5 * (color - luma)
        np.testing.assert_allclose(got, 128 + 1.2 * (color - 128), atol=1e-3)

    def test_hue(self):
        red = (200.0, 0.0, 0.0)
        np.testing.assert_allclose(self.recolored(red, hue=1 / 3), (0, 200, 0), atol=1e-3)
        np.testing.assert_allclose(self.recolored(red, hue=-1 / 3), (0, 0, 200), atol=1e-3)
        gray = (70.0, 70.0, 70.0)
        np.testing.assert_allclose(self.recolored(gray, hue=0.17), gray, atol=1e-3)
        # A small turn goes the way that the hue of HSV goes.
        turned = self.recolored((200.0, 60.0, 40.0), hue=0.02) / 255
        before = colorsys.rgb_to_hsv(200 / 255, 60 / 255, 40 / 255)[0]
        assert colorsys.rgb_to_hsv(*turned)[0] - before == pytest.approx(0.02, abs=0.005)

    def test_border_stays_gray(self):
        values = {"brightness": 0.8, "contrast": 1.3, "saturation": 0.6, "hue": 0.05}
        linear, offset = augmentation.color_map(augmented(**values))
        border = augmentation.border_color(linear, offset)
        crop = tf.broadcast_to(border, [4, 5, 3])
        got = augmentation.recolor(crop, linear, offset, None, [0, 0])
        np.testing.assert_allclose(got, np.full((4, 5, 3), 128), atol=1e-3)

    def test_recolor_is_the_map_of_every_pixel(self, seeded):
        crop = seeded(1).uniform(0, 255, (4, 5, 3)).astype(np.float32)
        values = {"brightness": 1.2, "contrast": 0.7, "saturation": 0.6, "hue": 0.02}
        linear, offset = augmentation.color_map(augmented(**values))
        got = augmentation.recolor(tf.constant(crop), linear, offset, None, [0, 0])
        expected = [[self.recolored(c, **values) for c in row] for row in crop]
        np.testing.assert_allclose(got, np.clip(expected, 0, 255), atol=1e-2)

    def test_clipped(self):
        linear, offset = augmentation.color_map(augmented(brightness=3.0))
        crop = tf.fill([2, 2, 3], 200.0)
        got = augmentation.recolor(crop, linear, offset, None, [0, 0])
        assert got.numpy().max() == 255

    def test_noise(self):
        linear, offset = augmentation.color_map(augmented())
        crop = tf.fill([64, 64, 3], 128.0)
        got = augmentation.recolor(crop, linear, offset, tf.constant(5.0), [1, 2]).numpy()
        # 12,288 samples: the deviation is good to 1 / sqrt(2 n) = 0.6 %, the mean to 0.05.
        assert got.std() == pytest.approx(5.0, rel=0.03)
        assert got.mean() == pytest.approx(128.0, abs=0.2)
        again = augmentation.recolor(crop, linear, offset, tf.constant(5.0), [1, 2])
        np.testing.assert_array_equal(got, again)
