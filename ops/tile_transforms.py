"""A separable map applied to every tile of an image, and its transpose.

`analyse_tiles` cuts an image into tiles and maps each to r numbers a channel; `synthesise_tiles`
is the transposed map: r numbers a tile back to pixels, added where tiles overlap. Likewise
`analyse_kernel` and `synthesise_kernel` for the one patch of a kernel. With r in front the
numbers are ready for r matrix products over the channels.

Time goes into passes over memory rather than arithmetic, so the layout is chosen for the matrix
products: a map is a small constant matrix times `[h, N]`, batched over many such pieces, with N a
few thousand numbers at most. One product with N in the millions takes three to five times as
long (fast_conv2d.md, section 7).
"""

import tensorflow as tf

# Numbers in a row of the pieces that a kernel is cut into.
ROW = 2048


def analyse_tiles(x, separable, *, step, before):
    """Maps every tile of an image: u[(p, q), t, c] for tile t.

    Tile (i, j) begins at pixel (i step_h - before_h, j step_w - before_w), wherever zeros stand
    for pixels outside; there are ceil(H / step_h) by ceil(W / step_w) tiles.

    Args:
      x: `[B, H, W, C]`.
      separable: an `ops.bilinear.Separable` for h x w tiles.
      step: (step_h, step_w), from a tile to the next.
      before: (before_h, before_w).

    Returns:
      `[r, T, C]`, T = B ceil(H / step_h) ceil(W / step_w), in this order.
    """
    rows, columns = _constants(separable, x.dtype)  # [P, S, h], [P, Q, S, w]
    (p, s, h), (_, q, _, w) = separable.rows.shape, separable.columns.shape
    batch, height, width, c = _sizes(x)
    (down, across), (oh, ow) = _tiles(height, width, step), step
    extra = [_blocks_over(size, o) for size, o in zip((h, w), step)]

    y = tf.pad(
        x,
        [
            [0, 0],
            [before[0], (down + extra[0]) * oh - height - before[0]],
            [before[1], (across + extra[1]) * ow - width - before[1]],
            [0, 0],
        ],
    )
    # Rows: tile i is block i of oh rows and the beginning of those that follow.
    y = tf.reshape(y, [batch, down + extra[0], oh, across + extra[1], ow * c])
    y = tf.concat([y[:, e : e + down, :n] for e, n in _parts(h, oh)], axis=2)
    y = tf.transpose(y, [0, 1, 3, 2, 4])  # [B, down, blocks, h, ow C]
    y = tf.matmul(tf.reshape(rows, [p * s, h]), y)  # [B, down, blocks, P S, ow C]

    # Columns, the same.
    y = tf.reshape(y, [batch, down, across + extra[1], p, s, ow, c])
    y = tf.transpose(y, [3, 0, 1, 4, 5, 2, 6])  # [P, B, down, S, ow, blocks, C]
    y = tf.concat([y[..., :n, e : e + across, :] for e, n in _parts(w, ow)], axis=4)
    y = tf.reshape(y, [p, batch * down, s * w, across * c])
    y = tf.matmul(tf.reshape(columns, [p, 1, q, s * w]), y)  # [P, B down, Q, across C]
    y = tf.transpose(y, [0, 2, 1, 3])
    return tf.reshape(y, [p * q, batch * down * across, c])


def synthesise_tiles(u, separable, *, shape, step, before):
    """The transpose of `analyse_tiles`: numbers of the tiles back to the image.

    Args:
      u: `[r, T, C]`.
      separable, step, before: as for `analyse_tiles`.
      shape: (B, H, W) of the image.

    Returns:
      `[B, H, W, C]`.
    """
    rows, columns = _constants(separable, u.dtype)
    (p, s, h), (_, q, _, w) = separable.rows.shape, separable.columns.shape
    (batch, height, width), c = shape, _sizes(u)[-1]
    (down, across), (oh, ow) = _tiles(height, width, step), step
    extra = [_blocks_over(size, o) for size, o in zip((h, w), step)]

    y = tf.reshape(u, [p, q, batch * down, across * c])
    y = tf.transpose(y, [0, 2, 1, 3])  # [P, B down, Q, across C]
    y = tf.matmul(tf.reshape(columns, [p, 1, q, s * w]), y, transpose_a=True)
    y = tf.reshape(y, [p, batch, down, s, w, across, c])
    y = _overlap(y, w, ow, axes=(4, 5))  # [P, B, down, S, ow, blocks, C]

    y = tf.transpose(y, [1, 2, 5, 0, 3, 4, 6])  # [B, down, blocks, P, S, ow, C]
    y = tf.reshape(y, [batch, down, across + extra[1], p * s, ow * c])
    y = tf.matmul(tf.reshape(rows, [p * s, h]), y, transpose_a=True)
    y = tf.transpose(y, [0, 1, 3, 2, 4])  # [B, down, h, blocks, ow C]
    y = _overlap(y, h, oh, axes=(2, 1))
    y = tf.reshape(y, [batch, (down + extra[0]) * oh, (across + extra[1]) * ow, c])
    return y[:, before[0] : before[0] + height, before[1] : before[1] + width]


