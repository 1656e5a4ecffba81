"""What each case measures: its items, who takes part, and the arithmetic it amounts to.

An item is one thing that all sides do: a forward pass, one convolution, one batch. Its arithmetic is
that of direct convolution (cpm/network/summary.py), two operations to a multiply-add, whatever a
side really computes; a training step counts three times the forward pass, whose two gradients have
as many products each. So "effective GFLOP/s" compares times, and above the machine's limit it says
that somebody multiplies less. What our sides really compute is counted beside it.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

import ops
from cpm.benchmark import exchange, heatmap, ours, workload
from cpm.benchmark.sides import OURS, PEERS
from cpm.config import changed
from cpm.config_json import to_dict
from cpm.network import ConvolutionMethod, architecture
from cpm.network.slicing import slices_that_pay
from cpm.network.specs import Conv
from cpm.network.summary import layer_rows
from cpm.skeleton import get_skeleton

CASES = ("conv_layers", "forward", "train_step", "pipeline", "heatmap", "startup")

# Largest relative error (norm of the difference over norm of the reference) between two sides before
# they are timed; gradients of a whole network have more room (`exchange.allowance`). Sums of some thousand
# float32 products, a dozen layers and six stages deep, agree to about 1e-6. What the twin is
# held to by tests, in float64 where nothing switches, is 1e-9 (tests/benchmark/test_torch.py).
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


def network_items(case, config, variants, peers):
    """The item of `forward` or `train_step`: a list of one.

    Args:
      case: one of the two.
      config: `TrainConfig`.
      variants: keys of `ours.VARIANTS`.
      peers: keys of `PEERS` that take part.
    """
    network = config.network
    height, width = network.image_size
    batch = config.data.batch_size
    multiply_adds = sum(row.multiply_adds for row in layer_rows(network))
    sides, others = _ours(OURS[case], variants), _peers(case, peers)
    step = case == "train_step"
    counts = {"gradients": step, "step": step, "transformed": case == "forward"}
    layers = distinct_convolutions(network)
    return [
        Item(
            name=f"{case} {network.arch} {height}×{width} batch {batch}",
            write=functools.partial(workload.write_workload, config=config),
            ours=sides,
            peers=others,
            flop=2 * multiply_adds * batch * (3 if case == "train_step" else 1),
            true_flop=_true_flop(sides | others, config, layers, **counts),
        )
    ]


def convolution_items(config, variants, peers):
    """Every distinct convolution of the network, forward, and with both gradients."""
    items = []
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
                        config=config,
                    ),
                    ours=sides,
                    peers=others,
                    flop=flop * config.data.batch_size * (3 if gradients else 1),
                    true_flop=_true_flop(
                        sides | others, config, {shape: [""]}, gradients=gradients
                    ),
                )
            )
    return items


def distinct_convolutions(network):
    """{(kernel, stride, channels in, channels out, height in, width in): names of the layers}.

    >>> from cpm.network import preset
    >>> shapes = distinct_convolutions(preset("vgg"))
    >>> len(shapes), len(shapes[7, 1, 128, 128, 46, 46])
    (17, 20)
    """
    rows = {row.name: row for row in layer_rows(network)}
    found = {}
    for spec in _convolutions(architecture(network)):
        row = rows[spec.name]
        outputs = row.height * row.width * row.channels
        c_in = row.multiply_adds // (outputs * spec.kernel**2)
        # Crops are multiples of the stride of the whole network, so no size is rounded up.
        size = row.height * spec.stride, row.width * spec.stride
        shape = (spec.kernel, spec.stride, c_in, spec.channels, *size)
        found.setdefault(shape, []).append(spec.name)
    return found


def _true_flop(sides, config, layers, *, gradients, transformed=False, step=False):
    """{side: operations} of convolutions, for those sides that are a variant of ours.

    Args:
      sides: {side: (make, settings)}.
      config: `TrainConfig` that the variants change.
      layers: as of `distinct_convolutions`.
      gradients, transformed: see `ops.fast_conv2d_multiply_adds`.
      step: whether they are those of a training step, whose batch may be computed in slices.
    """
    found = {}
    for name, (_, settings) in sides.items():
        if "changes" in settings:
            variant = changed(config, settings["changes"])
            narrow = variant.precision != "float32"  # always direct, layers.py says why
            method = ConvolutionMethod("direct" if narrow else variant.conv, variant.xla)
            slices = slices_that_pay(variant) if step else 1
            sizes = [(config.data.batch_size + s) // slices for s in range(slices)]
            one = functools.partial(
                _multiply_adds,
                method,
                threads=1 if slices > 1 else None,
                gradients=gradients,
                transformed=transformed,
            )
            found[name] = 2 * sum(
                len(names) * sum(one(size, shape) for size in sizes)
                for shape, names in layers.items()
            )
    return found


def _multiply_adds(method, batch, shape, *, threads, gradients, transformed):
    """Of one convolution, `shape` as of `distinct_convolutions`, as `method` computes it.

    With gradients both are counted, though a network's first layer needs none by the picture.
    """
    k, stride, c_in, c_out, height, width = shape
    image = (batch, height, width, c_in)
    kernel_shape = (k, k, c_in, c_out)
    algorithm = method.algorithm(kernel_shape, stride, image, threads=threads)
    if algorithm is None:
        outputs = batch * (height // stride) * (width // stride)
        return outputs * k**2 * c_in * c_out * (3 if gradients else 1)
    return ops.fast_conv2d_multiply_adds(
        algorithm, image, k, c_out, gradients=gradients, transformed=transformed
    )


def write_convolution(folder, shape, gradients, config):
    """The files of one convolution: random image, kernel of He's size, random upstream gradient."""
    side, stride, c_in, c_out, height, width = shape
    batch = config.data.batch_size
    rng = np.random.default_rng(config.seed)

    def normal(*size, scale=1.0):
        return (scale * rng.standard_normal(size)).astype(np.float32)

    settings = {"config": to_dict(config), "stride": stride, "gradients": gradients}
    exchange.write_plan(folder, None, settings)
    arrays = {
        "x": normal(batch, height, width, c_in),
        "kernel": normal(side, side, c_in, c_out, scale=(2 / side**2 / c_in) ** 0.5),
        "bias": normal(c_out),
        "upstream": normal(batch, height // stride, width // stride, c_out),
    }
    exchange.write_arrays(folder, exchange.INPUTS, arrays)


def heatmap_items(config, variants):
    """Belief maps of a batch at the network's stride, and at every pixel of the crop."""
    joints = len(get_skeleton(config.network.skeleton))
    batch, items = config.data.batch_size, []
    for stride in (architecture(config.network).stride, 1):
        height, width = (side // stride for side in config.network.image_size)
        settings = {
            "config": to_dict(config),
            "batch": batch,
            "joints": joints,
            "height": height,
            "width": width,
            "stride": stride,
            "sigma_px": config.target.sigma_px,
            "cutoff": config.target.cutoff,
        }
        peers = {
            "numpy_loop": ("cpm.benchmark.heatmap:NumpyLoop", {}),
            "numpy_patch": ("cpm.benchmark.heatmap:NumpyPatch", {}),
            "memory_write": ("cpm.benchmark.heatmap:MemoryWrite", {}),
            "memory_new": ("cpm.benchmark.heatmap:MemoryNew", {}),
            "memory_call": ("cpm.benchmark.heatmap:MemoryCall", {}),
        }
        items.append(
            Item(
                name=f"heatmap {height}×{width}×{joints} batch {batch}",
                write=functools.partial(heatmap.write_inputs, settings=settings, seed=config.seed),
                ours=_ours("cpm.benchmark.heatmap:Ours", variants),
                peers=peers,
                written_bytes=4 * batch * height * width * joints,
                unchecked=("memory_write", "memory_new", "memory_call"),
            )
        )
    return items


def pipeline_items(config, data, variants):
    """For each variant of the training step: the pipeline, the step, and both together.

    Args:
      config: `TrainConfig`, with its recipe's optimiser and changes.
      data: list of converted folders.
      variants: keys of `ours.VARIANTS`.
    """
    height, width = config.network.image_size
    settings = {"config": to_dict(config), "data": list(data)}
    items = []
    for variant in variants:
        changes = {"changes": ours.VARIANTS[variant]}
        step = "cpm.benchmark.feeding:Step"
        items.append(
            Item(
                name=f"pipeline {config.network.arch} {height}×{width} "
                f"batch {config.data.batch_size}, steps in {variant}",
                write=functools.partial(exchange.write_plan, architecture=None, settings=settings),
                ours={variant: ("cpm.benchmark.feeding:Batches", changes)},
                peers={
                    "train_step": (step, changes | {"fed": False}),
                    "fed_step": (step, changes | {"fed": True}),
                },
                # What was read ahead between two turns must not make the next look fast.
                uncounted=8,
            )
        )
    return items


def _ours(make, variants):
    return {v: (make, {"changes": ours.VARIANTS[v]}) for v in variants}


def _peers(case, names):
    return {name: (PEERS[name].makes[case], PEERS[name].settings) for name in names}


def _convolutions(plan):
    """All `Conv` of an `Architecture`, in the order of computation."""
    blocks = [plan.trunk, plan.first_head, plan.second_trunk or ()]
    blocks += [block for s in plan.later_stages for block in (s.features, s.head)]
    return [spec for block in blocks for spec in block if isinstance(spec, Conv)]
