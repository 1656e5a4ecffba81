"""Finds the joints of the person in a picture, or in each picture of a folder.

    python bin/predict.py --input=photo.jpg --out=poses --json=poses.json
    python bin/predict.py --ckpt=runs/mini --input=photos --out=poses --noflip --heatmaps
    python bin/predict.py --ckpt=runs/mini --input=group.jpg --box=120,40,180,420 --out=poses

The script itself is cpm/cli/predict.py.
"""

from cpm.cli import predict
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(predict)
