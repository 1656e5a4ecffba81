"""The recipes: each number of the sources, every preset, and the flags that reach them."""

import dataclasses

import pytest
from absl import flags

from cpm.cli.flags import (
    define_run_flags,
    settings_from_flags,
)
from cpm.config import (
    AUGMENTATIONS,
    DataConfig,
    DecodingConfig,
    NetworkConfig,
    TargetConfig,
    TrainConfig,
)
from cpm.config_json import from_dict, to_dict
from cpm.execution import Execution, Settings
from cpm.network import PRESETS, ConvolutionalPoseMachine
from cpm.training.optimizers import learning_rate_multipliers
from cpm.training.recipes import RECIPES, default_recipe, recipe
from cpm.training.schedules import learning_rate


def from_flags(*arguments, **options):
    values = flags.FlagValues()
    define_run_flags(values=values)
    values(["script", *arguments])
    return settings_from_flags(values, **options)


@pytest.mark.parametrize("arch", [None, *PRESETS])
@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_a_configuration_that_survives_json(name, arch):
    settings = recipe(name, arch)
    assert from_dict(Settings, to_dict(settings)) == settings
    if arch:
        assert settings.config.network.arch == arch
        assert settings.config.network.image_size == PRESETS[arch].image_size


def test_the_defaults_are_those_of_the_default_recipe():
    """So that a configuration made by hand trains as the script does."""
    assert recipe("mini") == Settings(TrainConfig(), Execution()) == Settings()
    assert DecodingConfig().sigma_px == recipe("mini").config.target.sigma_px


@pytest.mark.parametrize(
    "name, steps, eval_every, save_every",
    [
        ("mini", 2800, 700, 350),
        ("synthetic", 4000, 2000, 350),
        ("own", 2800, 700, 350),
        ("modern", 100_000, 2000, 500),
        ("paper", 600_000, 5000, 1000),
        ("release", 600_000, 5000, 1000),
        ("blog", 600_000, 5000, 1000),
    ],
)
def test_recipe_says_how_often_it_is_evaluated_and_saved(name, steps, eval_every, save_every):
    settings = recipe(name)
    assert settings.config.steps == steps
    assert settings.execution == Execution(eval_every=eval_every, save_every=save_every)


def test_recipe_paper():
    """The release's solver, data layer and targets (docs/facts.md)."""
    config = recipe("paper").config
    # 14 joints and the background.
    expected = dataclasses.replace(PRESETS["paper"], skeleton="lsp14")
    assert config.network == expected and expected.norm == "none"
    assert expected.background and expected.center_map and expected.stages == 6
    target, data = config.target, config.data
    assert (target.sigma_px, target.cutoff, target.reduction) == (7, 0.01, "sum")
    assert target.everyone_in_stage_1 and not target.mask_absent
    assert target.foreground_weight == 0 and target.drop_outside
    assert (data.crop, data.margin, data.border) == ("person", 1.0, 128)
    assert (data.batch_size, data.augment.scale) == (16, (0.7, 1.3))
    assert (data.augment.rotation_deg, data.augment.flip) == (40, 0.5)
    assert data.augment.brightness == data.augment.hue == data.augment.shift == 0
    optimizer = config.optimizer
    assert (optimizer.optimizer, optimizer.momentum) == ("sgd", 0.9)
    assert (optimizer.weight_decay, optimizer.clip_norm) == (5e-4, 0)
    rates = [learning_rate(optimizer, s, 600_000) for s in (0, 136_105, 136_106)]
    assert rates == pytest.approx([8e-5, 8e-5, 8e-5 * 0.333])


@pytest.mark.parametrize(
    "name, arch, first, later", [("paper", "paper", 5, 1), ("release", "vgg", 1, 4)]
)
def test_recipe_multipliers_of_the_release(name, arch, first, later):
    """lr_mult of weights and biases: `paper` 5/10 and 1/2, `vgg` 1/2 and 4/8."""
    config = from_flags(f"--recipe={name}", "--width=0.05", "--stages=3").config
    assert config.network.arch == arch
    network = ConvolutionalPoseMachine(config.network)
    factors = learning_rate_multipliers(config.optimizer, network)
    names = [v.name for v in network.trainable_variables]
    for variable, factor in zip(names, factors, strict=True):
        stage_1 = "/trunk/" in variable or "/stage_1/" in variable
        bias = 2 if "bias" in variable else 1
        assert factor == (first if stage_1 else later) * bias, variable
    assert any("second_trunk" in n for n in names) == (arch == "paper")


