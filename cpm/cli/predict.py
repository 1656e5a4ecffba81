"""Finds the joints of people in images and videos.

    python bin/predict.py photo.jpg --out=poses --json=poses.json
    python bin/predict.py --input=photos --boxes=detections.json --csv=joints.csv
    python bin/predict.py walk.mp4 --out=poses --csv=walk.csv --smooth
    python bin/predict.py --input=group.jpg --box=120,40,180,420 --box=300,35,170,430 --out=poses

Without a box everybody is found, by a search of the whole image, if the network was trained with
several people as the project's weights were. With --people=1, about ten times as fast, it is the
person near the middle: a first pass sees the image in windows of three sizes, a second one the
person. The last pass is averaged with its mirror image, if the network has one, unless --noflip
saves that time. In videos one person is followed unless --people says otherwise; a frame is one
pass a person, not averaged unless --flip is given. --out draws into NAME_pose.jpg, of a video
NAME_pose.mp4; --json, --csv, --coco and --openpose write all joints in 0-based pixels of the
upright image. docs/howto/own_pictures.md and docs/howto/videos.md say more, docs/metrics.md what
the JSON file holds. The same from Python: cpm.Predictor.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from absl import flags

from cpm.checkpoints import pretrained
from cpm.cli.flags import (
    decoding_from_flags,
    define_decoding_flags,
    define_speed_flags,
    execution_from_flags,
    parse_numbers,
    people_from_flags,
)
from cpm.cli.predict_flags import (
    check_coco_ids,
    check_flags,
    people_in_images,
    video_options_from_flags,
)
from cpm.cli.predict_images import path_of, read_images
from cpm.cli.predict_output import Output
from cpm.errors import UsageError
from cpm.execution.processor import bfloat16_pays, slow_precision
from cpm.execution.use import Executed
from cpm.humans import noun
from cpm.inference import OneEuro, Predictor, crop_regions, images_from
from cpm.inference.boxes import BoxFile
from cpm.inference.one_source import Source
from cpm.plots.drawing_files import SUFFIXES, why_unwanted

FLAGS = flags.FLAGS
POSITIONAL = None  # inputs without a flag
MANY = 20  # images that are searched for everybody before it is said how long that takes


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt",
        pretrained.NAME,
        "Network: run folder, checkpoint, .npz or exported file, or one of the project's own: "
        "pretrained, or pretrained-small, twice as fast and less accurate.",
    )
    flags.DEFINE_multi_string(
        "input",
        [],
        "Image, video, camera:0, folder, or pattern like 'photos/*.jpg'; may be repeated. "
        "Arguments without a flag are inputs, too.",
    )
    flags.DEFINE_bool("recursive", False, "Also search the folders inside a folder.")
    flags.DEFINE_bool(
        "follow_links", False, "Read links in a folder that lead out of it; trust them first."
    )
    flags.DEFINE_string(
        "out",
        None,
        "Folder for drawings, NAME_pose.jpg, of a video NAME_pose.mp4; it is made. Default: "
        "nothing is drawn.",
    )
    flags.DEFINE_string(
        "video",
        None,
        "File, .mp4, for the drawing of the only video. Default: a file in --out.",
    )
    flags.DEFINE_bool("smooth", False, "Smooth the joints of videos (One-Euro filter).")
    flags.DEFINE_float(
        "smooth_cutoff",
        OneEuro.min_cutoff,
        "With --smooth: cutoff of a joint at rest, Hz. Lower is calmer, and slower to follow.",
    )
    flags.DEFINE_float(
        "smooth_speed",
        OneEuro.beta,
        "With --smooth: Hz by which the cutoff rises for each body size a second. Higher lags "
        "less.",
    )
    flags.DEFINE_multi_string(
        "box",
        [],
        "Box of a person in a single image, x,y,width,height in pixels; may be repeated. Default: "
        "people are looked for, see --people.",
    )
    flags.DEFINE_string(
        "boxes",
        None,
        "File of boxes: COCO results or annotations (.json), or lines file,x,y,w,h[,score] (.csv). "
        "Images that it does not list are not searched. Default: none.",
    )
    flags.DEFINE_float("box_score", 0.0, "Leave out the boxes of --boxes that score lower.")
    flags.DEFINE_string(
        "people",
        None,
        "How many people to search for, or to follow in a video, where no box is given: a number, "
        "or all. 1 is the person near the middle. Default: all in images, if the network was "
        "trained with several people; else 1.",
    )
    flags.DEFINE_string(
        "json", None, "File for the joints, .json, or .jsonl with a line an image. Default: none."
    )
    flags.DEFINE_string(
        "csv",
        None,
        "File for the joints, .csv, a line a joint: file, frame, time, person, joint, x, y, "
        "confidence. Default: none.",
    )
    flags.DEFINE_string("coco", None, "File for the joints as COCO results, .json. Default: none.")
    flags.DEFINE_string(
        "openpose", None, "Folder for the joints as OpenPose writes them, .json. Default: none."
    )
    flags.DEFINE_bool("panel", False, "List the joints and their confidences beside each drawing.")
    flags.DEFINE_bool("draw_boxes", False, "Draw the people's boxes, too.")
    flags.DEFINE_enum("format", "jpg", list(SUFFIXES), "File format of the drawings.")
    flags.DEFINE_bool("heatmaps", False, "Also draw the belief maps of every stage.")
    flags.DEFINE_string(
        "belief_maps", None, "File, .npz, for the belief maps of a single person. Default: none."
    )
    flags.DEFINE_float(
        "threshold",
        None,
        "Joints of a lower confidence are drawn gray, below half of it not at all; with --people=1 "
        "nobody is found where fewer than three reach it. Default: as the weights say, else 0.",
    )
    flags.DEFINE_enum(
        "crop",
        None,
        crop_regions.RULES,
        "First pass without a box: windows of three sizes around the middle, the whole image, or "
        "LSP's test. Default: image if trained so, else middle.",
    )
    flags.DEFINE_integer(
        "passes",
        None,
        "Number of passes, each around the joints of the one before. Default: 2, with a box 1.",
        lower_bound=1,
    )
    define_decoding_flags(flip=None)  # here joints matter, not milliseconds
    define_speed_flags()


def main(arguments: Sequence[str]) -> None:
    """The script: `arguments` are its name and the inputs that have no flag."""
    inputs = [*FLAGS.input, *arguments[1:]]
    if not inputs:
        raise UsageError("no input: name images or videos, like --input=photo.jpg; see --help")
    images = images_from(
        inputs[0] if len(inputs) == 1 else inputs,
        FLAGS.recursive,
        why_unwanted,
        FLAGS.follow_links,
    )
    sources = each_once(images.sources())
    check_flags(sources, images.several)
    box_file = BoxFile(FLAGS.boxes, FLAGS.box_score) if FLAGS.boxes else None
    check_coco_ids(sources, box_file)
    boxes = [parse_numbers("box", text.split(","), 4) for text in FLAGS.box] or None
    video_options = video_options_from_flags()
    predictor = Predictor(
        FLAGS.ckpt,
        passes=FLAGS.passes,
        crop=FLAGS.crop,
        execution=execution_from_flags(),
        **decoding_from_flags(),
    )
    stills = sum(not source.moves for source in sources)
    people = people_in_images(predictor) if stills and not (boxes or box_file) else 1
    predictor.expect(stills, people)
    for note in notes(predictor, stills, len(sources) - stills, people, boxes or box_file):
        print(f"note: {note}")
    threshold = predictor.threshold if FLAGS.threshold is None else FLAGS.threshold
    predictor.least = threshold
    output = Output(threshold, box_file, images, searches=people != 1)
    with output:
        for moves, group in itertools.groupby(sources, lambda source: source.moves):
            if moves:
                for source in group:
                    output.add_video(predictor, source, video_options)
                continue
            results = predictor.predict_many(
                read_images(group, images, boxes, box_file),
                people=people,
                maps=FLAGS.heatmaps or bool(FLAGS.belief_maps),
                keep_images=bool(FLAGS.out),
            )
            for result in results:
                output.add(result)
        if not output.count:
            raise UsageError(
                f"none of the {len(sources)} files in {', '.join(inputs)} can be read: "
                f"{images.skipped}"
            )
        looked_for = None if boxes or box_file else people if stills else people_from_flags()
        output.finish(predictor.settings() | {"searched_for": looked_for})
    print(output.summary())


def each_once(sources: Iterable[Source]) -> list[Source]:
    """The sources of different files: a.jpg and ./a.jpg are one, links to it are others."""
    kept: dict[str, Source] = {}
    for source in sources:
        folder, name = os.path.split(path_of(source))
        kept.setdefault(os.path.join(os.path.realpath(folder), name), source)
    return list(kept.values())


def notes(
    predictor: Predictor, stills: int, videos: int, people: int | Literal["all"], boxes: object
) -> Iterator[str]:
    """Yields what may be wrong, or slow, in the way that was chosen: a sentence each.

    Args:
      predictor: `Predictor`.
      stills, videos: how many inputs there are of either kind.
      people: how many people an image is searched for.
      boxes: whether people's boxes are given.
    """
    who = noun(predictor.skeleton.joints)
    if predictor.wants_boxes and not boxes and FLAGS.crop is None:
        yield (
            f"{FLAGS.ckpt} was trained on crops around {who}; in whole images it may miss them: "
            "give --box or --boxes, or train with --augment=wild"
        )
    if people != 1 and FLAGS.people is None and stills >= MANY:
        yield (
            f"all {who} are searched for in {stills} images; --people=1 takes the one near the "
            "middle of each, about ten times as fast"
        )
    free = FLAGS.precision is None and isinstance(predictor.network, Executed)
    if free and (stills >= MANY or videos) and bfloat16_pays(predictor.network.config.arch):
        yield (
            "this processor multiplies bfloat16: --precision=bfloat16 is faster, and moves joints "
            "by hundredths of a pixel, rarely to another place"
        )
    if FLAGS.precision and (slow := slow_precision(FLAGS.precision)):
        yield slow
