"""Drawing ideal belief maps: our op, NumPy loops over joints, and writing as much memory.

    loop    for every joint the whole map, from a grid of coordinates made for it, in NumPy's own
            float64: so the code of CPM's and OpenPose's ports has it
    patch   only the window around every joint in which its Gaussian is not cut off, as the code of
            SimpleBaseline's and HRNet's descendants writes it
    write   no Gaussian at all: one number into every cell of an array that exists already
    new     the same into a new array, as an op has to make one for its result
    call    the same by a compiled call of TensorFlow: what ours costs before it draws anything

The first two and ours draw the same maps, to rounding.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

import ops
from cpm.benchmark import exchange
from cpm.benchmark.ours import variant_settings, wait_for
from cpm.benchmark.worker import Side


def write_inputs(folder: str, settings: Mapping[str, Any], seed: int) -> None:
    """Writes random joints, one in ten absent, for the settings of `Drawing`.

    Args:
      folder: where.
      settings: dict with `config`, `execution`, `batch`, `joints`, `height`, `width` (cells),
        `stride`, `sigma_px`, `cutoff`.
      seed: int.
    """
    rng = np.random.default_rng(seed)
    shape = settings["batch"], settings["joints"]
    size = np.array([settings["width"], settings["height"]]) * settings["stride"]
    joints_px = (rng.random((*shape, 2)) * size).astype(np.float32)
    present = (rng.random(shape) > 0.1).astype(np.float32)
    exchange.write_plan(folder, None, settings)
    exchange.write_arrays(folder, exchange.INPUTS, {"joints_px": joints_px, "present": present})


class Drawing(Side):
    """What all have in common: joints, sizes, a result `[B, h, w, P]`."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, self.plan = exchange.read_plan(folder)
        arrays = exchange.read_arrays(folder, exchange.INPUTS)
        self.joints_px, self.present = arrays["joints_px"], arrays["present"]
        shape = [self.plan[k] for k in ("batch", "height", "width", "joints")]
        self.maps = np.zeros(shape, np.float32)

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        yield "maps", np.asarray(self.maps)


class Ours(Drawing):
    """`ops.gaussian_heatmap`, traced once."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        super().__init__(folder, settings)
        options = ("height", "width", "stride", "sigma_px", "cutoff")
        chosen = {key: self.plan[key] for key in options}

        def draw(joints_px, present):
            return ops.gaussian_heatmap(joints_px, present, **chosen)

        xla = variant_settings(self.plan, settings).execution.xla
        self._draw = tf.function(draw, jit_compile=xla, autograph=False)
        self._arguments = tf.constant(self.joints_px), tf.constant(self.present)

    def compute(self) -> None:
        self.maps = wait_for(self._draw(*self._arguments))


class NumpyLoop(Drawing):
    """One joint after the other, all cells of its map."""

    def compute(self) -> None:
        plan = self.plan
        start = (plan["stride"] - 1) / 2
        maps = np.zeros_like(self.maps)
        for n, joints in enumerate(self.joints_px):
            for p, (x, y) in enumerate(joints):
                if not self.present[n, p]:
                    continue
                u, v = np.meshgrid(range(plan["width"]), range(plan["height"]))
                u, v = u * plan["stride"] + start, v * plan["stride"] + start
                squared = (u - x) ** 2 + (v - y) ** 2
                one = np.exp(-squared / (2 * plan["sigma_px"] ** 2))
                maps[n, :, :, p] = np.multiply(one >= plan["cutoff"], one)
        self.maps = maps


class NumpyPatch(Drawing):
    """One joint after the other, the cells around it."""

    def compute(self) -> None:
        plan = self.plan
        stride, sigma_px = plan["stride"], plan["sigma_px"]
        # Where nothing is cut off, the patch is the map.
        whole_px = stride * (plan["width"] + plan["height"])
        cutoff = plan["cutoff"]
        reach_px = sigma_px * math.sqrt(-2 * math.log(cutoff)) if cutoff else whole_px
        u = _centers(plan["width"], stride)
        v = _centers(plan["height"], stride)
        maps = np.zeros_like(self.maps)
        for n, joints in enumerate(self.joints_px):
            for p, (x, y) in enumerate(joints):
                if not self.present[n, p]:
                    continue
                left, top = (max(0, int((z - reach_px) / stride)) for z in (x, y))
                right, bottom = (int((z + reach_px) / stride) + 1 for z in (x, y))
                columns, rows = u[left:right], v[top:bottom]
                squared = (columns - x) ** 2 + (rows[:, np.newaxis] - y) ** 2
                one = np.exp(-squared / (2 * sigma_px**2))
                one[one < cutoff] = 0
                maps[n, top:bottom, left:right, p] = one
        self.maps = maps


class MemoryWrite(Drawing):
    """As many bytes, each written once."""

    def compute(self) -> None:
        self.maps.fill(0.5)


class MemoryNew(Drawing):
    """The same, into memory that is asked for anew."""

    def compute(self) -> None:
        self.maps = np.full(self.maps.shape, 0.5, np.float32)


class MemoryCall(Drawing):
    """The same, as TensorFlow does it."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        super().__init__(folder, settings)
        shape = self.maps.shape
        # Of an argument: a constant would be written only once.
        self._fill = tf.function(lambda x: tf.fill(shape, x), jit_compile=True, autograph=False)
        self._value = tf.constant(0.5)

    def compute(self) -> None:
        self.maps = wait_for(self._fill(self._value))


def _centers(cells, stride):
    """Crop coordinate of each cell, float32 `[cells]`."""
    return (np.arange(cells) * stride + (stride - 1) / 2).astype(np.float32)
