"""What bin/predict.py does: joints of people in images, drawn and written to files.

The flags are defined here; the script adopts them.
"""

import collections
import contextlib
import glob
import math
import os
from concurrent.futures import ThreadPoolExecutor

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
from cpm.data.images import PictureError, read_picture
from cpm.errors import UsageError
from cpm.inference import Predictor, belief_file, writers
from cpm.inference.boxes import BoxFile
from cpm.plots.drawing_files import SUFFIXES, DrawingFolder
from cpm.plots.pose_drawing import draw_pose
from cpm.provenance import provenance

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "ckpt",
    pretrained.NAME,
    "Network: run folder, checkpoint or .npz file, or pretrained, the project's own weights.",
)
flags.DEFINE_multi_string(
    "input",
    [],
    "Image, folder of images, or pattern like 'photos/*.jpg'; may be repeated. Arguments without "
    "a flag are inputs, too.",
)
flags.DEFINE_bool("recursive", False, "Also take the images in the folders of a folder.")
flags.DEFINE_string("out", None, "Folder for drawings; it is made. Default: nothing is drawn.")
flags.DEFINE_multi_string(
    "box",
    [],
    "Box of a person in a single image, x,y,width,height in pixels; may be repeated. Default: the "
    "person near the middle.",
)
flags.DEFINE_string(
    "boxes",
    None,
    "File of boxes: COCO results or annotations (.json), or lines file,x,y,w,h[,score] (.csv).",
)
flags.DEFINE_float("box_score", 0.0, "Boxes of a lower score in --boxes are left out.")
flags.DEFINE_string(
    "people", "1", "How many people to search for where no box is given: a number, or all."
)
flags.DEFINE_string("json", None, "File for the joints, .json, or .jsonl with a line an image.")
flags.DEFINE_string("csv", None, "File for the joints, a line a joint.")
flags.DEFINE_string("coco", None, "File for the joints as COCO results, .json.")
flags.DEFINE_string("openpose", None, "Folder for the joints as OpenPose writes them, .json.")
flags.DEFINE_bool("panel", False, "List the joints and their confidences beside each drawing.")
flags.DEFINE_bool("draw_boxes", False, "Draw the people's boxes, too.")
flags.DEFINE_enum("format", "jpg", list(SUFFIXES), "Of the drawings.")
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
    ["image", "whole"],
    "Crop of the first pass without a box. Default: as trained, else whole.",
)
flags.DEFINE_integer(
    "passes",
    None,
    "Number of passes, each at the joints that the one before found. Default: 2, with a box 1.",
    lower_bound=1,
)
define_decoding_flags(flip=None)  # here joints matter, not milliseconds
define_speed_flags()

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FILES = ("json", "csv", "coco", "belief_maps")
DRAWERS = 2  # threads; a drawing waits for the disk as long as it computes
NAMED = 5  # files that a message names


def main(arguments):
    """The script: `arguments` are its name and the inputs that have no flag."""
    inputs = [*FLAGS.input, *arguments[1:]]
    images = find_images(inputs, FLAGS.recursive)
    check_flags(images)
    box_file = BoxFile(FLAGS.boxes, FLAGS.box_score) if FLAGS.boxes else None
    boxes = [parse_numbers("box", text.split(","), 4) for text in FLAGS.box] or None
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
    threshold = predictor.threshold if FLAGS.threshold is None else FLAGS.threshold
    run = Run(threshold, box_file)
    with run:
        results = predictor.predict_many(
            read_images(images, run.skipped, boxes, box_file),
            people=people_from_flags(),
            maps=FLAGS.heatmaps or bool(FLAGS.belief_maps),
            keep_images=bool(FLAGS.out),
        )
        for result in results:
            run.add(result)
        if not run.count:
            raise UsageError(
                f"none of the {len(images.paths)} images in {', '.join(inputs)} can be read"
            )
        run.finish(predictor.settings())
    if images.passed_over:
        print(f"passed over {len(images.passed_over)} files: {shortened(images.passed_over)}")
    print(run.summary())


Images = collections.namedtuple("Images", "paths passed_over single")
Images.__doc__ = """Paths of images, files of folders that are none, and whether one was named."""

Item = collections.namedtuple("Item", "image file boxes")
Item.__doc__ = """One image that was read, and the boxes that are known of it."""


def find_images(inputs, recursive=False):
    """The images at some paths, folders and patterns, in this order, each once.

    Args:
      inputs: list of str.
      recursive: whether folders in folders are searched, too.

    Raises:
      UsageError: if one of them is not there, or holds no image.
    """
    if not inputs:
        raise UsageError("no input: name images or folders, like --input=photo.jpg; see --help")
    paths, passed_over = [], []
    for name in inputs:
        if os.path.isdir(name):
            found = _files_in(name, recursive)
        elif os.path.exists(name):
            paths.append(name)
            continue
        else:
            found = sorted(p for p in glob.glob(name, recursive=recursive) if os.path.isfile(p))
            if not found:
                raise UsageError(
                    f"--input={name} does not exist; name images, folders or a pattern"
                )
        images = [path for path in found if path.lower().endswith(IMAGE_SUFFIXES)]
        if not images:
            raise UsageError(
                f"--input={name} holds no image; expected files that end in "
                + ", ".join(IMAGE_SUFFIXES)
            )
        paths += images
        passed_over += [path for path in found if path not in {*images}]
    single = len(paths) == 1 and not os.path.isdir(inputs[0])
    return Images(list(dict.fromkeys(paths)), passed_over, single)


