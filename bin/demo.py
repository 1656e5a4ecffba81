"""Builds the page that finds joints in the browser, and serves it on this machine.

    python bin/demo.py
    python bin/demo.py --ckpt=runs/cats --port=8080

The script itself is cpm/cli/demo.py.
"""

from cpm.cli import demo
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(demo)
