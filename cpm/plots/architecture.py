"""A network as boxes: its layers from left to right, a line for each stage.

    height, width of a box    side of the layer's output, number of its channels (not to scale)
    blue, gray, orange        convolution, pooling, belief maps
    green                     what a stage ≥ 2 sees, stacked
    below a box               the layer and the shape of its output, height × width × channels
    above a box               receptive field: side of the square of input pixels behind one cell

Equal layers that follow each other are one box.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from cpm.plots.canvas import Canvas

CONV, POOL, BELIEFS, STACK, IMAGE = "#56a0d3", "#b5b5b5", "#e69f00", "#3aa981", "#dddddd"
_PALE, _EDGE = "#6e6e6e", "#404040"
_LEFT_PX, _BOX_PX, _RIGHT_PX = 182, 110, 20  # of a line: its title, a box, the end
_TOP_PX, _ABOVE_PX, _BELOW_PX = 74, 30, 52  # of the page; room above and below the boxes of a line
_SHOWN_STAGES = 3


@dataclasses.dataclass(frozen=True)
class _Box:
    """One box: color, the words below it, size and receptive field of its output."""

    color: str
    label: str
    height: int
    width: int
    channels: int
    field_px: int | None = None

    @property
    def shape(self):
        return f"{self.height}×{self.width}×{self.channels}"


@dataclasses.dataclass(frozen=True)
class _Lane:
    """One line of boxes: its title, the sentence below, and what the loss is called, if any."""

    title: str
    text: str
    boxes: list
    loss: str = ""


def draw_architecture(
    plan: Any, rows: Sequence[Any], *, title: str, image_size: tuple[int, int], center_map: bool
) -> np.ndarray:
    """The boxes of a network.

    Args:
      plan: the `Architecture`.
      rows: its layers, of `layer_rows`.
      title: line at the top.
      image_size: (height, width) of the crop.
      center_map: stages ≥ 2 also see the center map.

    Returns:
      `[h, w, 3]` uint8.
    """
    lanes = _lanes(plan, rows, image_size, center_map)
    hidden = len(plan.later_stages) + 1 - _SHOWN_STAGES
    largest = max(image_size)
    heights = [max(_size(box, largest)[1] for box in lane.boxes) for lane in lanes]
    boxes_px = max(len(lane.boxes) for lane in lanes) * _BOX_PX
    canvas = Canvas(
        _LEFT_PX + boxes_px + _RIGHT_PX,
        _TOP_PX + sum(heights) + len(lanes) * (_ABOVE_PX + _BELOW_PX) + (36 if hidden > 0 else 4),
    )
    canvas.text(16, 22, title, size=12, weight="bold")
    axes = canvas.image_axes(0, 0, canvas.width, canvas.height)
    axes.set_xlim(0, canvas.width)
    axes.set_ylim(canvas.height, 0)
    _draw_legend(canvas, axes, {box.color for lane in lanes for box in lane.boxes})
    top = _TOP_PX
    for lane, height in zip(lanes, heights, strict=True):
        _draw_lane(canvas, axes, lane, top + _ABOVE_PX, height, largest)
        top += _ABOVE_PX + height + _BELOW_PX
    if hidden > 0:
        canvas.text(16, canvas.height - 20, _rest(rows, hidden), size=10)
    return canvas.pixels()


def layers_by_block(plan: Any, rows: Sequence[Any]) -> dict[str, list[Any]]:
    """The rows of `layer_rows`, block by block: {name: rows}, in the order of computation.

    Names: `trunk`, `stage 1`, `second trunk`, and for each t ≥ 2 `features t` and `stage t`; a
    block without layers is left out.
    """
    blocks = {"trunk": plan.trunk, "stage 1": plan.first_head}
    blocks["second trunk"] = plan.second_trunk or ()
    for t, stage in enumerate(plan.later_stages, start=2):
        blocks |= {f"features {t}": stage.features, f"stage {t}": stage.head}
    remaining, parts = iter(rows), {}
    for name, specs in blocks.items():
        layers = sum(len(_convolutions(spec)) for spec in specs)
        parts[name] = list(itertools.islice(remaining, layers))
    return {name: layers for name, layers in parts.items() if layers}


def _convolutions(spec):
    """The layers of a `Residual`; of any other layer itself."""
    return getattr(spec, "layers", (spec,))


def _lanes(plan, rows, image_size, center_map):
    """The trunk, stage 1, a trunk of later stages if there is one, and the first later stages."""
    residual = {
        layer.name
        for spec in (*plan.trunk, *(plan.second_trunk or ()))
        for layer in _convolutions(spec)
        if layer is not spec
    }
    blocks = {name: _boxes(b, residual) for name, b in layers_by_block(plan, rows).items()}
    height, width = image_size
    image = _Box(IMAGE, "image", height, width, 3)
    lanes = [_Lane("trunk", "features x of the image", [image, *blocks["trunk"]])]
    features, name = lanes[0].boxes[-1], "x"
    b_t = _beliefs_last(blocks["stage 1"], 1)
    first = [_named(features, "x"), *b_t]
    lanes.append(_Lane("stage 1", "Eq. 1:  $b_1 = g_1(x)$", first, loss="$f_1$"))
    if "second trunk" in blocks:
        boxes = [image, *blocks["second trunk"]]
        lanes.append(_Lane("trunk of stages ≥ 2", "features x′ of the image", boxes))
        features, name = boxes[-1], "x′"
    for t in range(2, min(len(plan.later_stages) + 1, _SHOWN_STAGES) + 1):
        seen = [_named(features, name if name == "x′" else "x′ = x")]
        seen += blocks.get(f"features {t}", [])
        stack = _stack(seen[-1], b_t[-1], t, center_map)
        b_t = _beliefs_last(blocks[f"stage {t}"], t)
        equation = rf"Eq. 3:  $b_{t} = g_{t}(x', \psi(b_{t - 1}))$"
        lanes.append(_Lane(f"stage {t}", equation, [*seen, stack, *b_t], loss=f"$f_{t}$"))
    return lanes


def _boxes(rows, residual):
    """Layers as boxes; equal neighbors are one, dropout a word at the box before it.

    Args:
      rows: some of `layer_rows`.
      residual: names of the layers around which their input is added.
    """
    boxes: list[_Box] = []
    counts: list[int] = []
    for row in rows:
        if row.kind == "dropout":
            boxes[-1] = dataclasses.replace(boxes[-1], label=boxes[-1].label + ", dropout")
            continue
        kind = row.kind.removeprefix("conv ")
        if row.name in residual:
            kind = f"residual {kind}"
        color = POOL if kind.startswith("max") else CONV
        size = (row.height, row.width, row.channels)
        box = _Box(color, kind, *size, row.receptive_field_px)
        if boxes and dataclasses.replace(boxes[-1], field_px=box.field_px) == box:
            boxes[-1] = box
            counts[-1] += 1
        else:
            boxes.append(box)
            counts.append(1)
    return [
        dataclasses.replace(box, label=_counted(box.label, count))
        for box, count in zip(boxes, counts, strict=True)
    ]


def _counted(kind, count):
    """What a box of so many equal layers is called.

    >>> _counted("3×3", 1), _counted("3×3", 2), _counted("residual 3×3", 4)
    ('3×3', '3×3, 2 layers', '4 residual 3×3')
    """
    if count == 1:
        return kind
    return f"{count} {kind}" if kind.startswith("residual") else f"{kind}, {count} layers"


def _beliefs_last(boxes, t):
    """A stage's last layer draws its belief maps."""
    last = dataclasses.replace(boxes[-1], color=BELIEFS, label=f"{boxes[-1].label} → $b_{t}$")
    return [*boxes[:-1], last]


