"""How each preset is trained unless flags say otherwise. Every function's docstring is a run card.

References: the numbers behind each choice are in BUILD_NOTES.md, "Results" and "Decisions".
"""

import dataclasses

from cpm.config import (
    AUGMENTATIONS,
    DataConfig,
    OptimizerConfig,
    TargetConfig,
    TrainConfig,
)
from cpm.network.architectures import preset


def mini():
    """`mini` on photographs: Muon, warm-up and cosine, batch norm, strong changes, a tight crop.

    The loss is masked where a joint is not annotated, and peaks count for more than empty cells.
    Command: python bin/train.py --stages=6 --xla --data=data/lsp,data/lspet --steps=13000
    """
    return TrainConfig(
        network=preset("mini"),
        target=TargetConfig(sigma_px=6.0, foreground_weight=5.0),
        optimizer=OptimizerConfig(optimizer="muon"),
        data=DataConfig(margin=1.1),
    )


def mini_synthetic():
    """`mini` on the embedded people: as on photographs, but only light changes.

    A ten-minute run sees each of them six times. Strong changes make them unlike the ones the
    network is scored on; with none but the mirror it learns them by heart.
    Command: python bin/train.py --stages=6 --xla
    """
    config = mini()
    data = dataclasses.replace(config.data, augment=AUGMENTATIONS["light"])
    return dataclasses.replace(config, data=data, steps=6000, eval_every=2000)


def paper():
    """`paper`: the paper's crop, σ and augmentation, made to learn from scratch.

    Adam and clipping instead of the release's SGD, whose 8e-5 and N(0, 0.01) start need hundreds of
    thousands of steps. The paper's person fills 64 % of the crop.
    Command: python bin/train.py --arch=paper --data=data/lsp,data/lspet --batch_size=4
    """
    return TrainConfig(
        network=preset("paper"),
        target=TargetConfig(sigma_px=7.0),
        optimizer=OptimizerConfig(learning_rate=1e-4, warmup_steps=500),
        data=DataConfig(margin=1.5, batch_size=4, augment=AUGMENTATIONS["paper"]),
        steps=100_000,
        eval_every=2000,
    )


def vgg():
    """`vgg`: as `paper`; meant to start from imported VGG-19 weights.

    Command: python bin/train.py --arch=vgg --data=data/lsp,data/lspet --batch_size=4
    """
    return dataclasses.replace(paper(), network=preset("vgg"))


RECIPES = {"mini": mini, "paper": paper, "vgg": vgg}


def recipe(arch, *, synthetic=False):
    """The recipe of a preset.

    Args:
      arch: `mini`, `vgg` or `paper`.
      synthetic: the data is the embedded people.
    """
    return mini_synthetic() if synthetic and arch == "mini" else RECIPES[arch]()