def _files_in(folder, recursive):
    """Paths of the files in a folder, sorted; hidden ones are left out."""
    pattern = os.path.join(glob.escape(folder), *(("**", "*") if recursive else ("*",)))
    return sorted(path for path in glob.glob(pattern, recursive=recursive) if os.path.isfile(path))


def check_flags(images):
    """UsageError for flags that do not go together or cannot be meant; before any work."""
    if not images.single:
        for flag in ("box", "belief_maps"):
            if FLAGS[flag].value:
                raise UsageError(
                    f"--{flag} is for a single image, but there are {len(images.paths)}; "
                    "name one of them"
                )
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


def people_from_flags():
    """`all` or a number from --people."""
    if FLAGS.people == "all":
        return "all"
    if FLAGS.people.isascii() and FLAGS.people.isdigit() and int(FLAGS.people):
        return int(FLAGS.people)
    raise UsageError(f"--people={FLAGS.people}; expected a number from 1 on, or all")


def read_images(images, skipped, boxes, box_file):
    """Yields an `Item` for each image that can be read.

    Args:
      images: `Images`.
      skipped: list that gets the paths of the others.
      boxes: of a single image, or None.
      box_file: `BoxFile`, or None.

    Raises:
      PictureError: if the only image that was named cannot be read.
    """
    for path in images.paths:
        try:
            image = read_picture(path)
        except PictureError as error:
            if images.single:
                raise
            print(f"skipped: {error}")
            skipped.append(path)
            continue
        yield Item(image, path, boxes if box_file is None else box_file.of(path) or [])


class Run:
    """All that becomes of the results: drawings, files, lines on the screen. A context.

    Args:
      threshold: of drawings.
      box_file: `BoxFile`, or None.

    Attributes:
      count: images done.
      skipped: paths of images that could not be read.
    """

    def __init__(self, threshold, box_file):
        self.count, self.skipped = 0, []
        self._nobody = 0
        self._threshold, self._box_file = threshold, box_file
        self._folder = DrawingFolder(FLAGS.out, FLAGS.format) if FLAGS.out else None
        self._open = contextlib.ExitStack()
        self._drawings = collections.deque()

    def __enter__(self):
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

    def __exit__(self, *error):
        return self._open.__exit__(*error)

    def add(self, result):
        """Draws and writes the people of one image."""
        for writer in self._writers:
            writer.write(result)
        line = f"{result.file}: {result.summary()}"
        if self._folder is not None:
            path = self._folder.path(result.file)
            self._drawings.append(self._pool.submit(self._draw, path, result))
            line += f" -> {path}"
        if FLAGS.heatmaps:
            self._draw_maps(result)
        if FLAGS.belief_maps:
            self._write_maps(result)
        while len(self._drawings) > 2 * DRAWERS:
            self._drawings.popleft().result()
        self.count += 1
        self._nobody += not result.people
        print(line)

    def finish(self, settings):
        """Waits for the drawings, and completes the JSON file.

        Args:
          settings: of the predictor.
        """
        while self._drawings:
            self._drawings.popleft().result()
        for writer in self._writers:
            if isinstance(writer, writers.JsonWriter):
                facts = {"skipped": self.skipped, "threshold": self._threshold}
                writer.finish(facts | settings | provenance())

    def summary(self):
        """The last lines of the script."""
        lines = [f"{self.count} images done, {len(self.skipped)} skipped"]
        if self._nobody:
            lines[0] += f", {self._nobody} without anybody"
        if self._box_file is not None:
            if unused := self._box_file.unused():
                lines.append(
                    f"{FLAGS.boxes} has boxes of {len(unused)} images that are not among the "
                    f"inputs: {shortened(unused)}"
                )
            if self._box_file.left_out:
                lines.append(
                    f"{self._box_file.left_out} of its boxes are of other categories or of a "
                    "score below --box_score"
                )
        if not any(FLAGS[flag].value for flag in ("out", "openpose", *FILES)):
            lines.append("nothing was written: --out=DIR draws, --json=FILE writes the joints")
        return "\n".join(lines)

    def _draw(self, path, result):
        drawing = draw_pose(
            result.image,
            result,
            threshold=self._threshold,
            boxes=FLAGS.draw_boxes,
            panel=FLAGS.panel,
            title=os.path.basename(result.file),
        )
        self._folder.write(path, drawing, result.file)

    def _draw_maps(self, result):
        """Belief maps of each person; a number in the name from the second on."""
        from cpm.plots.belief_maps import draw_stages  # Matplotlib: half a second

        for n, person in enumerate(result.people):
            kind = "beliefs" if n == 0 else f"beliefs_{n + 1}"
            maps = draw_stages(person.maps.crop, person.maps.beliefs, person.skeleton)
            path = self._folder.path(result.file, kind)
            self._folder.write(path, maps, result.file)

    def _write_maps(self, result):
        if len(result.people) != 1:
            raise UsageError(
                f"--belief_maps is for one person, but {result.file} has {len(result.people)}; "
                "name one with --box"
            )
        belief_file.write_beliefs(FLAGS.belief_maps, result.people[0])


def shortened(names):
    """The first few names of a list, in words."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
