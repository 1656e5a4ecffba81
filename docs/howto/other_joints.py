"""Leeds Sports Pose with joints that no weights know by name: few labeled images of one's own.

    python docs/howto/other_joints.py --src=downloads/lsp --out=photos

Images 901 to 1000, which the project's weights were not trained on: the first 50 to learn from, the
others for validation. Hands, feet, bends and the middle of the body take the place of wrists,
ankles, elbows and knees; only shoulders and hips keep their names.
"""

import argparse
import json
import os
import shutil

import numpy as np
import scipy.io

LSP14 = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    *("neck", "head_top"),
)
SIDES = {"hand": "wrist", "bend": "elbow", "foot": "ankle", "shoulder": "shoulder", "hip": "hip"}
# {keypoint: the joints whose middle it is}
KEYPOINTS = {"crown": ["head_top"], "chin": ["neck"]}
KEYPOINTS |= {"body": [f"{side}_{j}" for side in ("left", "right") for j in ("hip", "shoulder")]}
KEYPOINTS |= {
    f"{side}_{ours}": [f"{side}_{theirs}"]
    for side in ("left", "right")
    for ours, theirs in SIDES.items()
}


def write_people(src, out, first=901, train=50, count=100):
    """Copies the images into `out` and writes `annotations.json` beside them."""
    found = scipy.io.loadmat(os.path.join(src, "joints.mat"))["joints"]  # [3, 14, 2000]
    images, annotations = [], []
    for n in range(count):
        source = f"im{first + n:04d}.jpg"
        name = f"{'train' if n < train else 'validation'}/{source}"
        path = os.path.join(out, "images", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(os.path.join(src, "images", source), path)
        x, y, hidden = found[:, :, first + n - 1]
        points = []
        for joints in KEYPOINTS.values():
            rows = [LSP14.index(joint) for joint in joints]
            # LSP counts pixels from 1; a hidden joint has a position.
            middle = np.mean([x[rows], y[rows]], axis=1) - 1
            points += [*middle.round(2).tolist(), 1 if hidden[rows].any() else 2]
        images.append({"id": n, "file_name": name})
        annotations.append({"id": n, "image_id": n, "category_id": 1, "keypoints": points})
    category = {"id": 1, "name": "person", "keypoints": list(KEYPOINTS), "skeleton": []}
    record = {"images": images, "categories": [category], "annotations": annotations}
    with open(os.path.join(out, "annotations.json"), "w", encoding="utf-8") as file:
        json.dump(record, file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--src", required=True, help="Folder of joints.mat and images/. Required.")
    parser.add_argument("--out", required=True, help="Folder to make. Required.")
    given = parser.parse_args()
    write_people(given.src, given.out)
