"""Converts a data set to TFRecords, or draws synthetic people.

    python bin/convert.py --dataset=lsp --src=downloads/lsp --out=data/lsp
    python bin/convert.py --dataset=mpii --src=downloads/mpii --out=data/mpii
    python bin/convert.py --dataset=flic --src=downloads/FLIC --out=data/flic

The script itself is cpm/cli/convert.py.
"""

from cpm.cli import convert
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(convert)
