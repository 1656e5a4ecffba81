"""What bin/train.py says before and after a training: ten lines each, a name and a sentence a line.

All tables are in the run's eval/validation.md, all of it on one page in its report.html.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cpm.config import TrainConfig
from cpm.evaluation import report
from cpm.execution import Execution
from cpm.humans import noun
from cpm.network.summary import stage_rows
from cpm.scoring.evaluate import Evaluation
from cpm.skeleton import SKELETONS, get_skeleton
from cpm.text_table import listed

WEAKEST = 3  # joints that are named at the end
NAMED = 3  # joints of the data that are named, if the network does not have them


def line(name: str, text: str) -> str:
    """One line; names stand in a column of their own.

    >>> line("crop", "128 x 128 px")
    'crop      128 x 128 px'
    """
    return f"{name:<9} {text}"


def opening_lines(
    config: TrainConfig,
    execution: Execution,
    *,
    data: Sequence[str],
    people: Mapping[str, int],
    not_learned: Sequence[str] = (),
    recipe: str,
    taken: tuple[str, Any] | None = None,
    run_dir: str,
) -> list[str]:
    """What is about to be trained.

    Args:
      config: `TrainConfig`.
      execution: `Execution`.
      data: list of data folders.
      people: {split: how many}.
      not_learned: joints of the data that the network does not have.
      recipe: its name.
      taken: (what `--init_from` says, `cpm.checkpoints.Start`), or None.
      run_dir: the run's folder.
    """
    network, optimizer = config.network, config.optimizer
    skeleton = get_skeleton(network.skeleton)
    who = noun(skeleton.joints)
    joints = f"{len(skeleton)} joint{'s' if len(skeleton) > 1 else ''}"
    if skeleton.name in SKELETONS:
        joints += f" ({skeleton.name})"
    if not_learned:
        joints += f"; not learned: {listed(not_learned, NAMED)}"
    height, width = network.image_size
    last = stage_rows(network)[-1]
    epochs = config.steps * config.data.batch_size / max(people["train"], 1)
    lines = [
        line("data", ", ".join(map(str, data))),
        line(
            who,
            f"{people['train']:,} to train, {people['validation']:,} to validate; {joints}",
        ),
        line(
            "network",
            f"{network.arch}, {network.stages} stages, {last.total_parameters:,} parameters, "
            f"crop {width} x {height} px",
        ),
    ]
    if taken is not None:
        lines.append(line("weights", f"{taken[0]}: {taken[1].text()}"))
    lines += [
        line("recipe", f"{recipe}, {optimizer.optimizer}, rate {optimizer.learning_rate:g}"),
        line(
            "steps",
            f"{config.steps:,} of {config.data.batch_size} {who}, {_rounded(epochs)} epochs",
        ),
        line("computed", _computed(execution)),
        line("writes to", os.path.join(run_dir, "")),
    ]
    return lines


def closing_lines(
    result: Evaluation,
    *,
    box: Evaluation | None = None,
    step: int,
    steps: int,
    seconds: float,
    run_dir: str,
) -> list[str]:
    """How a training went.

    Args:
      result: `cpm.scoring.evaluate.Evaluation` of the best checkpoint.
      box: that of the same people with their true boxes, where `result` is without; or None.
      step: of the best checkpoint.
      steps: of the run.
      seconds: of training.
      run_dir: the run's folder.
    """
    name = report.main_metric(result.metrics)
    best = result.metrics[name]
    low, high = best["interval"]
    who = noun(best["per_joint"])
    how = "without a box, as bin/predict.py --people=1" if box else "in their boxes"
    lines = [
        line("best", f"step {step:,} of {steps:,}; trained {_duration(seconds)}"),
        line(
            "score",
            f"{name} {best['total']:.1f} % of {best['people']:,} validation {who}, {how}",
        ),
        line("interval", f"{low:.1f} to {high:.1f} (95 %); right is within {best['unit']}"),
    ]
    if box:
        lines.append(line("with box", report.one_line(box.metrics)))
    others = {key: value for key, value in result.metrics.items() if key != name}
    if text := report.one_line(others):
        lines.append(line("also", text))
    stages = " -> ".join(f"{total:.1f}" for total in best["per_stage"])
    lines.append(line("stages", f"{name} after stages 1 to {len(best['per_stage'])}: {stages}"))
    scored = {joint: value for joint, value in best["per_joint"].items() if value is not None}
    weakest = sorted(scored, key=lambda joint: scored[joint])[:WEAKEST]
    lines.append(line("weakest", ", ".join(f"{j} {scored[j]:.1f} %" for j in weakest)))
    lines += [
        line("page", os.path.join(run_dir, "report.html")),
        line("tables", os.path.join(run_dir, "eval", "validation.md")),
        line("next", predict_command(run_dir)),
    ]
    return lines


def predict_command(run_dir: str) -> str:
    """How joints are found with the run."""
    return f"python bin/predict.py --ckpt={shlex.quote(str(run_dir))} --input=IMAGE --out=poses"


def _computed(execution):
    """How, in words."""
    parts = [execution.precision, f"convolutions {execution.conv}"]
    parts += ["XLA"] * execution.xla + ["recomputation"] * execution.recompute
    if execution.replicas > 1:
        parts.append(f"{execution.replicas} replicas side by side")
    if execution.cache_gb:
        parts.append(f"{execution.cache_gb:g} GB of decoded images kept")
    return ", ".join(parts)


def _duration(seconds):
    """Hours, minutes or seconds, as fits.

    >>> _duration(48.2), _duration(372), _duration(5280)
    ('48 s', '6 min', '1 h 28 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _rounded(number):
    """A number of epochs: whole ones where there are many.

    >>> _rounded(0.125), _rounded(829.6)
    ('0.1', '830')
    """
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
