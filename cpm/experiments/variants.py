"""What each experiment varies, as data: variants, each a sequence of phases, each a training run.

References: Wei et al. 2016, Figure 4 (receptive field), Figure 5 (vanishing gradients), Figure 6
(training schemes, number of stages).
"""

import dataclasses
from collections.abc import Callable

from cpm.config import changed
from cpm.network.tables import stage_rows

GRADIENT_RECORDS = 60  # of every kernel, over a run
KERNELS = (1, 3, 5, 7, 9, 11)


@dataclasses.dataclass(frozen=True)
class Phase:
    """One training run of a variant.

    Attributes:
      changes: of the experiment's configuration, see `cpm.config.changed`.
      share: of the steps of the whole variant.
    """

    changes: dict
    share: float = 1.0


@dataclasses.dataclass(frozen=True)
class Variant:
    """One thing to compare; later phases start from the weights of the one before."""

    label: str
    phases: tuple[Phase, ...]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Attributes:
    claim: what the paper says, or that it says nothing.
    variants: `TrainConfig` → list of `Variant`.
    changes: of the configuration, for all variants.
    """

    claim: str
    variants: Callable
    changes: dict = dataclasses.field(default_factory=dict)


def number_of_stages(config):
    """One to as many stages as the configuration has, all else equal."""
    return [
        Variant(
            f"{t} stage{'s' if t > 1 else ''}", (Phase({"network": {"stages": t}}),)
        )
        for t in range(1, config.network.stages + 1)
    ]


def supervision(config):
    """A loss after every stage, and after the last one only; gradients are recorded."""
    every = max(1, config.steps // GRADIENT_RECORDS)
    return [
        Variant(
            label,
            (Phase({"target": {"supervision": name}, "gradients_every": every}),),
        )
        for name, label in (("every", "every stage"), ("last", "last stage only"))
    ]


def training_schemes(config):
    """All stages at once, one after the other, that and then all, and with one loss at the end.

    Each has the same number of updates. A stage trained alone learns from its own loss; those
    before it keep their weights (their norms go on averaging).
    """
    stages = config.network.stages

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


def receptive_field(config):
    """Later stages with small and large kernels, at the number of parameters nearest to equal."""
    wanted = parameters(config)
    variants = []
    for kernel in KERNELS:
        width = min(
            (n / 16 for n in range(4, 160)),
            key=lambda w: abs(parameters(_with_kernel(config, kernel, w)) - wanted),
        )
        changes = {"network": {"stage_kernel": kernel, "stage_width": width}}
        variants.append(Variant(f"kernels {kernel}×{kernel}", (Phase(changes),)))
    return variants


def ingredients(config):
    """Parts of the method that the paper has no numbers for, taken away or added one at a time."""
    choices = {
        "as it is": {},
        "no centre map": {"network": {"center_map": not config.network.center_map}},
        "with background map": {
            "network": {"background": not config.network.background}
        },
        "stage 1: primary person only": {
            "target": {"everyone_in_stage_1": not config.target.everyone_in_stage_1}
        },
    }
    return [Variant(label, (Phase(changes),)) for label, changes in choices.items()]


def parameters(config):
    """Trainable numbers of the configuration's network."""
    return stage_rows(config.network)[-1].total_parameters


def _with_kernel(config, kernel, width):
    return changed(config, {"network": {"stage_kernel": kernel, "stage_width": width}})


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
        "not in the paper: what the centre map, a background map and everybody's peaks in "
        "stage 1 are worth",
        ingredients,
    ),
}
