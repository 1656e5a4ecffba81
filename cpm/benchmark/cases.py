"""What each case measures: its items, who takes part, and the arithmetic it amounts to.

An item is one thing that all sides do: a forward pass, one convolution, one batch. Its arithmetic
is that of direct convolution (cpm/network/summary.py), two operations to a multiply-add, whatever a
side really computes; a training step counts three times the forward pass, whose two gradients have
as many products each. So "effective GFLOP/s" compares times, and above the machine's limit it says
that somebody multiplies less. What our sides really compute is counted beside it, in arithmetic.py.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from cpm.benchmark import exchange, heatmap, ours, workload
from cpm.benchmark.arithmetic import distinct_convolutions, true_flop
from cpm.benchmark.sides import OURS, PEERS
from cpm.config_json import to_dict
from cpm.errors import UsageError
from cpm.execution import Settings
from cpm.network import architecture
from cpm.network.specs import Residual
from cpm.network.summary import layer_rows
from cpm.skeleton import get_skeleton

CASES = (
    *("conv_layers", "forward", "train_step", "pipeline", "heatmap", "startup", "predict"),
    "scaling",
)

CACHE_BYTES = 2_000_000_000  # of decoded images, where the pipeline is measured with them

# Largest relative error (norm of the difference over norm of the reference) between two sides
# before they are timed; gradients of a whole network have more room (`exchange.allowance`). Sums of
# some thousand float32 products, a dozen layers and six stages deep, agree to about 1e-6. What the
# twin is held to by tests, in float64 where nothing switches, is 1e-9
# (tests/benchmark/test_torch.py).
TOLERANCES = {
    "conv_layers": 1e-5,
    "forward": 1e-4,
    "train_step": 1e-4,
    "heatmap": 1e-5,
}


@dataclasses.dataclass(frozen=True)
class Item:
    """One thing that is timed on every side.

    Attributes:
      name: what a table calls it.
      write: function of a folder that puts the side's files there.
      ours: {variant: (make, settings)}, see worker.py.
      peers: {peer: (make, settings)}.
      flop: of the direct algorithm; 0 where products are not what is done.
      true_flop: {side: operations of its convolution algorithms}; of peers we do not know it.
      written_bytes: of the result, where that is what it is about.
      uncounted: calls at the beginning of every turn that don't count; None = timing.py decides.
      unchecked: peers whose results are not compared.
      checked_as: {side: settings} of sides that are compared as another process computes them,
        because what is timed differs by more than rounding.
    """

    name: str
    write: Callable
    ours: dict
    peers: dict
    flop: int = 0
    true_flop: dict = dataclasses.field(default_factory=dict)
    written_bytes: int = 0
    uncounted: int | None = None
    unchecked: tuple[str, ...] = ()
    checked_as: dict = dataclasses.field(default_factory=dict)


def network_items(
    case: str, settings: Settings, variants: Sequence[str], peers: Sequence[str]
) -> list[Item]:
    """The item of `forward` or `train_step`: a list of one.

    Args:
      case: one of the two.
      settings: `Settings`.
      variants: keys of `ours.VARIANTS`.
      peers: keys of `PEERS` that take part.
    """
    network = settings.config.network
    _require_known(network, peers)
    height, width = network.image_size
    batch = settings.config.data.batch_size
    multiply_adds = sum(row.multiply_adds for row in layer_rows(network))
    sides, others = _ours(OURS[case], variants), _peers(case, peers)
    step = case == "train_step"
    counts = {"gradients": step, "transformed": case == "forward"}
    layers = distinct_convolutions(network)
    return [
        Item(
            name=f"{case} {network.arch} {height}×{width} batch {batch}",
            write=functools.partial(workload.write_workload, settings=settings),
            ours=sides,
            peers=others,
            flop=2 * multiply_adds * batch * (3 if step else 1),
            true_flop=true_flop(sides | others, settings, layers, **counts),
            checked_as=_in_one_piece(sides) if step and network.norm == "batch" else {},
        )
    ]


def _in_one_piece(sides):
    """The settings of our sides with one replica, whose norms take the moments of all the batch."""
    return {
        name: settings | {"changes": settings["changes"] | {"replicas": 1}}
        for name, (_, settings) in sides.items()
    }


def convolution_items(
    settings: Settings, variants: Sequence[str], peers: Sequence[str]
) -> list[Item]:
    """Every distinct convolution of the network, forward, and with both gradients."""
    config, items = settings.config, []
    sides, others = _ours(OURS["conv_layers"], variants), _peers("conv_layers", peers)
    for shape, names in distinct_convolutions(config.network).items():
        side, stride, c_in, c_out, height, width = shape
        flop = 2 * side**2 * c_in * c_out * (height // stride) * (width // stride)
        for gradients in (False, True):
            what = "with gradients" if gradients else "forward"
            items.append(
                Item(
                    name=f"conv {side}×{side}{f'/{stride}' * (stride > 1)} {c_in}→{c_out} at "
                    f"{height}×{width}, {len(names)}×, batch {config.data.batch_size}, {what}",
                    write=functools.partial(
                        write_convolution,
                        shape=shape,
                        gradients=gradients,
                        settings=settings,
                    ),
                    ours=sides,
                    peers=others,
                    flop=flop * config.data.batch_size * (3 if gradients else 1),
                    true_flop=true_flop(
                        sides | others, settings, {shape: [""]}, gradients=gradients
                    ),
                )
            )
    return items


def write_convolution(
    folder: str, shape: tuple[int, ...], gradients: bool, settings: Settings
) -> None:
    """The files of one convolution: random image, kernel of He's size, random upstream gradient."""
    side, stride, c_in, c_out, height, width = shape
    batch = settings.config.data.batch_size
    rng = np.random.default_rng(settings.config.seed)

    def normal(*size, scale=1.0):
        return (scale * rng.standard_normal(size)).astype(np.float32)

    plan = to_dict(settings) | {"stride": stride, "gradients": gradients}
    exchange.write_plan(folder, None, plan)
    arrays = {
        "x": normal(batch, height, width, c_in),
        "kernel": normal(side, side, c_in, c_out, scale=(2 / side**2 / c_in) ** 0.5),
        "bias": normal(c_out),
        "upstream": normal(batch, height // stride, width // stride, c_out),
    }
    exchange.write_arrays(folder, exchange.INPUTS, arrays)


def heatmap_items(settings: Settings, variants: Sequence[str]) -> list[Item]:
    """Belief maps of a batch at the network's stride, and at every pixel of the crop."""
    config = settings.config
    joints = len(get_skeleton(config.network.skeleton))
    batch, items = config.data.batch_size, []
    for stride in (architecture(config.network).stride, 1):
        height, width = (side // stride for side in config.network.image_size)
        plan = to_dict(settings) | {
            "batch": batch,
            "joints": joints,
            "height": height,
            "width": width,
            "stride": stride,
            "sigma_px": config.target.sigma_px,
            "cutoff": config.target.cutoff,
        }
        peers: dict[str, tuple[str, dict]] = {
            "numpy_loop": ("cpm.benchmark.heatmap:NumpyLoop", {}),
            "numpy_patch": ("cpm.benchmark.heatmap:NumpyPatch", {}),
            "memory_write": ("cpm.benchmark.heatmap:MemoryWrite", {}),
            "memory_new": ("cpm.benchmark.heatmap:MemoryNew", {}),
            "memory_call": ("cpm.benchmark.heatmap:MemoryCall", {}),
        }
        items.append(
            Item(
                name=f"heatmap {height}×{width}×{joints} batch {batch}",
                write=functools.partial(heatmap.write_inputs, settings=plan, seed=config.seed),
                ours=_ours("cpm.benchmark.heatmap:Ours", variants),
                peers=peers,
                written_bytes=4 * batch * height * width * joints,
                unchecked=("memory_write", "memory_new", "memory_call"),
            )
        )
    return items


def pipeline_items(settings: Settings, data: Sequence[str], variants: Sequence[str]) -> list[Item]:
    """For each variant of the training step: the pipeline and its parts, the step, and both.

    Args:
      settings: `Settings`, with their recipe's optimizer and augmentation.
      data: list of converted folders.
      variants: keys of `ours.VARIANTS`.
    """
    config = settings.config
    height, width = config.network.image_size
    plan = to_dict(settings) | {"data": list(data)}
    items = []
    for variant in variants:
        changes = {"changes": ours.VARIANTS[variant]}
        batches = "cpm.benchmark.feeding:Batches"
        step, records = (f"cpm.benchmark.feeding:{name}" for name in ("Step", "Records"))
        items.append(
            Item(
                name=f"pipeline {config.network.arch} {height}×{width} "
                f"batch {config.data.batch_size}, steps in {variant}",
                write=functools.partial(exchange.write_plan, architecture=None, settings=plan),
                ours={variant: (batches, changes)},
                peers={
                    "read": (records, changes | {"decode": False}),
                    "decode": (records, changes | {"decode": True}),
                    "cached": (batches, changes | {"cache_bytes": CACHE_BYTES}),
                    "train_step": (step, changes | {"fed": False}),
                    "fed_step": (step, changes | {"fed": True}),
                },
                # What was read ahead between two turns must not make the next look fast.
                uncounted=8,
            )
        )
    return items


def _require_known(network, peers):
    """Refuses peers that cannot build the network: residual blocks are ours alone."""
    unable = [name for name in peers if name != "tf_direct"]
    trunk = architecture(network).trunk
    if unable and any(isinstance(spec, Residual) for spec in trunk):
        raise UsageError(
            f"--peers={','.join(unable)}: they have no residual blocks, which --arch="
            f"{network.arch} is made of; expected none or tf_direct, or --arch=mini, vgg or paper"
        )


def _ours(make, variants):
    return {v: (make, {"changes": ours.VARIANTS[v]}) for v in variants}


def _peers(case, names):
    return {name: (PEERS[name].makes[case], PEERS[name].settings) for name in names}
