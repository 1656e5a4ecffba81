"""Turns weights of others into a checkpoint: the authors' Caffe networks, or VGG-19's trunk.

    python bin/import_weights.py --arch=vgg --src=pose_iter_320000.caffemodel --out=runs/released
    python bin/import_weights.py --arch=vgg --src=VGG_ILSVRC_19_layers.caffemodel \\
        --out=runs/vgg19 --skeleton=lsp14

The script itself is cpm/cli/import_weights.py.
"""

from cpm.cli import import_weights
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(import_weights)
