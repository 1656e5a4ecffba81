"""What becomes of the results of bin/predict.py: drawings, files of joints, lines on the screen.

Images are drawn in threads, videos frame by frame (cpm/cli/predict_videos.py).
"""

import collections
import contextlib
import dataclasses
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from absl import flags

from cpm.cli.flags import people_from_flags
from cpm.cli.predict_flags import FILES
from cpm.cli.predict_images import page_name, path_of
from cpm.cli.predict_videos import VideoOptions, labeled_path, predict_video
from cpm.errors import UsageError
from cpm.humans import are_human, noun, number_of
from cpm.inference import Predictor, belief_file, writers
from cpm.inference.boxes import BoxFile
from cpm.inference.one_source import Source
from cpm.inference.results import ImagePose
from cpm.inference.sources import Images
from cpm.plots.drawing_files import DrawingFolder
from cpm.plots.pose_drawing import draw_pose
from cpm.provenance import provenance
from cpm.text_table import counted, listed
from cpm.untrusted import printable

FLAGS = flags.FLAGS
DRAWERS = 2  # threads; a drawing waits for the disk as long as it computes
NAMED = 5  # files that a message names


class Output:
    """All that becomes of the results: drawings, files, lines on the screen. A context.

    Args:
      threshold: of drawings.
      box_file: `BoxFile`, or None.
      images: `Images`, which knows what was passed over.
      searches: whether images without boxes are searched for several people.

    Attributes:
      count: images done, those of videos, too.
    """

    def __init__(
        self, threshold: float, box_file: BoxFile | None, images: Images, *, searches: bool = False
    ) -> None:
        self.count, self._searches = 0, searches
        self._images, self._nobody, self._videos, self._stills = images, 0, 0, 0
        self._skeleton: Any = None  # of the results
        self._unlisted: list[str] = []
        self._taken: set[str] = set()
        self._threshold, self._box_file = threshold, box_file
        self._folder: Any = DrawingFolder(FLAGS.out, FLAGS.format) if FLAGS.out else None
        self._open = contextlib.ExitStack()
        self._drawings: collections.deque[Future] = collections.deque()

    def __enter__(self) -> "Output":
        opened = []
        if FLAGS.json:
            suffix = os.path.splitext(FLAGS.json)[1].lower()
            opened.append(writers.WRITERS[suffix](FLAGS.json))
        if FLAGS.csv:
            opened.append(writers.CsvWriter(FLAGS.csv))
        if FLAGS.coco:
            known = (self._box_file.id_of, self._box_file.category) if self._box_file else ()
            opened.append(writers.CocoWriter(FLAGS.coco, *known))
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
        self._stills += 1
        shown = dataclasses.replace(result, threshold=self._threshold)
        page = "" if result.frame is None else f", page {result.frame + 1}"
        line = f"{result.file}{page}: {shown.summary()}"
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
        stills, frames = self._stills, self.count - self._stills
        parts = [counted(stills, "image")] if stills or not frames else []
        parts += (
            [f"{counted(frames, 'frame')} of {counted(self._videos, 'video')}"] if frames else []
        )
        lines = [f"{' and '.join(parts)} done, {len(self._images.skipped)} skipped"]
        if self._nobody:
            human = are_human(self._skeleton.joints)
            lines[0] += f", {self._nobody} without {'anybody' if human else 'any object'}"
            if self._box_file is None:
                lines += self._advice()
        if self._images.skipped:
            lines.append(str(self._images.skipped))
        if self._box_file is not None:
            if self._unlisted:
                lines.append(
                    f"not searched, because {FLAGS.boxes} does not list them: "
                    f"{counted(len(self._unlisted), 'image')}, {listed(self._unlisted, NAMED)}"
                )
            if unused := self._box_file.unused():
                lines.append(
                    f"{FLAGS.boxes} has boxes of {counted(len(unused), 'image')} not among the "
                    f"inputs: {listed(unused, NAMED)}"
                )
            if outside := self._box_file.outside:
                lines.append(
                    f"boxes outside their images are left out: {len(outside)}, of "
                    f"{listed(list(dict.fromkeys(outside)), NAMED)}; were they found in images of "
                    "another size?"
                )
            if self._box_file.left_out:
                lines.append(
                    f"{self._box_file.left_out} of its boxes are of other categories, of crowds or "
                    "of a score below --box_score"
                )
        if FLAGS.openpose and self._skeleton is not None:
            order = writers.openpose_order(self._skeleton)
            if order != writers.BODY_25:
                lines.append(
                    f"{FLAGS.openpose} has the network's own joints, since OpenPose's BODY_25 "
                    f"lacks some of them, in this order: {', '.join(order)}"
                )
        if not any(FLAGS[flag].value for flag in ("out", "openpose", *FILES)):
            lines.append("nothing was written: --out=DIR draws, --json=FILE writes the joints")
        return "\n".join(lines)

    def _advice(self):
        """What to try where nobody was found."""
        searched = self._searches if self._stills else people_from_flags() != 1
        lines = []
        if self._stills:
            unsure = "--people=1 --threshold=0" if searched else "--threshold=0"
            lines.append(f"with --box or {unsure}, joints are found however unsure the network is")
            if not searched:
                lines.append("with --people=all, all of each image is searched")
        elif not searched:
            lines.append("with --threshold=0, joints are found however unsure the network is")
        return lines

    def _write(self, result):
        """Adds the people of one image or frame to the files."""
        for writer in self._writers:
            writer.write(result)
        self.count += 1
        self._skeleton = result.skeleton
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
        joints = result.skeleton.joints
        if len(result.people) != 1:
            raise UsageError(
                f"--belief_maps is for one {noun(joints, 1)}, but {result.file}: "
                f"{number_of(joints, len(result.people))}; name one with --box"
            )
        belief_file.write_beliefs(FLAGS.belief_maps, result.people[0])
