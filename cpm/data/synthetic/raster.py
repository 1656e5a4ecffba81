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

import numpy as np


@dataclasses.dataclass(frozen=True)
class ScreenSolids:
    """All solids of a picture as arrays in screen space (u, v, depth).

    Attributes:
      start: `[N, 3]` float32 centre of the first ball.
      to_part: `[N, 3, 3]` float32: offset from `start` → coordinates q of the part.
      axis: `[N, 3]` float32, the second ball's centre in q.
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
    solids: tuple


def rasterise(screen, height, width):
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
    with np.errstate(invalid="ignore"):  # the square root of a miss is NaN, and loses
        for i, ((left, top), (right, bottom)) in enumerate(zip(low, high)):
            if left >= right or top >= bottom:
                continue
            u = np.arange(left, right, dtype=np.float32)
            v = np.arange(top, bottom, dtype=np.float32)
            front = _front(screen, i, u, v)
            region = np.s_[top:bottom, left:right]
            nearer = front > depth[region]
            np.copyto(depth[region], front, where=nearer)
            np.copyto(index[region], np.int16(i), where=nearer)
    return depth, index


def screen_boxes(screen):
    """(low, high), each `[N, 2]`: corners of the upright box around every solid, buffer pixels."""
    from_part = np.linalg.inv(screen.to_part)
    end = screen.start + np.einsum("nij,nj->ni", from_part, screen.axis)
    reach = np.linalg.norm(from_part[:, :2], axis=2)  # [N, 2]
    a, b = screen.radii[:, :1] * reach, screen.radii[:, 1:] * reach
    low = np.minimum(screen.start[:, :2] - a, end[:, :2] - b)
    high = np.maximum(screen.start[:, :2] + a, end[:, :2] + b)
    return low, high


def _front(screen, i, u, v):
    """`[len(v), len(u)]` depth of solid i's front, NaN where the ray misses it."""
    a, b = screen.radii[i].tolist()
    matrix, c = screen.to_part[i].astype(float), screen.axis[i].astype(float)
    stretch = np.linalg.norm(matrix[:, 2])
    e = matrix[:, 2] / stretch
    slant = e @ matrix[:, :2]  # the share of a pixel step that lies along the ray
    across = matrix[:, :2] - np.outer(e, slant)
    (guu, guv), (_, gvv) = across.T @ across
    cu, cv = c @ across
    ce, cc = c @ e, c @ c
    s = a - b
    n = cc - s * s
    k = n - ce * ce

    f = np.float32
    du, dv = u - screen.start[i, 0], v - screen.start[i, 1]
    o2 = (f(guu) * du * du)[None] + (f(gvv) * dv * dv)[:, None]
    o2 += np.outer(f(2 * guv) * dv, du)  # |o|², [bh, bw]
    co = (f(cu) * du)[None] + (f(cv) * dv)[:, None]  # c.o
    front = np.sqrt(f(a * a) - o2)
    if cc > 1e-9:
        ball = f(b * b - cc + ce * ce) - o2 + f(2) * co
        front = np.fmax(front, f(ce) + np.sqrt(ball))
    if n > 1e-9 and k > 1e-6 * n:
        x = co - f(s * a)
        inside = x * x + f(k) * (f(a * a) - o2)
        w = (f(ce / k)) * x + np.sqrt(f(n) * inside) * f(1 / k)
        y = x + f(ce) * w
        front = np.fmax(front, np.where((y > 0) & (y < f(n)), w, f(np.nan)))
    along = (f(slant[0]) * du)[None] + (f(slant[1]) * dv)[:, None]
    return (front - along) * f(1 / stretch) + screen.start[i, 2]
