"""Batches of crops → joints of the last stage: at once for the first few, compiled for many.

TensorFlow traces and optimizes a function for seconds before it first runs. A few images are done
by then. So crops are first computed line by line, by direct convolution; once so many came that
tracing pays, one thread traces while others go on. Both ways agree but for rounding.

A traced function has one batch size. Batches are filled up to the sizes in `SIZES`. Line by line,
the more crops are in a batch, the less each of them takes, so there are more in it. Reference:
docs/decisions/0069-larger-batches-before-tracing.md has the measurements.
"""

import collections
import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from cpm.config import DecodingConfig
from cpm.execution import Execution
from cpm.execution.use import Executed
from cpm.inference.batches import find_joints
from cpm.inference.beliefs import Network, batch_beliefs

SIZES = (1, 2, 4, 8)
# The pixels of a batch that is computed line by line: 32 crops of 160 x 160, and no more than
# `SIZES[-1]` of large ones, whose feature maps would fill the memory.
UNTRACED_PIXELS = 32 * 160**2
# So many calls of one size before it is traced: tracing takes as long as 20 to 40 of them.
PAYS_AFTER = 24


class JointReader:
    """Reads the joints of crops; threads may share it.

    Args:
      network: a `ConvolutionalPoseMachine`, or anything called and described like one.
      few: the same network for the first few crops, see `quick_to_begin`; None = `network`.
      pays_after: calls of a batch size before it is compiled.
    """

    def __init__(
        self, network: Network, few: Network | None = None, *, pays_after: float = PAYS_AFTER
    ) -> None:
        self._often, self._seldom = network, few or network
        # What an exported file's own runtime computes is nothing that TensorFlow could trace.
        self._pays_after = math.inf if getattr(network, "eager", False) else pays_after
        self._calls: collections.Counter[Any] = collections.Counter()
        self._compiled: dict[Any, Any] = {}
        self._compiling = threading.Lock()
        self._expected: collections.Counter[DecodingConfig] = collections.Counter()
        height, width = network.config.image_size
        self._untraced = max(SIZES[-1], UNTRACED_PIXELS // (height * width))

    def expect(self, crops: int, decoding: DecodingConfig) -> None:
        """Says how many more crops will come: of many, the first full batch is compiled at once."""
        self._expected[decoding] += crops

    def most(self, decoding: DecodingConfig) -> int:
        """How many crops the next call had best have, of many: the full batch of a traced function.

        More of them before there is one, unless it is due.
        """
        full = SIZES[-1], decoding
        if full in self._compiled or self._is_due(full) or math.isinf(self._pays_after):
            return SIZES[-1]
        return self._untraced

    def __call__(
        self, batch: Mapping[str, np.ndarray], decoding: DecodingConfig
    ) -> list[np.ndarray]:
        """Joints of the last stage.

        Args:
          batch: as of `cpm.inference.predict_batch`, NumPy arrays; more than `SIZES[-1]` crops are
            computed line by line.
          decoding: `DecodingConfig`.

        Returns:
          joints `[B, P, 2]` in crop pixels, confidence `[B, P]`; NumPy arrays.
        """
        count = len(batch["image"])
        size = next((size for size in SIZES if size >= count), SIZES[-1])
        key = size, decoding
        fits = count <= size
        if fits and key in self._compiled:
            return self._call(self._compiled[key], batch, count, size)
        due = self._is_due(key)
        self._calls[key] += -(-count // size)
        if fits and due and self._compiling.acquire(blocking=False):
            try:
                function = _compiled(self._often, decoding)
                found = self._call(function, batch, count, size)
                self._compiled[key] = function
                return found
            finally:
                self._compiling.release()
        tensors = {name: tf.convert_to_tensor(values) for name, values in batch.items()}
        return [found.numpy() for found in _joints(self._seldom, tensors, decoding)]

    def _is_due(self, key):
        """Whether the next batch of a (size, `DecodingConfig`) should be traced."""
        size, decoding = key
        many = self._expected[decoding] >= 2 * self._pays_after * SIZES[-1]
        return self._calls[key] >= (0 if many and size == SIZES[-1] else self._pays_after)

    def _call(self, function, batch, count, size):
        """A traced function's answer to a batch that is filled up, cut off again."""
        filled = {
            name: np.pad(values, [(0, size - count)] + [(0, 0)] * (np.ndim(values) - 1))
            for name, values in batch.items()
        }
        return [found.numpy()[:count] for found in function(filled)]


def quick_to_begin(network: Network, execution: Execution) -> Network:
    """The network computed without preparation: directly, where the choice is free.

    Args:
      network: of `load_for_use`.
      execution: `Execution` that was asked for.
    """
    if not isinstance(network, Executed):
        return network
    conv = "direct" if execution.conv == "auto" else execution.conv
    return Executed(
        network.network, Execution(conv=conv, precision=execution.precision), constant=True
    )


def _joints(network, batch, decoding):
    return find_joints(network, batch_beliefs(network, batch, decoding)[-1], decoding)


def _compiled(network, decoding):
    """A traced function of a batch; compiled whole where that pays, on a GPU."""
    whole = isinstance(network, Executed) and network.compiled
    return tf.function(
        lambda batch: _joints(network, batch, decoding), jit_compile=whole or None, autograph=False
    )
