"""What each experiment varies, as data: variants, each a sequence of phases, each a training run.

References: Wei et al. 2016, Figure 4 (receptive field), Figure 5 (vanishing gradients), Figure 6
(training schemes, number of stages).
"""

import dataclasses
from collections.abc import Callable

from cpm.config import AUGMENTATIONS
from cpm.execution import Settings
from cpm.network.architectures import STRIDES, architecture
from cpm.network.summary import stage_rows

GRADIENT_RECORDS = 60  # of every kernel, over a run
KERNELS = (1, 3, 5, 7, 9, 11)


@dataclasses.dataclass(frozen=True)
class Phase:
    """One training run of a variant.

    Attributes:
      changes: of the experiment's settings, see `cpm.execution.Settings.changed`.
      share: of the steps of the whole variant.
      data: `given`, the experiment's people; `synthetic`, synthetic people; `both`, shuffled
        together.
    """

    changes: dict
    share: float = 1.0
    data: str = "given"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One thing to compare; later phases start from the weights of the one before."""

    label: str
    phases: tuple[Phase, ...]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is compared, and what the paper says of it.

    Attributes:
      claim: what the paper says, or that it says nothing.
      variants: `Settings` → list of `Variant`.
      changes: of the settings, for all variants.
      equal_time: all variants get the time that the first takes, not its number of steps.
    """

    claim: str
    variants: Callable
    changes: dict = dataclasses.field(default_factory=dict)
    equal_time: bool = False


def number_of_stages(settings: Settings) -> list[Variant]:
    """One to as many stages as the configuration has, all else equal."""
    return [
        Variant(f"{t} stage{'s' if t > 1 else ''}", (Phase({"network": {"stages": t}}),))
        for t in range(1, settings.config.network.stages + 1)
    ]


