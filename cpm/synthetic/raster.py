"""Draws squeezed tapered capsules into a depth buffer, by one closed formula.

In the coordinates `q` of a part, divided by its squeeze, a solid is the convex hull of two balls:
radius a at the origin, radius b at the vector `c`. A viewing ray is q = o + w e with the unit
vector e towards the viewer and o perpendicular to e. With s = a - b, n = |c|² - s²,
k = n - (c.e)² and X = c.o - s a, the nearest point of the conical part is

    w = (c.e X + sqrt(n (X² + k (a² - |o|²)))) / k,    valid while 0 < X + w c.e < n

and of the balls w = sqrt(a² - |o|²) and w = c.e + sqrt(b² - |o - c_perp|²). The hull's front is the
largest of the three. |o|² is a quadratic and X a linear function of the pixel, so a solid costs
some thirty array operations on its bounding box.

References:
  The cone through two spheres: Quilez, "Intersectors", rounded cone (formula re-derived here for
  parallel rays).
"""

import dataclasses
import typing

import numpy as np

from cpm.synthetic.solids import Solid


@dataclasses.dataclass(frozen=True)
class ScreenSolids:
    """All solids of an image as arrays in screen space (u, v, depth).

    Attributes:
      start: `[N, 3]` float32 center of the first ball.
      to_part: `[N, 3, 3]` float32: offset from `start` → coordinates q of the part.
      axis: `[N, 3]` float32, the second ball's center in q.
      radii: `[N, 2]` float32, pixels.
      scale: `[N]` float32, pixels per body height.
      part: `[N]` int, index into `PARTS`.
      owner: `[N]` int, which person.
      solids: the N `Solid`, for paints and decals.
    """

    start: np.ndarray
    to_part: np.ndarray
    axis: np.ndarray
    radii: np.ndarray
    scale: np.ndarray
    part: np.ndarray
    owner: np.ndarray
    solids: tuple[Solid, ...]


def rasterise(screen: ScreenSolids, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest solid at every pixel.

    Args:
      screen: `ScreenSolids`, in the pixels of this buffer.
      height, width: of the buffer.

    Returns:
      depth `[height, width]` float32 (−inf where empty), index `[height, width]` int16 into the
      solids (−1 where empty).
    """
    depth = np.full((height, width), -np.inf, np.float32)
    index = np.full((height, width), -1, np.int16)
    low, high = screen_boxes(screen)
    low = np.clip(np.floor(low), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(high) + 1, 0, (width, height)).astype(int)
    rays = _rays(screen)
    with np.errstate(invalid="ignore"):  # the square root of a miss is NaN, and loses
        for i, ((left, top), (right, bottom)) in enumerate(zip(low, high, strict=True)):
            if left >= right or top >= bottom:
                continue
            u = np.arange(left, right, dtype=np.float32)
            v = np.arange(top, bottom, dtype=np.float32)
            front = _front(rays[i], u, v)
            region = np.s_[top:bottom, left:right]
            nearer = front > depth[region]
            np.copyto(depth[region], front, where=nearer)
            np.copyto(index[region], np.int16(i), where=nearer)
    return depth, index


def screen_boxes(screen: ScreenSolids) -> tuple[np.ndarray, np.ndarray]:
    """(low, high), each `[N, 2]`: corners of the upright box around every solid, buffer pixels."""
    from_part = np.linalg.inv(screen.to_part)
    end = screen.start + np.einsum("nij,nj->ni", from_part, screen.axis)
    reach = np.linalg.norm(from_part[:, :2], axis=2)  # [N, 2]
    a, b = screen.radii[:, :1] * reach, screen.radii[:, 1:] * reach
    low = np.minimum(screen.start[:, :2] - a, end[:, :2] - b)
    high = np.maximum(screen.start[:, :2] + a, end[:, :2] + b)
    return low, high


class _Ray(typing.NamedTuple):
    """What one solid's formula needs, as Python floats (names as in the module's docstring)."""

    u: float  # start
    v: float
    depth: float
    a: float
    b: float
    stretch: float  # length in q of one pixel of depth
    slant_u: float  # e-component in q of one pixel to the right, and down
    slant_v: float
    guu: float  # |o|² = guu du² + 2 guv du dv + gvv dv²
    guv: float
    gvv: float
    cu: float  # c.o = cu du + cv dv
    cv: float
    ce: float
    cc: float


def _rays(screen):
    """List of N `_Ray`."""
    to_part, c = screen.to_part.astype(float), screen.axis.astype(float)
    stretch = np.linalg.norm(to_part[:, :, 2], axis=1)
    e = to_part[:, :, 2] / stretch[:, None]
    slant = np.einsum("ni,nij->nj", e, to_part[:, :, :2])
    across = to_part[:, :, :2] - e[:, :, None] * slant[:, None]  # [N, 3, 2]
    g = np.einsum("nij,nik->njk", across, across)
    in_plane = np.einsum("ni,nij->nj", c, across)
    ce, cc = np.einsum("ni,ni->n", c, e), np.einsum("ni,ni->n", c, c)
    columns = [*screen.start.T, *screen.radii.T, stretch, *slant.T]
    columns += [g[:, 0, 0], g[:, 0, 1], g[:, 1, 1], *in_plane.T, ce, cc]
    return [_Ray(*row) for row in np.stack(columns, axis=1).tolist()]


def _front(ray, u, v):
    """`[len(v), len(u)]` float32 depth of one solid's front, NaN where the ray misses it."""
    a, b, ce, cc = ray.a, ray.b, ray.ce, ray.cc
    s = a - b
    n = cc - s * s
    k = n - ce * ce
    du, dv = u - ray.u, (v - ray.v)[:, None]
    o2 = (2 * ray.guv * dv) * du  # |o|², [bh, bw]
    o2 += ray.guu * du * du
    o2 += ray.gvv * dv * dv
    w = np.sqrt(a * a - o2)
    if cc > 1e-9:  # two balls
        co = ray.cu * du + ray.cv * dv
        w = np.fmax(w, ce + np.sqrt((b * b - cc + ce * ce) + 2 * co - o2))
    if n > 1e-9 and k > 1e-6 * n:  # and a cone between them
        x = co - s * a
        root = np.sqrt((n / k) * (x * x / k + (a * a - o2)))
        cone = (ce / k) * x + root
        y = x + ce * cone
        cone[(y <= 0) | (y >= n)] = np.nan
        w = np.fmax(w, cone)
    w -= ray.slant_u * du + ray.slant_v * dv
    return w / ray.stretch + ray.depth
