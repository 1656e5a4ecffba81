"""All metrics of one set of predictions, as plain values that can be written as JSON."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cpm.evaluation import limbs, pck, pcp
from cpm.evaluation.bootstrap import bootstrap_interval, joint_intervals
from cpm.evaluation.predictions import Predictions
from cpm.evaluation.scores import Score, only
from cpm.skeleton import Skeleton

# The strictest first; what a log line shows and runs are compared by.
HEADLINES = ("pckh@0.5", "pck@0.2", "pck_box@0.1", "pcp25")


def score(
    predictions: Predictions,
    skeleton: Skeleton,
    *,
    resamples: int = 1000,
    seed: int = 0,
    joints: Sequence[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Every metric that the annotations allow.

    Args:
      predictions: `Predictions`.
      skeleton: names of its P joints.
      resamples: draws of the bootstrap interval; 0 = no interval.
      seed: of the bootstrap.
      joints: names of the only joints that count, for a protocol that scores a few; None = all.
        Limbs are not affected.

    Returns:
      {name: values} with `pcp25` (only where crops are known), `pck@0.2` and `pck_auc` (only where
      a torso is annotated), `pck_box@0.1` (only of skeletons without a torso), `pckh@0.5`,
      `pckh@0.1` and `pckh_auc` (only where head sizes exist), `pcp_strict` and `pcp_average` (only
      where a limb is annotated). Values:
        total: percent, last stage; what a headline quotes.
        mean_of_joints: mean of the joints' percentages, last stage.
        per_joint: {joint or limb: percent or None where nothing was counted}, last stage.
        groups: {Head, Sho, Elb, Wri, Hip, Kne, Ank: percent}, or the limbs' columns; last stage.
        per_stage: [percent] of stages 1 … T.
        per_stage_joints: [{joint or limb: percent or None}] of stages 1 … T.
        interval: [low, high], 95 % bootstrap interval of `total`, or None.
        per_stage_interval: [[low, high]] of stages 1 … T, or None.
        per_joint_interval: {joint or limb: [low, high] or None}, last stage; or None.
        people: how many were counted.
        joints: how many joints (or limbs) were counted.
        unit: what "near" means, in words.
    """
    metrics = {}
    for stages in stage_scores(predictions, skeleton, joints):
        last = stages[-1]
        if not last.people:
            continue
        metrics[last.name] = {
            "total": last.total,
            "mean_of_joints": last.mean,
            "per_joint": _without_nan(last.per_joint),
            "groups": last.groups,
            "per_stage": [stage.total for stage in stages],
            "per_stage_joints": [_without_nan(stage.per_joint) for stage in stages],
            "people": last.people,
            "joints": sum(last.counts.values()),
            "unit": last.unit,
        }
        metrics[last.name] |= _intervals(stages, resamples, seed)
    return metrics


def _intervals(stages, resamples, seed):
    """The entries of `score` that end in "interval"."""
    if not resamples:
        return dict.fromkeys(("interval", "per_stage_interval", "per_joint_interval"))
    options = {"resamples": resamples, "seed": seed}
    last = stages[-1]
    of_stages = [list(bootstrap_interval(s.credit, s.counted, **options)) for s in stages]
    of_joints = joint_intervals(last.credit, last.counted, **options)
    return {
        "interval": of_stages[-1],
        "per_stage_interval": of_stages,
        "per_joint_interval": {
            joint: pair and list(pair)
            for joint, pair in zip(last.per_joint, of_joints, strict=True)
        },
    }