def supervision(settings: Settings) -> list[Variant]:
    """A loss after every stage, and after the last one only; gradients are recorded."""
    record = {"gradients_every": max(1, settings.config.steps // GRADIENT_RECORDS)}
    return [
        Variant(
            label,
            (Phase({"target": {"supervision": name}, "execution": record}),),
        )
        for name, label in (("every", "every stage"), ("last", "last stage only"))
    ]


def training_schemes(settings: Settings) -> list[Variant]:
    """All stages at once, one after the other, that and then all, and with one loss at the end.

    Each has the same number of updates. A stage trained alone learns from its own loss; those
    before it keep their weights (their norms go on averaging).
    """
    stages = settings.config.network.stages

    def one_by_one(share):
        return tuple(
            Phase(
                {
                    "network": {"stages": t},
                    "target": {"supervision": "last"},
                    "optimizer": {"only_stage": t},
                },
                share / stages,
            )
            for t in range(1, stages + 1)
        )

    return [
        Variant("joint", (Phase({}),)),
        Variant("stage by stage", one_by_one(1.0)),
        Variant("stage by stage, then joint", (*one_by_one(0.5), Phase({}, 0.5))),
        Variant("no intermediate loss", (Phase({"target": {"supervision": "last"}}),)),
    ]


def receptive_field(settings: Settings) -> list[Variant]:
    """Later stages with small and large kernels, at the number of parameters nearest to equal."""
    wanted = parameters(settings)
    variants = []
    for kernel in KERNELS:
        width = min(
            (n / 16 for n in range(4, 160)),
            key=lambda w: abs(parameters(_with_kernel(settings, kernel, w)) - wanted),
        )
        changes = {"network": {"stage_kernel": kernel, "stage_width": width}}
        variants.append(Variant(f"kernels {kernel}×{kernel}", (Phase(changes),)))
    return variants


def ingredients(settings: Settings) -> list[Variant]:
    """Parts of the method that the paper has no numbers for, taken away or added one at a time."""
    config = settings.config
    choices = {
        "as it is": {},
        "no center map": {"network": {"center_map": not config.network.center_map}},
        "with background map": {"network": {"background": not config.network.background}},
        "stage 1: primary person only": {
            "target": {"everyone_in_stage_1": not config.target.everyone_in_stage_1}
        },
    }
    return [Variant(label, (Phase(changes),)) for label, changes in choices.items()]


def one_change(settings: Settings) -> list[Variant]:
    """What a training is made of, one change at a time; the last two change the people."""
    config = settings.config
    network, target, optimizer = config.network, config.target, config.optimizer
    size, stages = network.image_size, network.stages

    def crop(factor):
        """Peaks keep their size in the image."""
        larger = tuple(network.stride * round(side * factor / network.stride) for side in size)
        sigma_px = target.sigma_px * larger[0] / size[0]
        return {"network": {"image_size": larger}, "target": {"sigma_px": sigma_px}}

    choices = {
        "as it is": {},
        "crop × 0.75": crop(0.75),
        "crop × 1.25": crop(1.25),
        "width × 0.75": {"network": {"width": 0.75 * network.width}},
        "width × 1.5": {"network": {"width": 1.5 * network.width}},
        "half the stages": {"network": {"stages": max(1, stages // 2)}},
        "half the stages of width × 1.25": {
            "network": {"stages": max(1, stages // 2), "width": 1.25 * network.width}
        },
        "no norm": {"network": {"norm": "none"}},
        "later kernels 5×5": {"network": {"stage_kernel": 5}},
        "later kernels 9×9": {"network": {"stage_kernel": 9}},
        "σ × 0.7": {"target": {"sigma_px": 0.7 * target.sigma_px}},
        "σ × 1.4": {"target": {"sigma_px": 1.4 * target.sigma_px}},
        "foreground weight 0": {"target": {"foreground_weight": 0.0}},
        "foreground weight × 3": {"target": {"foreground_weight": 3 * target.foreground_weight}},
        "rate ÷ 2": {"optimizer": {"learning_rate": optimizer.learning_rate / 2}},
        "rate × 2": {"optimizer": {"learning_rate": optimizer.learning_rate * 2}},
        "rate constant": {"optimizer": {"schedule": "constant"}},
        "Adam": {"optimizer": {"optimizer": "adam"}},
        "Adam at rate ÷ 2": {
            "optimizer": {
                "optimizer": "adam",
                "learning_rate": optimizer.learning_rate / 2,
            }
        },
        "batch × 2": {"data": {"batch_size": 2 * config.data.batch_size}},
        "layers in bfloat16": {"execution": {"precision": "bfloat16"}},
        "average of 1000 steps": {"average_decay": 0.999},
        "no average of weights": {"average_decay": 0.0},
        "light augmentation": {"data": {"augment": AUGMENTATIONS["light"]}},
        "strong augmentation": {"data": {"augment": AUGMENTATIONS["strong"]}},
        "wild augmentation": {"data": {"augment": AUGMENTATIONS["wild"]}},
    }
    if network.stride // 2 in STRIDES[network.arch]:
        finer = {"network": {"stride": network.stride // 2}}
        choices["belief maps twice as fine"] = finer
    single = [
        Variant(label, (Phase(changes),))
        for label, changes in choices.items()
        if not changes or not _same_training(settings, settings.changed(changes))
    ]
    return [
        *single,
        Variant("a fifth on synthetic people first", (Phase({}, 0.2, "synthetic"), Phase({}, 0.8))),
        Variant("synthetic people among them", (Phase({}, data="both"),)),
    ]


def _same_training(a, b):
    """Whether two settings differ in nothing, or only in fields of layers that are not there."""
    one, other = a.config.network, b.config.network
    fields = a.changed({"network": other}) == b and one.image_size == other.image_size
    return fields and architecture(one) == architecture(other)


def parameters(settings: Settings) -> int:
    """Trainable numbers of the settings' network."""
    return stage_rows(settings.config.network)[-1].total_parameters


def _with_kernel(settings, kernel, width):
    return settings.changed({"network": {"stage_kernel": kernel, "stage_width": width}})


EXPERIMENTS = {
    "stages": Experiment(
        "Figure 6: accuracy rises with the number of stages and saturates at five or six",
        number_of_stages,
    ),
    "gradients": Experiment(
        "Figure 5: without intermediate losses the gradients of early layers vanish",
        supervision,
        # A norm after every layer would hide what the figure is about.
        {
            "network": {"norm": "none"},
            "optimizer": {"optimizer": "adam", "learning_rate": 5e-4},
        },
    ),
    "schemes": Experiment(
        "Figure 6: joint training with intermediate losses beats training stage by stage, "
        "also when all are then trained together, and that beats having no intermediate loss",
        training_schemes,
    ),
    "field": Experiment(
        "Figure 4: at equal parameters accuracy rises with the receptive field and saturates",
        receptive_field,
    ),
    "ingredients": Experiment(
        "not in the paper: what the center map, a background map and everybody's peaks in "
        "stage 1 are worth",
        ingredients,
    ),
    "time": Experiment(
        "not in the paper: what a change of the recipe is worth if all take the same time",
        one_change,
        equal_time=True,
    ),
}
