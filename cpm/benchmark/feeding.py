"""The input pipeline beside the training it feeds, on the same cores.

    read      the records of a batch, in their order, as bytes
    decode    the same, and their images decoded
    batches   the pipeline alone: read, decode, warp, recolor, batch
    cached    the same after the first epoch, with all decoded images in memory (`--cache`)
    step      the training step alone, always on the same batch
    fed       the training step on the batches of the pipeline, which works meanwhile

What the pipeline takes from training is the difference of the last two.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from cpm.benchmark import exchange
from cpm.benchmark.ours import RATE, variant_settings
from cpm.benchmark.worker import Side
from cpm.data import pipeline
from cpm.data.decoding import decode
from cpm.data.examples import parse_image
from cpm.data.splits import TRAIN
from cpm.execution.threads import configure_threads
from cpm.training.step import make_step


class Batches(Side):
    """One call is one batch.

    Settings: `changes`; `cache_bytes`: of decoded images; an epoch passes before the first call.
    """

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, plan = exchange.read_plan(folder)
        config = variant_settings(plan, settings).config
        cache_bytes = settings.get("cache_bytes", 0)
        self._stream = iter(
            pipeline.training_batches(plan["data"], config, cache_bytes=cache_bytes)
        )
        if cache_bytes:
            folders = pipeline.open_folders(plan["data"], TRAIN, config.data.crop)
            for _ in range(-(-sum(f.people for f in folders) // config.data.batch_size)):
                next(self._stream)

    def compute(self) -> None:
        next(self._stream)


class Records(Side):
    """One call is the stored people of one batch.

    Settings: `changes`; `decode`: whether their images are decoded.
    """

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, plan = exchange.read_plan(folder)
        config = variant_settings(plan, settings).config
        folders = pipeline.open_folders(plan["data"], TRAIN, config.data.crop)
        records = pipeline.training_records(folders, config)

        def take(epoch, folder, serialized, *second):
            image = parse_image(serialized)
            return tf.shape(decode(image)) if settings["decode"] else tf.strings.length(image)

        records = records.map(take, num_parallel_calls=pipeline.WORKERS, deterministic=True)
        self._stream = iter(pipeline.tuned(records.batch(config.data.batch_size).prefetch(2)))

    def compute(self) -> None:
        next(self._stream)


class Step(Side):
    """One call is one training step, with the recipe's own optimizer.

    Settings: `changes`; `fed`: whether every step gets a batch of the pipeline.
    """

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, plan = exchange.read_plan(folder)
        variant = variant_settings(plan, settings)
        configure_threads(variant.execution)
        stream = pipeline.training_batches(plan["data"], variant.config)
        if not settings["fed"]:
            stream = itertools.repeat(_kept(stream))
        self._stream = iter(stream)
        self._step = make_step(variant.config, variant.execution)

    def compute(self) -> None:
        _, gradients = self._step.losses_and_gradients(next(self._stream), 0)
        self._step.update(gradients, RATE)


def _kept(stream):
    """The first batch; nothing goes on reading ahead for the next ones."""
    return {key: tf.identity(value) for key, value in next(iter(stream.take(1))).items()}
