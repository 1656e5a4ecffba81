"""Affine resampling of images: crop, scale, rotate and mirror in one go.

Gather-based: each output pixel looks up the four input pixels around the point it comes from. It
runs in tf.data graphs and under XLA, and is differentiable with respect to images and matrices.
Where neither is needed, in an input pipeline, TensorFlow's own kernel does the same in half the
time.

It does not low-pass: when the output is coarser than the input by more than about 2, bilinear
sampling skips pixels and the result aliases. Shrink the image by area averaging (and divide
the matrix by the factor) beforehand; cpm/data/crops.py does.
"""

import tensorflow as tf

from ops.shapes import TensorLike, check_floating, check_positive_int, check_shape


def affine_warp(
    images: TensorLike,
    matrices: TensorLike,
    *,
    height: int,
    width: int,
    border: TensorLike = 0.0,
    differentiable: bool = True,
    name: str | None = None,
) -> tf.Tensor:
    """Samples each image, bilinearly, at affinely mapped positions.

        (x, y) = M (x_out, y_out, 1)
        out[y_out, x_out] = sum over the 4 pixels (m, n) around (y, x) of
                            (1 - |y - m|) (1 - |x - n|) image[m, n],
        image[m, n] = border outside the image

    so an image fades to the border over the last pixel.

    Args:
      images: `[B, H, W, C]` float32 or float64, or uint8 to be converted on the way (which saves a
        float copy of a large photograph of which only a part is looked at).
      matrices: `[B, 2, 3]` float: output pixel (x, y, 1) -> input pixel (x, y), 0-based, pixel
        centers at integers. `cpm.geometry.crop_to_image` makes them.
      height: of the output, pixels.
      width: of the output, pixels.
      border: the color outside: a number or `[C]`.
      differentiable: False: by the library's kernel, which XLA does not know and no gradients pass.
      name: of the operation in the graph.

    Returns:
      `[B, height, width, C]`, of the type of `images`, float32 for uint8.
    Raises:
      ValueError: if a shape or a type is wrong; the message names the tensor.

    Example:
      >>> image = tf.reshape([10.0, 20.0, 30.0], [1, 1, 3, 1])
      >>> half_a_pixel_on = [[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]]
      >>> affine_warp(image, half_a_pixel_on, height=1, width=3).numpy().ravel().tolist()
      [15.0, 25.0, 15.0]
    """
    with tf.name_scope(name or "affine_warp"):
        images = tf.convert_to_tensor(images, name="images")
        dtype = tf.float32 if images.dtype == tf.uint8 else images.dtype
        check_floating(images, "images", (tf.uint8, tf.float32, tf.float64))
        matrices = tf.cast(tf.convert_to_tensor(matrices, name="matrices"), dtype)
        border = tf.convert_to_tensor(border, dtype=dtype, name="border")
        sizes = check_shape(images, ["B", "H", "W", "C"], "images")
        check_shape(matrices, ["B", 2, 3], "matrices", sizes)
        if border.shape.rank != 0:
            check_shape(border, ["C"], "border", sizes)
        check_positive_int(height, "height")
        check_positive_int(width, "width")
        static = [images.shape[0], height, width, images.shape[3]]
        if not differentiable:
            out = _by_library(tf.cast(images, dtype), matrices, height, width, border)
            return tf.ensure_shape(out, static)

        batch, rows, columns, channels = tf.unstack(tf.shape(images))
        x, y = _sources(matrices, height, width)  # [B, h w] each
        x_0, x_weights = _taps(x, columns)
        y_0, y_weights = _taps(y, rows)

        pixels = tf.reshape(images, [batch * rows * columns, channels])
        first = tf.range(batch)[:, None] * (rows * columns)  # [B, 1]
        total = (1 - sum(y_weights) * sum(x_weights))[..., None] * border
        for j, y_weight in enumerate(y_weights):
            row = first + tf.clip_by_value(y_0 + j, 0, rows - 1) * columns
            for i, x_weight in enumerate(x_weights):
                index = row + tf.clip_by_value(x_0 + i, 0, columns - 1)  # [B, h w]
                value = tf.cast(tf.gather(pixels, index), dtype)  # [B, h w, C]
                total += (y_weight * x_weight)[..., None] * value
        out = tf.reshape(total, [batch, height, width, channels])
        return tf.ensure_shape(out, static)


def _by_library(images, matrices, height, width, border):
    """The same by TensorFlow's kernel for projective maps, whose last row is (0, 0, 1) here."""
    projective = tf.pad(tf.reshape(matrices, [-1, 6]), [[0, 0], [0, 2]])
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        # Its own gradient is the inverse map, which is not the transposed one. And it knows one
        # color outside for all channels.
        images=tf.stop_gradient(images - border),
        transforms=tf.cast(projective, tf.float32),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return warped + border


def _sources(matrices, height, width):
    """Input coordinates (x, y), each `[B, height * width]`, of the output pixels."""
    x_out = tf.range(width, dtype=matrices.dtype)[None, None, :]
    y_out = tf.range(height, dtype=matrices.dtype)[None, :, None]
    coordinates = []
    for k in range(2):
        a, b, c = (matrices[:, k, i, None, None] for i in range(3))  # [B, 1, 1]
        coordinates.append(tf.reshape(a * x_out + b * y_out + c, [-1, height * width]))
    return coordinates


def _taps(position, size):
    """The two pixels around each position along one axis.

    Args:
      position: `[B, n]` float.
      size: number of pixels along the axis.

    Returns:
      first: `[B, n]` int32, the lower pixel, in [-1, size]; the other is `first + 1`.
      weights: two `[B, n]`, of the lower and the upper pixel; 0 for a pixel outside the image.
    """
    # Beyond one pixel outside all is border; the bound also keeps the integer from overflowing.
    position = tf.clip_by_value(position, -1.0, tf.cast(size, position.dtype))
    floor = tf.floor(position)
    first = tf.cast(floor, tf.int32)
    fraction = position - floor
    inside = [tf.cast((first + k >= 0) & (first + k < size), position.dtype) for k in (0, 1)]
    return first, ((1 - fraction) * inside[0], fraction * inside[1])
