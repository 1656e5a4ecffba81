"""Writes a trained network as one small file: half precision, its architecture inside.

    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz
    python bin/export_weights.py --ckpt=runs/wild --out=wild.npz --evaluation=whole.json

The script itself is cpm/cli/export_weights.py.
"""

from cpm.cli import export_weights
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(export_weights)
