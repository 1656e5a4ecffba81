"""Draws the figures of README.md and docs/ from runs and from synthetic people.

    python bin/figures.py --figure=samples --out=docs/samples.jpg
    python bin/figures.py --figure=training --runs=runs/lsp --out=docs/lsp_training.png
    python bin/figures.py --figure=comparison --runs=runs/2,runs/6 --metric=pck@0.2 --out=2_6.png
    python bin/figures.py --figure=reliability --runs=runs/lsp --out=reliability.png
    python bin/figures.py --figure=failures --runs=runs/lsp --count=4 --out=failures.png
    python bin/figures.py --figure=gallery --count=8 --out=docs/gallery.jpg
    python bin/figures.py --figure=beliefs --ckpt=runs/lsp --out=beliefs.png
    python bin/figures.py --figure=stages --runs=runs/2,runs/6 --metric=pck@0.2 --out=stages.png
    python bin/figures.py --figure=architecture --arch=paper --out=docs/guide/architecture_paper.png
    python bin/figures.py --figure=data_road --seed=26 --out=docs/guide/data_road.jpg
    python bin/figures.py --figure=targets --out=docs/guide/targets.jpg
    python bin/figures.py --figure=receptive_fields --out=docs/guide/receptive_fields.jpg
    python bin/figures.py --figure=learning_rate --out=docs/guide/learning_rate.png

samples: synthetic people with their true skeletons. training: losses and scores of one run.
comparison: a score of several runs against minutes of training. stages: a run's last score after
each stage, as in the paper's figure 6. reliability: share of correct joints against the confidence
of one run's last evaluation, from its eval/validation.json. poses: predicted and true skeletons of
typical validation people of one run, without the photographs, which may not be ours to show.
failures: the same of those who are missed most, --count of each kind. gallery: synthetic people as
--ckpt sees them, without boxes. beliefs: its belief maps of one of them, from the first stage to
the last.

The figures of docs/guide/ need no run. architecture: the layers of the preset --arch with their
shapes. data_road: one synthetic person as image, crop, augmented crop, maps and joints; --ckpt is
the network. targets: the ideal belief maps of a crop with two people, of stage 1 and of later
stages. receptive_fields: what stages 1 to 3 of mini and paper see of a crop. learning_rate: the
schedules of all recipes.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import flags

from cpm import files, synthetic
from cpm.checkpoints import load_network, pretrained
from cpm.config import AUGMENTATIONS, AugmentConfig, DecodingConfig, TrainConfig
from cpm.data.examples import encode_person
from cpm.data.person import Person
from cpm.data.prepare import example_maker
from cpm.errors import UsageError
from cpm.evaluation import predictions as predicted
from cpm.evaluation.failures import worst
from cpm.evaluation.gathering import Example
from cpm.geometry import transform_points
from cpm.inference import Predictor
from cpm.inference.batches import find_joints
from cpm.network import PRESETS, ConvolutionalPoseMachine, preset, summary
from cpm.network.architectures import architecture as plan_of
from cpm.plots import (
    check_image_name,
    contact_sheet,
    curves,
    draw_skeleton,
    draw_stages,
    write_image,
)
from cpm.plots.architecture import draw_architecture
from cpm.plots.data_road import Road, draw_data_road
from cpm.plots.gallery import poses_sheet
from cpm.plots.receptive_fields import draw_receptive_fields
from cpm.plots.reliability import reliability_diagram
from cpm.plots.schedules import learning_rates
from cpm.plots.targets import draw_targets
from cpm.scoring.evaluate import Evaluation, evaluate_folders
from cpm.scoring.shown_people import collect_people, pick_people
from cpm.skeleton import ABSENT
from cpm.training import schedules
from cpm.training.metrics_file import read_metrics
from cpm.training.recipes import RECIPES, recipe
from cpm.training.run_config import read_config
from cpm.training.targets import make_targets

# Belief maps of one joint a limb are enough to see.
SHOWN = ("head_top", "left_wrist", "right_knee", "left_ankle")

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_enum(
        "figure",
        None,
        [
            *("samples", "training", "comparison", "stages", "reliability", "poses"),
            *("failures", "gallery", "beliefs"),
            *("architecture", "data_road", "targets", "receptive_fields", "learning_rate"),
        ],
        "Figure to draw; the text above says what each shows. Required.",
        required=True,
    )
    flags.DEFINE_string("out", None, "PNG or JPEG file to write. Required.", required=True)
    flags.DEFINE_list("runs", [], "Run folders, separated by commas. Default: none.")
    flags.DEFINE_string(
        "ckpt", pretrained.NAME, "Network that gallery, beliefs and data_road show."
    )
    flags.DEFINE_enum("arch", "mini", list(PRESETS), "Preset that architecture shows.")
    flags.DEFINE_string("metric", "pck@0.2", "Score that comparison and stages show.")
    flags.DEFINE_integer(
        "count",
        None,
        "Number of people to draw, in failures of each kind. Default: by figure, 4 to 24.",
        lower_bound=1,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the synthetic people.", lower_bound=0)


def main(_: Sequence[str]) -> None:
    """Draws and writes one figure."""
    check_image_name(FLAGS.out)
    write_image(FLAGS.out, FIGURES[FLAGS.figure]())
    print(f"wrote {FLAGS.out}")


def samples() -> np.ndarray:
    """A sheet of synthetic people."""
    people = list(synthetic.read_people(FLAGS.count or 24, FLAGS.seed))
    drawn = [
        draw_skeleton(person.image, person.pose.joints_px, person.skeleton) for person in people
    ]
    return contact_sheet(drawn, columns=6, tile_px=200)


def training() -> np.ndarray:
    """Losses and scores of one run."""
    (run,) = named_runs(most=1)
    return curves.training_curves(read_metrics(run), title=os.path.basename(run))


def comparison() -> np.ndarray:
    """One score of several runs against time."""
    runs = {os.path.basename(run): read_metrics(run) for run in named_runs()}
    try:
        return curves.compare_runs(runs, FLAGS.metric)
    except ValueError as error:
        raise UsageError(f"--metric={FLAGS.metric}: {error}") from error


def stages() -> np.ndarray:
    """The score after each stage, from the runs' eval/validation.json."""
    totals = {}
    for run in named_runs():
        path = os.path.join(run, "eval", "validation.json")
        metrics = files.read_json(path, f"make it with: python bin/eval.py --ckpt={run}")["metrics"]
        if FLAGS.metric not in metrics:
            raise UsageError(f"{path} has no metric {FLAGS.metric!r}; it has {', '.join(metrics)}")
        totals[os.path.basename(run)] = metrics[FLAGS.metric]["per_stage"]
    return curves.stage_curve(totals)


