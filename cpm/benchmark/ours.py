"""Our sides: the network forward, a training step, a convolution; as the scripts run them.

A variant is a change of the `TrainConfig`, nothing else: `VARIANTS` is the place for a new one.

    graph   TensorFlow's own kernels
    xla     what `--xla` makes of it (cpm/network/convolution.py): fast convolutions where they pay
    fast    the same, but fast convolutions wherever there are any: what `auto` has to be better than
    bfloat16    a training step of `xla` with its layers in 16 bits; all else is float32 anyway
"""

import cpm.quiet_start  # noqa: F401  first: TensorFlow as the scripts import it

# isort: split
import numpy as np
import tensorflow as tf

import ops
from cpm.benchmark import exchange
from cpm.benchmark.worker import Side
from cpm.benchmark.workload import key_of
from cpm.config import TrainConfig, changed
from cpm.config_json import from_dict
from cpm.network import ConvolutionMethod, slicing
from cpm.network.convolution import compiles_whole
from cpm.network.layers import Dropout
from cpm.training.setup import make_network, set_up
from cpm.training.step import TENSORS

VARIANTS = {
    "graph": {"xla": False},
    "xla": {"xla": True},
    "fast": {"xla": True, "conv": "fast"},
    "bfloat16": {"xla": True, "precision": "bfloat16"},
}
USUAL = ("graph", "xla")
RATE = 1e-4  # of the training steps: small, so that the weights stay healthy


def tf_direct():
    """What every other is compared with: graph mode, direct convolutions, a batch in one piece."""
    return {"xla": False, "conv": "direct", "side_by_side": False}


def variant_config(plan, settings):
    """The plan's `TrainConfig` with the changes of one variant."""
    return changed(from_dict(TrainConfig, plan["config"]), settings["changes"])


def wait_for(tensor):
    """The tensor, once its values are there; reading them with `numpy` would copy them."""
    memoryview(tensor)
    return tensor


class Forward(Side):
    """Images to the belief maps of all stages, as in prediction."""

    def __init__(self, folder, settings):
        config, inputs = _load(folder, settings)
        network = fill(make_network(config), folder)
        self._arguments = inputs["image"], inputs["center_px"]
        network.freeze()
        whole = compiles_whole(config.xla)
        self._network = tf.function(network, jit_compile=whole)

    def compute(self):
        self._maps = [wait_for(b_t) for b_t in self._network(*self._arguments)]

    def outputs(self):
        for t, b_t in enumerate(self._maps, start=1):
            yield f"b_{t}", b_t.numpy()


class Training(Side):
    """One training step: targets, forward, losses, gradients, measurements, clipping, update."""

    def __init__(self, folder, settings):
        _, plan = exchange.read_plan(folder)
        slicing.share_out_batches(variant_config(plan, settings), settings["threads"])
        config, inputs = _load(folder, settings)
        network, _, _, self._step = set_up(config)
        fill(network, folder)
        self._batch = {key: inputs[key] for key in TENSORS}
        self._stages = range(1, config.network.stages + 1)

    def compute(self):
        self._measured, self._gradients = self._step.losses_and_gradients(self._batch, 0)

    def outputs(self):
        losses = [self._measured[f"loss_stage_{t}"] for t in self._stages]
        yield "losses", np.array(losses, np.float32)
        for variable, gradient in zip(self._step.variables, self._gradients):
            yield f"gradient of {key_of(variable)}", gradient.numpy()

    def finish(self):
        self._step.update(self._gradients, RATE)
        del self._gradients  # as the loop does: not kept through the next step


class Convolution(Side):
    """One convolution with its bias; with `gradients`, those by the image, kernel and bias too.

    With gradients it stands for what a layer costs in training: the derivative of sum(y · g).
    """

    def __init__(self, folder, settings):
        _, plan = exchange.read_plan(folder)
        config = variant_config(plan, settings)
        arrays = exchange.read_arrays(folder, exchange.INPUTS)
        self._arguments = [tf.constant(arrays[k]) for k in ("x", "kernel", "bias")]
        self._upstream = tf.constant(arrays["upstream"])
        self._names = ["y"]
        if plan["gradients"]:
            self._names += ["by x", "by kernel", "by bias"]
        function = self._with_gradients if plan["gradients"] else self._forward
        self._stride = plan["stride"]
        method = ConvolutionMethod(config.conv, config.xla)
        x, kernel, _ = self._arguments
        self._how = {
            "algorithm": method.algorithm(kernel.shape, self._stride, x.shape),
            "compiled": method.compiled,
        }
        whole = compiles_whole(config.xla)
        self._function = tf.function(function, jit_compile=whole)

    def compute(self):
        self._results = [wait_for(y) for y in self._function(*self._arguments)]

    def outputs(self):
        return zip(self._names, (result.numpy() for result in self._results))

    def _forward(self, x, kernel, bias):
        return (self._convolve(x, kernel, bias),)

    def _with_gradients(self, x, kernel, bias):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel, bias))
            y = self._convolve(x, kernel, bias)
        return (y, *tape.gradient(y, (x, kernel, bias), self._upstream))

    def _convolve(self, x, kernel, bias):
        if self._how["algorithm"] is None:
            return ops.conv2d(x, kernel, bias, stride=self._stride)
        return ops.fast_conv2d(x, kernel, bias, **self._how)


def fill(network, folder):
    """Gives a network the weights of exchange.py, and switches dropout off; returns it."""
    weights = exchange.read_arrays(folder, exchange.WEIGHTS)
    for variable in network.variables:
        variable.assign(weights[key_of(variable)])
    for module in network.submodules:
        if isinstance(module, Dropout):
            module.rate = 0.0
    return network


def _load(folder, settings):
    """(configuration, {name: tensor of the inputs})."""
    _, plan = exchange.read_plan(folder)
    config = variant_config(plan, settings)
    inputs = exchange.read_arrays(folder, exchange.INPUTS)
    tensors = {key: tf.constant(inputs[key]) for key in TENSORS}
    return config, tensors
