"""Runs of eight steps on ten people of noise; tests/training/conftest.py has their data."""

import dataclasses

from cpm.config import (
    AUGMENTATIONS,
    DataConfig,
    NetworkConfig,
    OptimizerConfig,
    TargetConfig,
    TrainConfig,
)
from cpm.data import pipeline
from cpm.execution import Execution, Settings
from cpm.scoring.validating import validation
from cpm.training import loop

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(32, 40)),
    data=DataConfig(batch_size=4, max_people=1, augment=AUGMENTATIONS["strong"]),
    target=TargetConfig(sigma_px=7.0, foreground_weight=0.0),
    optimizer=OptimizerConfig(optimizer="adam"),
    steps=8,
    seed=3,
)
EXECUTION = Execution(eval_every=8, save_every=3)
FLOAT16 = dataclasses.replace(EXECUTION, precision="float16")

AVERAGED = dataclasses.replace(CONFIG, average_decay=0.7)

# As they are before a test replaces them.
HONEST = {name: getattr(pipeline, name) for name in ("training_batches", "evaluation_batches")}


def start(config, data, folder, execution=EXECUTION, *, draw=False, **options):
    """A run that measures itself as bin/train.py's does, but draws nobody unless it is told to."""
    score = validation(config, data)

    def validate(network):
        found = score(network)
        return found if draw else dataclasses.replace(found, draw=lambda: None)

    return loop.Run(Settings(config, execution), data, folder, validate, **options)


def weights(run):
    parts = [run.network, run.optimizer, run.average, run.step.loss_scale]
    return [v.numpy() for part in parts if part is not None for v in part.variables]
