"""Finds the joints of people in images and videos.

    python bin/predict.py photo.jpg --out=poses --json=poses.json
    python bin/predict.py --input=photos --boxes=detections.json --csv=joints.csv
    python bin/predict.py walk.mp4 --out=poses --csv=walk.csv --smooth
    python bin/predict.py --input=group.jpg --box=120,40,180,420 --box=300,35,170,430 --out=poses

Without a box the person near the middle is found: a first pass sees the image in windows of three
sizes, a second one the person. The last pass is averaged with its mirror image, if the network has
one, unless --noflip saves that time. In videos a frame is one pass a person, not averaged unless
--flip is given. --out draws into NAME_pose.jpg, of a video NAME_pose.mp4; --json, --csv, --coco and
--openpose write all joints in 0-based pixels of the upright image. docs/howto/own_pictures.md and
docs/howto/videos.md say more, docs/metrics.md what the JSON file holds. The same from Python:
cpm.Predictor.
"""

import collections
import contextlib
import dataclasses
import itertools
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
from absl import flags

from cpm import files
from cpm.checkpoints import pretrained
from cpm.cli.flags import (
    decoding_from_flags,
    define_decoding_flags,
    define_speed_flags,
    execution_from_flags,
    parse_numbers,
)
from cpm.cli.predict_videos import VideoOptions, labeled_path, predict_video
from cpm.errors import UsageError
from cpm.inference import OneEuro, Predictor, belief_file, crop_regions, images_from, writers
from cpm.inference.boxes import BoxFile
from cpm.inference.results import ImagePose
from cpm.inference.sources import Images, Source
from cpm.plots.drawing_files import SUFFIXES, DrawingFolder, is_drawing
from cpm.plots.pose_drawing import draw_pose
from cpm.provenance import provenance
from cpm.text_table import listed
from cpm.untrusted import printable

FLAGS = flags.FLAGS
POSITIONAL = None  # inputs without a flag


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
        "the person near the middle.",
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
        "1",
        "How many people to search for, or to follow in a video, where no box is given: a number, "
        "or all.",
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
        "Joints of a lower confidence are drawn gray, below half of it not at all. Default: as the "
        "weights say, else 0.",
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


FILES = ("json", "csv", "coco", "belief_maps", "video")
IMAGES_ONLY = ("box", "boxes", "belief_maps", "heatmaps", "coco")  # flags that videos don't take
DRAWERS = 2  # threads; a drawing waits for the disk as long as it computes
NAMED = 5  # files that a message names


def main(arguments: Sequence[str]) -> None:
    """The script: `arguments` are its name and the inputs that have no flag."""
    inputs = [*FLAGS.input, *arguments[1:]]
    if not inputs:
        raise UsageError("no input: name images or videos, like --input=photo.jpg; see --help")
    images = images_from(
        inputs[0] if len(inputs) == 1 else inputs,
        FLAGS.recursive,
        lambda path: "a drawing of an earlier run" if is_drawing(path) else None,
    )
    sources = list({source.file: source for source in images.sources()}.values())  # each once
    check_flags(sources, images.several)
    box_file = BoxFile(FLAGS.boxes, FLAGS.box_score) if FLAGS.boxes else None
    boxes = [parse_numbers("box", text.split(","), 4) for text in FLAGS.box] or None
    video_options = video_options_from_flags()
    predictor = Predictor(
        FLAGS.ckpt,
        passes=FLAGS.passes,
        crop=FLAGS.crop,
        execution=execution_from_flags(),
        **decoding_from_flags(),
    )
    if predictor.wants_boxes and not (boxes or box_file) and FLAGS.crop is None:
        print(
            f"note: {FLAGS.ckpt} was trained on crops around people; in whole images it may miss "
            "them: give --box or --boxes, or train with --augment=wild"
        )
    predictor.expect(sum(not source.moves for source in sources))
    threshold = predictor.threshold if FLAGS.threshold is None else FLAGS.threshold
    run = Run(threshold, box_file, images)
    with run:
        for moves, group in itertools.groupby(sources, lambda source: source.moves):
            if moves:
                for source in group:
                    run.add_video(predictor, source, video_options)
                continue
            results = predictor.predict_many(
                read_images(group, images, boxes, box_file),
                people=people_from_flags(),
                maps=FLAGS.heatmaps or bool(FLAGS.belief_maps),
                keep_images=bool(FLAGS.out),
            )
            for result in results:
                run.add(result)
        if not run.count:
            raise UsageError(
                f"none of the {len(sources)} files in {', '.join(inputs)} can be read: "
                f"{images.skipped}"
            )
        run.finish(predictor.settings())
    print(run.summary())


Box = Sequence[float]  # x, y, width, height


class Item(NamedTuple):
    """One image that was read, and the boxes that are known of it."""

    image: np.ndarray
    file: str
    frame: int | None
    boxes: Sequence[Box] | None


