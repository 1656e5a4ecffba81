"""The flags that scripts share: values where one is not given, messages where one is wrong."""

import re

import pytest
from absl import flags

from cpm.cli.flags import (
    define_network_flags,
    define_run_flags,
    define_speed_flags,
    execution_from_flags,
    network_config_from_flags,
    settings_from_flags,
)
from cpm.cli.shorthands import DEVICES, EXECUTION, SHORTHANDS, TRAINING, parse_image_size
from cpm.config import AugmentConfig, DecodingConfig, NetworkConfig
from cpm.config_json import to_dict
from cpm.config_keys import described, keys_of, spelled
from cpm.errors import UsageError
from cpm.execution import Execution, Settings
from cpm.network import PRESETS
from cpm.training.same_run import flatten


def parsed(*arguments):
    values = flags.FlagValues()
    define_network_flags(values)
    values(["script", *arguments])
    return values


@pytest.mark.parametrize("arch", PRESETS)
def test_flags_not_given_take_the_values_of_the_preset(arch):
    assert network_config_from_flags(parsed(f"--arch={arch}")) == PRESETS[arch]


def test_no_flags_at_all_is_the_default_configuration():
    assert network_config_from_flags(parsed()) == PRESETS["mini"]


def test_flags_given_win_over_the_preset():
    config = network_config_from_flags(
        parsed(
            *("--arch=vgg", "--stages=3", "--width=0.5", "--norm=batch"),
            *("--nocenter_map", "--nobackground", "--image_size=192x144"),
            "--skeleton=coco17",
        )
    )
    assert config == NetworkConfig(
        arch="vgg",
        skeleton="coco17",
        stages=3,
        width=0.5,
        norm="batch",
        center_map=False,
        background=False,
        image_size=(192, 144),
    )


