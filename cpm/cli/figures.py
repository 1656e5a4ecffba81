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

from collections.abc import Sequence

from absl import flags

from cpm.cli import figures_of_guide, figures_of_people, figures_of_runs
from cpm.checkpoints import pretrained
from cpm.network import PRESETS
from cpm.plots import check_image_name, write_image

FLAGS = flags.FLAGS

FIGURES = {
    "samples": figures_of_people.samples,
    "training": figures_of_runs.training,
    "comparison": figures_of_runs.comparison,
    "stages": figures_of_runs.stages,
    "reliability": figures_of_runs.reliability,
    "poses": figures_of_runs.poses,
    "failures": figures_of_runs.failures,
    "gallery": figures_of_people.gallery,
    "beliefs": figures_of_people.beliefs,
    "architecture": figures_of_guide.architecture,
    "data_road": figures_of_guide.data_road,
    "targets": figures_of_guide.targets,
    "receptive_fields": figures_of_guide.receptive_fields,
    "learning_rate": figures_of_guide.learning_rate,
}


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_enum(
        "figure",
        None,
        list(FIGURES),
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