def check_flags(sources: Sequence[Source], several: bool) -> None:
    """UsageError for flags that do not go together or cannot be meant; before any work.

    Args:
      sources: list of `Source`.
      several: whether more than one could have come.
    """
    moving = [source for source in sources if source.moves]
    for flag in IMAGES_ONLY:
        if FLAGS[flag].value and moving:
            raise UsageError(
                f"--{flag} is for images, but {moving[0].file} is a video; leave one of them out"
            )
    for flag in ("box", "belief_maps"):
        if FLAGS[flag].value and several:
            raise UsageError(
                f"--{flag} is for a single image, but there are {len(sources)}; name one of them"
            )
    if FLAGS.video and len(moving) != 1:
        raise UsageError(f"--video is for one video, but there are {len(moving)}; use --out=DIR")
    if FLAGS.video and not FLAGS.video.lower().endswith(".mp4"):
        raise UsageError(f"--video={FLAGS.video} should end in .mp4; name another file")
    for source in moving:
        if FLAGS.video and os.path.realpath(FLAGS.video) == os.path.realpath(path_of(source)):
            raise UsageError(f"--video={FLAGS.video} is the input; name another file")
    if FLAGS.box and FLAGS.boxes:
        raise UsageError("--box and --boxes both say where people are; leave one of them out")
    if FLAGS["people"].present and (FLAGS.box or FLAGS.boxes):
        raise UsageError("--people searches where no box is given; leave it or the boxes out")
    if FLAGS.belief_maps:
        belief_file.check_name(FLAGS.belief_maps)
    if FLAGS.threshold is not None and not math.isfinite(FLAGS.threshold):
        raise UsageError(f"--threshold={FLAGS.threshold} should be a number, like 0.3")
    for flag in FILES:
        files.check_target(FLAGS[flag].value, flag)
    if FLAGS.json and not FLAGS.json.lower().endswith((".json", ".jsonl")):
        raise UsageError(f"--json={FLAGS.json} should end in .json or .jsonl; name another file")
    for flag in ("out", "openpose"):
        folder = FLAGS[flag].value
        if folder and os.path.exists(folder) and not os.path.isdir(folder):
            raise UsageError(f"--{flag}={folder} is a file; name a folder")
    if FLAGS.heatmaps and not FLAGS.out:
        raise UsageError("--heatmaps draws belief maps; say where to with --out=DIR")


def people_from_flags() -> int | Literal["all"]:
    """`all` or a number from --people."""
    if FLAGS.people == "all":
        return "all"
    if FLAGS.people.isascii() and FLAGS.people.isdigit() and int(FLAGS.people):
        return int(FLAGS.people)
    raise UsageError(f"--people={FLAGS.people}; expected a number from 1 on, or all")


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


def read_images(
    sources: Iterable[Source],
    images: Images,
    boxes: Sequence[Box] | None,
    box_file: BoxFile | None,
) -> Iterator[Item]:
    """Yields an `Item` for each image, or page, of the files that can be read.

    Args:
      sources: iterable of `Source` that do not move.
      images: `Images`, gets to know what is passed over.
      boxes: of a single image, or None.
      box_file: `BoxFile`, or None.

    Raises:
      ImageError: if the only image that was named cannot be read.
    """
    for source in sources:
        try:
            for image in source.images():
                known = boxes if box_file is None else box_file.of(path_of(source)) or []
                yield Item(image.image, path_of(source), image.frame, known)
        except UsageError as error:
            if not images.several:
                raise
            print(f"skipped: {error}")
            images.skipped.add(path_of(source), error)


