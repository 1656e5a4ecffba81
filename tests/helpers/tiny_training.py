"""A training that takes a second, for tests that kill it: called by tests/helpers/scripts.py.

    tiny_training.py DATA RUN_DIR BATCHES STEPS [LAST]

It is `cpm.training.loop.Run` on a tiny network, saved after every step, computed operation by
operation and without a score. BATCHES is an archive of the batches: the first training makes it,
which takes longer than all steps. LAST is the step after which the process ends as if killed. With
KILL_AFTER in its environment it is killed after so many seconds of processor time, by the library
that tests/helpers/kill_at.c is. It prints the processor time that it took and, as its last line, a
checksum of all weights, averages and slots, and the steps in metrics.jsonl.
"""

import ctypes
import dataclasses
import hashlib
import os
import sys
import time

import numpy as np
import tensorflow as tf

from cpm.config import changed
from cpm.data import pipeline
from cpm.training import loop
from cpm.training.metrics_file import read_metrics
from cpm.training.validation import Validation
from tests.helpers.noise_training import AVERAGED, EXECUTION, HONEST, start, weights
from tests.helpers.tracing import untraced

SAVING = dataclasses.replace(EXECUTION, save_every=1, eval_every=1_000_000)
NOTHING = Validation({}, None, "", lambda: None)


def kept_batches(path):
    """A function that gives batches as the input pipeline does, from an archive."""

    def training_batches(data, config, *, start_step=0, **_):
        if not os.path.exists(path):
            made = HONEST["training_batches"](data, config).take(config.steps)
            arrays = {f"{n}/{key}": v for n, batch in enumerate(made) for key, v in batch.items()}
            np.savez(path, **{key: plain(value) for key, value in arrays.items()})
        with np.load(path) as archive:
            batches = [{} for _ in range(config.steps)]
            for name in archive.files:
                number, _, key = name.partition("/")
                batches[int(number)][key] = tf.constant(archive[name])
        return batches[start_step:]

    return training_batches


def plain(value):
    """A tensor as an array that `np.load` reads without objects: texts of a fixed length."""
    array = value.numpy()
    return array.astype(bytes) if array.dtype == object else array


def main(data, folder, batches, steps, last=None):
    """Trains, and prints what came out."""
    began = time.process_time()
    if "KILL_AFTER" in os.environ:
        ctypes.CDLL(None).kill_after(ctypes.c_double(float(os.environ["KILL_AFTER"])))
    pipeline.training_batches = kept_batches(batches)
    network = {"stages": 1, "image_size": (16, 24)}
    config = changed(AVERAGED, {"network": network, "steps": int(steps)})
    run = start(config, [data], folder, SAVING)
    run.validate = lambda network: NOTHING
    between = loop.Run._between_steps

    def ending(done, *rest):
        found = between(run, done, *rest)
        if last is not None and done == int(last):
            os._exit(0)
        return found

    run._between_steps = ending
    run.train()
    digest = hashlib.sha256(b"".join(value.tobytes() for value in weights(run)))
    steps_done = [record["step"] for record in read_metrics(folder) if "loss" in record]
    print(f"{time.process_time() - began} s of processor time")
    print(digest.hexdigest(), *steps_done)


if __name__ == "__main__":
    with untraced():
        main(*sys.argv[1:])
