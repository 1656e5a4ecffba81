"""Writes a run on one page, or compares several runs.

    python bin/report.py runs/photos
    python bin/report.py runs/photos runs/tuned
    python bin/report.py runs/a runs/b runs/c --out=a_b_c.html --json=a_b_c.json

One run: its best checkpoint is scored again and RUN/report.html is written anew, as at the end of
its training. Several runs: which settings differ, which one is better and by how much, with 95 %
intervals, from the scores and joints in their eval/ folders (bin/train.py and bin/eval.py write
them); on the screen and as a page.
"""

import dataclasses
import os
from collections.abc import Sequence

from absl import flags

from cpm import checkpoints, files, output_files
from cpm.cli.flags import define_speed_flags, execution_from_flags
from cpm.errors import UsageError
from cpm.execution.use import Executed
from cpm.provenance import provenance
from cpm.report import comparison_page
from cpm.scoring import run_page
from cpm.scoring.comparing import compare_runs, scores_of
from cpm.scoring.evaluate import evaluate_as_used
from cpm.scoring.shown_people import shown_people
from cpm.training.run_config import read_run

FLAGS = flags.FLAGS
POSITIONAL = 100  # runs


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "out",
        None,
        "HTML file of a comparison. Default: comparison.html in the current folder.",
    )
    flags.DEFINE_string("json", None, "File for the numbers of a comparison. Default: none.")
    flags.DEFINE_integer("seed", 0, "Seed of the bootstrap intervals.", lower_bound=0)
    define_speed_flags()


def main(arguments: Sequence[str]) -> None:
    """One run or several."""
    runs = arguments[1:]
    if not runs:
        raise UsageError("name one run folder, or several to compare: bin/report.py RUN [RUN ...]")
    for flag in ("out", "json"):
        if FLAGS[flag].value and len(runs) == 1:
            raise UsageError(
                f"--{flag} is of a comparison; one run's page is its report.html: leave it out, "
                "or name another run"
            )
    if len(runs) == 1:
        report_run(runs[0])
    else:
        report_comparison(runs, FLAGS.out or "comparison.html")


def report_run(run_dir: str) -> None:
    """Scores a run again and writes its page."""
    data = read_run(run_dir)[1]["data"]
    output_files.check_place(os.path.join(run_dir, run_page.NAME))
    plain, config, description = checkpoints.load_network(run_dir)
    network = Executed(plain, execution_from_flags(), constant=True)
    result, options, box = evaluate_as_used(network, config, data, seed=FLAGS.seed)
    people = shown_people(result, network, config, options)
    step = checkpoints.step_of(description["prefix"])
    print(f"wrote {run_page.write_run_page(run_dir, step, result, box=box, people=people)}")


def report_comparison(runs: Sequence[str], path: str) -> None:
    """Compares runs on the screen and on a page, which goes to `path`."""
    outputs = {"out": path, "json": FLAGS.json}
    for flag, output in outputs.items():
        output_files.check_target(output, flag)
    output_files.check_apart(
        outputs, {"json of bin/eval.py": [p for run in runs for p in scores_of(run)]}
    )
    comparison = compare_runs(runs, seed=FLAGS.seed)
    print(comparison.text())
    files.write_text(path, comparison_page(comparison))
    print(f"\nwrote {path}")
    if FLAGS.json:
        plain = dataclasses.asdict(dataclasses.replace(comparison, curves=None))
        files.write_json(FLAGS.json, plain | provenance(FLAGS.seed))
        print(f"wrote {FLAGS.json}")
