"""RUN/report.html: gathers what a run wrote and an evaluation found, draws it and writes the page.

At every evaluation the page shows what that knows (`show`). At the end, and by bin/report.py, it
also shows people, one by one, and belief maps (`write_run_page`). What cannot be drawn is left out
and said: a training of hours is worth more than its page.
"""

import dataclasses
import functools
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from cpm import files
from cpm.data import pipeline, verification
from cpm.data.splits import TRAIN
from cpm.evaluation import report
from cpm.evaluation.gathering import Example
from cpm.geometry import REFERENCE_CROP_PX, cell_origin
from cpm.humans import noun
from cpm.plots import curves, draw_skeleton, draw_stages
from cpm.plots.batch import draw_batch
from cpm.plots.belief_maps import telling_joints
from cpm.plots.image_files import fit
from cpm.report import RunReport, Shown, run_page
from cpm.report.run import step_seconds
from cpm.scoring.evaluate import Evaluation
from cpm.scoring.run_settings import people_of, read_settings, recipe_of, written
from cpm.skeleton import get_skeleton
from cpm.training.metrics_file import metrics_so_far
from cpm.training.targets import make_targets
from cpm.training.validation import Validation

NAME = "report.html"
COUNT = 4  # people of each group, and of the training batch
TILE_PX = 300
MOST_MAPS = 5  # joints whose belief maps are shown


def show(run_dir: str, step: int, found: Validation) -> None:
    """Writes the page of a run that goes on; whatever goes wrong is said and no more.

    Args:
      run_dir: its folder.
      step: steps done.
      found: `cpm.training.validation.Validation` of them, as `validating.validation` makes it.
    """
    try:
        details: Any = found.details
        result, _, box = details
        who = noun(get_skeleton(read_settings(run_dir)[0].config.network.skeleton).joints)
        sheet = Shown(found.draw(), f"Some validation {who}; green is the annotation.")
        write(gathered(run_dir, step, result, box=box, sheet=sheet))
    except Exception as error:
        logging.warning("%s was not written: %s", os.path.join(run_dir, NAME), error)


def write_run_page(
    run_dir: str,
    step: int,
    result: Evaluation,
    *,
    box: Evaluation | None = None,
    people: Mapping[str, Sequence[Example]] | None = None,
) -> str:
    """Writes the page of a run that has come to its end.

    Args:
      run_dir: its folder.
      step: of the checkpoint that was scored.
      result: `cpm.scoring.evaluate.Evaluation` of it.
      box: `Evaluation` with true boxes where `result` is without; or None.
      people: {group: `Example`s} of `shown_people`, or None.

    Returns:
      The path of the page.
    """
    skeleton = get_skeleton(read_settings(run_dir)[0].config.network.skeleton)
    groups, maps = {}, None
    if people:
        captions = _captions(result, skeleton)
        known = (result.people.state > 0).any(0)
        groups = {
            group: [
                Shown(_drawn(example, skeleton, known), captions[example.id])
                for example in _few(group, examples)
            ]
            for group, examples in people.items()
        }
        maps = _or_none(_belief_maps, people.get("typical"), skeleton)
    page = gathered(run_dir, step, result, box=box, examples=groups, beliefs=maps)
    return write(page)


def write(page: RunReport) -> str:
    """Writes a `RunReport`; returns the path."""
    path = os.path.join(page.path, NAME)
    files.write_text(path, run_page(page))
    return path


def gathered(
    run_dir: str,
    step: int,
    result: Evaluation | None,
    *,
    box: Evaluation | None = None,
    **drawn: Any,
) -> RunReport:
    """The `RunReport` of a run.

    Args:
      run_dir, step, result, box: as in `write_run_page`; `result` may also be None.
      **drawn: further fields, drawn already.
    """
    settings, record = read_settings(run_dir)
    records = metrics_so_far(run_dir)
    metrics = result.metrics if result else {}
    folders = record.get("data", [])
    joints = get_skeleton(settings.config.network.skeleton).joints
    return RunReport(
        name=os.path.basename(os.path.normpath(run_dir)),
        path=str(run_dir),
        record=record,
        settings=written(settings),
        recipe=recipe_of(settings, record),
        people=people_of(folders),
        steps=settings.config.steps,
        step=step,
        seconds=max((r.get("seconds", 0.0) for r in records), default=0.0),
        step_seconds=step_seconds(records),
        batch_size=settings.config.data.batch_size,
        metrics=metrics,
        main=report.main_metric(metrics) if metrics else None,
        box_metrics=box.metrics if box else None,
        curves=_curves(records, noun(joints)),
        stages=_or_none(_stages, metrics),
        augmentation=_or_none(_augmentation, settings.config, tuple(folders)),
        commands=_commands(run_dir, record),
        joints=joints,
        **drawn,
    )


