"""Flags that several scripts share, so that the same flag means the same everywhere.

Only the scripts of this package define flags and read them. The rest of the library takes a
configuration. `--set KEY=VALUE` reaches every field of a
run's settings; the flags of cpm/cli/shorthands.py are short names for the fields that are set most
often. One that is not given takes the value of the recipe (`--recipe`), or of the preset (`--arch`)
where nothing is trained.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from absl import flags

from cpm import config_keys
from cpm.cli.shorthands import DATA, NETWORK, SHORTHANDS, SPEED
from cpm.config import NetworkConfig, TrainConfig
from cpm.errors import UsageError
from cpm.execution import Execution, Settings
from cpm.execution.replicas import replicas_that_pay, serial_pays
from cpm.network.architectures import architecture, preset
from cpm.training.contradictions import refuse_contradictions
from cpm.training.recipes import (
    RECIPES,
    default_recipe,
    joints_of,
    recipe,
    started,
    with_network,
)
from ops import REFINEMENTS

# {field: flag}, of all shorthands: messages about a value begin with the field.
_FLAGS_OF = {short.key.rpartition(".")[2]: name for name, short in SHORTHANDS.items()}

# absl lists a script's own flags in --help: these count as the calling script's.
flags.disclaim_key_flags()


def define_network_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags that say what a network is; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    _define(NETWORK, values, "the preset's")
    _define_set(values, "network.")


def define_run_flags(*names: str, values: flags.FlagValues = flags.FLAGS, **defaults: Any) -> None:
    """Defines the flags that say what a run is: network, data, recipe, `--set` and some more.

    Args:
      *names: of the further `SHORTHANDS` that the script takes.
      values: where they are defined; a test may bring its own `FlagValues`.
      **defaults: values of some of them where the script has others than the recipe.
    """
    flags.DEFINE_list(
        "data",
        [],
        "Converted data folders, separated by commas; one named twice counts double in training. "
        "Default: synthetic people.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "recipe",
        None,
        list(RECIPES),
        "All settings at once (cpm/training/recipes.py). Default: by data and --arch.",
        flag_values=values,
    )
    _define((*NETWORK, *DATA, *names), values, "the recipe's", {"seed": 0} | defaults)
    _define_set(values)


def define_speed_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--xla`, `--conv` and `--precision`, which change speed, memory and rounding.

    Call once.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
    """
    _define(SPEED, values)


def _define(names, values, source=None, defaults=()):
    """Defines some of `SHORTHANDS`; `source` says whose values they have if not given."""
    for name in names:
        short = SHORTHANDS[name]
        kind, usual = config_keys.kind_and_value(Settings(), short.key)
        default = dict(defaults).get(name)
        where = {"flag_values": values}
        text = short.text
        if default is None:
            text += f" Default: {_default(short, usual, source)}."
        if short.choices:
            flags.DEFINE_enum(name, default, list(short.choices), text, **where)
        elif kind is bool:
            flags.DEFINE_bool(name, default, text, **where)
        elif kind is int:
            flags.DEFINE_integer(name, default, text, lower_bound=short.lower, **where)
        elif kind is float:
            flags.DEFINE_float(name, default, text, **where)
        else:
            flags.DEFINE_string(name, default, text, **where)


def _default(short, usual, source):
    """What a flag's field is if nothing is given, in words."""
    decided = not short.key.startswith("execution.") or short.key.endswith("_every")
    if short.default or not (source and decided):
        return short.default or short.write(usual)
    return f"{source} (mini: {short.write(usual)})"


def _define_set(values, prefix=""):
    """Defines `--set`; its help is the table of all keys that begin with `prefix`."""
    table = config_keys.table(Settings(), prefix)
    flags.DEFINE_multi_string(
        "set",
        [],
        "Set any field to a value, KEY=VALUE, after all flags; may be repeated. Keys, their types "
        f"and their values in the recipe mini:\n{table}\nOther recipes have other values.",
        flag_values=values,
    )


