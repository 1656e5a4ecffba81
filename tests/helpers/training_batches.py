"""A small configuration and random batches for it, for the tests of a training step."""

import numpy as np
import tensorflow as tf

from cpm.config import NetworkConfig, OptimizerConfig, TargetConfig, TrainConfig

HEIGHT, WIDTH = 24, 40


CONFIG = TrainConfig(
    network=NetworkConfig(stages=3, width=0.1, skeleton="lsp14", image_size=(HEIGHT, WIDTH)),
    target=TargetConfig(sigma_px=6.0, foreground_weight=0.0),
    optimizer=OptimizerConfig(optimizer="adam"),
)


def random_batch(seed, size=3):
    rng = np.random.default_rng(seed)
    span = np.array([WIDTH, HEIGHT], np.float32)
    return {
        "image": rng.uniform(0, 255, (size, HEIGHT, WIDTH, 3)).astype(np.float32),
        "joints_px": (rng.uniform(size=(size, 2, 14, 2)) * span).astype(np.float32),
        "state": rng.integers(0, 3, (size, 2, 14)).astype(np.int32),
        "center_px": np.tile((span - 1) / 2, (size, 1)),
        "valid": np.ones(size, np.float32),
    }


def tensors(batch):
    return {key: tf.constant(value) for key, value in batch.items()}
