"""PyTorch's sides: forward, a training step, a convolution; eager or through torch.compile.

A training step does what ours does with the results: forward in training mode, the masked sum of
squares after every stage (Eq. 4, with λ), backward, clipping by the global norm, SGD with momentum
and weight decay on kernels. It does less around it: the ideal maps and the center map are given,
and nothing but the losses is measured; ours draws both and reports a dozen numbers a step. With
`bfloat16` its layers compute in 16 bits over float32 weights, by PyTorch's autocast.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from cpm.benchmark import exchange
from cpm.benchmark.torch_network import CHANNELS_LAST, Conv, Machine, Norm
from cpm.benchmark.worker import Side

RATE = 1e-4  # as ours.py


class Forward(Side):
    """Images and center maps to the belief maps of all stages."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        machine, self._arguments, _, _ = _load(folder, settings)
        self._machine = _compiled(machine.eval(), settings)

    def compute(self) -> None:
        with torch.inference_mode():
            self._maps = self._machine(*self._arguments)

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        for t, b_t in enumerate(self._maps, start=1):
            yield f"b_{t}", _channels_last(b_t)


class Training(Side):
    """One training step."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        self._network, self._arguments, self._ideal, config = _load(folder, settings)
        self._machine = _compiled(self._network.train(), settings)
        self._weight = config["target"]["foreground_weight"]
        optimizer = config["optimizer"]
        self._limit = optimizer["clip_norm"]
        parameters = list(self._network.parameters())
        kernels = [p for p in parameters if p.dim() > 1]
        others = [p for p in parameters if p.dim() == 1]
        self._optimizer = torch.optim.SGD(
            [
                {"params": kernels, "weight_decay": optimizer["weight_decay"]},
                {"params": others},
            ],
            lr=RATE,
            momentum=optimizer["momentum"],
        )
        self._narrow = settings.get("bfloat16", False)

    def compute(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._narrow):
            beliefs = self._machine(*self._arguments)
        if self._narrow:
            beliefs = [b_t.float() for b_t in beliefs]
        self._losses = self._stage_losses(beliefs)
        torch.stack(self._losses).sum().backward()

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        yield "losses", torch.stack(self._losses).detach().numpy()
        for name, gradient in _named_gradients(self._network):
            yield f"gradient of {name}", gradient

    def finish(self) -> None:
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._limit)
        self._optimizer.step()
        sum(loss.item() for loss in self._losses)  # what a loop shows

    def _stage_losses(self, beliefs):
        """cpm/training/loss.py: sums over maps and cells, divided by twice N."""
        mask = self._ideal["mask"]
        n = torch.clamp(mask.sum() / mask.shape[1], min=1e-6)
        losses = []
        for t, belief in enumerate(beliefs):
            target = self._ideal["first" if t == 0 else "later"]
            errors = torch.square(belief - target)
            if self._weight:
                errors = errors * (1.0 + self._weight * target)
            losses.append((mask * errors.sum((2, 3))).sum() / (2.0 * n))
        return losses


class Convolution(Side):
    """One convolution with its bias, as `cpm.benchmark.ours.Convolution`."""

    def __init__(self, folder: str, settings: Mapping[str, Any]) -> None:
        _set_threads(settings)
        _, self._plan = exchange.read_plan(folder)
        inputs = exchange.read_arrays(folder, exchange.INPUTS)
        conv = Conv("conv", inputs["kernel"], inputs["bias"], self._plan["stride"])
        self._conv = conv.to(memory_format=CHANNELS_LAST)
        self._function = _compiled(self._conv, settings)
        self._x = _channels_first(inputs["x"])
        self._upstream = _channels_first(inputs["upstream"])

    def compute(self) -> None:
        if not self._plan["gradients"]:
            with torch.inference_mode():
                self._y = self._function(self._x)
            return
        self._conv.zero_grad(set_to_none=True)
        self._x = self._x.detach().requires_grad_()
        self._y = self._function(self._x)
        self._y.backward(self._upstream)

    def outputs(self) -> Iterable[tuple[str, np.ndarray]]:
        yield "y", _channels_last(self._y)
        if self._plan["gradients"]:
            yield "by x", _channels_last(self._x.grad)
            yield "by kernel", _kernel(self._conv.conv.weight.grad)
            yield "by bias", self._conv.conv.bias.grad.numpy()


def export_onnx(folder: str, settings: Mapping[str, Any]) -> str:
    """Writes the network as ONNX, weights inside, for runtimes that read it; returns its path."""
    machine, arguments, _, config = _load(folder, settings)
    path = f"{folder}/network.onnx"
    stages = config["network"]["stages"]
    with warnings.catch_warnings():
        # The file is for crops of this size: paddings are constants in it.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            machine.eval(),
            arguments,
            path,
            input_names=["image", "center_map"][: len(arguments)],
            output_names=[f"b_{t}" for t in range(1, stages + 1)],
            dynamo=False,  # the newer exporter needs a package more
        )
    return path


def _load(folder, settings):
    """(network, its arguments, ideal maps and mask, configuration as JSON values)."""
    _set_threads(settings)
    layers, plan = exchange.read_plan(folder)
    weights = exchange.read_arrays(folder, exchange.WEIGHTS)
    inputs = exchange.read_arrays(folder, exchange.INPUTS)
    machine = Machine(layers, weights, plan)
    maps = [key for key in ("image", "center_map") if key in inputs.files]
    ideal = {key: _channels_first(inputs[key]) for key in ("first", "later")}
    ideal["mask"] = torch.from_numpy(inputs["mask"])
    arguments = tuple(_channels_first(inputs[key]) for key in maps)
    return machine, arguments, ideal, plan["config"]


def _set_threads(settings):
    torch.set_num_threads(settings["threads"])


def _compiled(module, settings):
    return torch.compile(module) if settings["compile"] else module


def _named_gradients(network):
    """(layer/variable as ours, gradient in our layout) of every parameter."""
    for module in network.modules():
        if isinstance(module, Conv):
            yield f"{module.name}/kernel", _kernel(module.conv.weight.grad)
            if module.conv.bias is not None:
                yield f"{module.name}/bias", module.conv.bias.grad.numpy()
        elif isinstance(module, Norm):
            yield f"{module.name}/scale", module.weight.grad.numpy()
            yield f"{module.name}/offset", module.bias.grad.numpy()


def _kernel(gradient):
    """`[Cout, Cin, kh, kw]` → `[kh, kw, Cin, Cout]`."""
    return np.ascontiguousarray(gradient.permute(2, 3, 1, 0).numpy())


def _channels_first(array):
    """`[B, h, w, C]` → `[B, C, h, w]`, in memory as it was."""
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=CHANNELS_LAST)


def _channels_last(tensor):
    """`[B, C, h, w]` → `[B, h, w, C]` NumPy."""
    return tensor.detach().permute(0, 2, 3, 1).numpy()