def network_config_from_flags(
    values: flags.FlagValues = flags.FLAGS, base: NetworkConfig | None = None
) -> NetworkConfig:
    """The `NetworkConfig` that the flags describe.

    Args:
      values: the parsed flags of `define_network_flags` or `define_run_flags`.
      base: `NetworkConfig` of what is not given; None = the preset `--arch`.
    Raises:
      UsageError: for a value out of range; the message names the flag.
    """
    base = preset(values.arch or "mini") if base is None else base
    settings = Settings().changed({"network": base})
    given = _given(values, [name for name in NETWORK if name != "arch"])
    chosen = [text for text in _assignments(values) if text.startswith("network.")]
    return _applied(settings, given, chosen).config.network


def settings_from_flags(
    values: flags.FlagValues = flags.FLAGS,
    *,
    skeleton: str | None = None,
    synthetic: bool = False,
    own: bool = False,
    base: Mapping[str, Any] | None = None,
    weights: TrainConfig | None = None,
) -> Settings:
    """The recipe of `--recipe`, of the weights or of `--arch` with what the flags change.

    Args:
      values: the parsed flags of `define_run_flags`.
      skeleton: the data's own, used if neither `--skeleton` nor the recipe names one it has.
      synthetic: the data is the synthetic people.
      own: the data is somebody's own, no published data set.
      base: changes of the recipe that flags may change again, as of `Settings.changed`.
      weights: `TrainConfig` of the weights that the run starts from. The network is theirs unless
        flags say otherwise; a recipe that nobody named also takes their crop and lowers the rate.
    Returns:
      `Settings`. Where `--replicas` is not given they have as many as pay.
    Raises:
      UsageError: for a value out of range, or two that contradict each other; the message names
        them.
    """
    arch = values.arch or (weights.network.arch if weights else None)
    name = recipe_name(values, arch, synthetic=synthetic, own=own)
    settings = recipe(name, arch).changed(base or {})
    if weights is not None and arch == weights.network.arch:
        if values.recipe:
            settings = with_network(settings, weights.network)
        else:
            settings = started(settings, weights)
    if skeleton is not None:
        settings = settings.changed({"network": {"skeleton": joints_of(name, skeleton)}})
    given = _given(values, [name for name in SHORTHANDS if name in values and name != "arch"])
    settings = _applied(settings, given, _assignments(values))
    chosen = keys_given(values)
    return _with_replicas(settings, chosen) if "replicas" in values else settings


def keys_given(values: flags.FlagValues = flags.FLAGS) -> set[str]:
    """The names of the settings that a flag or `--set` gives a value, like `data.batch_size`."""
    names = [name for name in SHORTHANDS if name in values]
    return {text.partition("=")[0] for text in _assignments(values)} | _given(values, names).keys()


def recipe_name(
    values: flags.FlagValues, arch: str | None, *, synthetic: bool = False, own: bool = False
) -> str:
    """Name of the recipe: `--recipe`, else the usual one of the preset and the data."""
    return values.recipe or default_recipe(arch or "mini", synthetic=synthetic, own=own)


def seed_from_flags(values: flags.FlagValues = flags.FLAGS) -> int:
    """The run's seed, of `--seed` or of `--set seed=`, as `settings_from_flags` has it."""
    chosen = [text for text in _assignments(values) if text.startswith("seed=")]
    return _applied(Settings(), _given(values, ["seed"]), chosen).config.seed


def execution_from_flags(values: flags.FlagValues = flags.FLAGS) -> Execution:
    """The `Execution` that the flags of `define_speed_flags` describe."""
    return _applied(Settings(), _given(values, SPEED), ()).execution


def _assignments(values: flags.FlagValues) -> list[str]:
    """The texts that `--set` gave."""
    return values["set"].value or []


