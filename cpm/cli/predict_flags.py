"""What the flags of bin/predict.py ask for: no two that contradict each other, then as values.

They are defined in cpm/cli/predict.py.
"""

import os
from collections.abc import Sequence
from typing import Literal

from absl import flags

from cpm import output_files
from cpm.cli.flags import people_from_flags
from cpm.cli.predict_images import path_of
from cpm.cli.predict_videos import VideoOptions
from cpm.errors import UsageError
from cpm.humans import noun
from cpm.inference import OneEuro, Predictor, belief_file, writers
from cpm.inference.boxes import BoxFile
from cpm.inference.image_frames import number_of_images
from cpm.inference.one_source import Source

FLAGS = flags.FLAGS
FILES = ("json", "csv", "coco", "belief_maps", "video")
ONE_PERSON = ("crop", "passes", "heatmaps", "belief_maps")  # flags that a search does not take
IMAGES_ONLY = ("box", "boxes", "belief_maps", "heatmaps", "coco")  # flags that videos don't take
OF_IMAGES = ("crop", "passes", "panel", "format")  # flags that change nothing in videos
OF_VIDEOS = ("video", "smooth")
# Flags that change what others ask for, any one of these.
ABOUT = {
    "smooth_cutoff": ("smooth",),
    "smooth_speed": ("smooth",),
    "box_score": ("boxes",),
    "format": ("out",),
    "panel": ("out",),
    "draw_boxes": ("out", "video"),
}
ENDS = {
    "json": (".json", ".jsonl"),
    "csv": (".csv",),
    "coco": (".json",),
    "video": (".mp4",),
}
PIPED = ("csv", "coco")  # files of one kind, which a pipe or a device may take whatever its name is


def check_flags(sources: Sequence[Source], several: bool) -> None:
    """UsageError for flags that do not go together or cannot be meant; before any work.

    Args:
      sources: list of `Source`.
      several: whether more than one could have come.
    """
    moving = [source for source in sources if source.moves]
    still = [source for source in sources if not source.moves]
    for flag in IMAGES_ONLY:
        if FLAGS[flag].value and moving:
            raise UsageError(
                f"--{flag} is for images, but {moving[0].file} is a video; leave one of them out"
            )
    for flags_of, there, what in ((OF_IMAGES, still, "image"), (OF_VIDEOS, moving, "video")):
        for flag in flags_of:
            if FLAGS[flag].present and FLAGS[flag].value and not there:
                raise UsageError(f"--{flag} is for {what}s, and no input is one; leave it out")
    for flag, others in ABOUT.items():
        if FLAGS[flag].present and not any(FLAGS[other].value for other in others):
            named = " or ".join(f"--{other}" for other in others)
            raise UsageError(f"--{flag} is of {named}; give that, too, or leave it out")
    for flag in ("box", "belief_maps"):
        if FLAGS[flag].value and several:
            raise UsageError(f"--{flag} is for a single image; name it alone with --input=FILE")
    for source in still if FLAGS.belief_maps else ():
        if (pages := number_of_images(path_of(source))) > 1:
            raise UsageError(
                f"--belief_maps is for a single image, but {path_of(source)} holds {pages}; save "
                "the page as a file of its own"
            )
    if FLAGS.video and len(moving) != 1:
        raise UsageError(f"--video is for one video, but there are {len(moving)}; use --out=DIR")
    for source in moving:
        if FLAGS.video and os.path.realpath(FLAGS.video) == os.path.realpath(path_of(source)):
            raise UsageError(f"--video={FLAGS.video} is the input; name another file")
    if FLAGS.box and FLAGS.boxes:
        raise UsageError("--box and --boxes both give boxes; leave one of them out")
    if FLAGS["people"].present and (FLAGS.box or FLAGS.boxes):
        raise UsageError("--people searches where no box is given; leave it or the boxes out")
    for flag in ("crop", "passes"):
        if FLAGS[flag].present and people_from_flags() != 1:
            raise UsageError(
                f"--{flag} is about the passes of --people=1, but --people={FLAGS.people} "
                "searches in windows of its own; leave one of them out"
            )
    if FLAGS.threshold is not None and not 0 <= FLAGS.threshold <= 1:
        raise UsageError(f"--threshold={FLAGS.threshold} should be from 0 to 1, like 0.3")
    if FLAGS.belief_maps:
        belief_file.check_name(FLAGS.belief_maps)
    outputs = {flag: FLAGS[flag].value for flag in FILES}
    for flag, path in outputs.items():
        output_files.check_target(path, flag)
    output_files.check_apart(outputs, {flag: FLAGS[flag].value for flag in ("ckpt", "boxes")})
    for flag, ends in ENDS.items():
        _check_end(flag, ends)
    for flag in ("out", "openpose"):
        output_files.check_folder(FLAGS[flag].value, flag)
    if FLAGS.openpose and FLAGS.openpose.lower().endswith(".json"):
        raise UsageError(
            f"--openpose={FLAGS.openpose} is the name of a file, but OpenPose writes one for each "
            "image; name a folder"
        )
    if FLAGS.heatmaps and not FLAGS.out:
        raise UsageError("--heatmaps draws belief maps; say where to with --out=DIR")


def _check_end(flag, ends):
    """UsageError if a file's name says that something else is in it."""
    path = FLAGS[flag].value
    piped = flag in PIPED and path and os.path.exists(path) and not os.path.isfile(path)
    if not path or piped or path.lower().endswith(ends):
        return
    raise UsageError(f"--{flag}={path} should end in {' or '.join(ends)}; name another file")


def check_coco_ids(sources: Sequence[Source], box_file: BoxFile | None) -> None:
    """UsageError if --coco would give two images one id, before any work.

    Args:
      sources: list of `Source`.
      box_file: `BoxFile`, which may know other ids, or None.
    """
    paths: dict[int | str, str] = {}
    for source in sources if FLAGS.coco else ():
        path = path_of(source)
        known = box_file.id_of(path) if box_file else None
        image_id = writers.image_id_of(path) if known is None else known
        if paths.setdefault(image_id, path) != path:
            raise UsageError(f"--coco: {writers.two_of_one_id(image_id, paths[image_id], path)}")


def people_in_images(predictor: Predictor) -> int | Literal["all"]:
    """How many people are searched for in an image without boxes: as --people says.

    Without that flag everybody is, if the network can tell people apart. Flags about the passes
    over one person ask for that one; it is said.

    Args:
      predictor: `Predictor`.
    """
    if FLAGS.people is not None or not predictor.tells_people_apart:
        return people_from_flags()
    if about_one := [f"--{flag}" for flag in ONE_PERSON if FLAGS[flag].value]:
        one = noun(predictor.skeleton.joints, 1)
        print(f"note: with {' and '.join(about_one)} one {one} is found, the one near the middle")
        return 1
    return "all"


def video_options_from_flags() -> VideoOptions:
    """`VideoOptions`, but for the threshold, which the network may know.

    Raises:
      UsageError: if --smooth_cutoff or --smooth_speed is out of range.
    """
    smooth = None
    if FLAGS.smooth:
        try:
            smooth = OneEuro(FLAGS.smooth_cutoff, FLAGS.smooth_speed)
        except ValueError:
            raise UsageError(
                f"--smooth_cutoff={FLAGS.smooth_cutoff} should be above 0 and "
                f"--smooth_speed={FLAGS.smooth_speed} at least 0"
            ) from None
    return VideoOptions(
        people=people_from_flags(),
        flip=bool(FLAGS.flip),  # not unless it was asked for: a frame is one pass
        smooth=smooth,
        boxes=FLAGS.draw_boxes,
    )
