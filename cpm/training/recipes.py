"""How a network is trained unless flags say otherwise. Every function's docstring is a run card.

A recipe is the `Settings` of a run for any preset: `mini`, `synthetic` and `modern` are ours,
`own` is ours for people's own data,
`paper`, `release` and `blog` repeat others' trainings, with their settings and their flaws. What
each deviates in is listed in docs/deviations.md; the numbers behind ours are in docs/results and
docs/decisions.

References:
  Wei et al. 2016, section 4.1; the authors' release (its prototxt files and its data layer).
  The blog project: 2016, tensorpack (docs/deviations.md).
  MMPose's run of this network: batch norm, Adam, masked loss, flip test.
"""

import dataclasses

from cpm.config import (
    AUGMENTATIONS,
    DataConfig,
    NetworkConfig,
    OptimizerConfig,
    TargetConfig,
    TrainConfig,
)
from cpm.execution import Execution, Settings
from cpm.geometry import REFERENCE_CROP_PX
from cpm.network.architectures import preset
from cpm.skeleton import get_skeleton

# Skeletons of others' trainings, taken where the data has all of their joints; else the data's own.
JOINTS = {"paper": "lsp14", "release": "lsp14", "blog": "mpii16"}


def mini(arch: str = "mini") -> Settings:
    """`mini`: Muon, warm-up and cosine, batch norm, light augmentation, a tight crop.

    The loss is masked where a joint is not annotated, and peaks count for more than empty cells.
    Strong augmentation makes people unlike the ones the network is scored on: six points less after
    four minutes of training, five after eighteen. Whether it pays in hours is not known. Sixteen
    people a step: two cores train a third more of them a second than in steps of eight.
    Command: python bin/train.py --xla --data=data/lsp,data/lspet --steps=10000
    """
    config = TrainConfig(
        network=dataclasses.replace(preset(arch), norm="batch"),
        target=TargetConfig(sigma_px=6.0, foreground_weight=5.0),
        optimizer=OptimizerConfig(optimizer="muon"),
        data=DataConfig(margin=1.1, batch_size=16, augment=AUGMENTATIONS["light"]),
        steps=2800,
    )
    return Settings(config, Execution(eval_every=700, save_every=350))


def synthetic(arch: str = "mini") -> Settings:
    """`mini` on the synthetic people; a ten-minute run sees each of them eight times.

    Without augmentation but the mirror it would learn them by heart.
    Command: python bin/train.py --stages=6 --xla
    """
    return mini(arch).changed({"steps": 4000, "execution": {"eval_every": 2000}})


def own(arch: str = "mini") -> Settings:
    """Own photographs: the usual recipe of the network, trained for whole images.

    People with own photographs want joints in new ones without drawing boxes. So training also
    shows people small and off-center, as a first pass over a whole image does.
    Command: python bin/train.py --xla --data=data/photos
    """
    usual = mini(arch) if arch == "mini" else modern(arch)
    return usual.changed({"data": {"augment": AUGMENTATIONS["wild"]}})


def modern(arch: str = "vgg") -> Settings:
    """The large networks from scratch, trained as is usual today: batch norm, Adam, masked loss.

    Warm-up and cosine, the augmentation `strong`, a joints' box with a margin of an eighth on
    either side. Without norms their N(0, 0.01) start needs hundreds of thousands of steps.
    Command: python bin/train.py --arch=paper --recipe=modern --data=data/lsp,data/lspet
    Cost: for a GPU; a step's time and memory on two cores are in docs/benchmarks, no full run.
    """
    config = TrainConfig(
        network=dataclasses.replace(preset(arch), norm="batch"),
        target=TargetConfig(sigma_px=7.0, foreground_weight=0.0),
        optimizer=OptimizerConfig(optimizer="adam", learning_rate=1e-3, warmup_steps=500),
        data=DataConfig(margin=1.25, batch_size=8, augment=AUGMENTATIONS["strong"]),
        steps=100_000,
    )
    return Settings(config, Execution(eval_every=2000, save_every=500))


def paper(arch: str = "paper") -> Settings:
    """The paper's training, as its solver, network and data layer say.

    Crop: 314 · scale around the annotated center, so that a person fills 64 %. Targets: σ 7 px, cut
    at 1 %; everybody's peaks in stage 1, added and clipped, the primary person's after it;
    background 1 − max; the 14 joints of LSP, also of MPII's people (JOINTS); unannotated joints and
    those outside the crop are asked for as zero maps. Loss Σ/2N. Augmentation: scale U[.7, 1.3],
    rotation U[−40°, 40°], crop, flip. SGD, momentum .9, decay 5e-4 on kernels, rate 8e-5 × .333
    every 136,106 steps; stage 1 learns five times as fast, biases twice. Weights start from
    N(0, .01).
    Command: python bin/train.py --recipe=paper --data=data/mpii
    Cost: 600,000 steps of 16 people: weeks on one GPU of its time. Expected: 87.95 PCKh@0.5 on
    MPII (the paper's, MPII only); ours has not been run to its end. --mask_absent: the masked loss.
    """
    config = TrainConfig(
        network=dataclasses.replace(
            preset(arch), norm="none", background=True, skeleton=JOINTS["paper"]
        ),
        target=TargetConfig(
            sigma_px=7.0, mask_absent=False, drop_outside=True, foreground_weight=0.0
        ),
        data=DataConfig(
            crop="person",
            margin=1.0,
            max_people=8,
            batch_size=16,
            augment=AUGMENTATIONS["paper"],
        ),
        optimizer=OptimizerConfig(
            optimizer="sgd",
            learning_rate=8e-5,
            schedule="step",
            warmup_steps=0,
            weight_decay=5e-4,
            clip_norm=0.0,
            stage_1_multiplier=5.0,
            later_stage_multiplier=1.0,
            bias_multiplier=2.0,
        ),
        steps=600_000,
    )
    return Settings(config, Execution(eval_every=5000, save_every=1000))


