"""Draws the figures of README.md and docs/ from runs and from synthetic people.

    python bin/figures.py --figure=samples --out=docs/samples.jpg
    python bin/figures.py --figure=training --runs=runs/lsp --out=docs/lsp_training.png
    python bin/figures.py --figure=comparison --runs=runs/2,runs/6 --metric=pck@0.2 --out=2_6.png

The script itself is cpm/cli/figures.py.
"""

from cpm.cli import figures
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(figures)
