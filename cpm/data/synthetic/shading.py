"""Colours the pixels that the rasteriser found: paint, prints, folds and light.

All solids are shaded at once: each pixel looks up the numbers of its own solid, finds its place in
the coordinates of the part, and from that its paint and the direction its surface faces.
"""

import dataclasses

import numpy as np
from scipy import ndimage


@dataclasses.dataclass(frozen=True)
class Light:
    """One lamp far away, and light from everywhere.

    Attributes:
      direction: `[3]` unit vector towards the lamp, screen space (right, down, viewer).
      color: `[3]` of the lamp.
      ambient: `[3]` of the light from everywhere.
      wrap: how far the lamp's light reaches around a limb, 0 hard to 1 soft.
    """

    direction: np.ndarray
    color: np.ndarray
    ambient: np.ndarray
    wrap: float


def sample_light(rng):
    """Draws a light from above, the front or a side; warm or cold."""
    direction = rng.normal((0, -0.8, 0.7), (0.9, 0.4, 0.5))
    direction /= np.linalg.norm(direction)
    warm = 1 + np.array([1.0, 0.2, -1.0]) * rng.normal(0, 0.08)
    strength = rng.uniform(0.35, 0.95)
    ambient = rng.uniform(0.95, 1.15) - 0.72 * strength
    return Light(direction, strength * warm, ambient / warm, rng.uniform(0.1, 0.7))


def shade(screen, depth, index, light, rng):
    """Colours every covered pixel.

    Args:
      screen: `ScreenSolids`.
      depth, index: `[H, W]`, what `rasterise` returned for them.
      light: `Light`.
      rng: `np.random.Generator`, for the phase of folds.

    Returns:
      `[H, W, 3]` float32 RGB about [0, 1], 0 where no solid is.
    """
    rows, columns = np.nonzero(index >= 0)
    image = np.zeros((*index.shape, 3), np.float32)
    if len(rows) == 0:
        return image
    which = index[rows, columns].astype(np.intp)
    where = np.stack((columns, rows, depth[rows, columns]), axis=1).astype(np.float32)
    to_part = screen.to_part[which]
    q = np.einsum("nij,nj->ni", to_part, where - screen.start[which])
    normal = _normals(screen, which, q, to_part)
    place = q / screen.scale[which, None]  # body heights
    color = _paint(screen, which, place, rng)
    _apply_decals(screen, which, place, color)
    lamp = (normal @ light.direction.astype(np.float32) + light.wrap) / (1 + light.wrap)
    lit = light.ambient + np.maximum(lamp, 0)[:, None] * light.color
    color *= lit * (0.72 + 0.28 * normal[:, 2:])  # edges turn away from the viewer
    image[rows, columns] = color
    return image * _crevices(depth, index)[..., None]


def _normals(screen, which, q, to_part):
    """`[n, 3]` unit normals in screen space."""
    c, (a, b) = screen.axis, screen.radii.T
    n = np.maximum(np.einsum("ni,ni->n", c, c) - (a - b) ** 2, 1e-6)
    shift = (a * (a - b) / n)[which]
    toward = (c / n[:, None])[which]
    share = np.clip(np.einsum("ni,ni->n", q, toward) - shift, 0, 1)
    outward = q - c[which] * share[:, None]
    normal = np.einsum("nji,nj->ni", to_part, outward)
    return normal / np.sqrt(np.einsum("ni,ni->n", normal, normal) + 1e-9)[:, None]


def _paint(screen, which, place, rng):
    """`[n, 3]` colour of the paint before light, with stripes, folds and weave."""
    paints = [solid.paint for solid in screen.solids]

    def table(values):
        return np.array(values, np.float32)

    color = table([paint.color for paint in paints])[which]
    waved = table([np.any(paint.wave) for paint in paints])[which]
    stripes = np.flatnonzero(waved)
    if len(stripes):
        kind = which[stripes]
        at = place[stripes]
        wave = table([paint.wave for paint in paints])[kind]
        cross = table([paint.cross for paint in paints])[kind]
        crossed = np.any(cross != 0, axis=1)
        first = np.sin(2 * np.pi * np.einsum("ni,ni->n", at, wave))
        second = np.sin(2 * np.pi * np.einsum("ni,ni->n", at, cross))
        share = np.clip(0.5 + 2.5 * np.where(crossed, first + second, first), 0, 1)
        other = table([paint.second for paint in paints])[kind]
        color[stripes] += (other - color[stripes]) * share[:, None]
    # Folds: slow waves whose direction differs from solid to solid.
    grain = table([paint.grain for paint in paints])
    fold = rng.normal(0, (14, 30, 14), (len(paints), 3)).astype(np.float32)
    phase = rng.uniform(0, 6.28, len(paints)).astype(np.float32)
    bend = np.sin(np.einsum("ni,ni->n", place, fold[which] * 2.2) + phase[which])
    weave = rng.standard_normal(len(which), np.float32)
    return color * (1 + grain[which] * (bend + 0.35 * weave))[:, None]


def _apply_decals(screen, which, place, color):
    """Paints faces and prints onto `color` in place."""
    decorated = [i for i, solid in enumerate(screen.solids) if solid.decals]
    for i in decorated:
        pixels = np.flatnonzero(which == i)
        x, y, z = place[pixels].T
        # `place` is squeezed like the solid; decals are given in true body heights.
        x = x * screen.solids[i].squeeze[0]
        for decal in screen.solids[i].decals:
            dx = np.abs(x - decal.center[0]) / decal.half[0]
            dy = np.abs(y - decal.center[1]) / decal.half[1]
            inside = np.maximum(dx, dy) < 1 if decal.square else dx * dx + dy * dy < 1
            chosen = pixels[inside & (z * decal.facing > 0)]
            color[chosen] = decal.color


def _crevices(depth, index):
    """`[H, W]` darkening where nearer flesh stands in front: contact shadows."""
    covered = index >= 0
    filled = np.where(covered, depth, 0).astype(np.float32)
    size = max(5, index.shape[0] // 24)
    total = ndimage.uniform_filter(filled, size, mode="nearest")
    share = ndimage.uniform_filter(covered.astype(np.float32), size, mode="nearest")
    around = total / np.maximum(share, 1e-3)
    below = np.where(covered, around - filled, 0)
    return 1 - 0.45 * np.clip(below / (1.2 * size), 0, 1)
