"""Scores a trained network on annotated people, joint by joint and stage by stage.

    python bin/eval.py --ckpt=runs/mini
    python bin/eval.py --ckpt=runs/mini --data=data/lsp,data/lspet --flip --plots=figures
    python bin/eval.py --ckpt=runs/mini --flip --scales=0.9,1,1.1 --refinement=dark

The script itself is cpm/cli/eval.py.
"""

from cpm.cli import eval as evaluate
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(evaluate)
