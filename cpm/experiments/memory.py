"""How much memory training takes: a few steps on noise, and the highest mark of the process.

The mark (cpm/process_memory.py) never falls again and counts everything, Python and TensorFlow with
it, so one process measures one configuration. Steps are those of a training (gradients, update,
optimizer's slots); what reads data and what evaluates is left out.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from cpm.config import TrainConfig
from cpm.execution import Execution
from cpm.process_memory import peak_mb
from cpm.skeleton import VISIBLE, get_skeleton
from cpm.training.step import make_step

MB_PER_MIB = 2**20 / 1e6


def noise_batch(config: TrainConfig) -> dict[str, tf.Tensor]:
    """A batch of noise in which every joint is visible, as cpm/data/pipeline.py shapes it.

    Args:
      config: `TrainConfig`.

    Returns:
      dict of tensors.
    """
    rng = np.random.default_rng(config.seed)
    network, size = config.network, config.data.batch_size
    joints = len(get_skeleton(network.skeleton))
    people = (size, config.data.max_people, joints)
    height, width = network.image_size
    span = np.array([width, height], np.float32)
    batch = {
        "image": rng.uniform(0, 255, (size, height, width, 3)).astype(np.float32),
        "joints_px": (rng.uniform(size=(*people, 2)) * span).astype(np.float32),
        "state": np.full(people, VISIBLE, np.int32),
        "center_px": np.tile((span - 1) / 2, (size, 1)),
        "valid": np.ones(size, np.float32),
    }
    return {key: tf.constant(value) for key, value in batch.items()}


def measure(config: TrainConfig, execution: Execution) -> dict[str, Any]:
    """Trains for some steps; call it once per process.

    Args:
      config: `TrainConfig`; its network, batch size, optimizer and steps count. The first step
        compiles, the second has the optimizer's slots filled.
      execution: `Execution`.

    Returns:
      dict of `before_mib`, the mark with TensorFlow loaded and nothing made; `peak_mib`, that after
      the steps; `losses`, one a step.
    """
    before = peak_mb() / MB_PER_MIB
    step, batch, losses = make_step(config, execution), noise_batch(config), []
    for number in range(config.steps):
        measurements, gradients = step.losses_and_gradients(batch, number)
        step.update(gradients, config.optimizer.learning_rate / 100)
        losses.append(measurements["loss"])
    # Linux counts pages core by core: a mark that did not rise may be read some pages lower.
    peak = max(before, peak_mb() / MB_PER_MIB)
    return {"before_mib": before, "peak_mib": peak, "losses": losses}
