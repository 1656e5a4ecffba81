"""The page of a run: how good it is, how it went, what fails, what was trained, how to go on."""

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cpm.humans import noun
from cpm.report.html import (
    bar,
    element,
    figure,
    joined,
    page,
    section,
    table,
)
from cpm.text_table import number

TITLES = {
    "pckh@0.5": "PCKh@0.5",
    "pck@0.2": "PCK@0.2",
    "pck_box@0.1": "PCK@0.1 by box",
    "pcp25": "PCP@25px",
}
VERSIONS = ("command", "commit", "seed", "python", "tensorflow", "numpy", "hardware")
GROUPS = {
    "typical": "Typical {who}, evenly spread from the best to the worst",
    "best": "Best found",
    "worst": "Worst found",
}


@dataclasses.dataclass(frozen=True)
class Shown:
    """An image of the page.

    Attributes:
      pixels: `[H, W, 3]` uint8.
      caption: a sentence.
    """

    pixels: np.ndarray
    caption: str


@dataclasses.dataclass(frozen=True)
class RunReport:
    """All that the page of a run shows. What is missing, empty or None, is left out.

    Attributes:
      name, path: of the run.
      record: config.json.
      settings: {key: value as `--set` takes it}.
      recipe: (name, {key: value}) that the settings began as.
      people: {data folder: {split: people}}.
      steps: of the run.
      step: that was scored.
      seconds, step_seconds: of training; of one step, a median, 0 where it is not known.
      batch_size: people a step.
      metrics: of `cpm.evaluation.report.score`.
      main: name of the headline's metric.
      box_metrics: the same with true boxes where `metrics` are without; or None.
      curves: drawn losses and scores.
      stages: drawn score by stage, or None.
      examples: {group of `GROUPS`: list of `Shown`}.
      sheet, beliefs, augmentation: several people at once, belief maps, a training batch; or None.
      commands: [(what it does, command)].
      joints: names of the network's joints.
    """

    name: str
    path: str
    record: dict
    settings: dict
    recipe: tuple[str, dict]
    people: dict
    steps: int
    step: int
    seconds: float
    step_seconds: float
    batch_size: int
    metrics: dict
    main: str | None
    box_metrics: dict | None = None
    curves: tuple[Shown, ...] = ()
    stages: Shown | None = None
    examples: dict = dataclasses.field(default_factory=dict)
    sheet: Shown | None = None
    beliefs: Shown | None = None
    augmentation: Shown | None = None
    commands: tuple = ()
    joints: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """What the network finds: people, or objects."""
        return noun(self.joints)


def run_page(run: RunReport) -> str:
    """The page as text.

    Args:
      run: `RunReport`.
    """
    return page(
        run.name,
        _headline(run),
        section("How it went", _grid(run.curves, "wide")),
        section("Joints", _joint_table(run)),
        section("Stages", _stage_table(run), run.stages and _figure(run.stages)),
        section(run.who.capitalize(), *_people(run)),
        section("Belief maps", run.beliefs and _figure(run.beliefs, photo=True)),
        section(
            "A training batch, as the network meets it",
            run.augmentation and _figure(run.augmentation, photo=True),
        ),
        section("Settings", *_settings(run)),
        section("Data and speed", _data(run), _speed(run)),
        section("Versions", _versions(run)),
        section("How to go on", *_commands(run)),
    )


def interval(pair: Sequence[float] | None) -> str:
    """A pair of percentages.

    >>> interval([80.04, 82.5]), interval(None)
    ('80.0 … 82.5', '-')
    """
    return "-" if not pair else f"{pair[0]:.1f} … {pair[1]:.1f}"


def _headline(run):
    """The one number, with its interval and what it is of."""
    progress = f"Step {run.step:,} of {run.steps:,}."
    if run.main is None:
        return element("p", f"{progress} Nothing was scored yet.", class_="headline")
    best = run.metrics[run.main]
    how = "in their true boxes"
    if run.box_metrics:
        how = "found without a box, one in each image"
    sentence = (
        f"{TITLES.get(run.main, run.main)}: 95 % interval {interval(best['interval'])}, "
        f"{best['people']:,} validation {run.who} {how}. {progress}"
    )
    parts = [
        element("p", element("b", f"{number(best['total'])} %"), sentence, class_="headline"),
        element("p", f"A joint is right within {best['unit']}.", class_="note"),
    ]
    if run.box_metrics and run.main in run.box_metrics:
        box = run.box_metrics[run.main]
        text = f"With the true box: {number(box['total'])} % ({interval(box['interval'])})."
        parts.append(element("p", text))
    rows = [
        [TITLES.get(name, name), number(values["total"]), interval(values["interval"])]
        for name, values in run.metrics.items()
    ]
    parts.append(table(["all scores, %", "total", "95 % interval"], rows))
    return joined(*parts)


