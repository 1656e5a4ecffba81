"""The layers of the network as raw `tf.Module`s: convolution, batch norm, dropout, a block of them.

Contract: variables are made in the constructor from explicit channel counts, under the module's
name scope; `layer(x, training=..., seed=...)` maps `[B, h, w, Cin]` to `[B, h', w', Cout]`. Layers
without variables (pooling, dropout) keep the same call, so that a `Block` is one loop.

This is what the layers are. How they are computed when it has to be fast or small is decided
elsewhere (cpm/execution), which calls nothing here that is not public.

References:
  BatchNorm: Ioffe & Szegedy, "Batch normalization", ICML 2015, section 3.
  Dropout: Srivastava et al., JMLR 2014, in the "inverted" form (scaled during training).
"""

from collections.abc import Sequence

import tensorflow as tf

import ops
from cpm.network import specs as layer_specs
from cpm.network.initializers import INITIALIZERS, stateless_key


class Conv2D(tf.Module):
    """A same-padded convolution, with a bias or without.

        y[i, j, d] = bias[d] + sum_{a, b, c} kernel[a, b, c, d] x[s i + a - p, s j + b - p, c]

    Attributes:
      kernel: variable `[kh, kw, Cin, Cout]`.
      bias: variable `[Cout]`, 0 at the start, or None.
      stride: s.
    """

    def __init__(
        self,
        name: str,
        in_channels: int,
        spec: layer_specs.Conv,
        *,
        seed: int | None = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        """Makes the variables.

        Args:
          name: str, unique in the network; the initial weights depend on it and on `seed` alone.
          in_channels: Cin.
          spec: a `specs.Conv`.
          seed: int.
          dtype: of the variables.
        """
        super().__init__(name=name)
        self.stride = spec.stride
        shape = (spec.kernel, spec.kernel, in_channels, spec.channels)
        initial = INITIALIZERS[spec.initializer](
            shape, seed=seed, name=f"{name}/kernel", dtype=dtype
        )
        with self.name_scope:
            self.kernel = tf.Variable(initial, name="kernel")
            self.bias = None
            if spec.bias:
                self.bias = tf.Variable(tf.zeros(spec.channels, dtype), name="bias")

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`[B, H, W, Cin]` → `[B, ceil(H / s), ceil(W / s), Cout]`."""
        return ops.conv2d(x, self.kernel, self.bias, stride=self.stride)


class BatchNorm(tf.Module):
    """Normalizes each channel over the batch and the map, then scales and shifts it.

        y = scale · (x - mean) / sqrt(variance + epsilon) + offset

    In training, mean and variance are those of the batch (biased: divided by B·H·W, not B·H·W - 1)
    and gradients flow through them. Each training call also moves the averages that inference uses:

        moving = momentum · moving + (1 - momentum) · batch

    so a momentum near 1 remembers long (the convention of Keras and Caffe; PyTorch's momentum is
    1 minus this one). The default, 0.9 (PyTorch's 0.1), remembers about ten steps. Longer memories
    lag behind the weights of a young network: after 60 steps of `mini` on one batch stage 1 had a
    loss of 0.4 with the batch's statistics, and of 0.5 (0.9) or 25 (0.97) with the moving ones.

    Attributes:
      scale, offset: variables `[C]`, 1 (or as given) and 0 at the start.
      moving_mean, moving_variance: variables `[C]`, not trainable, 0 and 1 at the start.
    """

    def __init__(
        self,
        name: str,
        channels: int,
        *,
        scale: float = 1.0,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        dtype: tf.DType = tf.float32,
    ) -> None:
        """Makes the variables, in float32 if `dtype` is narrower: sums over maps need the digits.

        `scale` is the first value of every channel's. `epsilon` is added to variances; 1e-5 is the
        value of the ResNet release.
        """
        super().__init__(name=name)
        dtype = tf.float64 if dtype == tf.float64 else tf.float32
        self.momentum = momentum
        self.epsilon = epsilon
        zeros, ones = tf.zeros(channels, dtype), tf.ones(channels, dtype)
        with self.name_scope:
            self.scale = tf.Variable(scale * ones, name="scale")
            self.offset = tf.Variable(zeros, name="offset")
            self.moving_mean = tf.Variable(zeros, name="moving_mean", trainable=False)
            self.moving_variance = tf.Variable(ones, name="moving_variance", trainable=False)

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`[B, h, w, C]` → the same shape."""
        affine = self.scale, self.offset
        if not training:
            moving = self.moving_mean, self.moving_variance
            return ops.batch_norm(x, *moving, *affine, epsilon=self.epsilon)
        y, mean, variance = ops.batch_norm_by_batch(x, *affine, epsilon=self.epsilon)
        self.move_averages(mean, variance)
        return y

    def move_averages(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Moves the averages towards the moments of a batch, each `[C]`."""
        # The difference form: one write, and exactly no change where the two agree.
        step = 1.0 - self.momentum
        self.moving_mean.assign_sub(step * (self.moving_mean - mean))
        self.moving_variance.assign_sub(step * (self.moving_variance - variance))


class Relu(tf.Module):
    """max(x, 0)."""

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Any shape → the same shape."""
        return tf.nn.relu(x)


class MaxPool(tf.Module):
    """The maximum over square windows."""

    def __init__(self, name: str, window: int, stride: int) -> None:
        super().__init__(name=name)
        self.window = window
        self.stride = stride

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`[B, H, W, C]` → `[B, ceil(H / stride), ceil(W / stride), C]`."""
        return ops.max_pool(x, window=self.window, stride=self.stride)


class Dropout(tf.Module):
    """During training zeroes each value with probability `rate` and divides the rest by 1 - rate.

    Stateless: the mask is a function of the caller's seed and the layer's name, so a step that is
    repeated drops the same values, and two layers of one step drop different ones.
    """

    def __init__(self, name: str, rate: float) -> None:
        super().__init__(name=name)
        if not 0 <= rate < 1:
            raise ValueError(f"rate of {name} should be at least 0 and below 1, not {rate}")
        self.rate = rate

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Any shape → the same shape; `seed`: `[2]` int32, needed if training."""
        if not training or self.rate == 0:
            return x
        if seed is None:
            raise ValueError(f"dropout layer {self.name} needs a seed [2] int32 when training=True")
        return x * self._mask(tf.shape(x), seed, x.dtype) / (1 - self.rate)

    def _mask(self, shape, seed, dtype):
        """1 for what is kept, 0 for what is dropped."""
        mixed = tf.bitwise.bitwise_xor(tf.cast(seed, tf.int32), stateless_key(0, self.name))
        # Whole 32-bit words: they are the same in every compiler and on every device, where floats
        # are not (TensorFlow 2.21 turns the same words into other floats where it compiles).
        words = tf.random.stateless_uniform(shape, mixed, None, None, tf.uint32, alg="philox")
        threshold = tf.constant(int(self.rate * 2**32), tf.uint32)
        return tf.cast(words >= threshold, dtype)


class Block(tf.Module):
    """Layers in a row, built from their descriptions.

    Attributes:
      layers: list of the modules above, in the order they are applied.
      out_channels: channels of the result.
    """

    def __init__(
        self,
        name: str,
        in_channels: int,
        specs: Sequence[layer_specs.Layer],
        *,
        seed: int | None = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        """Builds the layers.

        Args:
          name: str.
          in_channels: channels of the input.
          specs: sequence of `specs.Conv`, `Residual`, `MaxPool` and `Dropout`; may be empty.
          seed: int, for the initial weights.
          dtype: of the variables.
        """
        super().__init__(name=name)
        self.layers = []
        self.out_channels = in_channels
        with self.name_scope:
            for spec in specs:
                if isinstance(spec, layer_specs.Conv):
                    self.layers += _convolution(self.out_channels, spec, seed, dtype)
                    self.out_channels = spec.channels
                elif isinstance(spec, layer_specs.Residual):
                    options = {"seed": seed, "dtype": dtype}
                    block = Residual(spec.name, self.out_channels, spec.layers, **options)
                    self.layers.append(block)
                elif isinstance(spec, layer_specs.MaxPool):
                    self.layers.append(MaxPool(spec.name, spec.window, spec.stride))
                else:
                    self.layers.append(Dropout(spec.name, spec.rate))

    @property
    def kernels(self) -> list[tf.Variable]:
        """Variables `[kh, kw, Cin, Cout]` of the convolutions, in the order they are applied."""
        kernels = []
        for layer in self.layers:
            if isinstance(layer, Conv2D):
                kernels.append(layer.kernel)
            elif isinstance(layer, Residual):
                kernels += layer.kernels
        return kernels

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`[B, H, W, in_channels]` → `[B, h, w, out_channels]`."""
        for layer in self.layers:
            x = layer(x, training=training, seed=seed)
        return x


class Residual(Block):
    """Layers f with a way around them.

        y = max(x + f(x), 0)

    A gradient reaches x through the sum unchanged, so a deep trunk of such blocks learns as fast as
    a shallow one.

    References:
      He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, Figure 2.
    """

    def __call__(
        self, x: tf.Tensor, *, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """`[B, h, w, C]` → the same shape."""
        return self.add(x, super().__call__(x, training=training, seed=seed))

    def add(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """max(x + y, 0), where y = f(x)."""
        return tf.nn.relu(x + y)


def _convolution(in_channels, spec, seed, dtype):
    """The one to three layers that a `Conv` stands for: convolution, norm, ReLU."""
    layers = [Conv2D(spec.name, in_channels, spec, seed=seed, dtype=dtype)]
    if spec.norm:
        options = {"scale": spec.norm_scale, "dtype": dtype}
        layers.append(BatchNorm(f"{spec.name}_norm", spec.channels, **options))
    if spec.relu:
        layers.append(Relu(f"{spec.name}_relu"))
    return layers
