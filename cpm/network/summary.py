"""What a network costs and sees: parameters, multiply-adds and receptive field, by layer and stage.

Computed from the description (architectures.py) alone, so a network can be judged before it is
built; tests compare the parameters with the built network's variables and the receptive field
with what an impulse in the image reaches.

Conventions: one multiply-add (MAC) is one product added to a sum, half of what some call a FLOP;
only convolutions are counted, the rest is below a percent. Parameters are those that training
changes, without the moving averages of norms. A receptive field is the side of the square of input
pixels that one cell depends on through the image; the center map adds nothing to it.

References:
  The paper's receptive fields: Wei et al. 2016, Figure 2 (160 px at stage 1, 400 px at stage 2).
"""

import typing
from collections.abc import Iterable

from cpm.config import NetworkConfig
from cpm.network.architectures import architecture
from cpm.network.specs import Conv, Dropout, Residual
from cpm.text_table import format_table


class LayerRow(typing.NamedTuple):
    """One layer.

    Attributes:
      stage: the stage that first needs it, from 1.
      name: as in the architecture; kind: e.g. `conv 9×9`.
      height, width, channels: of its output.
      parameters: trainable numbers.
      multiply_adds: for one image.
      receptive_field_px: input pixels.
    """

    stage: int
    name: str
    kind: str
    height: int
    width: int
    channels: int
    parameters: int
    multiply_adds: int
    receptive_field_px: int


class StageRow(typing.NamedTuple):
    """One stage: what it adds, and what the network that ends with it amounts to."""

    stage: int
    parameters: int
    multiply_adds: int
    total_parameters: int
    total_multiply_adds: int
    receptive_field_px: int


class _Signal(typing.NamedTuple):
    """The output of a layer: its size, its receptive field, and the pixels between two cells."""

    height: int
    width: int
    channels: int
    field_px: int = 1
    step_px: int = 1


def layer_rows(config: NetworkConfig) -> list[LayerRow]:
    """Every layer, in the order of computation, for a crop of `config.image_size`.

    Args:
      config: `NetworkConfig`.
    Returns:
      List of `LayerRow`.
    Raises:
      ValueError: for a configuration out of range.
    """
    plan = architecture(config)
    height, width = config.image_size
    image = _Signal(height, width, channels=3)
    rows: list[LayerRow] = []
    x = _follow(image, plan.trunk, 1, rows)
    b = _follow(x, plan.first_head, 1, rows)
    shared = x if plan.second_trunk is None else _follow(image, plan.second_trunk, 2, rows)
    for t, stage in enumerate(plan.later_stages, start=2):
        inputs = {
            "features": _follow(shared, stage.features, t, rows),
            "beliefs": b,
            "center": b._replace(channels=1),
        }
        psi = _concat([inputs[name] for name in plan.concat])
        b = _follow(psi, stage.head, t, rows)
    return rows


def stage_rows(config: NetworkConfig) -> list[StageRow]:
    """Sums of `layer_rows` by stage.

    Args:
      config: `NetworkConfig`.
    Returns:
      List of T `StageRow`.

    >>> from cpm.config import NetworkConfig
    >>> options = dict(stages=6, norm="none", background=True, image_size=(368, 368))
    >>> vgg = NetworkConfig("vgg", "lsp14", **options)
    >>> [f"{row.total_parameters / 1e6:.1f}" for row in stage_rows(vgg)[1:]]
    ['13.3', '17.5', '21.6', '25.7', '29.9']
    """
    layers = layer_rows(config)
    rows = []
    for t in range(1, config.stages + 1):
        own = [row for row in layers if row.stage == t]
        so_far = [row for row in layers if row.stage <= t]
        rows.append(
            StageRow(
                stage=t,
                parameters=sum(row.parameters for row in own),
                multiply_adds=sum(row.multiply_adds for row in own),
                total_parameters=sum(row.parameters for row in so_far),
                total_multiply_adds=sum(row.multiply_adds for row in so_far),
                receptive_field_px=own[-1].receptive_field_px,
            )
        )
    return rows


def format_layers(rows: Iterable[LayerRow]) -> str:
    """The rows of `layer_rows` as a table of text."""
    header = ("stage", "layer", "kind", "output", "parameters", "MMAC", "field px")
    cells = [
        (
            str(row.stage),
            row.name,
            row.kind,
            f"{row.height}×{row.width}×{row.channels}",
            f"{row.parameters:,}",
            f"{row.multiply_adds / 1e6:,.1f}",
            str(row.receptive_field_px),
        )
        for row in rows
    ]
    return format_table(header, cells, left=(1, 2), markdown=False)


def format_stages(rows: Iterable[StageRow]) -> str:
    """The rows of `stage_rows` as a table of text."""
    header = ("stage", "parameters", "GMAC", "all parameters", "all GMAC", "field px")
    cells = [
        (
            str(row.stage),
            f"{row.parameters:,}",
            f"{row.multiply_adds / 1e9:.2f}",
            f"{row.total_parameters:,}",
            f"{row.total_multiply_adds / 1e9:.2f}",
            str(row.receptive_field_px),
        )
        for row in rows
    ]
    return format_table(header, cells, left=(), markdown=False)


def _follow(signal, specs, stage, rows):
    """Sends a signal through layers, adding a row for each; returns what comes out."""
    for spec in specs:
        if isinstance(spec, Residual):
            signal = _follow(signal, spec.layers, stage, rows)
            continue
        channels_in = signal.channels
        signal = _after(signal, spec)
        parameters, multiply_adds, kind = 0, 0, "dropout"
        if isinstance(spec, Conv):
            weights = spec.kernel**2 * channels_in * spec.channels
            # A bias, or a norm's scale and offset.
            parameters = weights + spec.channels * (2 if spec.norm else 1)
            multiply_adds = weights * signal.height * signal.width
            kind = f"conv {spec.kernel}×{spec.kernel}"
        elif not isinstance(spec, Dropout):
            kind = f"max {spec.window}×{spec.window}"
        if getattr(spec, "stride", 1) > 1:
            kind += f"/{spec.stride}"
        rows.append(
            LayerRow(
                stage=stage,
                name=spec.name,
                kind=kind,
                height=signal.height,
                width=signal.width,
                channels=signal.channels,
                parameters=parameters,
                multiply_adds=multiply_adds,
                receptive_field_px=signal.field_px,
            )
        )
    return signal


def _after(signal, spec):
    """The signal behind one layer. A window of k cells adds k − 1 steps to the receptive field."""
    if isinstance(spec, Dropout):
        return signal
    is_conv = isinstance(spec, Conv)
    window = spec.kernel if is_conv else spec.window
    return _Signal(
        height=-(-signal.height // spec.stride),  # "same": rounded up
        width=-(-signal.width // spec.stride),
        channels=spec.channels if is_conv else signal.channels,
        field_px=signal.field_px + (window - 1) * signal.step_px,
        step_px=signal.step_px * spec.stride,
    )


def _concat(signals):
    """Signals stacked along channels: the widest receptive field is that of the stack."""
    return signals[0]._replace(
        channels=sum(signal.channels for signal in signals),
        field_px=max(signal.field_px for signal in signals),
    )
