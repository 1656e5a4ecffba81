"""Repeats an experiment of the paper, or one of ours, in minutes on two cores: table, figure, JSON.

    python bin/experiment.py stages
    python bin/experiment.py schemes --seeds=0,1,2 --steps=3000
    python bin/experiment.py field --data=data/lsp,data/lspet --width=1 --steps=13000
    python bin/experiment.py time --data=data/lsp,data/lspet --width=1 --augment=wild --steps=3000

stages: accuracy with 1 … T stages (the paper's Figure 6). gradients: their size by layer, with a
loss after every stage and after the last one only (Figure 5). schemes: all stages at once, one
after the other, both, no intermediate loss (Figure 6). field: accuracy against receptive field at
equal parameters (Figure 4). ingredients: without center map, with background map, with the primary
person alone in stage 1. time: some thirty changes of the recipe, one at a time, each with as many
steps as take the time of the recipe's --steps. Without --data synthetic people are used. Everything
is resumed where it stopped; results lie in OUT/NAME.md, NAME.png and NAME.json. Variants of one OUT
may be trained by several processes, each with its own of them (--only); the command without it then
makes the table of all.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from absl import flags

from cpm import files
from cpm.cli.flags import define_run_flags, seed_from_flags, settings_from_flags
from cpm.cli.training_data import data_folders_from_flags, define_synthetic_people
from cpm.config_json import to_dict
from cpm.data import pipeline
from cpm.errors import UsageError
from cpm.evaluation.report import HEADLINES
from cpm.execution import Settings
from cpm.execution.threads import configure_threads
from cpm.experiments import report, runner
from cpm.experiments.variants import EXPERIMENTS
from cpm.humans import noun
from cpm.plots import write_image
from cpm.provenance import provenance

FLAGS = flags.FLAGS
POSITIONAL = 1  # arguments that are no flags


def define_flags() -> None:
    """Defines the flags of this script."""
    define_run_flags("steps", "xla", "precision", steps=1500, xla=True)
    flags.DEFINE_list("seeds", ["0"], "Seeds; each variant is trained once with each.")
    define_synthetic_people()
    flags.DEFINE_list("only", None, "Labels of the variants to run. Default: all.")
    flags.DEFINE_string(
        "metric", None, "Score that is compared. Default: the strictest one that all data allows."
    )
    flags.DEFINE_string("out", None, "Folder for runs and results. Default: runs/experiments/NAME.")


def main(arguments: Sequence[str]) -> None:
    """Runs the experiment and writes its results."""
    name, seeds = experiment_name(arguments[1:]), seeds_from_flag()
    folders = data_folders_from_flags()
    out = FLAGS.out or os.path.join("runs", "experiments", name)
    settings = base_settings(folders)
    configure_threads(settings.execution)
    results = runner.run_experiment(name, settings, folders, out, seeds, FLAGS.only)
    metric = FLAGS.metric or next(iter(preferred_metrics(results)))
    write(
        name,
        results,
        metric,
        out,
        settings=to_dict(settings) | {"data": folders},
    )


def seeds_from_flag() -> list[int]:
    """--seeds as different whole numbers."""
    texts = [text.strip() for text in FLAGS.seeds]
    # Eighteen digits fit into 64 bits; as floats two such numbers could be one.
    seeds = [int(text) for text in texts if re.fullmatch("[0-9]{1,18}", text)]
    if not seeds or len({*seeds}) < len(texts):
        raise UsageError(
            f"--seeds is {','.join(FLAGS.seeds)!r}; expected different whole numbers, like 0,1,2"
        )
    return seeds


def experiment_name(arguments: Sequence[str]) -> str:
    """The one argument, checked."""
    if len(arguments) != 1 or arguments[0] not in EXPERIMENTS:
        raise UsageError(
            f"expected the name of one experiment, got {' '.join(arguments) or 'none'}; "
            f"there are: {', '.join(EXPERIMENTS)}"
        )
    return arguments[0]


def base_settings(folders: Sequence[str]) -> Settings:
    """The settings that the variants change, or as flags say.

    Six stages, half the usual width and, unless a recipe is named, eight people a step: as in the
    results of docs/results/paper_experiments.md.
    """
    people = pipeline.open_folders(folders, "train")
    usual: dict[str, Any] = {"network": {"stages": 6, "width": 0.5}}
    if FLAGS.recipe is None:
        usual["data"] = {"batch_size": 8}
    return settings_from_flags(
        skeleton=pipeline.largest_skeleton(people), synthetic=not FLAGS.data, base=usual
    )


def preferred_metrics(results: Sequence[runner.Result]) -> Iterator[str]:
    """Metrics that every result has, the strictest first."""
    for metric in HEADLINES:
        if all(metric in result.metrics for result in results):
            yield metric


def write(
    name: str,
    results: Sequence[runner.Result],
    metric: str,
    out: str,
    settings: Mapping[str, Any],
) -> None:
    """Prints the table and writes everything."""
    missing = [r.label for r in results if metric not in r.metrics]
    if missing:
        raise UsageError(
            f"--metric={metric} was not measured; there are: {', '.join(results[0].metrics)}"
        )
    rows = report.summarize(results, metric)
    who = noun(results[0].metrics[metric]["per_joint"])
    text = f"{EXPERIMENTS[name].claim}\n\n{report.table(rows, metric, who)}"
    record = {
        "experiment": name,
        "claim": EXPERIMENTS[name].claim,
        "metric": metric,
        "spread": report.seeds_note(rows),
        "variants": rows,
        "changes": EXPERIMENTS[name].changes,
    } | dict(settings)
    if name == "gradients":
        record["gradients"] = report.gradients_as_json(results)
        record["gradient_ratios"] = report.gradient_ratios(results)
    print("\n" + text)
    stem = os.path.join(out, name)
    files.write_text(f"{stem}.md", text + "\n")
    files.write_json(f"{stem}.json", record | provenance(seed_from_flags()))
    write_image(f"{stem}.png", report.figure(name, results, rows, metric))
    print(f"\nwrote {stem}.md, {stem}.png and {stem}.json")
