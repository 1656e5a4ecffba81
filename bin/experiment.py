"""Repeats an experiment of the paper, or one of ours, in minutes on two cores: table, figure, JSON.

    python bin/experiment.py stages
    python bin/experiment.py schemes --seeds=0,1,2 --steps=3000
    python bin/experiment.py field --data=data/lsp,data/lspet --width=1 --steps=13000

The script itself is cpm/cli/experiment.py.
"""

from cpm.cli import experiment
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(experiment)
