"""Says how much memory a training step takes.

    python bin/memory.py --arch=vgg --batch_size=2
    python bin/memory.py --arch=vgg --batch_size=2 --recompute

The script itself is cpm/cli/memory.py.
"""

from cpm.cli import memory
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(memory)
