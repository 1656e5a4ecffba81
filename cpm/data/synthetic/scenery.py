"""Backgrounds, clutter and the objects that stand in front of people.

A picture's background is a wall, a landscape or noise, with shapes scattered over it, some of them
as long and thin as limbs and in the colours of skin and cloth: colour and straight edges alone
must not give the person away.
"""

import numpy as np

from cpm.data.synthetic.outfit import sample_color


def smooth_noise(rng, height, width, cell, channels=1):
    """`[height, width, channels]` float32 noise about N(0, 1), one free value per `cell` pixels."""
    rows, columns = int(np.ceil(height / cell)) + 2, int(np.ceil(width / cell)) + 2
    grid = rng.standard_normal((rows, columns * channels), np.float32)
    down = _blend(height, rows, rng.random())
    across = _blend(width, columns, rng.random())
    coarse = (down @ grid).reshape(height, columns, channels)
    return np.einsum("wc,hck->hwk", across, coarse, optimize=True)


def _blend(size, knots, phase):
    """`[size, knots]` float32 weights of linear interpolation between knots."""
    at = phase + np.arange(size) * (knots - 2) / size
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(knots))).astype(np.float32)


def _gradient(height, width, low, high, angle):
    """`[height, width, 3]` from one colour to another along a direction."""
    v = (np.arange(height) / height - 0.5)[:, None]
    u = (np.arange(width) / width - 0.5)[None]
    t = np.clip(0.5 + np.cos(angle) * v + np.sin(angle) * u, 0, 1)[..., None]
    return (low + (high - low) * t).astype(np.float32)


def _landscape(rng, height, width):
    """Sky over ground, or a wall over a floor."""
    angle = rng.normal(0, 0.3)
    sky = _gradient(height, width, sample_color(rng), sample_color(rng), angle)
    ground = _gradient(height, width, sample_color(rng), sample_color(rng), angle)
    horizon = rng.uniform(0.3, 0.95) * height
    slope = rng.normal(0, 0.06)
    v = np.arange(height)[:, None] + slope * np.arange(width)[None]
    share = np.clip(v - horizon, 0, 1)[..., None].astype(np.float32)
    return sky + (ground - sky) * share


def _texture(rng, image):
    """Adds noise of one or two sizes, and sometimes planks, tiles or bars, in place."""
    height, width, _ = image.shape
    for _ in range(rng.integers(1, 3)):
        cell = np.exp(rng.uniform(np.log(1.5), np.log(45)))
        channels = 3 if rng.random() < 0.5 else 1
        strength = rng.uniform(0.02, 0.13)
        image += strength * smooth_noise(rng, height, width, cell, channels)
    if rng.random() < 0.4:
        u = np.arange(width, dtype=np.float32)[None]
        v = np.arange(height, dtype=np.float32)[:, None]
        angle, period = rng.uniform(0, np.pi), rng.uniform(5, 40)
        wave = np.sin(
            2 * np.pi * (np.cos(angle) * u + np.sin(angle) * v) / period + rng.random()
        )
        if rng.random() < 0.5:
            wave = np.sign(wave - rng.uniform(-0.8, 0.8))
        image += (rng.uniform(0.03, 0.2) * wave)[..., None] * rng.uniform(-1, 1, 3)


