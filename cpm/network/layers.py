"""The layers of the network as raw `tf.Module`s: convolution, batch norm, dropout, a block of them.

Contract: variables are made in the constructor from explicit channel counts, under the module's
name scope; `layer(x, training=..., seed=...)` maps `[B, h, w, Cin]` to `[B, h', w', Cout]`, in
the dtype of `x`, which may be narrower than that of the variables: 16-bit training over float32
master weights, whose gradients arrive in float32. Layers without variables (pooling, dropout) keep
the same call, so that a `Block` is one loop. A `Block` calls `layer.slices([x, ...], ...)`, which
does the same to a batch that lies in slices, each a core's work (slicing.py).

References:
  BatchNorm: Ioffe & Szegedy, "Batch normalization", ICML 2015, Algorithm 1.
  Dropout: Srivastava et al., JMLR 2014, in the "inverted" form (scaled during training).
  Master weights: Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.1.
"""

import itertools

import tensorflow as tf

import ops
from cpm.network import specs as layer_specs
from cpm.network.convolution import DIRECT
from cpm.network.initializers import INITIALIZERS, stateless_key
from cpm.network.recompute import recomputed


class Layer(tf.Module):
    """What a `Block` is made of."""

    def slices(self, xs, *, training=False, seed=None):
        """`self(x)` of the batch whose slices are the list `xs`, as a list.

        Each on its own; a layer in which the people of a batch meet does it in a way of its own.
        """
        return [self(x, training=training, seed=seed) for x in xs]


class Conv2D(Layer):
    """A same-padded convolution, with a bias or without.

        y[i, j, d] = bias[d] + sum over (a, b, c) of kernel[a, b, c, d] x[s i + a - p, s j + b - p, c]

    Attributes:
      kernel: variable `[kh, kw, Cin, Cout]`.
      bias: variable `[Cout]`, 0 at the start, or None.
    """

    def __init__(self, name, in_channels, spec, *, seed=0, dtype=tf.float32, method=DIRECT):
        """Makes the variables.

        Args:
          name: str, unique in the network; the initial weights depend on it and on `seed` alone.
          in_channels: Cin.
          spec: a `specs.Conv`.
          seed: int.
          dtype: of the variables.
          method: `ConvolutionMethod`, how it is computed.
        """
        super().__init__(name=name)
        self.stride = spec.stride
        self._method = method
        self._frozen = None
        shape = (spec.kernel, spec.kernel, in_channels, spec.channels)
        initial = INITIALIZERS[spec.initializer](
            shape, seed=seed, name=f"{name}/kernel", dtype=dtype
        )
        with self.name_scope:
            self.kernel = tf.Variable(initial, name="kernel")
            self.bias = None
            if spec.bias:
                self.bias = tf.Variable(tf.zeros(spec.channels, dtype), name="bias")

    def __call__(self, x, *, training=False, seed=None):
        """`[B, H, W, Cin]` → `[B, ceil(H / s), ceil(W / s), Cout]`."""
        if x.dtype != self.kernel.dtype:
            return self._narrow(x)
        algorithm = self._method.algorithm(self.kernel.shape, self.stride, x.shape)
        if algorithm is None:
            return ops.conv2d(x, self.kernel, self.bias, stride=self.stride)
        how = {"algorithm": algorithm, "compiled": self._method.compiled}
        if self._frozen is None or training:
            return ops.fast_conv2d(x, self.kernel, self.bias, **how)
        return ops.fast_conv2d_transformed(
            x, self._frozen.weights(self.kernel, algorithm), self.bias, **how
        )

    def slices(self, xs, *, training=False, seed=None):
        """A kernel that is transformed for a line is so once for all slices, and its gradient back."""
        line = self._method.algorithm(self.kernel.shape, self.stride, xs[0].shape)
        shared = training and len(xs) > 1 and isinstance(line, ops.Bilinear1D)
        if not shared or xs[0].dtype != self.kernel.dtype:
            return super().slices(xs, training=training, seed=seed)
        weights = ops.transform_kernel(self.kernel, algorithm=line)
        return [ops.fast_conv2d_transformed(x, weights, self.bias, algorithm=line) for x in xs]

    def _narrow(self, x):
        """In 16 bits, always directly: a fast algorithm's errors are the larger the narrower."""
        y = ops.conv2d(x, tf.cast(self.kernel, x.dtype), stride=self.stride)
        if self.bias is None:
            return y
        # Added in the bias's own type, so that its gradient is summed there: a sum over thousands
        # of cells in bfloat16 stands still once it is 256 times as large as what is added.
        return tf.cast(tf.cast(y, self.bias.dtype) + self.bias, x.dtype)

    def freeze(self):
        """Promises that the kernel changes no more: in inference it is transformed only once."""
        self._frozen = _Frozen()


class _Frozen:
    """Transformed kernels by algorithm, where tf.Module and checkpoints do not look."""

    def __init__(self):
        self._weights = {}

    def weights(self, kernel, algorithm):
        """`[r, Cin, Cout]`, made when first asked for, outside of the graph that asks."""
        if algorithm not in self._weights:
            with tf.init_scope():
                self._weights[algorithm] = ops.transform_kernel(kernel, algorithm=algorithm)
        return self._weights[algorithm]


