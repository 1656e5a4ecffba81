"""Backgrounds, clutter, shadows and the objects that stand in front of people.

An image's background is a wall, a room or a landscape with noise of all sizes, and shapes
scattered over it, alone or in rows, some of them as long and thin as limbs and in the colors of
the person: color, texture and straight edges alone must not give the person away. Images are
planar, `[3, H, W]`, as in `shapes`.
"""

from collections.abc import Sequence

import numpy as np

from cpm.synthetic.outfit import hsv_to_rgb, sample_color
from cpm.synthetic.shapes import Shape, draw_shape, fractal_noise


def scene_color(rng: np.random.Generator) -> np.ndarray:
    """`[3]` RGB of the world around people: mostly dull, now and then loud."""
    if rng.random() < 0.15:
        return sample_color(rng)
    # Earth and wood, leaves, sky, or nearly gray.
    hue = rng.choice([rng.normal(0.08, 0.03), rng.normal(0.27, 0.06), rng.normal(0.58, 0.04)])
    saturation = rng.beta(1.2, 2.5) * 0.8
    return hsv_to_rgb(hue, saturation, rng.uniform(0.12, 0.95))


def sample_background(
    rng: np.random.Generator, height: int, width: int, palette: np.ndarray
) -> np.ndarray:
    """Draws a background.

    Args:
      rng: `np.random.Generator`.
      height, width: pixels.
      palette: `[n, 3]` colors of the person in front, which some shapes borrow.

    Returns:
      `[3, height, width]` float32 RGB about [0, 1].
    """
    image = _ground(rng, height, width)
    for _ in range(rng.integers(0, 3)):
        _row_of_shapes(rng, image, palette)
    for _ in range(rng.integers(0, 12)):
        _shape(rng, image, palette)
    if rng.random() < 0.5:  # grain or dirt over everything
        noise = fractal_noise(rng, height, width, rng.choice([4, 16, 64]), 0.8)
        image *= 1 + np.float32(rng.uniform(0.02, 0.12)) * noise
    return image


def _gradient(height, width, low, high, angle):
    """`[3, height, width]` float32 from one color to another along a direction."""
    v = (np.cos(angle) * (np.arange(height) / height - 0.5)).astype(np.float32)
    u = (np.sin(angle) * (np.arange(width) / width - 0.5)).astype(np.float32)
    t = np.float32(0.5) + v[:, None] + u[None]
    low, high = (c.astype(np.float32)[:, None, None] for c in (low, high))
    return low + (high - low) * t


def _surface(rng, height, width):
    """A wall, sky, lawn or hedge: a gradient mottled with a second color."""
    low, high = scene_color(rng), scene_color(rng)
    if rng.random() < 0.5:
        high = np.clip(low * rng.uniform(0.6, 1.4), 0, 1)
    image = _gradient(height, width, low, high, rng.normal(0, 0.8))
    if rng.random() < 0.75:
        largest = rng.choice([8, 16, 32, 64, 128])
        noise = fractal_noise(rng, height, width, largest, rng.uniform(0.45, 1.1))
        if rng.random() < 0.3:  # patches with edges: leaves, stones
            noise = np.clip(3 * (noise - rng.normal(0, 0.5)), -1, 1)
        tint = rng.uniform(0.02, 0.16) * (1 + rng.normal(0, 0.25, 3))
        image += noise * tint.astype(np.float32)[:, None, None]
    if rng.random() < 0.2:
        image += _stripes(rng, height, width)
    return image


def _stripes(rng, height, width):
    """`[3, height, width]` float32 planks, blinds or bars, to be added."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 40)
    u = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle) * 2 * np.pi / period)
    v = np.arange(height, dtype=np.float32) * np.float32(np.sin(angle) * 2 * np.pi / period)
    wave = np.sin(v[:, None] + u[None])
    if rng.random() < 0.5:
        wave = np.sign(wave - np.float32(rng.uniform(-0.8, 0.8)))
    tint = rng.uniform(0.02, 0.12) * (1 + rng.normal(0, 0.3, 3))
    return wave * tint.astype(np.float32)[:, None, None]


def _ground(rng, height, width):
    """One surface, or one above the other along a horizon."""
    image = _surface(rng, height, width)
    if rng.random() < 0.65:
        below = _surface(rng, height, width)
        horizon = rng.uniform(0.3, 0.95) * height
        edge = np.arange(width) * rng.normal(0, 0.05)
        if rng.random() < 0.4:  # hills, hedges
            waves = rng.normal(0, (8, 4, 2))[:, None]
            at = np.arange(width) / width * rng.uniform(3, (9, 20, 40))[:, None]
            edge = edge + (waves * np.sin(at + rng.uniform(0, 6, 3)[:, None])).sum(0)
        share = np.clip(np.arange(height)[:, None] - horizon + edge[None], 0, 1)
        image += (below - image) * share.astype(np.float32)
    return np.clip(image, 0, 1, out=image)


def _shape_colors(rng, palette):
    """`[2, 3]` shades of a scene color, of a loud one, or of one of the person's."""
    draw = rng.random()
    color = scene_color(rng) if draw < 0.5 else sample_color(rng)
    if draw > 0.75:
        color = palette[rng.integers(len(palette))]
    flat = rng.uniform(0.7, 1.1)
    return np.stack((color * flat * rng.uniform(0.6, 1), color * flat))


