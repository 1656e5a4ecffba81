"""The four networks as data: `mini`, `deep`, `vgg` and `paper`.

An `Architecture` lists layers, it does not build them: the network (model.py) and the tables of
parameters, multiply-adds and receptive fields (summary.py) are both computed from it, and so
cannot disagree. Layer names are those of the authors' release, which importers rely on.

Every convolution is "same"-padded. Hidden ones are followed by a batch norm if
`config.norm == "batch"` (and then have no bias, which the norm would cancel) and by a ReLU; the
last of each stage is linear and has a bias. `config.width` multiplies hidden channels only.

References:
  `paper`: Wei et al. 2016, Figure 2; the release's pose_deploy_centerMap.prototxt.
  `vgg`: the release's pose_deploy_resize.prototxt; its trunk: Simonyan & Zisserman 2015, VGG-19.
"""

import functools

from cpm.config import NetworkConfig
from cpm.network.specs import Architecture, Conv, Dropout, LaterStage, MaxPool, Residual
from cpm.skeleton import get_skeleton

NORMS = ("none", "batch")
NORMALIZATIONS = {"release": (128.0, 256.0), "blog": (127.5, 127.5)}  # (x - m) / s
GRIDS = ("center", "corner")
# Beyond these nothing was ever trained; a description of a few bytes could ask for any amount.
MOST_STAGES, MOST_BLOCKS, MOST_WIDTH, MOST_KERNEL, MOST_SIDE_PX = 64, 64, 1000, 99, 4096
STRIDES = {"mini": (4, 8), "deep": (4, 8), "vgg": (8,), "paper": (8,)}  # pixels per cell


