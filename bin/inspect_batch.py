"""Draws one batch exactly as training sees it, its ideal belief maps beside it.

    python bin/inspect_batch.py --data=data/lsp --out=batch.png
    python bin/inspect_batch.py --data=data/lsp,data/lspet --split=validation --out=batch.png

The script itself is cpm/cli/inspect_batch.py.
"""

from cpm.cli import inspect_batch
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(inspect_batch)