def reliability() -> np.ndarray:
    """The reliability diagram of one run, from its eval/validation.json."""
    (run,) = named_runs(most=1)
    path = os.path.join(run, "eval", "validation.json")
    advice = f"make it with: python bin/eval.py --ckpt={run}"
    found = files.read_json(path, advice).get("reliability")
    if not found:
        raise UsageError(f"{path} says nothing of reliability; {advice}")
    return reliability_diagram(found, title=os.path.basename(run))


def poses() -> np.ndarray:
    """Typical validation people of one run, as skeletons without their photographs."""
    network, config, result = evaluated()
    errors = predicted.mean_errors(result.people)
    rows = pick_people(errors, FLAGS.count or 24)["typical"]
    people = collect_people(result, {"typical": rows}, network, config)
    return poses_sheet(without_photographs(people["typical"]), network.skeleton)


def failures() -> np.ndarray:
    """The validation people of one run who are missed most, of each kind, without photographs."""
    network, config, result = evaluated()
    rows = worst(result.people, network.skeleton, FLAGS.count or 4)
    if not rows:
        raise UsageError(
            f"--figure=failures: of the validation people of {FLAGS.runs[0]} nobody with a torso "
            "is missed; look at: --figure=poses"
        )
    columns = min(map(len, rows.values()))  # a kind a row
    rows = {kind: some[:columns] for kind, some in rows.items()}
    people = collect_people(result, rows, network, config)
    shown = [
        dataclasses.replace(example, id=kind.replace("_", " "))
        for kind, examples in people.items()
        for example in examples
    ]
    return poses_sheet(without_photographs(shown), network.skeleton, columns)


