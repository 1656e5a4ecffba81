"""Converts a data set to TFRecords, or draws synthetic people.

    python bin/convert.py --dataset=coco --src=photos --out=data/photos
    python bin/convert.py --dataset=synthetic --count=2000 --seed=0 --out=data/synthetic

The script itself is cpm/cli/convert.py.
"""

from cpm.cli import convert
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(convert)
