"""Colors the pixels that the rasteriser found: paint, prints, folds and light.

The rasteriser works at twice the image's size, so that four samples decide each pixel. Inside a
plain limb the four agree and one color at their middle will do; at outlines, and on faces and
prints, each sample is colored on its own and the four are averaged. All samples of all solids are
colored at once: each looks up the numbers of its own solid, finds its place in the coordinates of
the part, and from that its paint and the direction its surface faces.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from cpm.synthetic.raster import ScreenSolids

ZOOM = 2  # buffer pixels per image pixel


@dataclasses.dataclass(frozen=True)
class Light:
    """One lamp far away, and light from everywhere.

    Attributes:
      direction: `[3]` float32 unit vector towards the lamp, screen space (right, down, viewer).
      color: `[3]` float32 of the lamp.
      ambient: `[3]` float32 of the light from everywhere.
      wrap: how far the lamp's light reaches around a limb, 0 hard to 1 soft.
    """

    direction: np.ndarray
    color: np.ndarray
    ambient: np.ndarray
    wrap: float


def sample_light(rng: np.random.Generator) -> Light:
    """Draws a light from above, the front or a side; warm or cold."""
    direction = rng.normal((0, -0.8, 0.7), (0.9, 0.4, 0.5))
    direction /= np.linalg.norm(direction)
    warm = 1 + np.array([1.0, 0.2, -1.0]) * rng.normal(0, 0.07)
    strength = rng.uniform(0.35, 0.95)
    ambient = rng.uniform(0.95, 1.15) - 0.72 * strength
    vectors = direction, strength * warm, ambient / warm
    toward, lamp, around = (vector.astype(np.float32) for vector in vectors)
    return Light(toward, lamp, around, wrap=rng.uniform(0.1, 0.7))


def shade(
    screen: ScreenSolids,
    depth: np.ndarray,
    index: np.ndarray,
    light: Light,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Colors every covered pixel of the image.

    Args:
      screen: `ScreenSolids`, in buffer pixels.
      depth, index: `[2H, 2W]`, what `rasterise` returned for them.
      light: `Light`.
      rng: `np.random.Generator`, for folds and weave.

    Returns:
      `[3, H, W]` float32 RGB about [0, 1] times the covered share, and `[H, W]` float32 that share.
    """
    height, width = index.shape[0] // ZOOM, index.shape[1] // ZOOM
    covered, where, which, pixel, weight = _samples(screen, depth, index)
    color = _color(screen, where, which, light, rng) * weight[:, None]
    channels = [np.bincount(pixel, c, height * width) for c in color.T]
    image = np.stack(channels).astype(np.float32).reshape(3, height, width)
    return image * _crevices(depth, covered), covered


def _quarters(buffer):
    """The four `[H, W]` views of a `[2H, 2W]` buffer that make up the image's pixels."""
    return buffer[::2, ::2], buffer[::2, 1::2], buffer[1::2, ::2], buffer[1::2, 1::2]