def _given(values, names):
    """{key: value} of the flags that were given, or that the script has a default for."""
    found = {}
    for name in names:
        value = values[name].value
        if value is not None:
            read = SHORTHANDS[name].read
            found[SHORTHANDS[name].key] = read(value) if read else value
    return found


def _applied(settings, given, assignments):
    """The settings with the values of flags, then with those of `--set`, all checked."""
    try:
        settings = settings.changed(config_keys.nested(given))
        architecture(settings.config.network)
    except ValueError as error:
        field, space, rest = str(error).partition(" ")
        flag = _FLAGS_OF.get(field, field)
        raise UsageError(f"--{flag}{space}{rest}; try --help for what each flag takes") from None
    settings = config_keys.with_values(settings, assignments)
    try:
        architecture(settings.config.network)
    except ValueError as error:
        raise UsageError(f"--set network: {error}; try --help for the keys") from None
    refuse_contradictions(settings.config)
    return settings


def _with_replicas(settings, chosen):
    """As many replicas as pay, and whether operations come in series, unless that was chosen."""
    whole = settings.execution.distribute == "none" and not settings.execution.sync_batch_norm
    best = {
        "replicas": replicas_that_pay(settings.config) if whole else 1,
        "serial": serial_pays(settings.config),
    }
    open_choices = {k: v for k, v in best.items() if f"execution.{k}" not in chosen}
    return settings.changed({"execution": open_choices})


def define_decoding_flags(
    values: flags.FlagValues = flags.FLAGS, *, flip: bool | None = False
) -> None:
    """Defines the flags that say how joints are read; call once, at the top of a script.

    Args:
      values: where they are defined; a test may bring its own `FlagValues`.
      flip: what --flip is if it is not given; None = whether the network allows it.
    """
    where: dict[str, Any] = {"flag_values": values}
    usual = " Default: true of images, if the network has a mirror image." if flip is None else ""
    text = f"Average the belief maps with those of the mirrored image.{usual}"
    flags.DEFINE_bool("flip", flip, text, **where)
    flags.DEFINE_list(
        "scales",
        ["1"],
        "Average the belief maps over crops of these sizes, like 0.9,1,1.1.",
        **where,
    )
    flags.DEFINE_enum(
        "refinement",
        "taylor",
        REFINEMENTS,
        "How the joint is placed around the highest cell.",
        **where,
    )


def decoding_from_flags(values: flags.FlagValues = flags.FLAGS) -> dict[str, Any]:
    """`flip`, `scales` and `refinement`, as `define_decoding_flags` describes them.

    Returns:
      dict.
    Raises:
      UsageError: if --scales are no numbers.
    """
    return {
        "flip": values.flip,
        "scales": parse_numbers("scales", values.scales),
        "refinement": values.refinement,
    }


def people_from_flags(values: flags.FlagValues = flags.FLAGS) -> int | Literal["all"]:
    """`all` or a number from --people; 1 if it is not given.

    Args:
      values: the parsed flags of the script, which has a text flag `people`.
    Raises:
      UsageError: if it is neither.
    """
    if values.people is None:
        return 1
    if values.people == "all":
        return "all"
    if values.people.isascii() and values.people.isdigit() and int(values.people):
        return int(values.people)
    raise UsageError(f"--people={values.people}; expected a number from 1 on, or all")


def parse_numbers(flag: str, texts: Iterable[str], count: int | None = None) -> tuple[float, ...]:
    """The numbers of a flag like --box=1,2,3,4.

    Args:
      flag: its name, for the message.
      texts: its parts.
      count: how many there should be; None = any number.
    Raises:
      UsageError: if they are not `count` finite numbers.

    >>> parse_numbers("scales", ["0.9", "1"])
    (0.9, 1.0)
    """
    try:
        numbers = tuple(float(text) for text in texts)
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)) or (count and len(numbers) != count):
        expected = f"{count} numbers" if count else "numbers"
        raise UsageError(
            f"--{flag} is {','.join(texts)!r}; expected {expected} separated by commas"
        )
    return numbers
