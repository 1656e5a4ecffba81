"""The authors' networks: which joints their maps show, and in which order channels lie.

The layers have the same names there and here (cpm/network/architectures.py keeps the release's),
and images come normalized alike: (x − 128) / 256. What differs is the order of channels:

    images          blue, green, red there; red, green, blue here
    belief maps     the release's joints there; those of the skeleton here; the background last

so the first layers' inputs, every stage's outputs and the inputs of the stage after it are
reordered. Nothing is computed: the imported numbers are the file's.

References: shihenw/convolutional-pose-machines-release: deploy files (names, shapes, order of the
stacked inputs) and testing/config.m (order of the joints).
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from cpm.errors import UsageError
from cpm.interchange.caffemodel import Stored
from cpm.network.specs import Architecture, Conv
from cpm.skeleton import Skeleton, canonical_name, get_skeleton, own_skeleton

ARCHITECTURES = ("paper", "vgg")
MAX_STAGES = 16  # the release has 6; a file must not make the network as large as it likes
_ARMS_AND_LEGS = tuple(
    f"{side}_{part}"
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
    for side in ("right", "left")
    for part in parts
)
# LSP, MPII: 14 maps and the background.
BODY = ("head_top", "neck", *_ARMS_AND_LEGS)
# FLIC, four stages of `paper`: nine maps and the background.
UPPER_BODY = (
    *("left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist"),
    *("left_hip", "right_hip", "head"),
)
_UPPER_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("right", "left")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"))
)
_FIRST_BELIEFS = {"paper": "conv7_stage1", "vgg": "conv5_2_CPM"}


@dataclasses.dataclass(frozen=True)
class Reorder:
    """What happens to one layer on its way in; the default is nothing.

    Attributes:
      inputs, outputs: for each channel here, its number there; None = as it is.
      note: for the table of what was done.
    """

    inputs: tuple[int, ...] | None = None
    outputs: tuple[int, ...] | None = None
    note: str = ""

    def __call__(self, stored: Stored) -> Stored:
        """The `Stored` in our order of channels."""
        kernel, bias = stored.kernel, stored.bias
        if self.inputs is not None:
            kernel = kernel[:, :, list(self.inputs)]
        if self.outputs is not None:
            kernel, bias = kernel[..., list(self.outputs)], bias[list(self.outputs)]
        return Stored(kernel, bias, stored.shape)


def draws_beliefs(layers: Collection[str]) -> bool:
    """Whether some released network is in the file, or a part of one."""
    return any(name in layers for name in _FIRST_BELIEFS.values())


def joints_of(arch: str, layers: Mapping[str, Stored | None]) -> tuple[str, ...]:
    """The joints of the file's belief maps, in their order.

    Args:
      arch: `paper` or `vgg`.
      layers: {name: `Stored`}.

    Raises:
      UsageError: for a number of maps that the release has not.
    """
    name = _FIRST_BELIEFS[arch]
    drawing = layers.get(name)
    if drawing is None:
        raise UsageError(
            f"the file has no layer {name!r}, which draws stage 1's belief maps in `{arch}`; "
            f"it has {', '.join(list(layers)[:8])} …: try another --arch"
        )
    maps = drawing.kernel.shape[-1]
    for joints in (BODY, UPPER_BODY):
        if maps == len(joints) + 1:
            return joints
    raise UsageError(
        f"layer {name!r} draws {maps} belief maps; the release's networks draw 15 (LSP, MPII) or "
        "10 (FLIC), and the joints of others are not known"
    )


def stages_of(layers: Collection[str]) -> int:
    """How many stages the file has: those that follow one another from 2 on, and the first.

    >>> stages_of({"Mconv1_stage2": 0, "Mconv1_stage3": 0, "Mconv1_stage5": 0})
    3
    """
    stages = 1
    while stages < MAX_STAGES and f"Mconv1_stage{stages + 1}" in layers:
        stages += 1
    return stages


def skeleton_of(joints: Sequence[str], name: str | None = None) -> Skeleton:
    """The skeleton to import into.

    Args:
      joints: of the file.
      name: what the user asks for; None = `lsp14` for its joints, else one in the file's order.

    Raises:
      UsageError: if it has other joints than the file.
    """
    if name is None:
        name = "lsp14" if joints == BODY else own_skeleton(joints, _UPPER_LIMBS).name
    skeleton = get_skeleton(name)
    if {*map(canonical_name, skeleton.joints)} != set(joints):
        raise UsageError(
            f"skeleton {name!r} has {len(skeleton)} joints, the file's belief maps show "
            f"{', '.join(joints)}; leave --skeleton out"
        )
    return skeleton


def reorders(plan: Architecture, joints: Sequence[str], skeleton: Skeleton) -> dict[str, Reorder]:
    """What has to happen to each layer.

    Args:
      plan: `Architecture` of the network that is filled.
      joints: of the file, in its order.
      skeleton: the network's.

    Returns:
      {layer name: `Reorder`} of the layers that change.
    """
    numbers = [joints.index(canonical_name(joint)) for joint in skeleton.joints]
    order = (*numbers, len(joints))  # the background
    heads = [plan.first_head, *(stage.head for stage in plan.later_stages)]
    changes = {
        _convs(trunk)[0].name: Reorder(inputs=(2, 1, 0), note="BGR → RGB")
        for trunk in (plan.trunk, plan.second_trunk)
        if trunk is not None
    }
    for head in heads:
        changes[_convs(head)[-1].name] = Reorder(outputs=order, note="joints' order")
    for stage in plan.later_stages:
        shared = plan.second_trunk or plan.trunk
        features = _convs(shared + stage.features)[-1].channels
        inputs = _stacked_order(plan.concat, features, order)
        changes[_convs(stage.head)[0].name] = Reorder(inputs, note="inputs' order")
    return changes


def _stacked_order(concat, features, order):
    """Where each stacked input channel lies in the file: all in place but the belief maps."""
    sizes = {"features": features, "beliefs": len(order), "center": 1}
    inputs: list[int] = []
    start = 0
    for name in concat:
        own = order if name == "beliefs" else range(sizes[name])
        inputs += [start + channel for channel in own]
        start += sizes[name]
    return tuple(inputs)


def _convs(specs):
    return [spec for spec in specs if isinstance(spec, Conv)]
