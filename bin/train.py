"""Trains a convolutional pose machine.

    python bin/train.py --stages=6 --xla
    python bin/train.py --xla --data=data/lsp,data/lspet --run_dir=runs/lsp --steps=10000
    python bin/train.py --stages=6 --xla --data=data/lsp,data/lspet --augment=wild \\
        --average_decay=0.999 --run_dir=runs/wild --steps=15000

The script itself is cpm/cli/train.py.
"""

from cpm.cli import train
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(train)