def _or_none(draw, *arguments):
    """What `draw` draws; None and a warning if it cannot."""
    try:
        return draw(*arguments)
    except Exception as error:
        logging.warning("left out of the page (%s): %s", draw.__name__.strip("_"), error)
        return None


def _curves(records, who):
    drawn = []
    for draw, caption in (
        (curves.loss_curves, "Training loss of every stage."),
        (curves.score_curves, f"Scores of the validation {who}."),
    ):
        if any("loss_stage_1" in record for record in records):
            pixels = _or_none(draw, records)
            drawn += [] if pixels is None else [Shown(pixels, caption)]
    return tuple(drawn)


def _stages(metrics):
    """Score by stage, where there are several."""
    totals = {n: values["per_stage"] for n, values in curves.headlines(metrics).items()}
    if not totals or len(next(iter(totals.values()))) < 2:
        return None
    return Shown(curves.stage_curve(totals), "Scores after each stage.")


def _belief_maps(examples, skeleton):
    """The maps of one typical person, a few joints, every stage."""
    if not examples:
        return None
    example = examples[len(examples) // 2]
    joints = telling_joints(skeleton, MOST_MAPS)
    pixels = draw_stages(example.crop, example.beliefs, skeleton, joints)
    return Shown(pixels, f"What each stage believes of {example.id}; the number is the peak.")


@functools.lru_cache(maxsize=1)  # the same at every evaluation of a run
def _augmentation(config, folders):
    """Some training people as the network meets them, with both kinds of targets."""
    # A small shuffle buffer: which people come first does not matter.
    data = dataclasses.replace(config.data, batch_size=COUNT, shuffle_buffer=8 * COUNT)
    network = config.network
    batches = pipeline.training_batches(list(folders), dataclasses.replace(config, data=data))
    batch = next(verification.whole_batches(batches, folders, TRAIN))
    targets = make_targets(
        batch,
        config.target,
        stride=network.stride,
        background=False,
        origin_px=cell_origin(network.grid, network.stride),
    )
    pixels = draw_batch(
        {key: value.numpy() for key, value in batch.items()},
        targets.first.numpy(),
        targets.later.numpy(),
        get_skeleton(network.skeleton),
        columns=1,
        tile_px=220,
    )
    text = "Crops after augmentation; the ideal belief maps of stage 1 and of later stages."
    return Shown(pixels, text)


def _drawn(example, skeleton, known):
    """A person's crop with the joints found and annotated; `known`: that anybody has annotated."""
    # One size for all: lines and dots are as thick on every image.
    zoom = TILE_PX / max(example.crop.shape[:2])
    drawn = draw_skeleton(
        example.crop,
        np.where(known[:, np.newaxis], example.joints_px, np.nan),
        skeleton,
        truth_px=example.truth_px,
        truth_state=example.state,
        zoom=zoom,
    )
    return fit(drawn, TILE_PX)


def _few(group, examples):
    """The first ones of a ranked group; of the typical people, who are spread, every so many."""
    step = max(1, len(examples) // COUNT) if group == "typical" else 1
    return examples[::step][:COUNT]


def _captions(result, skeleton):
    """{id: one sentence about the person}, errors in pixels of a crop around the true box."""
    people, counts = result.people, {}
    if result.metrics:
        score = report.last_score(people, skeleton, report.main_metric(result.metrics))
        counts = dict(enumerate(zip(score.credit.sum(1), score.counted.sum(1), strict=True)))
    errors = np.linalg.norm(people.joints_px[-1] - people.truth_px, axis=-1)  # [N, P]
    errors = np.where(people.state > 0, errors * people.crop_scale[:, np.newaxis], np.nan)
    captions = {}
    for n, id in enumerate(people.ids):
        right, counted = counts.get(n, (0, 0))
        parts = [f"{right:.0f} of {counted} joints are right"] if counted else []
        if np.isfinite(errors[n]).any():
            p = int(np.nanargmax(errors[n]))
            parts.append(
                f"{skeleton.joints[p].replace('_', ' ')} is farthest off, by {errors[n, p]:.0f} px "
                f"of a {REFERENCE_CROP_PX:g} px crop"
            )
        captions[id] = f"{id}: {'; '.join(parts) or 'no joint is annotated'}."
    return captions


def _commands(run_dir, record):
    run = shlex.quote(str(run_dir))
    command = record.get("command")
    parts = (
        [("Go on where it stopped, or repeat it in another --run_dir", command)] if command else []
    )
    return (
        *parts,
        ("Find joints with it", f"python bin/predict.py --ckpt={run} --input=IMAGE --out=poses"),
        ("Score it again, with every table", f"python bin/eval.py --ckpt={run}"),
        ("Compare it with another run", f"python bin/report.py {run} OTHER_RUN"),
    )