class BatchNorm(Layer):
    """Normalises each channel over the batch and the map, then scales and shifts it.

        y = scale · (x - mean) / sqrt(variance + epsilon) + offset

    In training, mean and variance are those of the batch (biased: divided by B·H·W, not B·H·W - 1)
    and gradients flow through them. Each training call also moves the averages that inference uses:

        moving = momentum · moving + (1 - momentum) · batch

    so a momentum near 1 remembers long (the convention of Keras and Caffe; PyTorch's momentum is
    1 minus this one). The default, 0.9 (PyTorch's 0.1), remembers about ten steps. Longer memories
    lag behind the weights of a young network: after 60 steps of `mini` on one batch stage 1 had a
    loss of 0.4 with the batch's statistics, and of 0.5 (0.9) or 25 (0.97) with the moving ones.

    Under tf.distribute each replica normalises by its own part of the batch; the moving averages
    are kept per replica and averaged on reading.

    Attributes:
      scale, offset: variables `[C]`, 1 and 0 at the start.
      moving_mean, moving_variance: variables `[C]`, not trainable, 0 and 1 at the start.
    """

    def __init__(
        self,
        name,
        channels,
        *,
        momentum=0.9,
        epsilon=1e-5,
        dtype=tf.float32,
        compiled=False,
    ):
        """Makes the variables, in float32 if `dtype` is narrower: sums over maps need the digits.

        `epsilon` is added to variances; 1e-5 is the value of the ResNet release. `compiled`: whether
        XLA compiles what it does faster than the library.
        """
        super().__init__(name=name)
        dtype = tf.float64 if dtype == tf.float64 else tf.float32
        self.momentum = momentum
        self.epsilon = epsilon
        self._compiled = compiled
        statistic = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        zeros, ones = tf.zeros(channels, dtype), tf.ones(channels, dtype)
        with self.name_scope:
            self.scale = tf.Variable(ones, name="scale")
            self.offset = tf.Variable(zeros, name="offset")
            self.moving_mean = tf.Variable(zeros, name="moving_mean", **statistic)
            self.moving_variance = tf.Variable(ones, name="moving_variance", **statistic)

    def __call__(self, x, *, training=False, seed=None):
        """`[B, h, w, C]` → the same shape."""
        if training:
            return self.slices([x], training=True)[0]
        return ops.batch_norm(
            x,
            self.moving_mean,
            self.moving_variance,
            self.scale,
            self.offset,
            epsilon=self.epsilon,
        )

    def slices(self, xs, *, training=False, seed=None):
        """Training normalises by the moments of all slices."""
        if not training:
            return super().slices(xs)
        ys, mean, variance = self._by_batch(xs)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        return ys

    def again(self, xs):
        """Training slices repeated for their gradient: the averages have moved already."""
        return self._by_batch(xs)[0]

    def _by_batch(self, xs):
        return ops.sliced_batch_norm(
            xs,
            self.scale,
            self.offset,
            epsilon=self.epsilon,
            compiled=self._compiled,
        )

    def _move(self, moving, batch):
        # The difference form: one write, and exactly no change where the two agree.
        moving.assign_sub((1.0 - self.momentum) * (moving - batch))


class Relu(Layer):
    """max(x, 0)."""

    def __call__(self, x, *, training=False, seed=None):
        """Any shape → the same shape."""
        return tf.nn.relu(x)


class MaxPool(Layer):
    """The maximum over square windows."""

    def __init__(self, name, window, stride):
        super().__init__(name=name)
        self.window = window
        self.stride = stride

    def __call__(self, x, *, training=False, seed=None):
        """`[B, H, W, C]` → `[B, ceil(H / stride), ceil(W / stride), C]`."""
        return ops.max_pool(x, window=self.window, stride=self.stride)


class Dropout(Layer):
    """During training zeroes each value with probability `rate` and divides the rest by 1 - rate.

    Stateless: the mask is a function of the caller's seed and the layer's name, so a step that is
    run again drops the same values, and two layers of one step drop different ones.
    """

    def __init__(self, name, rate):
        super().__init__(name=name)
        if not 0 <= rate < 1:
            raise ValueError(f"rate of {name} should be at least 0 and below 1, not {rate}")
        self.rate = rate

    def __call__(self, x, *, training=False, seed=None):
        """Any shape → the same shape; `seed`: `[2]` int32, needed if training."""
        return self.slices([x], training=training, seed=seed)[0]

    def slices(self, xs, *, training=False, seed=None):
        """The mask is that of the batch in one piece."""
        if not training or self.rate == 0:
            return xs
        if seed is None:
            raise ValueError(f"dropout layer {self.name} needs a seed [2] int32 when training=True")
        sizes = [tf.shape(x)[0] for x in xs]
        shape = tf.concat([[tf.add_n(sizes)], tf.shape(xs[0])[1:]], axis=0)
        masks = [self._mask(shape, seed, xs[0].dtype)]
        if len(xs) > 1:
            masks = tf.split(*masks, sizes, num=len(xs))
        return [x * kept / (1 - self.rate) for x, kept in zip(xs, masks)]

    def _mask(self, shape, seed, dtype):
        """1 for what is kept, 0 for what is dropped."""
        mixed = tf.bitwise.bitwise_xor(tf.cast(seed, tf.int32), stateless_key(0, self.name))
        # Whole 32-bit words: they are the same with and without XLA, on every device, where floats
        # are not (TensorFlow 2.21 turns the same words into other floats under XLA).
        words = tf.random.stateless_uniform(shape, mixed, None, None, tf.uint32, alg="philox")
        threshold = tf.constant(int(self.rate * 2**32), tf.uint32)
        return tf.cast(words >= threshold, dtype)


