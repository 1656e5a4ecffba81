"""The same network in PyTorch, made from the same list of layers.

Written as a PyTorch user would: `torch.nn` layers, channels last, ReLU in place. Only two things
are unusual, because results have to agree. TensorFlow's "same" padding at stride 2 may need one row
more at the bottom than at the top, which `torch.nn.Conv2d` cannot say, so it is padded before. The
pools' windows are clipped by the border: PyTorch's `ceil_mode` where that is the same.

The network is given the center map ready; ours draws it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

CHANNELS_LAST = torch.channels_last


class Machine(torch.nn.Module):
    """Images and center maps → belief maps of every stage.

    Args:
      layers: the `architecture` of `exchange.read_plan`.
      weights: {layer/variable: array} of `exchange.WEIGHTS`.
      settings: of the plan: `normalization` (m, s), `batch_norm`.
    """

    def __init__(
        self,
        layers: Mapping[str, Any],
        weights: Mapping[str, np.ndarray],
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__()

        def block(specs):
            modules = [m for spec in specs for m in _layer(spec, weights, settings)]
            return torch.nn.Sequential(*modules)

        self.trunk = block(layers["trunk"])
        self.stage_1 = block(layers["first_head"])
        second = layers["second_trunk"]
        self.second_trunk = None if second is None else block(second)
        later = layers["later_stages"]
        self.features = torch.nn.ModuleList(block(s["features"]) for s in later)
        self.stages = torch.nn.ModuleList(block(s["head"]) for s in later)
        self._concat = layers["concat"]
        self._middle, self._scale = settings["normalization"]
        self.to(memory_format=CHANNELS_LAST)

    def forward(
        self, image: torch.Tensor, center_map: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """`[B, 3, H, W]` of 0 … 255, `[B, 1, h, w]` → list of T `[B, C, h, w]`."""
        image = (image - self._middle) / self._scale
        x = self.trunk(image)
        b = [self.stage_1(x)]
        shared = x if self.second_trunk is None else self.second_trunk(image)
        inputs = {"center": center_map}
        for features, stage in zip(self.features, self.stages, strict=True):
            inputs |= {"features": features(shared), "beliefs": b[-1]}
            b.append(stage(torch.cat([inputs[name] for name in self._concat], 1)))
        return b


class Conv(torch.nn.Module):
    """A convolution with TensorFlow's "same" padding.

    Args:
      name: of the layer in the plan.
      kernel: `[kh, kw, Cin, Cout]`, as TensorFlow keeps it; turned to PyTorch's
        `[Cout, Cin, kh, kw]`.
      bias: `[Cout]` or None.
      stride: int.
    """

    def __init__(self, name: str, kernel: np.ndarray, bias: np.ndarray | None, stride: int) -> None:
        super().__init__()
        self.name = name
        side, _, c_in, c_out = kernel.shape
        self.side, self.stride = side, stride
        # As much on either side, whatever the size: the layer can pad by itself.
        self.centered = stride == 1 and side % 2 == 1
        padding = side // 2 if self.centered else 0
        self.conv = torch.nn.Conv2d(
            c_in, c_out, side, stride, padding=padding, bias=bias is not None
        )
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))
            if bias is not None:
                self.conv.bias.copy_(torch.from_numpy(bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.centered:
            x = torch.nn.functional.pad(x, _edges(x, self.side, self.stride))
        return self.conv(x)


class Norm(torch.nn.BatchNorm2d):
    """Batch norm with our weights; its moving variance alone differs (divided by n - 1)."""

    def __init__(
        self, name: str, weights: Mapping[str, np.ndarray], settings: Mapping[str, Any]
    ) -> None:
        scale = weights[f"{name}/scale"]
        # PyTorch's momentum is the share of the new batch.
        share = 1 - settings["momentum"]
        super().__init__(len(scale), eps=settings["epsilon"], momentum=share)
        self.name = name
        pairs = {
            "scale": self.weight,
            "offset": self.bias,
            "moving_mean": self.running_mean,
            "moving_variance": self.running_var,
        }
        with torch.no_grad():
            for key, tensor in pairs.items():
                tensor.copy_(torch.from_numpy(weights[f"{name}/{key}"]))


class MaxPool(torch.nn.Module):
    """The maximum over windows that the border clips, as TensorFlow's "same" and Caffe's."""

    def __init__(self, window: int, stride: int) -> None:
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right, top, bottom = edges = _edges(x, self.window, self.stride)
        pool = torch.nn.functional.max_pool2d
        # Windows begin at the first cell and less than one is missing behind the last.
        if left == top == 0 and max(right, bottom) < self.stride:
            return pool(x, self.window, self.stride, ceil_mode=True)
        x = torch.nn.functional.pad(x, edges, value=float("-inf"))
        return pool(x, self.window, self.stride)


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """(cells before, cells after) that "same" padding adds along one axis, as ops/conv2d.py has it.

    >>> same_padding(128, 7, 2), same_padding(46, 11, 1)
    ((2, 3), (5, 5))
    >>> same_padding(368, 3, 2), same_padding(7, 3, 2)
    ((0, 1), (1, 1))
    """
    missing = max((-(-size // stride) - 1) * stride + window - size, 0)
    return missing // 2, missing - missing // 2


def _edges(x, window, stride):
    """(left, right, top, bottom) for `torch.nn.functional.pad`."""
    height, width = x.shape[-2:]
    return *same_padding(width, window, stride), *same_padding(height, window, stride)


def _layer(spec, weights, settings):
    """The modules that a layer of the plan stands for; dropout is left out on all sides."""
    if spec["kind"] == "MaxPool":
        return [MaxPool(spec["window"], spec["stride"])]
    if spec["kind"] == "Dropout":
        return []
    name = spec["name"]
    bias = None if spec["norm"] else weights[f"{name}/bias"]
    modules = [Conv(name, weights[f"{name}/kernel"], bias, spec["stride"])]
    if spec["norm"]:
        modules.append(Norm(f"{name}_norm", weights, settings["batch_norm"]))
    if spec["relu"]:
        modules.append(torch.nn.ReLU(inplace=True))
    return modules
