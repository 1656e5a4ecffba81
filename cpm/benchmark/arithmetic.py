"""How many operations the convolutions of a network take, and what our sides really compute.

An algorithm of fast convolution multiplies less than direct convolution does; which one a layer
gets is decided as in training (cpm/execution/convolution.py).
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from cpm.config import NetworkConfig
from cpm.execution import Settings
from cpm.execution.convolution import Convolution
from cpm.network import architecture
from cpm.network.specs import Conv, Residual
from cpm.network.summary import layer_rows


def distinct_convolutions(network: NetworkConfig) -> dict[tuple[int, ...], list[str]]:
    """{(kernel, stride, channels in, channels out, height in, width in): names of the layers}.

    >>> from cpm.network import preset
    >>> shapes = distinct_convolutions(preset("vgg"))
    >>> len(shapes), len(shapes[7, 1, 128, 128, 46, 46])
    (17, 20)
    """
    rows = {row.name: row for row in layer_rows(network)}
    found: dict[tuple[int, ...], list[str]] = {}
    for spec in _convolutions(architecture(network)):
        row = rows[spec.name]
        outputs = row.height * row.width * row.channels
        c_in = row.multiply_adds // (outputs * spec.kernel**2)
        # Crops are multiples of the stride of the whole network, so no size is rounded up.
        size = row.height * spec.stride, row.width * spec.stride
        shape = (spec.kernel, spec.stride, c_in, spec.channels, *size)
        found.setdefault(shape, []).append(spec.name)
    return found


def true_flop(
    sides: Mapping[str, tuple[str, dict]],
    settings: Settings,
    layers: Mapping[tuple[int, ...], Sequence[str]],
    *,
    gradients: bool,
    transformed: bool = False,
) -> dict[str, int]:
    """{side: operations} of convolutions, for those sides that are a variant of ours.

    A side that computes parts of the forward pass again is left out: how much that is depends on
    where its segments end (cpm/execution/recompute.py), and is not counted here. With gradients
    both are counted, though a network's first layer needs none by the image.

    Args:
      sides: {side: (make, settings)}.
      settings: `Settings` that the variants change.
      layers: as of `distinct_convolutions`.
      gradients, transformed: see `Convolution.multiply_adds`.
    """
    found = {}
    for name, (_, of_side) in sides.items():
        if "changes" in of_side and not of_side["changes"].get("recompute"):
            variant = settings.changed({"execution": of_side["changes"]})
            parts = variant.execution.replicas
            batches = [(variant.config.data.batch_size + r) // parts for r in range(parts)]
            counted = functools.partial(
                _multiply_adds,
                _convolution_of(variant.execution),
                gradients=gradients,
                transformed=transformed,
            )
            found[name] = 2 * sum(
                len(names) * sum(counted(batch, shape) for batch in batches)
                for shape, names in layers.items()
            )
    return found


def _convolution_of(execution):
    """The convolutions of a training step: in 16 bits always direct."""
    narrow = execution.precision != "float32"
    return Convolution(dataclasses.replace(execution, conv="direct") if narrow else execution)


def _multiply_adds(convolution, batch, shape, **counts):
    """Of one convolution, `shape` as of `distinct_convolutions`."""
    k, stride, c_in, c_out, height, width = shape
    return convolution.multiply_adds(
        (k, k, c_in, c_out), stride, (batch, height, width, c_in), **counts
    )


def _convolutions(plan):
    """All `Conv` of an `Architecture`, in the order of computation."""
    blocks = [plan.trunk, plan.first_head, plan.second_trunk or ()]
    blocks += [block for s in plan.later_stages for block in (s.features, s.head)]
    flat = [layer for block in blocks for spec in block for layer in _layers_of(spec)]
    return [spec for spec in flat if isinstance(spec, Conv)]


def _layers_of(spec):
    """The layers of a residual block, or the one layer."""
    return spec.layers if isinstance(spec, Residual) else (spec,)
