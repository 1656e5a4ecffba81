"""Finds the joints of the person in a picture, or in each picture of a folder.

    python bin/predict.py --input=photo.jpg --out=poses --json=poses.json
    python bin/predict.py --ckpt=runs/mini --input=photos --out=poses --noflip --heatmaps
    python bin/predict.py --ckpt=runs/mini --input=group.jpg --box=120,40,180,420 --out=poses
    python bin/predict.py --ckpt=runs/mini --input=photos --out=poses --crop=image --passes=1

Draws each skeleton into --out as NAME_pose.png (and NAME_beliefs.png with --heatmaps), NAME with
its suffix where two pictures share it (a.jpg_pose.png, a.png_pose.png). --box says which person is
meant. Without it the whole picture is looked at (--crop=image: as in LSP's test, so that its height
fills 80 % of the crop), the person near its middle wins, and a second look is at the joints found
by the first; --passes says how many looks. A network for it is trained with --augment=wild. Each
look is also at the mirrored picture, if the network has a mirror image, unless --noflip halves the
time. The JSON file holds joints in 0-based pixels of the upright picture:

    {"images": [{"file": "photos/a.jpg", "people": [
        {"box": [x, y, width, height], "joints": {"right_ankle": [x, y, confidence], ...}}]}]}

All joints are in it. Those of a confidence under --threshold are not drawn; weights that know from
which confidence on a joint is more often right than wrong bring that along, --threshold=-1 draws
all. --belief_maps=FILE.npz keeps, of a single picture, the maps of every stage (stage_1, …), their
names and the crop they belong to. The same from Python: cpm.inference.Predictor.
"""

import math
import os

from absl import flags

from cpm import files, plots
from cpm.checkpoints import pretrained
from cpm.cli.flags import (
    decoding_from_flags,
    define_decoding_flags,
    define_speed_flags,
    execution_from_flags,
    parse_numbers,
)
from cpm.data.images import PictureError, read_picture
from cpm.errors import UsageError
from cpm.inference import Predictor, belief_file
from cpm.provenance import provenance

FLAGS = flags.FLAGS


def define_flags():
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt",
        pretrained.NAME,
        "Network: run folder, checkpoint, .npz or exported file, or pretrained, the project's own.",
    )
    flags.DEFINE_string("input", None, "Image, or folder of images.", required=True)
    flags.DEFINE_string("out", None, "Folder for the drawings; it is made.", required=True)
    flags.DEFINE_string(
        "box",
        None,
        "Box of the person in a single image, x,y,width,height in pixels. Default: all of it.",
    )
    flags.DEFINE_string("json", None, "File for the joints. Default: none.")
    flags.DEFINE_bool("heatmaps", False, "Also draw the belief maps of every stage.")
    flags.DEFINE_string(
        "belief_maps", None, "File, .npz, for the belief maps of a single image. Default: none."
    )
    flags.DEFINE_float(
        "threshold",
        None,
        "Least confidence of the joints that are drawn. Default: as the weights say, else 0.",
    )
    flags.DEFINE_enum(
        "crop",
        None,
        ["image", "whole"],
        "Crop of the first pass without --box. Default: as trained, else whole.",
    )
    flags.DEFINE_integer(
        "passes",
        None,
        "Number of passes, each at the joints that the one before found. Default: 2, with --box 1.",
        lower_bound=1,
    )
    define_decoding_flags(flip=None)  # here joints matter, not milliseconds
    define_speed_flags()


PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def main(_):
    box = parse_numbers("box", FLAGS.box.split(","), 4) if FLAGS.box else None
    paths, is_folder = find_pictures(FLAGS.input)
    for flag in ("box", "belief_maps"):
        if FLAGS[flag].value and is_folder:
            raise UsageError(
                f"--{flag} is for a single picture, but --input={FLAGS.input} is a folder; "
                "name one of its pictures"
            )
    if FLAGS.belief_maps:
        belief_file.check_name(FLAGS.belief_maps)
    if FLAGS.threshold is not None and not math.isfinite(FLAGS.threshold):
        raise UsageError(f"--threshold={FLAGS.threshold} should be a number, like 0.3")
    for flag in ("json", "belief_maps"):
        files.check_target(FLAGS[flag].value, flag)
    if os.path.exists(FLAGS.out) and not os.path.isdir(FLAGS.out):
        raise UsageError(f"--out={FLAGS.out} is a file; name a folder for the drawings")
    predictor = Predictor(
        FLAGS.ckpt,
        passes=FLAGS.passes,
        crop=FLAGS.crop,
        execution=execution_from_flags(),
        **decoding_from_flags(),
    )
    threshold = predictor.threshold if FLAGS.threshold is None else FLAGS.threshold
    images, skipped = [], []
    for path, name in zip(paths, output_names(paths), strict=True):
        try:
            picture = read_picture(path)
        except PictureError as error:
            if not is_folder:
                raise
            print(f"skipped: {error}")
            skipped.append(path)
            continue
        prediction = predictor(picture, box)
        draw(picture, prediction, name, threshold)
        if FLAGS.belief_maps:
            belief_file.write_beliefs(FLAGS.belief_maps, prediction)
        images.append({"file": path, "people": [as_json(prediction)]})
        print(f"{path} -> {os.path.join(FLAGS.out, name)}_pose.png")
    if not images:
        raise UsageError(f"none of the {len(paths)} pictures in {FLAGS.input} can be read")
    if FLAGS.json:
        result = {"images": images, "skipped": skipped, "threshold": threshold}
        result |= predictor.settings()
        files.write_json(FLAGS.json, result | provenance())
    print(f"{len(images)} pictures done, {len(skipped)} skipped")


def find_pictures(path):
    """Paths of the pictures at `path`, sorted, and whether it is a folder.

    Raises:
      UsageError: if there is nothing there.
    """
    if os.path.isfile(path):
        return [path], False
    if not os.path.isdir(path):
        raise UsageError(f"--input={path} does not exist; name a picture or a folder of pictures")
    paths = [
        os.path.join(path, name)
        for name in sorted(os.listdir(path))
        if name.lower().endswith(PICTURE_SUFFIXES) and not name.startswith(".")
    ]
    if not paths:
        raise UsageError(
            f"--input={path} holds no picture; expected files that end in "
            + ", ".join(PICTURE_SUFFIXES)
        )
    return paths, True


def output_names(paths):
    """A file name for each picture: its own, all with their suffixes where two would collide.

    >>> output_names(["in/a.jpg", "in/b.jpg"]), output_names(["in/a.jpg", "in/a.png"])
    (['a', 'b'], ['a.jpg', 'a.png'])
    """
    names = [os.path.basename(path) for path in paths]
    stems = [os.path.splitext(name)[0] for name in names]
    return stems if len(set(stems)) == len(stems) else names


def as_json(prediction):
    """One person as plain JSON values, every joint with its confidence."""
    joints = {
        joint: [float(x), float(y), float(confidence)]
        if math.isfinite(x + y + confidence)
        else None
        for joint, (x, y), confidence in zip(
            prediction.skeleton.joints, prediction.joints_px, prediction.confidence, strict=True
        )
    }
    return {"box": list(prediction.box), "joints": joints}


def draw(picture, prediction, name, threshold):
    """Writes the pictures of one prediction, without joints of a lower confidence."""
    pose = plots.draw_skeleton(
        picture,
        prediction.joints_px,
        prediction.skeleton,
        confidence=prediction.confidence,
        threshold=threshold,
        title=name,
    )
    plots.write_picture(os.path.join(FLAGS.out, f"{name}_pose.png"), pose)
    if FLAGS.heatmaps:
        maps = plots.draw_stages(prediction.crop, prediction.beliefs, prediction.skeleton)
        plots.write_picture(os.path.join(FLAGS.out, f"{name}_beliefs.png"), maps)
