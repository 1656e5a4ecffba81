"""Finds the joints of people in images.

    python bin/predict.py photo.jpg --out=poses --json=poses.json
    python bin/predict.py --input=photos --boxes=detections.json --csv=joints.csv
    python bin/predict.py --input=group.jpg --box=120,40,180,420 --box=300,35,170,430 --out=poses

The script itself is cpm/cli/predict.py.
"""

from cpm.cli import predict
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(predict)