def mini(config: NetworkConfig) -> Architecture:
    """The same idea for a CPU: a slim trunk, 7×7 stages of few channels, He's initializer.

    On a CPU a layer costs what it moves through memory more than what it multiplies, and compiled
    pooling is slow. So strided layers stand where the others pool, nothing but the first layer runs
    at half the resolution, and wide layers come late.

    References: docs/decisions/0009-mini-has-few-narrow-maps.md has the measurements.
    """
    conv = functools.partial(_hidden, config, "he_normal")
    trunk = (
        conv("conv1_1", 7, 16, stride=2),
        conv("conv1_2", 3, 32, stride=2),
        conv("conv2_1", 3, 64),
        conv("conv2_2", 3, 128, stride=config.stride // 4),
        conv("conv3_1", 3, 128),
        conv("conv3_2", 3, 128),
        conv("conv3_3", 3, 128),
        *_further_blocks(config, 128),
        conv("conv3_4", 3, 32),
    )
    return _small_stages(config, trunk)


def _further_blocks(config, channels):
    """`config.trunk_blocks` residual blocks that start as the identity.

    So a trained network is the same function when it has just been given more of them, and a
    training goes on from there.

    References:
      Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1: a last norm of scale 0.
      Chen, Goodfellow, Shlens, "Net2Net", ICLR 2016: deeper networks from trained ones.
    """
    inner = functools.partial(_hidden, config, "he_normal")
    last = inner if config.norm == "batch" else functools.partial(_hidden, config, "zeros")
    return tuple(
        Residual(
            f"block{i}",
            (
                inner(f"block{i}a", 3, channels),
                last(f"block{i}b", 3, channels, relu=False)._replace(norm_scale=0.0),
            ),
        )
        for i in range(1, config.trunk_blocks + 1)
    )


def _small_stages(config, trunk, channels=32):
    """A trunk with the stages of `mini`: two 7×7 layers of few channels each."""
    conv = functools.partial(_hidden, config, "he_normal")
    first_head = (conv("conv4_1", 1, 128), _beliefs(config, "conv4_2"))

    wide = functools.partial(_wide, config, "he_normal")

    def later_stage(t):
        return LaterStage(
            features=(),
            head=(
                wide(f"Mconv1_stage{t}", 7, channels),
                wide(f"Mconv2_stage{t}", 7, channels),
                conv(f"Mconv3_stage{t}", 1, 64),
                _beliefs(config, f"Mconv4_stage{t}"),
            ),
        )

    return _assemble(
        config, trunk, first_head, None, later_stage, ("beliefs", "features", "center")
    )


def deep(config: NetworkConfig) -> Architecture:
    """`mini` with a residual trunk: for a training of hours on a CPU or of minutes on a GPU.

    Two thirds of its products are 3×3 layers of many channels, which processors with matrix units
    do at several times the speed of anything else here.
    """
    conv = functools.partial(_hidden, config, "he_normal")

    def residual(name, channels):
        inner = conv(f"{name}a", 3, channels)
        return Residual(name, (inner, conv(f"{name}b", 3, channels, relu=False)))

    trunk = (
        conv("conv1_1", 7, 32, stride=2),
        conv("conv1_2", 3, 64, stride=2),
        residual("conv2_1", 64),
        conv("conv3_1", 3, 128, stride=config.stride // 4),
        *(residual(f"conv3_{i}", 128) for i in range(2, 7)),
        *_further_blocks(config, 128),
        conv("conv3_7", 3, 48),
    )
    return _small_stages(config, trunk, channels=48)


def vgg(config: NetworkConfig) -> Architecture:
    """The release's "resize" variant: VGG-19 up to conv4_2, then 3×3 layers and 7×7 stages.

    Made to start from VGG-19's weights: from scratch its Gaussian start barely learns unless
    `norm` is `batch` (initializers.py says why).
    """
    conv = functools.partial(_hidden, config, "gaussian")
    wide = functools.partial(_wide, config, "gaussian")
    trunk = (
        conv("conv1_1", 3, 64),
        conv("conv1_2", 3, 64),
        MaxPool("pool1_stage1", 2, 2),
        conv("conv2_1", 3, 128),
        conv("conv2_2", 3, 128),
        MaxPool("pool2_stage1", 2, 2),
        conv("conv3_1", 3, 256),
        conv("conv3_2", 3, 256),
        conv("conv3_3", 3, 256),
        conv("conv3_4", 3, 256),
        MaxPool("pool3_stage1", 2, 2),
        conv("conv4_1", 3, 512),
        conv("conv4_2", 3, 512),
        conv("conv4_3_CPM", 3, 256),
        conv("conv4_4_CPM", 3, 256),
        conv("conv4_5_CPM", 3, 256),
        conv("conv4_6_CPM", 3, 256),
        conv("conv4_7_CPM", 3, 128),
    )
    first_head = (conv("conv5_1_CPM", 1, 512), _beliefs(config, "conv5_2_CPM"))

    def later_stage(t):
        context = tuple(wide(f"Mconv{i}_stage{t}", 7, 128) for i in range(1, 6))
        head = (*context, conv(f"Mconv6_stage{t}", 1, 128), _beliefs(config, f"Mconv7_stage{t}"))
        return LaterStage(features=(), head=head)

    return _assemble(
        config, trunk, first_head, None, later_stage, ("beliefs", "features", "center")
    )


def paper(config: NetworkConfig) -> Architecture:
    """Figure 2 of the paper: 9×9 trunks with 3/2 pools, 11×11 stages.

    Stages ≥ 2 share a second trunk, made at stage 2; each reads it through a 5×5×32 layer.
    """
    conv = functools.partial(_hidden, config, "gaussian")
    wide = functools.partial(_wide, config, "gaussian")

    def trunk(t):
        return tuple(
            layer
            for i in (1, 2, 3)
            for layer in (
                conv(f"conv{i}_stage{t}", 9, 128),
                MaxPool(f"pool{i}_stage{t}", 3, 2),
            )
        )

    first_head = (
        conv("conv4_stage1", 5, 32),
        conv("conv5_stage1", 9, 512),
        Dropout("drop5_stage1", 0.5),
        conv("conv6_stage1", 1, 512),
        Dropout("drop6_stage1", 0.5),
        _beliefs(config, "conv7_stage1"),
    )

    def later_stage(t):
        # The release numbers it after the trunk at stage 2, from 1 at the stages without one.
        features = conv("conv4_stage2" if t == 2 else f"conv1_stage{t}", 5, 32)
        return LaterStage(
            features=(features,),
            head=(
                wide(f"Mconv1_stage{t}", 11, 128),
                wide(f"Mconv2_stage{t}", 11, 128),
                wide(f"Mconv3_stage{t}", 11, 128),
                conv(f"Mconv4_stage{t}", 1, 128),
                _beliefs(config, f"Mconv5_stage{t}"),
            ),
        )

    return _assemble(
        config,
        trunk(1),
        first_head,
        trunk(2),
        later_stage,
        ("features", "beliefs", "center"),
    )


ARCHITECTURES = {"mini": mini, "deep": deep, "vgg": vgg, "paper": paper}
PRESETS = {
    # In up to twenty minutes of training three stages learn more than six
    # (docs/results/recipe_study.md).
    "mini": NetworkConfig("mini", stages=3, norm="batch", image_size=(128, 128)),
    "deep": NetworkConfig("deep", stages=4, norm="batch", image_size=(160, 160)),
    "vgg": NetworkConfig("vgg", stages=6, norm="none", background=True, image_size=(368, 368)),
    "paper": NetworkConfig("paper", stages=6, norm="none", background=True, image_size=(368, 368)),
}


def preset(arch: str) -> NetworkConfig:
    """The `NetworkConfig` that `--arch` stands for; ValueError names those that exist.

    >>> preset("vgg").norm, preset("vgg").image_size
    ('none', (368, 368))
    """
    _check_one_of("arch", arch, PRESETS)
    return PRESETS[arch]


def architecture(config: NetworkConfig) -> Architecture:
    """The `Architecture` that a `NetworkConfig` describes.

    Raises:
      ValueError: for a value outside its range; the message names the field and what is allowed.

    >>> [layer.name for layer in architecture(preset("paper")).first_head[:2]]
    ['conv4_stage1', 'conv5_stage1']
    """
    _check(config)
    return ARCHITECTURES[config.arch](config)


def _hidden(config, initializer, name, kernel, channels, stride=1, relu=True):
    """A convolution inside the network; its channels follow `config.width`."""
    return Conv(
        name,
        kernel,
        _scaled(channels, config.width),
        stride=stride,
        relu=relu,
        norm=config.norm == "batch",
        initializer=initializer,
    )


def _wide(config, initializer, name, kernel, channels):
    """A layer of a later stage whose kernel widens the receptive field."""
    kernel = config.stage_kernel or kernel
    return _hidden(config, initializer, name, kernel, channels * config.stage_width)


def _beliefs(config, name):
    """A stage's last layer: 1×1, linear, one channel per map, near zero at the start."""
    return Conv(name, 1, _maps(config), relu=False, initializer="gaussian")


def _scaled(channels, width):
    """`channels · width` as a multiple of 8 (a vector register of floats), at least 8."""
    return max(8, int(channels * width / 8 + 0.5) * 8)


def _maps(config):
    return len(get_skeleton(config.skeleton)) + int(config.background)


def _assemble(config, trunk, first_head, second_trunk, later_stage, concat):
    """Drops what the configuration leaves out: stages above T, their trunk, the center map."""
    if not config.center_map:
        concat = tuple(name for name in concat if name != "center")
    return Architecture(
        trunk=trunk,
        first_head=first_head,
        second_trunk=second_trunk if config.stages > 1 else None,
        later_stages=tuple(later_stage(t) for t in range(2, config.stages + 1)),
        concat=concat,
        maps=_maps(config),
        stride=config.stride,
    )


def _check(config):
    """Raises ValueError for the first field of `config` that is out of range."""
    _check_one_of("arch", config.arch, ARCHITECTURES)
    _check_one_of("norm", config.norm, NORMS)
    _check_one_of("normalization", config.normalization, NORMALIZATIONS)
    _check_one_of("grid", config.grid, GRIDS)
    get_skeleton(config.skeleton)
    if not 1 <= config.stages <= MOST_STAGES:
        raise ValueError(f"stages should be at least 1, at most {MOST_STAGES}, not {config.stages}")
    for field in ("width", "stage_width"):
        if not 0 < getattr(config, field) <= MOST_WIDTH:
            raise ValueError(
                f"{field} should be above 0, at most {MOST_WIDTH}, not {getattr(config, field)}"
            )
    if not 0 <= config.stage_kernel <= MOST_KERNEL:
        raise ValueError(f"stage_kernel should be 0 to {MOST_KERNEL}, not {config.stage_kernel}")
    most_blocks = MOST_BLOCKS if config.arch in ("mini", "deep") else 0
    if not 0 <= config.trunk_blocks <= most_blocks:
        raise ValueError(
            f"trunk_blocks of {config.arch!r} should be "
            + (f"0 to {most_blocks}" if most_blocks else "0")
            + f", not {config.trunk_blocks}"
        )
    if config.stride not in STRIDES[config.arch]:
        raise ValueError(
            f"stride of {config.arch!r} should be one of {STRIDES[config.arch]}, "
            f"not {config.stride}"
        )
    if any(side < config.stride or side % config.stride for side in config.image_size):
        raise ValueError(
            f"image_size (height, width) should be positive multiples of {config.stride}, "
            f"not {tuple(config.image_size)}"
        )
    if max(config.image_size) > MOST_SIDE_PX:
        raise ValueError(
            f"image_size (height, width) should be at most {MOST_SIDE_PX}, "
            f"not {tuple(config.image_size)}"
        )


def _check_one_of(field, value, allowed):
    if value not in allowed:
        raise ValueError(f"unknown {field} {value!r}; known: {', '.join(allowed)}")