def _joint_table(run):
    """Percent and interval of each joint at the last stage, the headline's metric."""
    if run.main is None:
        return None
    values = run.metrics[run.main]
    intervals = values.get("per_joint_interval") or {}
    rows = [
        [_plain(joint), bar(share), number(share), interval(intervals.get(joint))]
        for joint, share in values["per_joint"].items()
        if share is not None
    ]
    return table([f"{TITLES.get(run.main, run.main)}, %", "", "", "95 % interval"], rows)


def _stage_table(run):
    """Percent of each joint after each stage."""
    if run.main is None or len(run.metrics[run.main]["per_stage"]) < 2:
        return None
    values = run.metrics[run.main]
    stages = range(1, len(values["per_stage"]) + 1)
    rows = [["all", *map(number, values["per_stage"])]]
    rows += [
        [_plain(joint), *(number(stage[joint]) for stage in values["per_stage_joints"])]
        for joint, share in values["per_joint"].items()
        if share is not None
    ]
    header = [f"{TITLES.get(run.main, run.main)}, %", *(f"stage {t}" for t in stages)]
    return table(header, rows)


def _people(run):
    if run.sheet:
        yield _figure(run.sheet, photo=True)
    for group, title in GROUPS.items():
        if run.examples.get(group):
            yield element("h3", title.format(who=run.who))
            yield _grid(run.examples[group], "row", photo=True)
    if run.examples:
        note = "Green is the annotation."
        if any(joint.startswith(("left_", "right_")) for joint in run.joints):
            note = "Green is the annotation; right limbs are orange, left limbs blue."
        yield element("p", note, class_="note")


def _settings(run):
    """What differs from the recipe, and everything."""
    name, usual = run.recipe
    changed = [
        [key, usual[key], value]
        for key, value in run.settings.items()
        if key in usual and usual[key] != value
    ]
    yield element("h3", f"Changed from the recipe {name}")
    if changed:
        yield table(["setting", "recipe", "this run"], changed, words=True)
    else:
        yield element("p", "Nothing.")
    if start := run.record.get("init_from"):
        yield element("p", f"Started from the weights of {start}.")
    everything = table(["setting", "value"], list(run.settings.items()), words=True)
    yield element("details", element("summary", "All settings"), everything)


def _data(run):
    rows = [
        [folder, *(f"{people.get(split, 0):,}" for split in ("train", "validation", "test"))]
        for folder, people in run.people.items()
    ]
    return table([f"data, {run.who}", "train", "validation", "test"], rows) if rows else None


def _speed(run):
    if not run.step_seconds:
        return None
    rate = run.batch_size / run.step_seconds
    text = f"{run.seconds / 60:.1f} minutes of training; {run.step_seconds:.3f} s a step of "
    text += f"{run.batch_size} {run.who} (median), {rate:.0f} {run.who} a second."
    return element("p", text)


def _versions(run):
    rows = [[key, run.record[key]] for key in VERSIONS if run.record.get(key) is not None]
    devices = run.record.get("accelerators")
    if devices:
        rows.append(["accelerators", ", ".join(devices)])
    return table(["", ""], rows, words=True) if rows else None


def _commands(run):
    for what, command in run.commands:
        yield element("p", f"{what}:")
        yield element("pre", command)


def _figure(shown, *, photo=False):
    return figure(shown.pixels, shown.caption, photo=photo)


def _grid(images, kind, *, photo=False):
    if not images:
        return None
    return element("div", *(_figure(shown, photo=photo) for shown in images), class_=kind)


def _plain(joint):
    return joint.replace("_", " ")


def step_seconds(records: Iterable[Mapping[str, Any]]) -> float:
    """Seconds a step, the median of the later half of a run: the first step compiles. 0 = unknown.

    Args:
      records: lines of metrics.jsonl.

    >>> step_seconds([{"loss": 1.0, "seconds": 2.0}, {"loss": 1.0, "seconds": 2.5}])
    0.5
    """
    times = [record["seconds"] for record in records if "loss" in record and "seconds" in record]
    apart = [after - before for before, after in itertools.pairwise(times)]
    later = [seconds for seconds in apart[len(apart) // 2 :] if seconds > 0]
    return statistics.median(later) if later else 0.0