def _shape(rng, image, palette):
    """One box, ellipse or limb-like bar anywhere, in place."""
    _, height, width = image.shape
    kind = ("box", "ellipse", "bar", "bar")[rng.integers(4)]
    long = np.exp(rng.uniform(np.log(4), np.log(60)))
    thin = long * rng.uniform(0.1, 0.9) if kind != "bar" else rng.uniform(1, 8)
    angle = rng.normal(np.pi / 2, 0.1) if rng.random() < 0.4 else rng.uniform(0, np.pi)
    center = rng.uniform(-0.05, 1.05, 2) * (width, height)
    opacity = 1.0 if rng.random() < 0.8 else rng.uniform(0.3, 1.0)
    colors = _shape_colors(rng, palette)
    draw_shape(image, Shape(kind, center, (long, thin), angle), colors, opacity=opacity)
    if kind == "bar" and rng.random() < 0.4:  # a second one at its end, like a bent limb
        end = center + long * np.array((np.cos(angle), np.sin(angle)))
        angle += rng.uniform(-2, 2)
        center = end + 0.8 * long * np.array((np.cos(angle), np.sin(angle)))
        draw_shape(image, Shape(kind, center, (0.8 * long, 0.8 * thin), angle), colors)


def _row_of_shapes(rng, image, palette):
    """Windows, posts, trees, steps: one shape several times in a row, in place."""
    _, height, width = image.shape
    kind = ("box", "box", "ellipse", "bar")[rng.integers(4)]
    half = rng.uniform((2, 2), (22, 30))
    angle = rng.choice([0, np.pi / 2])
    colors = _shape_colors(rng, palette)
    step = rng.normal((0, 0), (18, 4)) + np.array((rng.choice([-1, 1]) * 2.2 * max(half), 0))
    center = rng.uniform(0, 1, 2) * (width, height)
    for _ in range(rng.integers(3, 7)):
        draw_shape(image, Shape(kind, center, half, angle), colors)
        center = (center + step) % (1.2 * width, 1.2 * height)


def add_shadow(rng: np.random.Generator, image: np.ndarray, feet: np.ndarray, scale: float) -> None:
    """Darkens the ground under a person, in place.

    Args:
      rng: `np.random.Generator`.
      image: `[3, H, W]` float32.
      feet: `[n, 2]` points of contact, pixels.
      scale: pixels per body height.
    """
    lowest = feet[feet[:, 1] > feet[:, 1].max() - 0.12 * scale]
    for x, y in lowest:
        center = x + rng.normal(0, 0.03) * scale, y + 0.03 * scale
        half = rng.uniform(0.08, 0.2) * scale, rng.uniform(0.015, 0.04) * scale
        color, opacity = np.zeros(3), rng.uniform(0.15, 0.5)
        draw_shape(image, Shape("ellipse", center, half), color, opacity=opacity)


def add_seat(
    rng: np.random.Generator, image: np.ndarray, hips: np.ndarray, feet_v: float, scale: float
) -> None:
    """Puts a bench, box or stool under a sitting person, in place; `feet_v` is the floor."""
    top = hips[1] + 0.07 * scale
    tall = max(feet_v - top, 0.1 * scale)
    half = rng.uniform(0.1, 0.35) * scale, 0.5 * tall
    center = hips[0] + rng.normal(0, 0.04) * scale, top + 0.5 * tall
    color = scene_color(rng)
    shades = np.stack((color, color * rng.uniform(0.5, 0.9)))
    if rng.random() < 0.4:  # legs under a board
        for side in (-0.85, 0.85):
            leg = center[0] + side * half[0], center[1]
            draw_shape(image, Shape("box", leg, (0.015 * scale, half[1])), shades)
        center, half = (center[0], top), (half[0], 0.03 * scale)
    draw_shape(image, Shape("box", center, half), shades)


def add_occluders(
    rng: np.random.Generator, image: np.ndarray, box: Sequence[float], palette: np.ndarray
) -> np.ndarray:
    """Puts objects in front of the people, in place; none in two images of three.

    Args:
      rng: `np.random.Generator`.
      image: `[3, H, W]` float32.
      box: (left, top, right, bottom) of the joints, pixels; objects stand near it.
      palette: `[n, 3]` colors an object may borrow.

    Returns:
      `[H, W]` bool, where an object is in front.
    """
    mask = np.zeros(image.shape[1:], bool)
    if rng.random() > 0.25:
        return mask
    left, top, right, bottom = box
    size = max(bottom - top, right - left)
    for _ in range(rng.integers(1, 4)):
        kind = ("box", "ellipse", "bar")[rng.integers(3)]
        center = rng.uniform((left, top), (right, bottom))
        long = size * rng.uniform(0.05, 0.18)
        thin = long * rng.uniform(0.4, 1.0)
        if kind == "bar":  # a pole, a rail, a branch
            long, thin = size * rng.uniform(0.15, 0.8), size * rng.uniform(0.010, 0.035)
        angle = rng.normal(0, 0.2) + rng.choice([0, np.pi / 2])
        if rng.random() < 0.4:
            angle = rng.uniform(0, np.pi)
        colors = _shape_colors(rng, palette)
        draw_shape(image, Shape(kind, center, (long, thin), angle), colors, mask=mask)
    return mask