def evaluated() -> tuple[ConvolutionalPoseMachine, TrainConfig, Evaluation]:
    """(network, its configuration, `Evaluation` of its validation people) of the only run."""
    (run,) = named_runs(most=1)
    network, config, _ = load_network(run)
    folders = read_config(run)[1]["data"]
    return network, config, evaluate_folders(network, config, folders)


def without_photographs(examples: Iterable[Example]) -> list[Example]:
    """The same on gray."""
    return [
        dataclasses.replace(example, crop=np.full_like(example.crop, 235)) for example in examples
    ]


def gallery() -> np.ndarray:
    """Synthetic people with the skeletons that a network finds."""
    predictor = Predictor(FLAGS.ckpt)
    drawn = []
    for person in synthetic.read_people(FLAGS.count or 8, FLAGS.seed):
        (found,) = predictor(person.image)
        joints = np.where(
            found.confidence[:, np.newaxis] < predictor.threshold,
            np.nan,
            found.joints_px,
        )
        drawn.append(draw_skeleton(person.image, joints, found.skeleton))
    return contact_sheet(drawn, tile_px=240)


def beliefs() -> np.ndarray:
    """Belief maps of every stage for a synthetic person: the first of --seed."""
    predictor = Predictor(FLAGS.ckpt)
    (person,) = synthetic.read_people(1, FLAGS.seed)
    (found,) = predictor(person.image, maps=True)
    assert found.maps is not None  # asked for
    shown = [joint for joint in SHOWN if joint in found.skeleton.joints]  # else all of them
    return draw_stages(found.maps.crop, found.maps.beliefs, found.skeleton, shown or None)


def architecture() -> np.ndarray:
    """The layers of one preset, stage by stage."""
    config = preset(FLAGS.arch)
    layers = summary.layer_rows(config)
    parameters = sum(layer.parameters for layer in layers)
    multiply_adds = sum(layer.multiply_adds for layer in layers)
    title = (
        f"{config.arch}: {config.stages} stages, {parameters / 1e6:.2g} million parameters, "
        f"{multiply_adds / 1e9:.2g} billion multiply-adds an image"
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
        cell_px = np.floor(wrist_px / stride) * stride + (stride - 1) / 2
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


def named_runs(most: int | None = None) -> list[str]:
    """The folders of --runs, each with measurements in it."""
    if not FLAGS.runs or (most and len(FLAGS.runs) > most):
        raise UsageError(
            f"--figure={FLAGS.figure} needs {'one run' if most else 'runs'}: --runs=DIR"
        )
    runs = [os.path.normpath(run) for run in FLAGS.runs]
    for run in runs:
        if not os.path.isfile(os.path.join(run, "metrics.jsonl")):
            raise UsageError(
                f"{run} is not a run folder (no metrics.jsonl); train one with: "
                f"python bin/train.py --run_dir={run}"
            )
    return runs


FIGURES = {
    "samples": samples,
    "training": training,
    "comparison": comparison,
    "stages": stages,
    "reliability": reliability,
    "poses": poses,
    "failures": failures,
    "gallery": gallery,
    "beliefs": beliefs,
    "architecture": architecture,
    "data_road": data_road,
    "targets": targets,
    "receptive_fields": receptive_fields,
    "learning_rate": learning_rate,
}