def test_recipe_blog():
    config = recipe("blog").config
    network, target, data = config.network, config.target, config.data
    assert (network.arch, network.background, network.center_map) == (
        "vgg",
        False,
        False,
    )
    assert (network.normalization, network.grid) == ("blog", "corner")
    assert (target.sigma_px, target.reduction) == (32, "mean")
    # 200 px of person in a crop of 368, black outside.
    assert data.margin * 200 == pytest.approx(368)
    assert (data.crop, data.border, data.batch_size) == ("height", 0, 5)
    # The epochs at which the rate falls, of 300.
    epochs = [9, 10, 59, 60, 119, 120, 299]
    rates = [learning_rate(config.optimizer, epoch, 300) for epoch in epochs]
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_recipe_modern():
    config = recipe("modern", "paper").config
    assert config.target.foreground_weight == 0 and config.data.batch_size == 8
    assert config.network.norm == "batch" and config.target.mask_absent
    assert (config.optimizer.optimizer, config.optimizer.schedule) == ("adam", "cosine")
    assert config.optimizer.warmup_steps > 0 and config.data.augment.hue > 0


def test_default_recipe():
    assert from_flags() == recipe("mini")
    assert from_flags(synthetic=True) == recipe("synthetic")
    assert from_flags("--arch=paper") == recipe("modern", "paper")
    assert default_recipe("vgg") == "modern"


@pytest.mark.parametrize(
    "arguments, data, expected",
    [
        (["--recipe=paper"], "mpii16", "lsp14"),
        (["--recipe=release"], "lsp14", "lsp14"),
        (["--recipe=paper"], "flic11", "flic11"),
        (["--recipe=paper", "--skeleton=mpii16"], "mpii16", "mpii16"),
        (["--recipe=blog"], "mpii16", "mpii16"),
        (["--recipe=blog"], "lsp14", "lsp14"),
        ([], "lsp14", "lsp14"),
        (["--arch=paper"], "mpii16", "mpii16"),
    ],
)
def test_joints_of_a_recipe(arguments, data, expected):
    """The paper's 14 joints, where the data has them; else what the data has."""
    assert from_flags(*arguments, skeleton=data).config.network.skeleton == expected


def test_flags_change_a_recipe():
    config = from_flags("--recipe=paper", "--mask_absent", "--norm=batch", "--sigma=9").config
    assert config.target.mask_absent and config.target.sigma_px == 9
    assert config.network.norm == "batch"
    assert config.optimizer == recipe("paper").config.optimizer
    small = from_flags("--recipe=paper", "--arch=mini").config
    assert small.network.arch == "mini" and small.network.background


def test_own_data_trains_for_whole_images():
    """The usual recipe of the network, but for the augmentation."""
    for arch, usual in (("mini", "mini"), ("deep", "modern")):
        own = from_flags(f"--arch={arch}", own=True)
        expected = recipe(usual, arch).changed({"data": {"augment": AUGMENTATIONS["wild"]}})
        assert own == expected
    assert from_flags("--augment=light", own=True).config.data.augment == AUGMENTATIONS["light"]
    assert from_flags("--recipe=mini", own=True) == recipe("mini")


WEIGHTS = TrainConfig(
    network=NetworkConfig(stages=6, width=1.5, skeleton="lsp14", image_size=(160, 160)),
    target=TargetConfig(sigma_px=7.5),
    data=DataConfig(crop="height", margin=1.3, batch_size=99),
)


def test_weights_bring_their_network_and_crop_and_lower_the_rate():
    config = from_flags(own=True, skeleton="flic11", weights=WEIGHTS).config
    assert config.network == dataclasses.replace(WEIGHTS.network, skeleton="flic11")
    assert (config.data.crop, config.data.margin, config.target.sigma_px) == ("height", 1.3, 7.5)
    assert config.data.batch_size == 16 and config.data.augment == AUGMENTATIONS["wild"]
    assert config.optimizer.learning_rate == recipe("own").config.optimizer.learning_rate / 4
    assert from_flags(weights=WEIGHTS).config.network.skeleton == "mpii16"


def test_flags_go_before_the_weights():
    """Shorthands and --set; another preset is not the weights' network at all."""
    arguments = ("--stages=2", "--image_size=128", "--sigma=6", "--set=optimizer.learning_rate=0.1")
    config = from_flags(*arguments, weights=WEIGHTS).config
    assert (config.network.stages, config.network.image_size) == (2, (128, 128))
    assert (config.network.width, config.target.sigma_px) == (1.5, 6)
    assert config.optimizer.learning_rate == 0.1
    other = from_flags("--arch=deep", weights=WEIGHTS)
    assert other == recipe("modern", "deep")


def test_a_named_recipe_keeps_its_crop_and_rate():
    """`release` is meant to start from VGG-19 at its own rates."""
    config = from_flags("--recipe=release", weights=WEIGHTS).config
    release = recipe("release", "mini").config
    assert config.network == dataclasses.replace(WEIGHTS.network, skeleton="lsp14")
    assert (config.data, config.target, config.optimizer) == (
        release.data,
        release.target,
        release.optimizer,
    )