def _samples(screen, depth, index):
    """Lists the places to color.

    Returns:
      covered: `[H, W]` share of the four samples that hit a solid.
      where: `[n, 3]` float32 (u, v, depth) in the buffer.
      which: `[n]` solid.
      pixel: `[n]` flat index of the image's pixel.
      weight: `[n]` 1 for a whole pixel, 1/4 for one sample.
    """
    height, width = index.shape[0] // ZOOM, index.shape[1] // ZOOM
    quarters = _quarters(index)
    hit = index >= 0
    covered = sum(quarter.astype(np.float32) for quarter in _quarters(hit)) / 4
    plain = np.array([not solid.decals for solid in screen.solids] + [False])
    whole = plain[quarters[0]]  # index −1, nothing there, finds the False at the end
    for quarter in quarters[1:]:
        whole &= quarter == quarters[0]
    rows, columns = np.nonzero(whole)
    middle = sum(quarter[rows, columns] for quarter in _quarters(depth)) / 4
    fine = hit & ~np.repeat(np.repeat(whole, ZOOM, axis=0), ZOOM, axis=1)
    fine_rows, fine_columns = np.nonzero(fine)
    where = np.empty((len(rows) + len(fine_rows), 3), np.float32)
    where[:, 0] = np.concatenate((ZOOM * columns + 0.5, fine_columns))
    where[:, 1] = np.concatenate((ZOOM * rows + 0.5, fine_rows))
    where[:, 2] = np.concatenate((middle, depth[fine]))
    which = np.concatenate((quarters[0][rows, columns], index[fine])).astype(np.intp)
    pixel = np.concatenate(
        (rows * width + columns, fine_rows // ZOOM * width + fine_columns // ZOOM)
    )
    weight = np.ones(len(where), np.float32)
    weight[len(rows) :] = 0.25
    return covered.reshape(height, width), where, which, pixel, weight


def _color(screen, where, which, light, rng):
    """`[n, 3]` float32 color of each sample, lit."""
    to_part = screen.to_part[which]
    q = np.einsum("nij,nj->ni", to_part, where - screen.start[which])
    normal = _normals(screen, which, q, to_part)
    place = q / screen.scale[which, None]  # body heights
    color = _paint(screen, which, place, rng)
    _apply_decals(screen, which, place, color)
    wrap = np.float32(light.wrap)
    facing = np.einsum("ni,i->n", normal, light.direction)
    lamp = np.maximum((facing + wrap) / (1 + wrap), 0)
    lit = light.ambient + lamp[:, None] * light.color
    lit *= np.float32(0.74) + np.float32(0.26) * normal[:, 2:]  # darker where edges turn away
    return color * lit


def _normals(screen, which, q, to_part):
    """`[n, 3]` float32 unit normals in screen space."""
    c, (a, b) = screen.axis, screen.radii.T
    n = np.maximum(np.einsum("ni,ni->n", c, c) - (a - b) ** 2, np.float32(1e-6))
    shift = (a * (a - b) / n)[which]
    toward = (c / n[:, None])[which]
    share = np.clip(np.einsum("ni,ni->n", q, toward) - shift, 0, 1)
    outward = q - c[which] * share[:, None]
    normal = np.einsum("nji,nj->ni", to_part, outward)
    length = np.sqrt(np.einsum("ni,ni->n", normal, normal) + np.float32(1e-9))
    return normal / length[:, None]


def _paint(screen, which, place, rng):
    """`[n, 3]` float32 color of the paint before light, with stripes, folds and weave."""
    paints = [solid.paint for solid in screen.solids]

    def table(name):
        return np.array([getattr(paint, name) for paint in paints], np.float32)

    color = table("color")[which]
    waved = np.any(table("wave"), axis=1)
    striped = np.flatnonzero(waved[which])
    if len(striped):
        kind, at = which[striped], np.float32(2 * np.pi) * place[striped]
        wave = np.sin(np.einsum("ni,ni->n", at, table("wave")[kind]))
        wave += np.sin(np.einsum("ni,ni->n", at, table("cross")[kind]))
        share = np.clip(0.5 + 2.5 * wave, 0, 1)
        color[striped] += (table("second")[kind] - color[striped]) * share[:, None]
    # Folds: two slow waves whose directions differ from solid to solid.
    spread = np.array((22, 34, 22), np.float32)
    fold = rng.standard_normal((2, len(paints), 3), np.float32) * spread
    phase = rng.uniform(0, 6.28, (2, len(paints))).astype(np.float32)
    bend = rng.standard_normal(len(which), np.float32) * np.float32(0.3)
    for f, p in zip(fold, phase, strict=True):
        bend += 0.6 * np.sin(np.einsum("ni,ni->n", place, f[which]) + p[which])
    return color * (1 + table("grain")[which] * bend)[:, None]


def _apply_decals(screen, which, place, color):
    """Paints faces and prints onto `color` in place."""
    for i, solid in enumerate(screen.solids):
        if not solid.decals:
            continue
        pixels = np.flatnonzero(which == i)
        x, y, z = place[pixels].T
        # `place` is squeezed like the solid; decals are given in true body heights.
        x = x * np.float32(solid.squeeze[0])
        for decal in solid.decals:
            dx = np.abs(x - np.float32(decal.center[0])) / np.float32(decal.half[0])
            dy = np.abs(y - np.float32(decal.center[1])) / np.float32(decal.half[1])
            inside = np.maximum(dx, dy) if decal.square else dx * dx + dy * dy
            color[pixels[(inside < 1) & (z * decal.facing > 0)]] = decal.color


def _crevices(depth, covered):
    """`[H, W]` float32 darkening where nearer flesh stands around: contact shadows."""
    height = covered.shape[0]
    near = np.maximum(*_quarters(depth)[::3])
    near = np.where(np.isfinite(near), near, 0)
    size = max(5, height // 24)
    total = ndimage.uniform_filter(near, size, mode="nearest")
    share = ndimage.uniform_filter(covered, size, mode="nearest")
    below = total / np.maximum(share, np.float32(1e-3)) - near
    return 1 - np.float32(0.45) * np.clip(below / (2.4 * size), 0, 1)
