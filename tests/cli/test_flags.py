"""The flags that scripts share: presets' values where a flag is not given, messages where one is wrong."""

import re

import pytest
from absl import flags

from cpm.cli.flags import define_network_flags, network_config_from_flags, parse_image_size
from cpm.config import NetworkConfig
from cpm.errors import UsageError
from cpm.network import PRESETS


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
        ("--width=0", "--width should be above 0, not 0.0"),
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


@pytest.mark.parametrize("text", ["", "x", "160x", "1.5", "-160", "160X160", "1x2x3"])
def test_parse_image_size_raises(text):
    with pytest.raises(UsageError, match="--image_size is"):
        parse_image_size(text)
