"""Ideal belief maps: one Gaussian per joint, made of `tf.raw_ops` alone, with its own gradient.

The Gaussian of a point is the product of a row and a column, so a map costs h + w exponentials
instead of h * w, and every derivative is again a row times a column. Derivation, in the order of
the code: gaussian_heatmap.md, beside this file. The inverse is `ops.find_peaks`.
"""

import numbers

import tensorflow as tf

from ops.shapes import TensorLike, check_finite, check_floating, check_positive_int, check_shape

raw = tf.raw_ops

# exp(-z^2 / 2) is exactly 0 beyond |z| = 39 even in float64, so this bound changes no value; it
# keeps z^2 finite, and 0 * z^2 from being NaN, however far outside the crop a joint lies.
_FAR = 40.0


def gaussian_heatmap(
    joints_px: TensorLike,
    present: TensorLike,
    *,
    height: int,
    width: int,
    stride: int,
    sigma_px: TensorLike,
    cutoff: float = 0.0,
    origin_px: float | None = None,
    name: str | None = None,
) -> tf.Tensor:
    """Draws one Gaussian per joint on a coarse grid.

        b[y, x] = present * exp(-((u - x_j)^2 + (v - y_j)^2) / (2 * sigma_px^2))
        u = x * stride + origin_px,   v = y * stride + origin_px
        b[y, x] = 0 where that is < cutoff

    Differentiable in closed form with respect to `joints_px`, `present` and `sigma_px`; a cell
    that was cut off passes no gradient (the jump at its edge is ignored).

    Args:
      joints_px: `[B, P, 2]` float32 or float64, (x, y) in crop pixels; may lie outside the crop,
        at any distance. (16-bit floats cannot hold a position to a pixel.)
      present: `[B, P]` in {0, 1}, any type; an absent joint gets an all-zero map, whatever its
        position, NaN included. Values between weight the map.
      height: h >= 1, cells.
      width: w >= 1, cells.
      stride: crop pixels per cell, >= 1.
      sigma_px: standard deviation > 0, crop pixels; a number or a scalar tensor.
      cutoff: in [0, 1); the released training code cuts at 0.01.
      origin_px: crop pixel that cell 0 stands for, a finite number, the same along both axes;
        None = (stride - 1) / 2, the middle of the pixels that the cell covers.
      name: of the operation in the graph.

    Returns:
      `[B, h, w, P]`, of the type of `joints_px`, values in [0, 1].
    Raises:
      ValueError: if a shape or a number is wrong; the message names it.

    Example:
      >>> b = gaussian_heatmap(
      ...     [[[11.5, 3.5]]], [[1.0]], height=1, width=3, stride=8, sigma_px=8.0
      ... )
      >>> print(b[0, :, :, 0].numpy().round(4))  # exp(-1/2) = 0.6065 a sigma away
      [[0.6065 1.     0.6065]]

    References:
      Wei et al. 2016, section 3.3 (the ideal belief map b_* of Eq. 4).
    """
    with tf.name_scope(name or "gaussian_heatmap"):
        joints_px = tf.convert_to_tensor(joints_px, name="joints_px")
        dtype = joints_px.dtype
        check_floating(joints_px, "joints_px", (tf.float32, tf.float64))
        present = raw.Cast(x=tf.convert_to_tensor(present, name="present"), DstT=dtype)
        if isinstance(sigma_px, numbers.Real) and not float(sigma_px) > 0:
            raise ValueError(f"sigma_px is {sigma_px!r}, expected a positive number")
        sigma_px = tf.convert_to_tensor(sigma_px, dtype=dtype, name="sigma_px")
        sizes = check_shape(joints_px, ["B", "P", 2], "joints_px")
        check_shape(present, ["B", "P"], "present", sizes)
        check_shape(sigma_px, [], "sigma_px")
        check_positive_int(height, "height")
        check_positive_int(width, "width")
        check_positive_int(stride, "stride")
        if origin_px is None:
            origin_px = (stride - 1) / 2
        check_finite(origin_px, "origin_px")
        if not 0 <= cutoff < 1:
            raise ValueError(f"cutoff is {cutoff!r}, expected a number in [0, 1)")

        joints_px = _without_nan(joints_px, present)
        u = _cell_positions(width, stride, origin_px, dtype)  # [w, 1]
        v = _cell_positions(height, stride, origin_px, dtype)  # [h, 1]

        @tf.custom_gradient
        def draw(joints_px, present, sigma_px):
            def gradient(upstream):
                return _gradient(upstream, joints_px, present, sigma_px, u, v, cutoff)

            return _draw(joints_px, present, sigma_px, u, v, cutoff), gradient

        return draw(joints_px, present, sigma_px)