def release(arch: str = "vgg") -> Settings:
    """The release's second network, on VGG-19's trunk: as `paper`, but later stages learn faster.

    Multipliers of its deploy file: trunk and stage 1 as they are, stages ≥ 2 four times, biases
    twice on top. Its solver is not published; rate and schedule are the paper's. Meant to start
    from VGG-19's weights.
    Command: python bin/train.py --recipe=release --data=data/mpii --init_from=CHECKPOINT
    Expected: 90.1 PCKh@0.5 on MPII's test set (the release's README); ours has not been run.
    """
    multipliers = {"stage_1_multiplier": 1.0, "later_stage_multiplier": 4.0}
    return paper(arch).changed({"optimizer": multipliers})


def blog(arch: str = "vgg") -> Settings:
    """The blog project of 2016: MPII's 16 joints, wide peaks, no background, no center map.

    People are scaled until their joints are 200 px tall and cut to 368 px, black outside; gray
    levels become x / 127.5 − 1. σ 32 px on a grid whose cell g lies at 8g; the primary person only,
    in every stage; absent joints are zero maps; the loss is a mean over maps and cells. SGD,
    momentum .9, decay 1e-6, rate 1e-3, a tenth of it from epochs 10, 60 and 120 of 300 on; no
    augmentation. It measured PCP@25px. Not repeated: it kept only people with all 16 joints, and
    split them 90/10 at random, so that one image's people could stand on both sides.
    Command: python bin/train.py --recipe=blog --data=data/mpii --epochs=300
    """
    config = TrainConfig(
        network=dataclasses.replace(
            preset(arch),
            norm="none",
            background=False,
            center_map=False,
            normalization="blog",
            grid="corner",
            skeleton=JOINTS["blog"],
        ),
        target=TargetConfig(
            sigma_px=32.0,
            cutoff=0.0,
            mask_absent=False,
            everyone_in_stage_1=False,
            foreground_weight=0.0,
            reduction="mean",
        ),
        data=DataConfig(
            crop="height",
            margin=REFERENCE_CROP_PX / 200.0,
            border=0.0,
            max_people=1,
            batch_size=5,
            augment=AUGMENTATIONS["none"],
        ),
        optimizer=OptimizerConfig(
            optimizer="sgd",
            learning_rate=1e-3,
            schedule="milestones",
            milestones=(10 / 300, 60 / 300, 120 / 300),
            step_factor=0.1,
            warmup_steps=0,
            weight_decay=1e-6,
            clip_norm=0.0,
        ),
        steps=600_000,
    )
    return Settings(config, Execution(eval_every=5000, save_every=1000))


RECIPES = {
    "mini": mini,
    "synthetic": synthetic,
    "own": own,
    "modern": modern,
    "paper": paper,
    "release": release,
    "blog": blog,
}


def default_recipe(arch: str, *, synthetic: bool = False, own: bool = False) -> str:
    """Name of the recipe of a preset when none is asked for.

    Args:
      arch: name of a preset.
      synthetic: the data is the synthetic people.
      own: the data is somebody's own, no published data set.

    >>> default_recipe("mini"), default_recipe("paper", synthetic=True)
    ('mini', 'modern')
    >>> default_recipe("mini", own=True)
    'own'
    """
    if own:
        return "own"
    if arch != "mini":
        return "modern"
    return "synthetic" if synthetic else "mini"


def started(settings: Settings, weights: TrainConfig) -> Settings:
    """A recipe for a training that starts from trained weights.

    The network is that of the weights, but for its joints. So are the crop and the targets' σ, on
    which the hidden layers depend. The rate is a quarter of the recipe's: the maps of new joints
    still learn, and the trunk keeps what it knows.

    Args:
      settings: `Settings` of the recipe.
      weights: `TrainConfig` of the weights.
    """
    rate = settings.config.optimizer.learning_rate / 4
    kept = {field: getattr(weights.data, field) for field in ("crop", "margin", "border")}
    changes = {
        "target": {"sigma_px": weights.target.sigma_px},
        "data": kept,
        "optimizer": {"learning_rate": rate},
    }
    return with_network(settings, weights.network).changed(changes)


def with_network(settings: Settings, network: NetworkConfig) -> Settings:
    """A recipe for a given network, whose joints stay the recipe's.

    Args:
      settings: `Settings` of the recipe.
      network: `NetworkConfig`.
    """
    skeleton = settings.config.network.skeleton
    config = dataclasses.replace(network, skeleton=skeleton)
    return Settings(dataclasses.replace(settings.config, network=config), settings.execution)


def joints_of(name: str | None, data_skeleton: str) -> str:
    """Name of the skeleton that a recipe trains on data of another.

    Args:
      name: key of `RECIPES`, or None.
      data_skeleton: name of the data's.

    >>> joints_of("paper", "mpii16"), joints_of("mini", "mpii16"), joints_of("paper", "coco17")
    ('lsp14', 'mpii16', 'coco17')
    """
    own = get_skeleton(JOINTS.get(name or "", data_skeleton))
    known = own.channels_from(get_skeleton(data_skeleton)) >= 0
    return own.name if known.all() else data_skeleton


def recipe(name: str, arch: str | None = None) -> Settings:
    """The `Settings` of a recipe.

    Args:
      name: key of `RECIPES`.
      arch: name of a preset; None = the one it was made for.
    """
    return RECIPES[name](arch) if arch else RECIPES[name]()