def draw_shape(image, kind, center, half, angle, color, mask=None):
    """Draws a filled shape with soft edges, in place.

    Args:
      image: `[H, W, 3]` float32.
      kind: `box`, `ellipse` or `bar` (a box with round ends).
      center: (x, y), pixels.
      half: half length and half width, pixels.
      angle: of the length against the x axis, radians.
      color: `[3]`, or `[2, 3]` for a gradient across the width.
      mask: `[H, W]` bool, set where the shape covers, or None.
    """
    height, width, _ = image.shape
    reach = float(np.hypot(*half)) + 1
    left, right = (int(np.clip(center[0] + d, 0, width)) for d in (-reach, reach + 1))
    top, bottom = (int(np.clip(center[1] + d, 0, height)) for d in (-reach, reach + 1))
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32)[None] - np.float32(center[0])
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(center[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = c * x + s * y, c * y - s * x
    if kind == "ellipse":
        ratio = np.sqrt((along / half[0]) ** 2 + (across / half[1]) ** 2)
        outside = (ratio - 1) * min(half)
    elif kind == "bar":
        straight = max(half[0] - half[1], 0)
        over = np.maximum(np.abs(along) - straight, 0)
        outside = np.sqrt(over * over + across * across) - half[1]
    else:
        outside = np.maximum(np.abs(along) - half[0], np.abs(across) - half[1])
    share = np.clip(0.5 - outside, 0, 1)[..., None]
    color = np.asarray(color, np.float32)
    if color.ndim == 2:
        t = np.clip(0.5 + across / (2 * half[1]), 0, 1)[..., None]
        color = color[0] + (color[1] - color[0]) * t
    region = image[top:bottom, left:right]
    region += (color - region) * share
    if mask is not None:
        mask[top:bottom, left:right] |= share[..., 0] > 0.5


def _clutter(rng, image, palette):
    """Scatters shapes; `palette` are the person's own colours, to disguise it, in place."""
    height, width, _ = image.shape
    for _ in range(rng.integers(0, 26)):
        kind = ("box", "ellipse", "bar", "bar")[rng.integers(4)]
        center = rng.uniform(-0.05, 1.05, 2) * (width, height)
        long = np.exp(rng.uniform(np.log(4), np.log(70)))
        thin = long * rng.uniform(0.08, 0.9) if kind != "bar" else rng.uniform(1, 9)
        angle = rng.choice([0, np.pi / 2]) if rng.random() < 0.5 else rng.uniform(0, 3)
        color = sample_color(rng)
        if rng.random() < 0.35:
            color = palette[rng.integers(len(palette))]
        color = color * rng.uniform(0.7, 1.1)
        if rng.random() < 0.6:
            color = np.stack(
                (color * rng.uniform(0.5, 1), color * rng.uniform(0.8, 1.2))
            )
        draw_shape(image, kind, center, (long, thin), angle, color)


def sample_background(rng, height, width, palette):
    """Draws a background.

    Args:
      rng: `np.random.Generator`.
      height, width: pixels.
      palette: `[n, 3]` colours of the person in front.

    Returns:
      `[height, width, 3]` float32 RGB about [0, 1].
    """
    if rng.random() < 0.6:
        image = _landscape(rng, height, width)
    else:
        low, high = sample_color(rng), sample_color(rng)
        image = _gradient(height, width, low, high, rng.uniform(0, 6.28))
    if rng.random() < 0.5:
        _texture(rng, image)
        _clutter(rng, image, palette)
    else:
        _clutter(rng, image, palette)
        _texture(rng, image)
    return np.clip(image, 0.0, 1.0)


def add_occluders(rng, image, box, palette):
    """Puts objects in front of the people, in place; none in two pictures of three.

    Args:
      rng: `np.random.Generator`.
      image: `[H, W, 3]` float32.
      box: (left, top, right, bottom) of the joints, pixels; objects stand near it.
      palette: `[n, 3]` colours an object may borrow.

    Returns:
      `[H, W]` bool, where an object is in front.
    """
    mask = np.zeros(image.shape[:2], bool)
    if rng.random() > 0.35:
        return mask
    left, top, right, bottom = box
    size = bottom - top
    for _ in range(rng.integers(1, 4)):
        kind = ("box", "ellipse", "bar")[rng.integers(3)]
        center = rng.uniform((left, top), (right, bottom))
        long = size * rng.uniform(0.05, 0.20)
        thin = long * rng.uniform(0.4, 1.0)
        if kind == "bar":  # a pole, a rail, a branch
            long, thin = size * rng.uniform(0.15, 0.8), size * rng.uniform(0.010, 0.035)
        color = sample_color(rng)
        if rng.random() < 0.25:
            color = palette[rng.integers(len(palette))]
        shades = np.stack((color * rng.uniform(0.6, 1), color * rng.uniform(0.7, 1.15)))
        half, angle = (long, thin), rng.uniform(0, np.pi)
        draw_shape(image, kind, center, half, angle, shades, mask)
    return mask
