"""Trained weights in one small file, to be handed on: no optimizer, half precision, no code in it.

A NumPy archive (.npz: a zip of plain arrays, with a checksum each), read with `allow_pickle=False`:

    description   JSON as bytes: format, version, configuration, joints, limbs, where it comes from,
                  and, where it was measured, `threshold`: the confidence below which a joint is
                  more likely wrong than right
    <variable>    every variable of the network by its name: kernels in float16, and everything
                  else, a few per cent of it, in float32: a variance may be smaller than float16 has

Reading it uses every array exactly once and fills every variable exactly once, or is an error.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from cpm import files
from cpm.array_claims import UNREADABLE, check_numpy
from cpm.checkpoints.thresholds import check_threshold
from cpm.config import NetworkConfig, TrainConfig
from cpm.config_json import from_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.network import summary
from cpm.network.model import ConvolutionalPoseMachine
from cpm.untrusted import check_schema, parse_json

SUFFIX = ".npz"
FORMAT, VERSION = "cpm-weights", 1
_DESCRIPTION = "description"
_SCHEMA = {
    **{"format": str, "version": int, "config": dict, "joints": [str], "limbs": list},
    "threshold?": float,
}
MOST_BYTES = 1 << 30  # unpacked; `paper` with six stages takes 64 MB


def is_weights_file(name: str | os.PathLike) -> bool:
    """Whether `--ckpt` means a file of this kind, by its suffix."""
    return str(name).endswith(SUFFIX)


def write_weights(
    path: str, network: ConvolutionalPoseMachine, description: dict[str, Any]
) -> None:
    """Writes all variables of a network.

    Args:
      path: file to make or replace; ends in `.npz`.
      network: `ConvolutionalPoseMachine`.
      description: plain JSON values, those of `checkpoints.describe` among them.

    Raises:
      UsageError: if the name ends otherwise, or a weight is no number in half precision.
    """
    if not is_weights_file(path):
        raise UsageError(f"{path} should end in {SUFFIX}; name another file with --out")
    arrays = {}
    for variable in network.variables:
        value = _stored(variable)
        if not np.isfinite(value).all():
            raise UsageError(
                f"{_key(variable)} has values that half precision cannot hold; was the run "
                "stopped by numbers that are not finite? Export an earlier checkpoint"
            )
        arrays[_key(variable)] = value
    head = {"format": FORMAT, "version": VERSION}
    text = json.dumps(head | description, allow_nan=False)
    arrays[_DESCRIPTION] = np.frombuffer(text.encode(), np.uint8)
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def digest(network: ConvolutionalPoseMachine) -> str:
    """SHA-256 of all variables as a file holds them, so that a run and its file have the same one.

    Args:
      network: `ConvolutionalPoseMachine`.

    Returns:
      Hex digest. It does not depend on the description, such as the threshold.
    """
    found = hashlib.sha256()
    for variable in sorted(network.variables, key=_key):
        value = _stored(variable)
        found.update(f"{_key(variable)} {value.dtype.str} {value.shape} ".encode())
        found.update(value.tobytes())
    return found.hexdigest()


def read_description(path: str) -> tuple[TrainConfig, dict[str, Any]]:
    """(`TrainConfig`, the whole description) of a file of weights.

    Raises:
      UsageError: if it is none, or one of a later version.
    """
    try:
        check_numpy(path, MOST_BYTES)
        with np.load(path, allow_pickle=False) as archive:
            description = parse_json(archive[_DESCRIPTION].tobytes(), {"format": str}, "it")
            sizes = _sizes(archive)
        if (description["format"], description.get("version")) != (FORMAT, VERSION):
            raise ValueError(
                f"its format is {description['format']} {description.get('version')}, "
                f"this version reads {FORMAT} {VERSION}"
            )
        check_schema(description, _SCHEMA, "its description")
        check_threshold(description.get("threshold", 0.0))
        config = from_dict(TrainConfig, upgraded(description)["config"], path)
        check_size(config.network, sizes)
        return config, description
    except UNREADABLE as error:
        raise _refusal(path, error) from error


def check_size(config: NetworkConfig, sizes: Iterable[int]) -> None:
    """ValueError if a network is not about as large as what is stored for it.

    It is compared before the network is built: a description of a few bytes may ask for more
    stages or channels than any machine has.

    Args:
      config: `NetworkConfig` of the description.
      sizes: numbers in each stored array.
    """
    claimed = summary.stage_rows(config)[-1].total_parameters
    # Beside the parameters there are the moving averages of norms, two for each channel.
    if not claimed <= sum(sizes) <= 2 * claimed:
        raise ValueError(
            f"its description is of a network of {claimed:,} parameters, but {sum(sizes):,} "
            "numbers are stored"
        )


def _sizes(archive):
    """Numbers in each array but the description, by the headers alone."""
    sizes = []
    for name in archive.files:
        if name != _DESCRIPTION:
            with archive.zip.open(f"{name}.npy") as file:
                version = np.lib.format.read_magic(file)
                later = version > (1, 0)
                shape, _, _ = (
                    np.lib.format.read_array_header_2_0(file)
                    if later
                    else np.lib.format.read_array_header_1_0(file)
                )
                sizes.append(math.prod(shape))
    return sizes


def read_variables(network: ConvolutionalPoseMachine, path: str) -> None:
    """Fills every variable of `network` from the file and uses every array in it.

    Raises:
      UsageError: if the file is damaged, or either side has a name or a shape the other lacks.
    """
    variables = {_key(variable): variable for variable in network.variables}
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = set(archive.files) - {_DESCRIPTION}
            if len(stored) + 1 != len(archive.files):
                raise ValueError("it holds several arrays of one name, or no description")
            if odd := sorted(stored ^ set(variables)):
                side = "the network lacks" if odd[0] in stored else "the file lacks"
                raise ValueError(f"{side} {odd[0]} ({len(odd)} names differ)")
            values = {key: _read(archive, key, variables[key]) for key in sorted(stored)}
    except UNREADABLE as error:
        raise _refusal(path, error) from error
    for key, variable in variables.items():
        variable.assign(values[key])


def _read(archive, key, variable):
    """One array, after a look at what it claims to be; float32."""
    claimed = archive.zip.getinfo(f"{key}.npy").file_size
    most = 8 * math.prod(variable.shape) + 4096  # float64 and a header
    if claimed > most:
        raise ValueError(f"{key} is {claimed} bytes, more than {most}")
    value = archive[key]
    if value.shape != tuple(variable.shape) or value.dtype.kind != "f":
        raise ValueError(
            f"{key} is {list(value.shape)} {value.dtype}, the network's is "
            f"{variable.shape.as_list()} float"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{key} holds values that are not finite")
    return value.astype(np.float32)


def _stored(variable):
    """Its value as a file holds it: kernels in half precision, which ends at 65504."""
    kind = np.float16 if len(variable.shape) >= 2 else np.float32
    with np.errstate(over="ignore"):  # who writes it checks that nothing became infinite
        return variable.numpy().astype(kind)


def _key(variable):
    """`trunk/conv1/kernel` of `cpm/trunk/conv1/kernel:0`."""
    return variable.name.removesuffix(":0").split("/", 1)[1]


def _refusal(path, error):
    text = str(error) or type(error).__name__
    return UsageError(
        f"{path} cannot be used as weights: {text}; get it again, or make one with: "
        "python bin/export_weights.py --ckpt=RUN --out=weights.npz"
    )
