"""The convolutional pose machine: a sequence of predictors that refine belief maps.

The letters of the paper (section 3, Figure 2), used inside `__call__`:
  T        number of stages; t = 1 … T the current one
  P        number of joints; a belief map each. P(+1): and one for the background, where configured
  x        image features that stage 1 sees;  x_t (the paper's x'): those that stage t ≥ 2 sees
  g_t      the predictor of stage t
  b_t      belief maps after stage t, `[B, h, w, P(+1)]`
  psi      context features of the beliefs b_{t-1}: here the maps themselves and the center map;
           the large kernels of g_t learn the spatial relations from them

References: Wei, Ramakrishna, Kanade, Sheikh, "Convolutional Pose Machines", CVPR 2016.
"""

from collections.abc import Callable

import tensorflow as tf

import ops
from cpm.config import NetworkConfig
from cpm.geometry import REFERENCE_CROP_PX, cell_origin
from cpm.network.architectures import NORMALIZATIONS, architecture
from cpm.network.layers import Block
from cpm.skeleton import get_skeleton
from ops.shapes import TensorLike

CENTER_SIGMA_PX = 21.0  # of the center map at the release's crop of 368 px
CENTER_POOL = 9  # window of the average that brings the center map to the stride of the beliefs


class ConvolutionalPoseMachine(tf.Module):
    """Images → belief maps of every stage.

    Fully convolutional: a trained network takes crops of any size that is a multiple of `stride`.

    Attributes:
      config: the `NetworkConfig` it was made from.
      skeleton: the `Skeleton` whose joint p is map p.
      stride: input pixels per map cell.
      origin_px: crop pixel that cell 0 stands for; cell g stands for origin_px + g·stride.
      dtype: of variables, computation and results.
    """

    def __init__(
        self, config: NetworkConfig, *, seed: int | None = 0, dtype: tf.DType = tf.float32
    ) -> None:
        """Makes all variables.

        Args:
          config: `NetworkConfig`.
          seed: int; the initial weights are a function of it. None = zeros, which takes less time:
            for a network whose weights come from a file.
          dtype: float32; float64 for gradient checks.
        Raises:
          ValueError: for a configuration out of range; the message names the field.
        """
        super().__init__(name="cpm")
        plan = architecture(config)
        self.config = config
        self.skeleton = get_skeleton(config.skeleton)
        self.stride = plan.stride
        self.origin_px = cell_origin(config.grid, plan.stride)
        self.dtype = tf.as_dtype(dtype)
        self._concat = tuple(plan.concat)

        def block(name, in_channels, specs):
            return Block(name, in_channels, specs, seed=seed, dtype=dtype)

        with self.name_scope:
            self.trunk = block("trunk", 3, plan.trunk)
            self.stage_1 = block("stage_1", self.trunk.out_channels, plan.first_head)
            self.second_trunk = None
            shared = self.trunk.out_channels
            if plan.second_trunk is not None:
                self.second_trunk = block("second_trunk", 3, plan.second_trunk)
                shared = self.second_trunk.out_channels
            self.features = []  # of stages 2 … T
            self.stages = []
            for t, stage in enumerate(plan.later_stages, start=2):
                features = block(f"features_{t}", shared, stage.features)
                stacked = features.out_channels + plan.maps + int(config.center_map)
                self.features.append(features)
                self.stages.append(block(f"stage_{t}", stacked, stage.head))

    def __call__(
        self,
        images: TensorLike,
        center_px: TensorLike,
        *,
        training: bool = False,
        seed: tf.Tensor | None = None,
        apply: Callable[..., tf.Tensor] = Block.__call__,
    ) -> tuple[tf.Tensor, ...]:
        """Predicts.

        Args:
          images: `[B, H, W, 3]`, RGB, 0 … 255, any numeric dtype; H and W multiples of `stride`.
          center_px: `[B, 2]`, (x, y) of the person in crop pixels; ignored without a center map.
          training: Python bool: batch statistics in norms (and their moving averages change),
            dropout.
          seed: `[2]` int32, a new one each step; only needed to train an `arch` with dropout.
          apply: how a block is applied, a function like the default, which runs its layers one
            after the other. Others are in cpm/execution.

        Returns:
          Tuple of T tensors `[B, H/stride, W/stride, P(+1)]`, b_1 first; joints in the order of
          `skeleton`, the background last. Linear: about 0 … 1 when trained, unbounded.
        Raises:
          ValueError: if a shape is wrong; the message names the tensor.
        """
        images = tf.convert_to_tensor(images, name="images")
        center_px = tf.convert_to_tensor(center_px, name="center_px")
        self._check_shapes(images, center_px)

        def run(block, x):
            return apply(block, x, training=training, seed=seed)

        image = normalize(images, self.dtype, self.config.normalization)  # [B, H, W, 3]
        x = run(self.trunk, image)  # [B, h, w, C]
        b = [run(self.stage_1, x)]  # Eq. 1: b_1 = g_1(x)
        if not self.stages:
            return tuple(b)

        shared = x if self.second_trunk is None else run(self.second_trunk, image)
        center = self._center_map(images, center_px)  # [B, h, w, 1], or None

        def psi(beliefs):
            return {"beliefs": beliefs, "center": center}

        for features, g_t in zip(self.features, self.stages, strict=True):
            x_t = run(features, shared)
            b.append(run(g_t, self._stack(x_t, psi(b[-1]))))  # Eq. 3: b_t = g_t(x_t, psi(b_{t-1}))
        return tuple(b)

    @property
    def later_stage_variables(self) -> list[tf.Variable]:
        """Trainable variables that only stages ≥ 2 use; the release trains them at other rates."""
        modules = [*self.features, *self.stages]
        if self.second_trunk is not None:
            modules.append(self.second_trunk)
        return [v for module in modules for v in module.trainable_variables]

    def stage_variables(self, t: int) -> list[tf.Variable]:
        """Trainable variables that stage t brings: those of its trunk, its features and its head.

        Args:
          t: 1 … T.
        Raises:
          ValueError: if there is no such stage.
        """
        if not 1 <= t <= len(self.stages) + 1:
            raise ValueError(f"there is no stage {t}; stages: 1 to {len(self.stages) + 1}")
        if t == 1:
            modules = [self.trunk, self.stage_1]
        else:
            modules = [self.features[t - 2], self.stages[t - 2]]
        if t == 2 and self.second_trunk is not None:
            modules.append(self.second_trunk)
        return [v for module in modules for v in module.trainable_variables]

    @property
    def kernels(self) -> dict[str, tf.Variable]:
        """{name of the layer: its kernel}, in the order of computation."""
        blocks = [self.trunk, self.stage_1, self.second_trunk]
        blocks += [b for pair in zip(self.features, self.stages, strict=True) for b in pair]
        kernels = [k for block in blocks if block is not None for k in block.kernels]
        return {kernel.name.split("/")[-2]: kernel for kernel in kernels}

    @property
    def hidden_kernels(self) -> list[tf.Variable]:
        """Kernels between two hidden layers: they neither see the image nor draw the beliefs."""
        trunks = [self.trunk, self.second_trunk]
        first = [trunk.kernels[0] for trunk in trunks if trunk is not None]
        last = [head.kernels[-1] for head in (self.stage_1, *self.stages)]
        outer = {kernel.ref() for kernel in (*first, *last)}
        blocks = [*trunks, self.stage_1, *self.features, *self.stages]
        kernels = [k for block in blocks if block is not None for k in block.kernels]
        return [kernel for kernel in kernels if kernel.ref() not in outer]

    def _stack(self, x_t, psi_t):
        """What g_t sees, along the channels in the order of this architecture: `[B, h, w, C_t]`."""
        inputs = {"features": x_t} | psi_t
        return tf.concat([tf.cast(inputs[name], x_t.dtype) for name in self._concat], axis=-1)

    def _center_map(self, images, center_px):
        """`[B, h, w, 1]`, or None without a center map."""
        if not self.config.center_map:
            return None
        return center_map(
            tf.cast(center_px, self.dtype),
            height=images.shape[1],
            width=images.shape[2],
            stride=self.stride,
            sigma_px=CENTER_SIGMA_PX * min(self.config.image_size) / REFERENCE_CROP_PX,
        )

    def _check_shapes(self, images, center_px):
        sizes = ops.check_shape(images, ["B", "H", "W", 3], "images")
        ops.check_shape(center_px, ["B", 2], "center_px", sizes)
        for axis, side in ((1, "height"), (2, "width")):
            size = images.shape[axis]
            if size is None and self.config.center_map:
                raise ValueError(
                    f"images has an unknown {side}; the center map is drawn for a known size: "
                    "trace the network once for each size of crop"
                )
            if size is not None and size % self.stride:
                raise ValueError(
                    f"images has {side} {size}; it should be a multiple of {self.stride}"
                )


