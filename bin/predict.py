"""Finds the joints of people in images and videos.

    python bin/predict.py photo.jpg --out=poses --json=poses.json
    python bin/predict.py --input=photos --boxes=detections.json --csv=joints.csv
    python bin/predict.py walk.mp4 --out=poses --csv=walk.csv --smooth

The script itself is cpm/cli/predict.py.
"""

from cpm.cli import predict
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(predict)
