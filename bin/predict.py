"""Finds the joints of people in images and videos.

    python bin/predict.py photo.jpg --out=poses --json=poses.json
    python bin/predict.py --input=photos --boxes=detections.json --csv=joints.csv
    python bin/predict.py walk.mp4 --out=poses --csv=walk.csv --smooth
    python bin/predict.py --input=group.jpg --box=120,40,180,420 --box=300,35,170,430 --out=poses

Without a box the person near the middle is found: a first pass sees the whole image, a second one
the person. Each pass is averaged with its mirror image, if the network has one, unless --noflip
halves the time. In videos a frame is one pass a person, not averaged unless --flip is given. --out
draws into NAME_pose.jpg, of a video NAME_pose.mp4; --json, --csv, --coco and --openpose write all
joints in 0-based pixels of the upright image. docs/howto/own_pictures.md and docs/howto/videos.md
say more, docs/metrics.md what the JSON file holds. The same from Python: cpm.Predictor.
"""

from absl import flags

from cpm.cli import command_line, predict

flags.adopt_module_key_flags(predict)

if __name__ == "__main__":
    command_line.run(predict.main, positional=None)
