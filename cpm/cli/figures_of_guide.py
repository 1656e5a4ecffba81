"""Figures of bin/figures.py for docs/guide/, which need no run: layers, crops, maps, schedules."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from absl import flags

from cpm import synthetic
from cpm.checkpoints import load_network
from cpm.config import AUGMENTATIONS, AugmentConfig, DecodingConfig, TrainConfig
from cpm.data.examples import encode_person
from cpm.data.person import Person
from cpm.data.prepare import example_maker
from cpm.errors import UsageError
from cpm.geometry import cell_to_crop, transform_points
from cpm.inference.batches import find_joints
from cpm.network import preset, summary
from cpm.network.architectures import architecture as plan_of
from cpm.plots.architecture import draw_architecture
from cpm.plots.data_road import Road, draw_data_road
from cpm.plots.receptive_fields import draw_receptive_fields
from cpm.plots.schedules import learning_rates
from cpm.plots.targets import draw_targets
from cpm.skeleton import ABSENT
from cpm.training import schedules
from cpm.training.recipes import RECIPES, recipe
from cpm.training.targets import make_targets

FLAGS = flags.FLAGS


def architecture() -> np.ndarray:
    """The layers of one preset, stage by stage, for the paper's 14 joints."""
    config = dataclasses.replace(preset(FLAGS.arch), skeleton="lsp14")
    layers = summary.layer_rows(config)
    parameters = sum(layer.parameters for layer in layers)
    multiply_adds = sum(layer.multiply_adds for layer in layers)
    title = (
        f"{config.arch}: {config.stages} stages, {parameters / 1e6:.3g} million parameters, "
        f"{multiply_adds / 1e9:.3g} billion multiply-adds an image"
    )
    return draw_architecture(
        plan_of(config),
        layers,
        title=title,
        image_size=config.image_size,
        center_map=config.center_map,
    )


def data_road() -> np.ndarray:
    """One synthetic person, the first of --seed, from the image to the joints found."""
    network, _, _ = load_network(FLAGS.ckpt)
    config = dataclasses.replace(recipe("mini").config, network=network.config)
    person = synthetic.make_person(FLAGS.seed, 0)
    crop = example_of(person, config, AUGMENTATIONS["none"])
    seen = example_of(person, config, AUGMENTATIONS["strong"])
    ideal = make_targets(
        seen,
        config.target,
        stride=network.stride,
        background=False,
        origin_px=network.origin_px,
    )
    joints = len(network.skeleton)
    beliefs = network(seen["image"], seen["center_px"])
    found_px, _ = find_joints(network, beliefs[-1], DecodingConfig())
    height, width = config.network.image_size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    to_image = crop["crop_to_image"][0].numpy()
    return draw_data_road(
        Road(
            image=np.asarray(person.image),
            image_joints_px=transform_points(to_image, known_joints_px(crop)),
            frame_px=transform_points(to_image, corners),
            crop=pixels(crop),
            crop_joints_px=known_joints_px(crop),
            augmented=pixels(seen),
            augmented_joints_px=known_joints_px(seen),
            ideal=ideal.later[0].numpy(),
            beliefs=beliefs[-1][0, ..., :joints].numpy(),
            joints_px=found_px[0].numpy(),
            stages=len(beliefs),
        ),
        network.skeleton,
    )


def targets() -> np.ndarray:
    """Ideal maps of the first synthetic person of --seed with somebody else in the crop."""
    config = recipe("mini").config
    for index in range(200):
        person = synthetic.make_person(FLAGS.seed, index)
        batch = example_of(person, config, AUGMENTATIONS["none"])
        joints_px = batch["joints_px"][0, : 1 + len(person.others)].numpy()
        inside = (joints_px > 0) & (joints_px < np.array(config.network.image_size[::-1]) - 1)
        if person.others and inside.all(-1).mean(1).min() > 0.6:
            break
    else:
        raise UsageError(f"--seed={FLAGS.seed}: no crop shows two people; name another seed")
    ideal = make_targets(batch, config.target, stride=config.network.stride, background=True)
    return draw_targets(
        pixels(batch),
        joints_px,
        batch["state"][0, : len(joints_px)].numpy(),
        ideal.first[0].numpy(),
        ideal.later[0].numpy(),
        person.skeleton,
        "head_top",
    )


def receptive_fields() -> np.ndarray:
    """What the first three stages of two networks see around a wrist of the first of --seed."""
    person = synthetic.make_person(FLAGS.seed, 0)
    panels = []
    for arch in ("mini", "paper"):
        network = dataclasses.replace(preset(arch), skeleton=person.skeleton.name)
        config = dataclasses.replace(recipe("mini").config, network=network)
        example = example_of(person, config, AUGMENTATIONS["none"])
        wrist_px = example["joints_px"][0, 0, person.skeleton.index("left_wrist")].numpy()
        stride = config.network.stride
        cell_px = cell_to_crop(np.floor(wrist_px / stride), stride)
        fields_px = [row.receptive_field_px for row in summary.stage_rows(config.network)[:3]]
        height, width = config.network.image_size
        panels.append((f"{arch}, crop of {height}×{width}", pixels(example), cell_px, fields_px))
    return draw_receptive_fields(panels)


def learning_rate() -> np.ndarray:
    """The learning rate of every recipe over its whole run."""
    panels = []
    for name in RECIPES:
        config = recipe(name).config
        optimizer, steps = config.optimizer, config.steps
        shown = sorted({*np.linspace(0, steps - 1, 400).astype(int), *range(min(steps, 1000))})
        rates = [(step, schedules.learning_rate(optimizer, step, steps)) for step in shown]
        factors = {
            "stage 1": optimizer.stage_1_multiplier,
            "stages ≥ 2": optimizer.later_stage_multiplier,
        }
        lines = {
            label: [(step, factor * rate) for step, rate in rates]
            for label, factor in factors.items()
        }
        if len(set(factors.values())) == 1:
            lines = {"all stages": lines["stage 1"]}
        schedule = "in steps" if optimizer.schedule in ("step", "milestones") else "cosine"
        rule = {"sgd": "SGD", "adam": "Adam", "muon": "Muon"}[optimizer.optimizer]
        text = f"{rule}, {schedule}, {steps:,} steps of {config.data.batch_size}"
        if optimizer.warmup_steps:
            text += f", warm-up {optimizer.warmup_steps}"
        panels.append((name, text, lines, schedule == "in steps"))
    return learning_rates(panels)


def example_of(person: Person, config: TrainConfig, augment: AugmentConfig) -> dict[str, tf.Tensor]:
    """A batch of one person, made as training makes it."""
    data = dataclasses.replace(config.data, augment=augment)
    make = example_maker([person.skeleton], config.network, data, seed=config.seed)
    record, _ = encode_person(person)
    example = make(0, 0, record)  # epoch, number of the folder
    return {key: value[np.newaxis] for key, value in example.items()}


def known_joints_px(batch: Mapping[str, tf.Tensor]) -> np.ndarray:
    """`[P, 2]` of the primary person of a batch of one; nan where the data has no such joint."""
    present = batch["state"][0, 0].numpy() != ABSENT
    return np.where(present[:, np.newaxis], batch["joints_px"][0, 0].numpy(), np.nan)


def pixels(batch: Mapping[str, tf.Tensor]) -> np.ndarray:
    """`[H, W, 3]` uint8 of a batch of one."""
    return np.rint(batch["image"][0].numpy()).astype(np.uint8)