def analyse_kernel(kernel, separable):
    """Maps the kernel of every pair of channels: `[kh, kw, Cin, Cout]` to `[r, Cin, Cout]`."""
    rows, columns = _constants(separable, kernel.dtype)
    (p, s, h), (_, q, _, w) = separable.rows.shape, separable.columns.shape
    _, _, c_in, c_out = _sizes(kernel)
    pieces = _pieces(c_in, c_out)
    n = c_in * c_out // pieces

    y = tf.reshape(kernel, [h, w, pieces, n])
    y = tf.transpose(y, [2, 1, 0, 3])  # [pieces, w, h, N]
    y = tf.matmul(tf.reshape(rows, [p * s, h]), y)  # [pieces, w, P S, N]
    y = tf.reshape(y, [pieces, w, p, s, n])
    y = tf.transpose(y, [2, 0, 3, 1, 4])  # [P, pieces, S, w, N]
    y = tf.reshape(y, [p, pieces, s * w, n])
    y = tf.matmul(tf.reshape(columns, [p, 1, q, s * w]), y)  # [P, pieces, Q, N]
    y = tf.transpose(y, [0, 2, 1, 3])
    return tf.reshape(y, [p * q, c_in, c_out])


def synthesise_kernel(u, separable):
    """The transpose of `analyse_kernel`: `[r, Cin, Cout]` to `[kh, kw, Cin, Cout]`."""
    rows, columns = _constants(separable, u.dtype)
    (p, s, h), (_, q, _, w) = separable.rows.shape, separable.columns.shape
    _, c_in, c_out = _sizes(u)
    pieces = _pieces(c_in, c_out)
    n = c_in * c_out // pieces

    y = tf.reshape(u, [p, q, pieces, n])
    y = tf.transpose(y, [0, 2, 1, 3])  # [P, pieces, Q, N]
    y = tf.matmul(tf.reshape(columns, [p, 1, q, s * w]), y, transpose_a=True)
    y = tf.reshape(y, [p, pieces, s, w, n])
    y = tf.transpose(y, [1, 3, 0, 2, 4])  # [pieces, w, P, S, N]
    y = tf.reshape(y, [pieces, w, p * s, n])
    y = tf.matmul(tf.reshape(rows, [p * s, h]), y, transpose_a=True)
    y = tf.transpose(y, [2, 1, 0, 3])  # [h, w, pieces, N]
    return tf.reshape(y, [h, w, c_in, c_out])


def _overlap(y, size, step, axes):
    """Adds tiles of `size` cells (axis 0 of `axes`), `step` apart (axis 1), to blocks of `step`.

    The transpose of cutting: block b gets the first cells of tile b, those that follow of tile
    b - 1, and so on.
    """
    cell, tile = axes
    extra = _blocks_over(size, step)
    total = None
    for e, n in _parts(size, step):
        part = [slice(None)] * len(y.shape)
        part[cell] = slice(e * step, e * step + n)
        pads = [[0, 0] for _ in y.shape]
        pads[cell] = [0, step - n]
        pads[tile] = [e, extra - e]
        padded = tf.pad(y[tuple(part)], pads)
        total = padded if total is None else total + padded
    return total


def _parts(size, step):
    """A tile of `size` as (block after its own, cells of that block)."""
    return [
        (e, min(step, size - e * step)) for e in range(_blocks_over(size, step) + 1)
    ]


def _blocks_over(size, step):
    """Blocks of `step` that a tile reaches into beyond its own."""
    return -(-size // step) - 1


def _tiles(height, width, step):
    """ceil(size / step) along both axes, of ints or of scalar tensors."""
    return -(-height // step[0]), -(-width // step[1])


def _pieces(c_in, c_out):
    """Equal pieces of the input channels such that piece times `c_out` is about `ROW`."""
    most = max(ROW // c_out, 1)
    return c_in // max(d for d in range(1, min(most, c_in) + 1) if c_in % d == 0)


def _constants(separable, dtype):
    return tf.constant(separable.rows, dtype), tf.constant(separable.columns, dtype)


def _sizes(x):
    """The shape of `x`: an int where it is known while tracing, else a scalar tensor."""
    dynamic = tf.shape(x)
    return [dynamic[k] if n is None else n for k, n in enumerate(x.shape.as_list())]
