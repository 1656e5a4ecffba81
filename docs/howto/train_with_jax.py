"""Trains in JAX what `bin/export.py --what=train_step` wrote. Needs jax and numpy, no TensorFlow.

    python train_with_jax.py packed --check              # are the numbers TensorFlow's?
    python train_with_jax.py packed --steps=2000         # trains on the batches in the folder

The folder has the step as a program, its variables, and some batches. Each call of the program
takes a batch, a seed, a learning rate and all variables, and gives losses and all variables back.
To train on more than the batches in the folder, replace `batches`. trained.npz, written every
`--save_every` seconds and at the end, is what bin/import_weights.py brings home.

JAX has no public call for programs that it did not write itself. What is used here is what its own
`jit` uses; it was tried with jax 0.10.2.
"""

import argparse
import itertools
import json
import os
import time

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)  # Adam counts in float64

from jax._src.interpreters import mlir  # noqa: E402
from jax._src.lib import xla_client  # noqa: E402
from jax.extend.backend import get_backend  # noqa: E402
from jaxlib.mlir.dialects import stablehlo  # noqa: E402

CLOSE = {"float32": 1e-3, "bfloat16": 1e-2}  # largest difference of the losses; sums have orders


class Training:
    """The run in a folder: the compiled step and its variables, on JAX's first device."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "plan.json"), encoding="utf-8") as file:
            self.plan = json.load(file)
        self.rates = np.load(os.path.join(folder, "rates.npy"))
        backend = get_backend()
        self._device = backend.local_devices()[0]
        with open(os.path.join(folder, "step.stablehlo"), "rb") as file:
            artifact = file.read()
        with mlir.make_ir_context() as context:
            module = stablehlo.deserialize_portable_artifact(context, artifact)
            devices = xla_client.DeviceList((self._device,))
            options = xla_client.CompileOptions()
            self._program = backend.compile_and_load(module, devices, options)
        self._read("state.npz")

    def _read(self, name):
        with np.load(os.path.join(self.folder, name)) as archive:
            arrays = {key: archive[key] for key in archive.files}
        self.step = int(arrays.pop("step", self.plan["step"]))
        self._state = [self._put(arrays[key]) for key in sorted(arrays)]

    def resume(self):
        """Goes on from trained.npz, if there is one."""
        if os.path.exists(os.path.join(self.folder, "trained.npz")):
            self._read("trained.npz")

    def _put(self, array):
        return jax.device_put(np.ascontiguousarray(array), self._device)

    def train(self, batch):
        """One step on a batch, {name: array}: the losses, still on the device."""
        rate = self.rates[min(self.step, len(self.rates) - 1)]
        others = {"seed": np.array([self.plan["seed"], self.step], np.int32), "learning_rate": rate}
        inputs = []
        for entry in self.plan["inputs"]:
            value = np.asarray((batch | others)[entry["name"]])
            if list(value.shape) != entry["shape"] or value.dtype.name != entry["dtype"]:
                raise SystemExit(
                    f"{entry['name']} has shape {list(value.shape)} of {value.dtype.name}, the "
                    f"program takes {entry['shape']} of {entry['dtype']}"
                )
            inputs.append(self._put(value))
        outputs = self._program.execute_sharded([*inputs, *self._state])
        outputs = [shards[0] for shards in outputs.disassemble_into_single_device_arrays()]
        results = len(self.plan["results"])
        changed = iter(outputs[results:])
        self._state = [
            next(changed) if entry["changes"] else value
            for entry, value in zip(self.plan["state"], self._state, strict=True)
        ]
        self.step += 1
        return dict(zip(self.plan["results"], outputs[:results], strict=True))

    def save(self):
        """Writes trained.npz, in one step: a kill leaves the old file or the new one."""
        path = os.path.join(self.folder, "trained.npz")
        arrays = {f"{i:04d}": np.asarray(value) for i, value in enumerate(self._state)}
        with open(f"{path}.partial", "wb") as file:
            np.savez(file, step=np.array(self.step), **arrays)
        os.replace(f"{path}.partial", path)


def batches(folder):
    """The batches of the folder, again and again."""
    with np.load(os.path.join(folder, "batches.npz")) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for number in itertools.cycle(range(len(arrays["image"]))):
        yield {name: values[number] for name, values in arrays.items()}


def check(training):
    """Runs the batches that TensorFlow ran and compares the losses."""
    worst = 0.0
    for batch, expected in zip(batches(training.folder), training.plan["expected"], strict=False):
        found = training.train(batch)
        for name, ours in zip(training.plan["results"], expected, strict=True):
            theirs = float(np.asarray(found[name]))
            worst = max(worst, abs(theirs - ours) / max(abs(ours), 1e-12))
            print(f"step {training.step}  {name:24} {ours:14.6f} {theirs:14.6f}")
    print(f"largest difference: {worst:.1e} of the number")
    if not worst < CLOSE[training.plan["precision"]]:
        raise SystemExit("these are not the same numbers")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("folder", help="Folder that bin/export.py --what=train_step wrote. Required.")
    add("--steps", type=int, help="Number of further updates. Default: to the end of the run.")
    add(
        "--save_every",
        type=float,
        default=60.0,
        help="Seconds between files. Default: %(default)s.",
    )
    add("--check", action="store_true", help="Compares losses, trains nothing. Default: trains.")
    flags = parser.parse_args()
    began = time.time()
    training = Training(flags.folder)
    print(f"{jax.devices()[0]}: compiled in {time.time() - began:.0f} s", flush=True)
    if flags.check:
        check(training)
        return
    training.resume()
    last = training.plan["steps"]
    if flags.steps is not None:
        last = min(last, training.step + flags.steps)
    first, began, saved = training.step, time.time(), time.time()
    for batch in itertools.islice(batches(flags.folder), last - first):
        found = training.train(batch)
        if training.step % 100 == 0 or training.step == last:
            loss = float(np.asarray(found["loss"]))
            speed = (training.step - first) / (time.time() - began)
            left = (last - training.step) / speed
            print(
                f"{training.step}/{last}, loss {loss:.2f}, {speed:.1f} steps/s, {left:.0f} s left"
            )
            if not np.isfinite(loss):
                raise SystemExit(f"the loss is {loss}; the last file saved is kept")
        if time.time() - saved > flags.save_every:
            training.save()
            saved = time.time()
    training.save()
    print(f"{training.step} steps are in {os.path.join(flags.folder, 'trained.npz')}")


if __name__ == "__main__":
    main()