def stage_scores(
    predictions: Predictions, skeleton: Skeleton, joints: Sequence[str] | None = None
) -> Iterator[list[Score]]:
    """Yields one list per metric: its `Score` at stages 1 … T.

    Args:
      predictions, skeleton, joints: as in `score`.
    """
    truth, state = predictions.truth_px, predictions.state
    head, scale = predictions.head_size_px, predictions.crop_scale
    every_stage = list(predictions.joints_px)
    of_joints = (
        lambda x: pcp.pcp25(x, truth, state, scale, skeleton),
        lambda x: pck.pck(x, truth, state, skeleton),
        lambda x: pck.pck_box(x, truth, state, skeleton),
        lambda x: pck.pckh(x, truth, state, head, skeleton),
        lambda x: pck.pckh(x, truth, state, head, skeleton, threshold=0.1),
        lambda x: pck.pck_auc(x, truth, state, skeleton),
        lambda x: pck.pckh_auc(x, truth, state, head, skeleton),
    )
    for metric in of_joints:
        scores = map(metric, every_stage)
        yield [only(s, joints) if joints else s for s in scores]
    for kind in limbs.UNITS:
        yield [limbs.limb_pcp(x, truth, state, skeleton, kind=kind) for x in every_stage]


def last_score(
    predictions: Predictions, skeleton: Skeleton, metric: str, joints: Sequence[str] | None = None
) -> Score:
    """The `Score` of one metric at the last stage.

    Args:
      predictions, skeleton, joints: as in `score`.
      metric: its name.

    Raises:
      ValueError: if there is no such metric.
    """
    for stages in stage_scores(predictions, skeleton, joints):
        if stages[-1].name == metric:
            return stages[-1]
    raise ValueError(f"there is no metric {metric!r}")


def main_metric(metrics: Mapping[str, Any]) -> str:
    """Name of the one metric by which checkpoints and methods are compared.

    PCKh@0.5 where heads are annotated, else PCK@0.2, else, without a torso, PCK@0.1 by the
    object's box, else PCP@25px: the loosest comes last.

    Raises:
      ValueError: if nothing was scored: no person has an annotated joint.
    """
    for name in HEADLINES:
        if name in metrics:
            return name
    raise ValueError("nothing was scored: nothing has an annotated joint")


def main_score(metrics: Mapping[str, Any]) -> float:
    """The total of the `main_metric`; higher is better.

    Raises:
      ValueError: if nothing was scored.
    """
    return metrics[main_metric(metrics)]["total"]


def one_line(metrics: Mapping[str, Any]) -> str:
    """The totals for a log.

    >>> one_line({"pcp25": {"total": 91.25}, "pck_auc": {"total": 9.0}, "pck@0.2": {"total": 80.0}})
    'pck@0.2 80.0 %, pcp25 91.2 %'
    """
    shown = [name for name in HEADLINES if name in metrics]
    return ", ".join(f"{name} {metrics[name]['total']:.1f} %" for name in shown)


def curves(
    predictions: Predictions, skeleton: Skeleton, joints: Sequence[str] | None = None
) -> dict[str, dict[str, list[float]]]:
    """The curves behind `pck@a` and `pckh@t`, last stage.

    Args:
      predictions, skeleton, joints: as in `score`.

    Returns:
      {"pck": {"thresholds": [...], "percent": [...]}, "pckh": ...}; a curve that has nothing to
      count is left out.
    """
    last, truth, state = (
        predictions.joints_px[-1],
        predictions.truth_px,
        predictions.state,
    )
    references = {
        "pck": (pck.torso_lengths(truth, state, skeleton), pck.PCK_THRESHOLDS),
        "pckh": (predictions.head_size_px, pck.PCKH_THRESHOLDS),
    }
    found = {}
    for name, (reference, thresholds) in references.items():
        errors = pck.normalized_errors(last, truth, state, reference, skeleton)
        if joints:
            errors[:, [joint not in joints for joint in skeleton.joints]] = np.nan
        if not np.isnan(errors).all():
            found[name] = {
                "thresholds": thresholds.tolist(),
                "percent": pck.curve(errors, thresholds).tolist(),
            }
    return found


def _without_nan(values):
    """JSON has no nan: None instead."""
    return {key: None if math.isnan(value) else value for key, value in values.items()}