def _without_nan(joints_px, present):
    """`joints_px`, with the NaN positions of absent joints moved out of sight."""
    absent = raw.ExpandDims(input=raw.Equal(x=present, y=raw.ZerosLike(x=present)), axis=2)
    nowhere = raw.Fill(dims=raw.Shape(input=joints_px), value=raw.Cast(x=1e9, DstT=joints_px.dtype))
    return raw.SelectV2(
        condition=raw.LogicalAnd(x=absent, y=raw.IsNan(x=joints_px)),
        t=nowhere,
        e=joints_px,
    )


def _cell_positions(cells, stride, origin_px, dtype):
    """`[cells, 1]`: crop coordinate g * stride + origin_px of each cell g."""
    g = raw.Cast(x=raw.Range(start=0, limit=cells, delta=1), DstT=dtype)
    positions = raw.AddV2(x=raw.Mul(x=g, y=float(stride)), y=float(origin_px))
    return raw.ExpandDims(input=positions, axis=1)


def _row_and_column(joints_px, sigma_px, u, v):
    """Distances in sigmas, z_x `[B, w, P]` and z_y `[B, h, P]`, and their Gaussians."""
    x_j, y_j = raw.Unpack(value=joints_px, num=2, axis=2)  # [B, P] each
    z_x, z_y = (
        # Not ClipByValue, which LiteRT does not know.
        raw.Maximum(
            x=raw.Minimum(
                x=raw.RealDiv(
                    x=raw.Sub(x=centers, y=raw.ExpandDims(input=position, axis=1)),
                    y=sigma_px,
                ),
                y=_FAR,
            ),
            y=-_FAR,
        )
        for centers, position in ((u, x_j), (v, y_j))
    )
    # g(z) = exp(-z^2 / 2)
    g_x, g_y = (raw.Exp(x=raw.Mul(x=raw.Square(x=z), y=-0.5)) for z in (z_x, z_y))
    return z_x, z_y, g_x, g_y


def _draw(joints_px, present, sigma_px, u, v, cutoff):
    """The maps `[B, h, w, P]`."""
    _, _, g_x, g_y = _row_and_column(joints_px, sigma_px, u, v)
    column = raw.Mul(x=g_y, y=raw.ExpandDims(input=present, axis=1))  # [B, h, P]
    b = _outer(column, g_x)
    return raw.Mul(x=b, y=_kept(b, cutoff)) if cutoff else b


def _gradient(upstream, joints_px, present, sigma_px, u, v, cutoff):
    """Derivatives of sum(upstream * b) by (joints_px, present, sigma_px); gaussian_heatmap.md.

    The row and the column are computed again: h + w exponentials cost less than keeping them, and
    the second derivative stays right, because everything here depends on the arguments.
    """
    z_x, z_y, g_x, g_y = _row_and_column(joints_px, sigma_px, u, v)
    if cutoff:
        column = raw.Mul(x=g_y, y=raw.ExpandDims(input=present, axis=1))
        upstream = raw.Mul(x=upstream, y=_kept(_outer(column, g_x), cutoff))

    # r[x] = g_x[x] sum_y upstream[y, x] g_y[y]; c[y] likewise: the map seen along each axis.
    r = _along(upstream, raw.ExpandDims(input=g_y, axis=2), axis=1)
    r = raw.Mul(x=r, y=g_x)  # [B, w, P]
    c = _along(upstream, raw.ExpandDims(input=g_x, axis=1), axis=2)
    c = raw.Mul(x=c, y=g_y)  # [B, h, P]

    # db/dx_j = b z_x / sigma,   db/dy_j = b z_y / sigma
    weight = raw.RealDiv(x=present, y=sigma_px)  # [B, P]
    d_x = raw.Mul(x=weight, y=_along(r, z_x, axis=1))
    d_y = raw.Mul(x=weight, y=_along(c, z_y, axis=1))
    d_joints = raw.Pack(values=[d_x, d_y], axis=2)  # [B, P, 2]

    # db/dpresent = g_x g_y
    d_present = raw.Sum(input=r, axis=1)  # [B, P]

    # db/dsigma = b (z_x^2 + z_y^2) / sigma
    spread = raw.AddV2(
        x=_along(r, raw.Square(x=z_x), axis=1), y=_along(c, raw.Square(x=z_y), axis=1)
    )  # [B, P]
    d_sigma = raw.Sum(input=raw.Mul(x=weight, y=spread), axis=[0, 1])  # []
    return d_joints, d_present, d_sigma


def _outer(column, row):
    """`[B, h, w, P]`: the map whose cell [y, x] is column[y] * row[x]."""
    return raw.Mul(x=raw.ExpandDims(input=column, axis=2), y=raw.ExpandDims(input=row, axis=1))


def _kept(b, cutoff):
    """1 where a cell of `b` survives the cutoff, 0 elsewhere."""
    return raw.Cast(x=raw.GreaterEqual(x=b, y=cutoff), DstT=b.dtype)


def _along(values, weights, axis):
    """Sum over `axis` of values * weights."""
    return raw.Sum(input=raw.Mul(x=values, y=weights), axis=axis)
