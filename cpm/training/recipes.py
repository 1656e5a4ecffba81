"""How each preset is trained unless flags say otherwise. Every function's docstring is a run card.

References: the numbers behind each choice are in BUILD_NOTES.md, "Results".
"""

import dataclasses

from cpm.config import AUGMENTATIONS, OptimizerConfig, TargetConfig, TrainConfig
from cpm.network.architectures import preset


def mini():
    """`mini`: Adam, warm-up and cosine, batch norm, masked loss, strong augmentation.

    Command: python bin/train.py --stages=6 --xla
    """
    return TrainConfig(network=preset("mini"))


def paper():
    """`paper`: the paper's crop, σ and augmentation, made to learn from scratch.

    Adam and clipping instead of the release's SGD, whose 8e-5 and N(0, 0.01) start need VGG-like
    patience (hundreds of thousands of steps). The paper's person fills 64 % of the crop.
    Command: python bin/train.py --arch=paper --data=data/lsp,data/lspet --batch_size=4
    """
    base = TrainConfig(network=preset("paper"))
    return dataclasses.replace(
        base,
        target=TargetConfig(sigma_px=7.0),
        optimizer=OptimizerConfig(learning_rate=1e-4, warmup_steps=500),
        data=dataclasses.replace(
            base.data, margin=1.5, batch_size=4, augment=AUGMENTATIONS["paper"]
        ),
    )


def vgg():
    """`vgg`: as `paper`; best started from imported VGG-19 weights.

    Command: python bin/train.py --arch=vgg --data=data/lsp,data/lspet --batch_size=4
    """
    return dataclasses.replace(paper(), network=preset("vgg"))


RECIPES = {"mini": mini, "paper": paper, "vgg": vgg}