@pytest.mark.parametrize(
    "argument, message",
    [
        ("--width=0", "--width should be above 0, at most 1000, not 0.0"),
        ("--image_size=100", "--image_size (height, width) should be positive multiples"),
        ("--image_size=0", "--image_size (height, width) should be positive multiples"),
        ("--image_size=big", "--image_size is 'big'; it should be a side like 160"),
    ],
)  # fmt: skip
def test_network_config_from_flags_raises(argument, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        network_config_from_flags(parsed(argument))


@pytest.mark.parametrize("argument", ["--arch=resnet", "--stages=0", "--norm=layer"])
def test_flags_refuse_what_absl_can_check(argument):
    with pytest.raises(flags.IllegalFlagValueError):
        parsed(argument)


def run_settings(*arguments, **options):
    values = flags.FlagValues()
    define_run_flags(*TRAINING, *EXECUTION, *DEVICES, values=values)
    values(["script", *arguments])
    return settings_from_flags(values, **options)


def test_shorthands_are_the_fields_they_name():
    """Each flag changes its own field and no other."""
    usual = flatten(to_dict(run_settings("--replicas=1")))
    given = {
        "arch": "--arch=mini",
        "norm": "--norm=none",
        "center_map": "--nocenter_map",
        "background": "--background",
        "image_size": "--image_size=64x80",
        "skeleton": "--skeleton=lsp14",
        "crop": "--crop=person",
        "augment": "--augment=none",
        "mask_absent": "--nomask_absent",
        "optimizer": "--optimizer=sgd",
        "schedule": "--schedule=step",
        "xla": "--xla",
        "conv": "--conv=fast",
        "precision": "--precision=bfloat16",
        "recompute": "--recompute",
        "average_decay": "--average_decay=0.5",
        "distribute": "--distribute=mirrored",
        "sync_batch_norm": "--sync_batch_norm",
        "on_non_finite": "--on_non_finite=skip",
    }
    for name, short in SHORTHANDS.items():
        flag = given.get(name, f"--{name}=5")
        found = flatten(to_dict(run_settings("--replicas=1", flag)))
        changed = {key.removeprefix("config.") for key in usual if found[key] != usual[key]}
        if name == "arch":
            assert not changed
        elif name == "augment":
            assert changed and all(key.startswith("data.augment.") for key in changed)
        else:
            assert changed == {short.key}, name


def test_set_reaches_what_no_flag_does_and_comes_last():
    settings = run_settings(
        *("--set=optimizer.momentum=0.95", "--set", "network.stride=4", "--stages=2"),
        *("--set=data.augment.scale=0.7,1.3", "--augment=none", "--set=execution.log_every=7"),
        *("--steps=5", "--set=steps=6"),
    )
    config = settings.config
    assert config.optimizer.momentum == 0.95 and config.network.stride == 4
    assert config.network.stages == 2 and config.steps == 6
    assert config.data.augment == AugmentConfig(scale=(0.7, 1.3))
    assert settings.execution.log_every == 7
    assert network_config_from_flags(parsed("--set=network.stride=4")).stride == 4


@pytest.mark.parametrize(
    "argument, message",
    [
        ("optimizer.momentun=1", "unknown key 'optimizer.momentun'; known: optimizer.optimizer, "),
        ("xla=true", "unknown key 'xla'; known: network.arch, "),
        ("data.augment=wild", "unknown key 'data.augment'; known: data.crop, "),
        ("steps", "--set is 'steps'; expected KEY=VALUE"),
        ("steps=many", "--set steps=many: 'many' is no whole number"),
        ("steps=1.5", "'1.5' is no whole number"),
        ("optimizer.momentum=fast", "'fast' is no number"),
        ("execution.xla=perhaps", "'perhaps' is neither true nor false"),
        ("data.augment.scale=1", "'1' should be 2 numbers separated by commas"),
        ("optimizer.learning_rate=0", "learning_rate should be > 0, not 0.0"),
        ("data.margin=0", "margin should be from 0.01 to 100, not 0.0"),
        ("data.margin=1e300", "margin should be from 0.01 to 100, not 1e+300"),
        ("data.border=1e308", "border should be from 0 to 255, not 1e+308"),
        ("data.augment.scale=1,1e300", "scale should be from 0.01 to 100, not (1.0, 1e+300)"),
        ("data.augment.shift=-1", "shift should be from 0 to 10, not -1.0"),
        ("target.sigma_px=1e-300", "sigma_px should be from 0.01 to 10000, not 1e-300"),
        ("target.cutoff=1", "cutoff should be from 0 to 0.99, not 1.0"),
        ("target.foreground_weight=1e38", "foreground_weight should be from 0 to 1e+06, not"),
        ("data.max_people=1000000000", "max_people should be from 1 to 1000, not 1000000000"),
        ("optimizer.learning_rate=1e300", "learning_rate should be from 1e-30 to 1e+30, not"),
        ("optimizer.learning_rate=1e-45", "learning_rate should be from 1e-30 to 1e+30, not"),
        ("optimizer.step_factor=1e38", "step_factor should be from 1e-30 to 1e+30, not 1e+38"),
        ("optimizer.momentum=1.5", "momentum should be from 0 to 1, not 1.5"),
        ("optimizer.milestones=0.5,-1", "milestones should be from 0 to 1, not (0.5, -1.0)"),
        ("optimizer.weight_decay=1e300", "weight_decay should be from 0 to 1000, not 1e+300"),
        ("optimizer.clip_norm=1e300", "clip_norm should be from 0 to 1e+12, not 1e+300"),
        ("optimizer.bias_multiplier=-1", "bias_multiplier should be from 0 to 1000, not -1.0"),
        ("optimizer.warmup_steps=9000000000", "warmup_steps should be from 0 to 1e+09, not"),
        ("steps=9000000000", "steps should be from 1 to 1e+09, not 9000000000"),
        ("execution.conv=quick", "conv is 'quick'; known: auto, direct, fast"),
        ("network.stride=3", "stride of 'mini' should be one of (4, 8), not 3"),
        ("network.image_size=64,100", "multiples of 8, not (64, 100)"),
    ],
)
def test_set_raises(argument, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        run_settings(f"--set={argument}")


@pytest.mark.parametrize("argument", ["--sigma=0", "--cache=-1", "--batch_size=0", "--margin=0"])
def test_a_value_out_of_range_is_named_by_its_flag(argument):
    flag = argument.partition("=")[0]
    with pytest.raises(UsageError, match=f"^{flag} should be "):
        run_settings(argument)


def test_lengths_out_of_range_raise():
    with pytest.raises(UsageError, match=r"margin should be from 0\.01 to 100"):
        run_settings("--margin=1e300")
    with pytest.raises(UsageError, match=r"^--sigma should be from 0\.01 to 10000"):
        run_settings("--sigma=1e-300")
    for scales in [(1.0, 1e300), (0.0,)]:
        with pytest.raises(ValueError, match=r"scales should be from 0\.01 to 100"):
            DecodingConfig(scales=scales)
    with pytest.raises(ValueError, match="scales are none"):
        DecodingConfig(scales=())


def test_unknown_key_lists_all_the_known_ones():
    with pytest.raises(UsageError) as raised:
        run_settings("--set=momentum=1")
    for key in keys_of(Settings()):
        assert key in str(raised.value)


def test_help_has_every_key_with_its_type_and_value_and_every_flag_a_sentence():
    values = flags.FlagValues()
    define_run_flags(*TRAINING, *EXECUTION, *DEVICES, values=values)
    rows = dict(line.split(maxsplit=1) for line in values["set"].help.splitlines())
    for key in keys_of(Settings()).values():
        assert rows[key.name].split("  ")[0] == described(key.kind)
        assert rows[key.name].endswith(spelled(key.value))
    for name in SHORTHANDS:
        text = values[name].help
        assert re.fullmatch(r"(<.*>: )?[A-Z].{10,}\.", text), (name, text)
        assert "Default: " in text or values[name].default is not None, name
    assert "(mini: 3)" in values["stages"].help


def test_replicas_and_series_are_chosen_unless_said(monkeypatch):
    """As many as pay, by the settings that all flags together make."""
    monkeypatch.setattr(
        "cpm.cli.flags.replicas_that_pay", lambda config: config.data.batch_size // 8
    )
    monkeypatch.setattr("cpm.cli.flags.serial_pays", lambda config: config.network.arch == "vgg")

    def chosen(*arguments):
        execution = run_settings(*arguments).execution
        return execution.replicas, execution.serial

    assert chosen() == (2, False) and chosen("--set=data.batch_size=32") == (4, False)
    assert chosen("--arch=vgg") == (1, True)
    assert chosen("--replicas=3") == (3, False)
    assert chosen("--set=execution.replicas=1") == (1, False)
    assert chosen("--arch=vgg", "--set=execution.serial=false") == (1, False)


def test_speed_flags():
    values = flags.FlagValues()
    define_speed_flags(values)
    values(["script", "--xla"])
    assert execution_from_flags(values) == Execution(xla=True)


@pytest.mark.parametrize("text", ["", "x", "160x", "1.5", "-160", "160X160", "1x2x3"])
def test_parse_image_size_raises(text):
    with pytest.raises(UsageError, match="--image_size is"):
        parse_image_size(text)