def _named(box, name):
    """The result of another line, where this one begins."""
    return dataclasses.replace(box, label=name, field_px=None)


def _stack(x_t, beliefs, t, center_map):
    """What a stage ≥ 2 sees: features, the beliefs of the stage before and the center map."""
    channels = x_t.channels + beliefs.channels + int(center_map)
    label = f"x′ + $b_{t - 1}$" + (" + center" if center_map else "")
    return _Box(STACK, label, beliefs.height, beliefs.width, channels)


def _draw_legend(canvas, axes, used):
    """What the colors that are used and the numbers mean."""
    entries = [
        (CONV, "convolution"),
        (POOL, "pooling"),
        (STACK, "input of a stage ≥ 2, stacked"),
        (BELIEFS, "belief maps"),
    ]
    x, y = 16.0, 50.0
    for color, text in entries:
        if color not in used:
            continue
        axes.add_patch(Rectangle((x, y - 6), 12, 12, fc=color, ec=_EDGE, lw=0.8))
        canvas.text(x + 18, y, text, size=9)
        x += 44 + 6.6 * len(text)
    canvas.text(x, y, "above a box: its receptive field; f: the loss", size=9, color=_PALE)


def _draw_lane(canvas, axes, lane, top, height, largest):
    """One line of boxes, arrows between them; `height` is that of its largest box."""
    middle = top + height / 2
    canvas.text(16, middle - 11, lane.title, size=11, weight="bold")
    canvas.text(16, middle + 11, lane.text, size=9, math=True)
    for n, box in enumerate(lane.boxes):
        x = _LEFT_PX + (n + 0.5) * _BOX_PX
        width, box_height = _size(box, largest)
        corner = x - width / 2, middle - box_height / 2
        axes.add_patch(Rectangle(corner, width, box_height, fc=box.color, ec=_EDGE, lw=0.8))
        if box.field_px:
            y = middle - box_height / 2 - 10
            canvas.text(x, y, f"{box.field_px} px", size=8, color=_PALE, ha="center")
        canvas.text(x, top + height + 13, box.label, size=9, ha="center", math=True)
        canvas.text(x, top + height + 29, box.shape, size=8.5, ha="center", color=_PALE)
        if n + 1 < len(lane.boxes):
            following = _size(lane.boxes[n + 1], largest)[0]
            _arrow(axes, x + width / 2 + 5, x + _BOX_PX - following / 2 - 5, middle)
    if lane.loss:
        _arrow(axes, x + width / 2 + 5, x + width / 2 + 36, middle)
        canvas.text(x + width / 2 + 50, middle, lane.loss, size=13, ha="center", math=True)


def _arrow(axes, start, end, y):
    axes.annotate("", (end, y), (start, y), arrowprops={"arrowstyle": "->", "color": "#606060"})


def _size(box, largest):
    """(width, height) of a box in pixels: logarithm of the channels, root of the map's side."""
    width = 6 + 5 * math.log2(max(box.channels, 2))
    height = 12 + 64 * math.sqrt(max(box.height, box.width) / largest)
    return width, height


def _rest(rows, hidden):
    """A sentence for the stages that are not shown."""
    last = {row.stage: row.receptive_field_px for row in rows}
    stages = sorted(last)[-hidden:]
    fields = ", ".join(f"{last[t]} px" for t in stages)
    if hidden == 1:
        return (
            f"Stage {stages[0]} has the layers of stage {_SHOWN_STAGES}; "
            f"its receptive field is {fields}."
        )
    return (
        f"Stages {stages[0]} to {stages[-1]} have the layers of stage {_SHOWN_STAGES}; "
        f"their receptive fields are {fields}."
    )
