"""Our sides: the network forward, a training step, a convolution; as the scripts run them.

A variant is a change of the `Execution`, nothing else: `VARIANTS` is the place for a new one.

    graph   TensorFlow's own kernels
    xla     what `--xla` makes of it (cpm/execution/convolution.py): fast convolutions if they pay
    fast    the same, but fast convolutions wherever there are any: `auto` has to be better
    bfloat16    `xla` with the layers of the network in 16 bits
    recompute, xla_recompute    `graph` and `xla` that keep little for the backward pass
"""

from collections.abc import Iterable, Mapping
from typing import Any

import cpm.quiet_start  # noqa: F401  first: TensorFlow as the scripts import it
from cpm.training.step import TrainStep

# isort: split
import numpy as np
import tensorflow as tf

from cpm.benchmark import exchange
from cpm.benchmark.worker import Side
from cpm.benchmark.workload import key_of
from cpm.config_json import from_dict
from cpm.execution import Settings
from cpm.execution.convolution import Convolution as Convolved
from cpm.execution.convolution import compiles_whole
from cpm.execution.threads import configure_threads
from cpm.execution.use import Executed
from cpm.network.layers import Dropout
from cpm.training.step import TENSORS, make_step

VARIANTS: dict[str, dict[str, Any]] = {
    "graph": {"xla": False},
    "xla": {"xla": True},
    "fast": {"xla": True, "conv": "fast"},
    "bfloat16": {"xla": True, "precision": "bfloat16"},
    "recompute": {"xla": False, "recompute": True},
    "xla_recompute": {"xla": True, "recompute": True},
}
USUAL = ("graph", "xla")
RATE = 1e-4  # of the training steps: small, so that the weights stay healthy


def tf_direct() -> dict[str, Any]:
    """What every other is compared with: graph mode, direct convolutions, a batch in one piece."""
    return {"xla": False, "conv": "direct", "replicas": 1, "serial": False}


def variant_settings(plan: Mapping[str, Any], settings: Mapping[str, Any]) -> Settings:
    """The plan's `Settings` with the changes of one variant."""
    parts = {key: plan[key] for key in ("config", "execution")}
    return from_dict(Settings, parts).changed({"execution": settings["changes"]})


def wait_for(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor, once its values are there; reading them with `numpy` would copy them."""
    memoryview(tensor)
    return tensor


class Forward(Side):
    """Images to the belief maps of all stages, as in prediction."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        step, execution, inputs = _load(folder, settings)
        self._arguments = inputs["image"], inputs["center_px"]
        network = Executed(step.network, execution, constant=True)
        self._network = tf.function(network, jit_compile=network.compiled, autograph=False)

    def compute(self) -> None:
        self._maps = [wait_for(b_t) for b_t in self._network(*self._arguments)]

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        for t, b_t in enumerate(self._maps, start=1):
            yield f"b_{t}", b_t.numpy()


class Training(Side):
    """One training step: targets, forward, losses, gradients, measurements, clipping, update."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, plan = exchange.read_plan(folder)
        configure_threads(variant_settings(plan, settings).execution)
        self._step, _, inputs = _load(folder, settings)
        self._batch = {key: inputs[key] for key in TENSORS}
        self._stages = range(1, self._step.network.config.stages + 1)

    def compute(self) -> None:
        self._measured, self._gradients = self._step.losses_and_gradients(self._batch, 0)

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        losses = [self._measured[f"loss_stage_{t}"] for t in self._stages]
        yield "losses", np.array(losses, np.float32)
        for variable, gradient in zip(self._step.variables, self._gradients, strict=True):
            yield f"gradient of {key_of(variable)}", gradient.numpy()

    def finish(self) -> None:
        self._step.update(self._gradients, RATE)
        del self._gradients  # as the loop does: not kept through the next step


class Convolution(Side):
    """One convolution with its bias; with `gradients`, those by the image, kernel and bias too.

    With gradients it stands for what a layer costs in training: the derivative of sum(y · g).
    """

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _, plan = exchange.read_plan(folder)
        execution = variant_settings(plan, settings).execution
        arrays = exchange.read_arrays(folder, exchange.INPUTS)
        self._arguments = [tf.constant(arrays[k]) for k in ("x", "kernel", "bias")]
        self._upstream = tf.constant(arrays["upstream"])
        self._names = ["y"]
        if plan["gradients"]:
            self._names += ["by x", "by kernel", "by bias"]
        function = self._with_gradients if plan["gradients"] else self._forward
        self._stride = plan["stride"]
        self._convolve = Convolved(execution)
        self._function = tf.function(
            function, jit_compile=compiles_whole(execution), autograph=False
        )

    def compute(self) -> None:
        self._results = [wait_for(y) for y in self._function(*self._arguments)]

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        return zip(self._names, (result.numpy() for result in self._results), strict=True)

    def _forward(self, x, kernel, bias):
        return (self._convolve(x, kernel, bias, self._stride),)

    def _with_gradients(self, x, kernel, bias):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel, bias))
            y = self._convolve(x, kernel, bias, self._stride)
        return (y, *tape.gradient(y, (x, kernel, bias), self._upstream))


def build_step(folder: str, settings: Settings) -> TrainStep:
    """The training step of some `Settings` with the weights of exchange.py, without dropout."""
    step = make_step(settings.config, settings.execution)
    weights = exchange.read_arrays(folder, exchange.WEIGHTS)
    for variable in step.network.variables:
        variable.assign(weights[key_of(variable)])
    for module in step.network.submodules:
        if isinstance(module, Dropout):
            module.rate = 0.0
    return step


def _load(folder, settings):
    """(training step, its `Execution`, {name: tensor of the inputs})."""
    _, plan = exchange.read_plan(folder)
    variant = variant_settings(plan, settings)
    inputs = exchange.read_arrays(folder, exchange.INPUTS)
    tensors = {key: tf.constant(inputs[key]) for key in TENSORS}
    return build_step(folder, variant), variant.execution, tensors
