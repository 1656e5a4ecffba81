"""One process of the case `scaling`: takes some training steps and prints how long they took.

    python -m cpm.benchmark.scaling_worker '{"settings": …, "rounds": 7}'

The last line of its output is JSON: `seconds`, the median of a step, and `loss`, of the first one.
"""

import json
import statistics
import sys
import time

import numpy as np
import tensorflow as tf

from cpm.benchmark.workload import draw_inputs
from cpm.config_json import from_dict
from cpm.execution import Settings
from cpm.execution.devices import connect
from cpm.execution.threads import configure_threads
from cpm.training.step import TENSORS, make_step

UNCOUNTED = 2  # steps: the first one compiles


def main(text: str) -> None:
    """Prints the answer to an order, a JSON text."""
    order = json.loads(text)
    settings = from_dict(Settings, order["settings"], "order")
    configure_threads(settings.execution)
    devices = connect(settings.execution)
    step = make_step(settings.config, settings.execution, devices)
    inputs = draw_inputs(step.network, settings.config, np.random.default_rng(0))
    size = settings.config.data.batch_size // devices.hosts
    rows = slice(devices.host * size, (devices.host + 1) * size)
    batch = {key: tf.constant(inputs[key][rows]) for key in TENSORS}
    seconds, losses = [], []
    for number in range(UNCOUNTED + order["rounds"]):
        start = time.perf_counter()
        measurements, gradients = step.losses_and_gradients(batch, number)
        step.update(gradients, 0.0)
        seconds.append(time.perf_counter() - start)
        losses.append(measurements["loss"])
    devices.wait()
    median = statistics.median(seconds[UNCOUNTED:])
    print(json.dumps({"seconds": median, "loss": losses[0]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
