"""Batch norms folded into the convolutions before them, for weights that change no more.

    scale (conv(x; K, b) - mean) / s + offset  =  conv(x; K', b'),    s = sqrt(variance + epsilon)

    K'[..., d] = K[..., d] scale[d] / s[d],    b'[d] = offset[d] + (b[d] - mean[d]) scale[d] / s[d]

A norm reads and writes every feature map once more, in 16 bits twice, since it computes in float32.
Folded it costs nothing. The result is the same but for rounding, and in 16 bits it is rounded less
often.

Reference: Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018, section 3.2.
"""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from cpm.network.layers import BatchNorm, Conv2D


def folded(convolution: Conv2D, norm: BatchNorm) -> tuple[tf.Tensor, tf.Tensor]:
    """The kernel `[kh, kw, Cin, Cout]` and the bias `[Cout]` that do both layers' work.

    Computed with the values that the variables have now, in the type of the norm.
    """
    kernel = tf.cast(convolution.kernel, norm.scale.dtype)
    factor = norm.scale / tf.sqrt(norm.moving_variance + norm.epsilon)  # [Cout]
    bias = -norm.moving_mean
    if convolution.bias is not None:
        bias += tf.cast(convolution.bias, bias.dtype)
    return kernel * factor, norm.offset + bias * factor


def with_norms(layers: Sequence[tf.Module]) -> Iterator[tuple[tf.Module, BatchNorm | None]]:
    """Each layer in order, a convolution with the norm right behind it, which is not listed again.

    >>> from cpm.network.layers import Relu
    >>> norm, relu = BatchNorm("norm", 3), Relu()
    >>> [own is None for _, own in with_norms([relu, norm])]
    [True, True]
    """
    neighbors = zip((None, *layers), layers, (*layers[1:], None), strict=False)
    for before, layer, after in neighbors:
        if not (isinstance(before, Conv2D) and isinstance(layer, BatchNorm)):
            follows = isinstance(layer, Conv2D) and isinstance(after, BatchNorm)
            yield layer, after if follows else None
