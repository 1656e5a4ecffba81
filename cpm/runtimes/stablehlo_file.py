"""StableHLO in JAX: one function, `crops`, of one crop at a time.

JAX has no public call for modules that it did not write itself. What is used here is what its own
`jit` uses, in the version that requirements-export.txt pins.
"""

from collections.abc import Callable, Mapping

import jax
import numpy as np
from jax._src.interpreters import mlir
from jax._src.lib import xla_client
from jax.extend.backend import get_backend
from jaxlib.mlir.dialects import stablehlo

from cpm.runtimes.metadata import checked, read_note
from cpm.untrusted import open_regular

MOST_BYTES = 1 << 31  # of a program with its weights, twice what protocol buffers may have
OUTPUTS = ("beliefs", "confidence", "joints_px")  # a dict's values, in the order of its keys


class StableHloFile:
    """A `.stablehlo` file with its `.json`; see cpm/runtimes/opening.py."""

    functions = ("crops",)

    def __init__(self, path: str) -> None:
        self.metadata = checked(read_note(f"{path}.json"), path)
        with open_regular(path, MOST_BYTES) as file:
            self._program = compiled(file.read())

    def run(self, function: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{name: array} of `crops`, one crop after the other."""
        if function not in self.functions:
            raise KeyError(function)
        parts = [
            self._program(crop[np.newaxis], center[np.newaxis])
            for crop, center in zip(inputs["crops"], inputs["center_px"], strict=True)
        ]
        axes = {"beliefs": 1, "confidence": 0, "joints_px": 0}
        return {
            name: np.concatenate([part[k] for part in parts], axes[name])
            for k, name in enumerate(OUTPUTS)
        }


def compiled(artifact: bytes) -> Callable[..., list[np.ndarray]]:
    """A serialized module as a function of arrays, which returns a list of arrays."""
    backend = get_backend("cpu")
    device = backend.devices()[0]
    with mlir.make_ir_context() as context:
        module = stablehlo.deserialize_portable_artifact(context, artifact)
        options = xla_client.CompileOptions()
        devices = xla_client.DeviceList((device,))
        program = backend.compile_and_load(module, devices, options)

    def run(*arrays):
        given = [jax.device_put(np.ascontiguousarray(array), device) for array in arrays]
        results = program.execute_sharded(given).disassemble_into_single_device_arrays()
        return [np.asarray(shards[0]) for shards in results]

    return run
