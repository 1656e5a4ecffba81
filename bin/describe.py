"""Prints what a network is made of: layers, parameters, multiply-adds and receptive fields.

    python bin/describe.py --arch=paper --stages=6
    python bin/describe.py --arch=mini --width=1.5 --image_size=192x144

The script itself is cpm/cli/describe.py.
"""

from cpm.cli import describe
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(describe)