class Block(Layer):
    """Layers in a row, built from their descriptions.

    Attributes:
      layers: list of the modules above, in the order they are applied.
      out_channels: channels of the result.
    """

    def __init__(
        self,
        name,
        in_channels,
        specs,
        *,
        seed=0,
        dtype=tf.float32,
        method=DIRECT,
        recompute=False,
    ):
        """Builds the layers.

        Args:
          name: str.
          in_channels: channels of the input.
          specs: sequence of `specs.Conv`, `MaxPool` and `Dropout`; may be empty.
          seed: int, for the initial weights.
          dtype: of the variables.
          method: `ConvolutionMethod`, how convolutions are computed.
          recompute: keep only what enters each segment of the block for the backward pass, and
            compute the rest again there (cpm/network/recompute.py). A segment ends where the map
            gets smaller, so that what is kept is small, and at the end of the block.
        """
        super().__init__(name=name)
        self.layers = []
        channels, ends = in_channels, []  # ends: layers up to the end of each segment
        with self.name_scope:
            for spec in specs:
                if isinstance(spec, layer_specs.Conv):
                    self.layers += _convolution(channels, spec, seed, dtype, method)
                    channels = spec.channels
                elif isinstance(spec, layer_specs.Residual):
                    options = {"seed": seed, "dtype": dtype, "method": method}
                    self.layers.append(Residual(spec.name, channels, spec.layers, **options))
                elif isinstance(spec, layer_specs.MaxPool):
                    self.layers.append(MaxPool(spec.name, spec.window, spec.stride))
                else:
                    self.layers.append(Dropout(spec.name, spec.rate))
                if getattr(spec, "stride", 1) > 1:
                    ends.append(len(self.layers))
        self._segments = (*ends, len(self.layers)) if recompute else ()
        self.out_channels = channels

    @property
    def kernels(self):
        """Variables `[kh, kw, Cin, Cout]` of the convolutions, in the order they are applied."""
        kernels = []
        for layer in self.layers:
            if isinstance(layer, Conv2D):
                kernels.append(layer.kernel)
            elif isinstance(layer, Residual):
                kernels += layer.kernels
        return kernels

    def __call__(self, x, *, training=False, seed=None):
        """`[B, H, W, in_channels]` → `[B, h, w, out_channels]`."""
        return self.slices([x], training=training, seed=seed)[0]

    def slices(self, xs, *, training=False, seed=None):
        """The slices of a batch → theirs of the result, lists."""
        if not (training and self._segments):
            for layer in self.layers:
                xs = layer.slices(xs, training=training, seed=seed)
            return xs
        for start, end in itertools.pairwise((0, *self._segments)):
            if start < end:
                xs = recomputed(self.layers[start:end], xs, seed)
        return xs


class Residual(Block):
    """Layers f with a way around them: y = max(x + f(x), 0).

    A gradient reaches x through the sum unchanged, so a deep trunk of such blocks learns as fast as
    a shallow one (He, Zhang, Ren, Sun, "Deep residual learning", CVPR 2016, Figure 2).
    """

    def slices(self, xs, *, training=False, seed=None):
        """The slices of a batch, `[B, h, w, C]` each → the same shapes."""
        ys = super().slices(xs, training=training, seed=seed)
        return [tf.nn.relu(x + y) for x, y in zip(xs, ys)]

    def again(self, xs):
        """Training slices repeated for their gradient: the averages have moved already."""
        ys = xs
        for layer in self.layers:
            ys = layer.again(ys) if hasattr(layer, "again") else layer.slices(ys, training=True)
        return [tf.nn.relu(x + y) for x, y in zip(xs, ys)]


def _convolution(in_channels, spec, seed, dtype, method):
    """The one to three layers that a `Conv` stands for: convolution, norm, ReLU."""
    options = {"seed": seed, "dtype": dtype, "method": method}
    layers = [Conv2D(spec.name, in_channels, spec, **options)]
    if spec.norm:
        options = {"dtype": dtype, "compiled": method.compiled}
        layers.append(BatchNorm(f"{spec.name}_norm", spec.channels, **options))
    if spec.relu:
        layers.append(Relu(f"{spec.name}_relu"))
    return layers
