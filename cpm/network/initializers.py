"""First values of weights, as pure functions of (seed, layer name).

Randomness is stateless: the key of a kernel is made of the run's seed and the name of its layer,
so that adding a layer, or building the layers in another order, changes no other weight. Values
are drawn in float32 and cast, so that a float64 twin of a network starts from the same numbers.

References:
  `gaussian`: the authors' Caffe release, N(0, 0.01) for every convolution, bias 0.
  `he_normal`: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015, Eq. 10.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

GAUSSIAN_STDDEV = 0.01  # the release's `weight_filler { type: "gaussian" std: 0.01 }`


def gaussian(
    shape: Sequence[int], *, seed: int | None, name: str, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Draws from N(0, 0.01²), whatever the fan-in.

    In a 3×3 layer of 64 channels this shrinks the signal to sqrt(576 · 0.01² / 2) = 0.17 of its
    size, so a deep trunk of such layers barely learns from scratch without norms: the release
    starts `vgg` from pretrained weights.

    Args:
      shape: `(kh, kw, Cin, Cout)`, ints.
      seed: int, of the run; None = zeros, of a network that is filled from a file.
      name: str, unique to the variable in its network.
      dtype: of the result.
    Returns:
      Tensor of that shape.
    """
    return GAUSSIAN_STDDEV * _standard_normal(shape, seed, name, dtype)


def he_normal(
    shape: Sequence[int], *, seed: int | None, name: str, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Draws from N(0, 2 / fan_in), which keeps the variance of the signal through ReLUs.

    fan_in = kh · kw · Cin. Arguments and result as in `gaussian`.
    """
    fan_in = math.prod(shape[:-1])
    return math.sqrt(2.0 / fan_in) * _standard_normal(shape, seed, name, dtype)


def zeros(
    shape: Sequence[int], *, seed: int | None, name: str, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Zeros: the last layer of a residual block without norms, which then is the identity.

    Arguments and result as in `gaussian`.
    """
    return tf.zeros(shape, dtype)


def stateless_key(seed: int, name: str) -> np.ndarray:
    """The `[2]` int32 seed that belongs to `name` in the run `seed`.

    CRC-32 and not `hash`, which Python salts anew in each process.

    >>> stateless_key(7, "conv1_1/kernel").tolist()
    [7, 1764277703]
    """
    words = np.array([seed % 2**32, zlib.crc32(name.encode())], np.uint32)
    return words.view(np.int32)  # the same bits: seeds are int32 on every device


def _standard_normal(shape, seed, name, dtype):
    if seed is None:
        return tf.zeros(shape, dtype)
    # The generator is named because the default one depends on the device.
    with tf.init_scope():
        values = tf.random.stateless_normal(shape, seed=stateless_key(seed, name), alg="philox")
    return tf.cast(values, dtype)


INITIALIZERS = {"gaussian": gaussian, "he_normal": he_normal, "zeros": zeros}