def normalize(
    images: TensorLike, dtype: tf.DType = tf.float32, normalization: str = "release"
) -> tf.Tensor:
    """Gray levels 0 … 255 → about −0.5 … 0.5 as the release does, or −1 … 1 as the blog.

    Args:
      images: `[B, H, W, 3]`, any numeric dtype.
      dtype: of the result.
      normalization: key of `NORMALIZATIONS`.
    Returns:
      `[B, H, W, 3]`.

    >>> normalize(tf.constant([[[[0, 128, 255]]]])).numpy().tolist()
    [[[[-0.5, 0.0, 0.49609375]]]]
    """
    middle, scale = NORMALIZATIONS[normalization]
    return (tf.cast(images, dtype) - middle) / scale


def center_map(
    center_px: TensorLike, *, height: int, width: int, stride: int, sigma_px: float
) -> tf.Tensor:
    """The center map of stages ≥ 2: a Gaussian around the center of the primary person.

    Drawn at full resolution, then averaged over 9×9 pixels every `stride`, as in the release,
    where a window clipped by the border is divided by what is left of it. The windows start at
    the cell's first pixel, so a cell's value belongs half a pixel right of its center
    (8g + 4 against 8g + 3.5); kept, so that imported weights see what they were trained on.

    Args:
      center_px: `[B, 2]`, (x, y) in crop pixels.
      height, width: of the crop, pixels.
      stride: pixels per cell.
      sigma_px: standard deviation, pixels. The release's is 21 at a crop of 368; the network keeps
        that fraction of the shorter side of its *configured* crop, whatever size it is run at,
        because a larger crop shows more surroundings, not a larger person.
    Returns:
      `[B, ceil(height / stride), ceil(width / stride), 1]`, in [0, 1].
    """
    full = ops.gaussian_heatmap(
        center_px[:, tf.newaxis],
        tf.ones_like(center_px[:, :1]),
        height=height,
        width=width,
        stride=1,
        sigma_px=sigma_px,
    )  # [B, H, W, 1]
    return ops.average_pool(full, window=CENTER_POOL, stride=stride)  # [B, h, w, 1]