class Run:
    """All that becomes of the results: drawings, files, lines on the screen. A context.

    Args:
      threshold: of drawings.
      box_file: `BoxFile`, or None.
      images: `Images`, which knows what was passed over.

    Attributes:
      count: images done, those of videos, too.
    """

    def __init__(self, threshold: float, box_file: BoxFile | None, images: Images) -> None:
        self.count = 0
        self._images, self._nobody, self._videos = images, 0, 0
        self._unlisted: list[str] = []
        self._taken: set[str] = set()
        self._threshold, self._box_file = threshold, box_file
        self._folder: Any = DrawingFolder(FLAGS.out, FLAGS.format) if FLAGS.out else None
        self._open = contextlib.ExitStack()
        self._drawings: collections.deque[Future] = collections.deque()

    def __enter__(self) -> "Run":
        opened = []
        if FLAGS.json:
            suffix = os.path.splitext(FLAGS.json)[1].lower()
            opened.append(writers.WRITERS[suffix](FLAGS.json))
        if FLAGS.csv:
            opened.append(writers.CsvWriter(FLAGS.csv))
        if FLAGS.coco:
            ids = self._box_file.id_of if self._box_file else None
            opened.append(writers.CocoWriter(FLAGS.coco, ids))
        if FLAGS.openpose:
            opened.append(writers.OpenPoseWriter(FLAGS.openpose))
        self._writers = [self._open.enter_context(writer) for writer in opened]
        self._pool = self._open.enter_context(ThreadPoolExecutor(DRAWERS))
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def add(self, result: ImagePose) -> None:
        """Draws and writes the people of one image."""
        if self._box_file is not None:
            listed_there = self._box_file.lists(path_of(result))
            result = dataclasses.replace(result, in_box_file=listed_there)
            if not listed_there:
                self._unlisted.append(page_name(result))
        self._write(result)
        line = f"{result.file}: {result.summary()}"
        if self._folder is not None:
            path = self._folder.path(page_name(result))
            self._drawings.append(self._pool.submit(self._draw, path, result))
            line += f" -> {path}"
        if FLAGS.heatmaps:
            self._draw_maps(result)
        if FLAGS.belief_maps:
            self._write_maps(result)
        while len(self._drawings) > 2 * DRAWERS:
            self._drawings.popleft().result()
        print(printable(line))  # one line, whatever a file is called

    def add_video(self, predictor: Predictor, source: Source, options: VideoOptions) -> None:
        """Follows, draws and writes the people of one video.

        Args:
          predictor: `Predictor`.
          source: `Source` that moves.
          options: `VideoOptions`.
        """
        options = dataclasses.replace(options, threshold=self._threshold)
        path = FLAGS.video
        if path is None and FLAGS.out:
            path = labeled_path(FLAGS.out, source, self._taken)
        try:
            print(predict_video(predictor, source, self._write, path, options))
            self._videos += 1
        except UsageError as error:
            if not self._images.several:
                raise
            print(f"skipped: {error}")
            self._images.skipped.add(path_of(source), error)

    def finish(self, settings: dict[str, Any]) -> None:
        """Waits for the drawings, and completes the JSON file.

        Args:
          settings: of the predictor.
        """
        while self._drawings:
            self._drawings.popleft().result()
        for writer in self._writers:
            if isinstance(writer, writers.JsonWriter):
                skipped = [path for path, _ in self._images.skipped.reasons]
                facts = {"skipped": skipped, "threshold": self._threshold}
                writer.finish(facts | settings | provenance())

    def summary(self) -> str:
        """The last lines of the script."""
        images = "image" if self.count == 1 else "images"
        lines = [f"{self.count} {images} done, {len(self._images.skipped)} skipped"]
        if self._videos:
            lines[0] = lines[0].replace("images", "images and frames of videos", 1)
        if self._nobody:
            lines[0] += f", {self._nobody} without anybody"
        if self._images.skipped:
            lines.append(str(self._images.skipped))
        if self._box_file is not None:
            if self._unlisted:
                lines.append(
                    f"not searched, because {FLAGS.boxes} does not list them: "
                    f"{len(self._unlisted)} images, {listed(self._unlisted, NAMED)}"
                )
            if unused := self._box_file.unused():
                lines.append(
                    f"{FLAGS.boxes} has boxes of {len(unused)} images that are not among the "
                    f"inputs: {listed(unused, NAMED)}"
                )
            if self._box_file.left_out:
                lines.append(
                    f"{self._box_file.left_out} of its boxes are of other categories or of a "
                    "score below --box_score"
                )
        if not any(FLAGS[flag].value for flag in ("out", "openpose", *FILES)):
            lines.append("nothing was written: --out=DIR draws, --json=FILE writes the joints")
        return "\n".join(lines)

    def _write(self, result):
        """Adds the people of one image or frame to the files."""
        for writer in self._writers:
            writer.write(result)
        self.count += 1
        self._nobody += not result.people and result.in_box_file is not False

    def _draw(self, path, result):
        drawing = draw_pose(
            result.image,
            result,
            threshold=self._threshold,
            boxes=FLAGS.draw_boxes,
            panel=FLAGS.panel,
            title=os.path.basename(result.file),
        )
        self._folder.write(path, drawing, page_name(result))

    def _draw_maps(self, result):
        """Belief maps of each person; a number in the name from the second on."""
        from cpm.plots.belief_maps import draw_stages  # Matplotlib: half a second

        for n, person in enumerate(result.people):
            kind = "beliefs" if n == 0 else f"beliefs_{n + 1}"
            maps = draw_stages(person.maps.crop, person.maps.beliefs, person.skeleton)
            path = self._folder.path(page_name(result), kind)
            self._folder.write(path, maps, page_name(result))

    def _write_maps(self, result):
        if len(result.people) != 1:
            raise UsageError(
                f"--belief_maps is for one person, but {result.file} has {len(result.people)}; "
                "name one with --box"
            )
        belief_file.write_beliefs(FLAGS.belief_maps, result.people[0])


def path_of(source: Source | ImagePose) -> str:
    """The path of an input or of its result: here all have one."""
    assert source.file is not None
    return source.file


def page_name(result: ImagePose) -> str:
    """What a drawing is called after: the file, or a page of it counted from 1.

    >>> from types import SimpleNamespace
    >>> page_name(SimpleNamespace(file="scans/a.tif", frame=0))
    'scans/a_0001.tif'
    """
    if result.frame is None:
        return path_of(result)
    stem, suffix = os.path.splitext(path_of(result))
    return f"{stem}_{result.frame + 1:04d}{suffix}"
