"""Twenty steps of tiny networks on one device or on many, as a script of its own.

    python -m tests.helpers.steps_on_devices mirrored result.npz plain compiled

The first argument is a value of --distribute, or `parts`: one device that computes a batch in two
parts, as two devices do. TensorFlow's devices and the hosts of TF_CONFIG are fixed once for a
process, so every way to compute needs one. The file has of each case `NAME/losses` [steps],
`NAME/start`, `NAME/first` and `NAME/weights` (weights, slots and averages in a row, before the
first step, after it and after the last) and `NAME/scales` (float16's loss scale after every step).
Every host writes one.
"""

import dataclasses
import sys

import numpy as np
import tensorflow as tf

from cpm.config import changed
from cpm.execution import Execution
from cpm.execution.devices import connect
from cpm.training.step import make_step
from tests.helpers.training_batches import CONFIG, random_batch, tensors

STEPS, ROWS = 20, 8
OVERFLOW = 5  # the step of float16 whose scale is too large, so that it is left out
# Of each case: norm, optimizer, learning rate, what else of the configuration, of the execution.
SGD = ("sgd", 2e-4)
UNNORMALIZED = ("none", "sgd", 5e-3)  # without norms gradients are small
CASES = {
    "plain": (*UNNORMALIZED, {}, {}),
    "synchronized, recomputed": ("batch", *SGD, {}, {"sync_batch_norm": True, "recompute": True}),
    "averaged Muon": ("none", "muon", 1e-3, {"average_decay": 0.9}, {}),
    "compiled": (*UNNORMALIZED, {}, {"xla": True}),
    "bfloat16": (*UNNORMALIZED, {}, {"precision": "bfloat16"}),
    "float16": (*UNNORMALIZED, {}, {"precision": "float16"}),
    "own moments": ("batch", *SGD, {}, {}),
}


def steps(case, devices, replicas=1):
    """Losses and final variables of one case."""
    norm, optimizer, rate, config, execution = CASES[case]
    network = dataclasses.replace(CONFIG.network, stages=1, norm=norm)
    config = changed(
        CONFIG, {"network": network, "optimizer": {"optimizer": optimizer}, "seed": 1} | config
    )
    execution = Execution(conv="direct", replicas=replicas, **execution)
    step = make_step(config, execution, devices)
    if execution.xla:
        step._core = tf.function(step.core, jit_compile=True)  # whole, as on a GPU
    start, first, losses, scales = variables(step), None, [], []
    for number in range(STEPS):
        if step.loss_scale is not None:
            step.loss_scale.scale.assign(2.0**24 if number == OVERFLOW else 2.0**8)
        batch = uneven(random_batch(100 + number, ROWS))
        part = ROWS // devices.hosts
        rows = slice(devices.host * part, (devices.host + 1) * part)
        batch = {key: value[rows] for key, value in tensors(batch).items()}
        measurements, gradients = step.losses_and_gradients(batch, number)
        norm = step.update(gradients, rate)
        if step.loss_scale is not None:
            step.loss_scale.adjust(np.isfinite(norm))
            scales.append(step.loss_scale.scale.numpy())
        losses.append(measurements["loss"])
        first = variables(step) if first is None else first
    weights = {"start": start, "first": first, "weights": variables(step)}
    return {"losses": losses, "scales": scales} | weights


def uneven(batch):
    """The same people, but those of the first half with few joints: means of means would differ."""
    batch["state"][: ROWS // 2, 0, 3:] = 0
    return batch


def variables(step):
    """Weights, slots and averages, in a row."""
    parts = [step.network, step.optimizer, step.average]
    found = [v for part in parts if part is not None for v in part.variables]
    return np.concatenate([v.numpy().ravel() for v in found])


def main(way, path, *cases):
    distribute, replicas = ("none", 2) if way == "parts" else (way, 1)
    devices = connect(Execution(distribute=distribute, devices=2 * (distribute == "mirrored")))
    assert devices.count == (1 if distribute == "none" else 2)
    found = {}
    for case in cases:
        for key, value in steps(case, devices, replicas).items():
            found[f"{case}/{key}"] = np.asarray(value, np.float64)
        print(case, found[f"{case}/losses"][[0, -1]], flush=True)
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
