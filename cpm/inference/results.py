"""What was found in an image, an `ImagePose`: one `PersonPose` (person_pose.py) a person.

    result = Predictor("pretrained")("photo.jpg")
    for person in result.people:
        x, y, confidence = person["left_wrist"]
    result.save("photo_pose.png")      # a drawing; .json and .csv are files of numbers

Coordinates are (x, y) in 0-based pixels of the upright image, pixel centers at integers. A box is
(x, y, width, height) of whole pixels: x = 0, width = 1 is the first column. A joint below the
network's `threshold` is part of the result, too: only drawings leave it out.

This file needs no TensorFlow. The files that others read are written by cpm/inference/writers.py.
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from PIL import Image

from cpm.errors import UsageError
from cpm.humans import noun, number_of
from cpm.inference.person_pose import PersonPose, short_time
from cpm.skeleton import Skeleton

LISTED = 4  # people whose joints are counted one by one in a line


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImagePose:
    """Everybody who was found in one image, or in one frame of a video.

    `len(result)`, `result[0]` and `for person in result` are those of `result.people`; a result
    without people is false. `result["left_wrist"]` is a joint of the only person.

    Attributes:
      people: tuple of `PersonPose`; empty if nobody was found.
      image_size: (height, width).
      skeleton: names of the joints that the network finds.
      threshold: the confidence below which a joint is more likely wrong than right, or 0 where
        the weights do not say so. Drawings leave such joints out.
      file: path or name of the image, if it has one.
      frame: number of the frame in its video, from 0.
      time: of the frame, seconds.
      image: `[H, W, 3]` uint8, or None if it was not kept: `draw` then reads `file` again.
      in_box_file: whether the file of boxes lists the image; None = there was no such file. An
        image that it does not list was not searched, so `people` is empty.
    """

    people: tuple[PersonPose, ...]
    image_size: tuple[int, int]
    skeleton: Skeleton
    threshold: float = 0.0
    file: str | None = None
    frame: int | None = None
    time: float | None = None
    image: np.ndarray | None = None
    in_box_file: bool | None = None

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[PersonPose]:
        return iter(self.people)

    @overload
    def __getitem__(self, which: int) -> PersonPose: ...
    @overload
    def __getitem__(self, which: str) -> tuple[float, float, float]: ...
    def __getitem__(self, which: int | str) -> PersonPose | tuple[float, float, float]:
        """Person number `which`, or (x, y, confidence) of the joint `which` of the only person.

        Raises:
          IndexError: if there are not so many people.
          KeyError: if the skeleton has no such joint, or there is more than one person, or none.
        """
        if not isinstance(which, str):
            return self.people[which]
        if len(self.people) == 1:
            return self.people[0][which]
        who = number_of(self.skeleton.joints, len(self.people))
        if not self.people:
            raise KeyError(f"{which!r} is a joint, but {who}; ask `if result:` first")
        raise KeyError(
            f"{which!r} is a joint of one {noun(self.skeleton.joints, 1)}, and there are {who}; "
            f"name one of them: result[0][{which!r}]"
        )

    def __eq__(self, other: object) -> bool:
        """Whether the same people were found in the same image; pixels are not compared."""
        if not isinstance(other, ImagePose):
            return NotImplemented
        names = {field.name for field in dataclasses.fields(ImagePose)} - {"image"}
        return all(getattr(self, name) == getattr(other, name) for name in names)

    # Arrays can change. Python means this to be written so; mypy sees a method replaced.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = "image" if self.file is None else os.path.basename(self.file)
        if self.frame is not None:
            name += f", frame {self.frame}"
        height, width = self.image_size
        return f"ImagePose({name}, {width} x {height}, {self.summary()})"

    def summary(self) -> str:
        """What was found, in words: `nobody found`, or `2 people, 13 and 9 of 14 joints`.

        Of a skeleton that is no person's: `nothing found`, `2 objects, …`. Of many people it is the
        fewest and the most joints: `18 people, 4 to 14 of 14 joints`.
        """
        counts = [int(p.shown(self.threshold).sum()) for p in self.people]
        people = number_of(self.skeleton.joints, len(counts))
        if not counts:
            return "not in the file of boxes" if self.in_box_file is False else people
        return f"{people}, {_listed(counts)} of {len(self.skeleton)} joints"

    def to_dict(self) -> dict[str, Any]:
        """The image as plain JSON values: size, `people`, and what else is known.

        The keys `file`, `frame`, `time` and `in_box_file` are there if they are known.
        """
        time = None if self.time is None else short_time(self.time)
        known = {"file": self.file, "frame": self.frame, "time": time}
        known |= {"in_box_file": self.in_box_file}
        record = {key: value for key, value in known.items() if value is not None}
        height, width = self.image_size
        record |= {"width": int(width), "height": int(height)}
        return record | {"people": [person.to_dict() for person in self.people]}

    def to_coco(self, image_id: int | str | None = None) -> list[dict[str, Any]]:
        """COCO's results, a list of a dict a person (cpm/inference/writers.py::coco_results)."""
        from cpm.inference import writers

        return writers.coco_results(self, image_id)

    def to_openpose(self) -> dict[str, Any]:
        """OpenPose's dict of one image (cpm/inference/writers.py::openpose_record)."""
        from cpm.inference import writers

        return writers.openpose_record(self)

    def to_dataframe(self) -> Any:
        """A pandas table, a row a joint: file, frame, time, person, joint, x, y, confidence.

        Raises:
          UsageError: if pandas is not installed.
        """
        from cpm.inference import writers

        try:
            import pandas
        except ImportError:
            raise UsageError(
                "to_dataframe() needs pandas; install it with: pip install pandas"
            ) from None
        table = pandas.DataFrame(writers.joint_rows(self), columns=writers.COLUMNS)
        return table.astype({"person": int, "x": float, "y": float, "confidence": float})

    def draw(self, image: Any = None, **options: Any) -> Image.Image:
        """Everybody drawn on the image, in color, as a PIL image.

        Args:
          image: whatever a `Predictor` takes (cpm/inference/any_image.py); None = the image that
            was kept, or `file`, read again.
          options: of `cpm.plots.pose_drawing.draw_pose`.

        Raises:
          UsageError: if no image is known, or the one that is given has another size.
        """
        from cpm.plots.pose_drawing import draw_pose

        return Image.fromarray(draw_pose(self._pixels(image), self, **options))

    def save(self, path: str | os.PathLike, **options: Any) -> None:
        """Writes the result: a drawing (.png, .jpg), or numbers (.json, .csv).

        A drawing is marked as such, so that no later run takes it for a photograph.

        Args:
          path: of the file; one that exists is replaced.
          options: of a drawing, see `draw`.

        Raises:
          UsageError: for another suffix, or options of numbers.
        """
        from cpm.inference import writers

        suffix = os.path.splitext(path)[1].lower()
        if suffix in (".png", ".jpg", ".jpeg"):
            from cpm.plots.drawing_files import write_drawing

            write_drawing(path, np.asarray(self.draw(**options)), self.file or path)
        elif suffix in writers.WRITERS:
            if options:
                raise UsageError(
                    f"{', '.join(options)} is of a drawing, but {os.fspath(path)} takes numbers; "
                    "leave it out, or save to .png or .jpg"
                )
            with writers.WRITERS[suffix](path) as writer:
                writer.write(self)
        else:
            raise UsageError(
                f"{path} should end in .png, .jpg, {', '.join(writers.WRITERS)}; name another file"
            )

    def _pixels(self, image):
        from cpm.inference.any_image import any_image

        if image is None:
            image = self.image
        if image is None:
            if self.file is None or self.frame is not None:
                raise UsageError("this result has kept no image; give it: result.draw(image)")
            image = self.file
        pixels = any_image(image)
        if pixels.shape[:2] != tuple(self.image_size):
            given, own = (f"{size[1]} x {size[0]}" for size in (pixels.shape, self.image_size))
            raise UsageError(
                f"the image has {given} pixels, but the joints were found in one of {own}; give "
                "that one: result.draw(image)"
            )
        return pixels


def _listed(counts):
    """Counts of joints in words.

    >>> _listed([13]), _listed([13, 9]), _listed([13, 9, 14, 14, 14])
    ('13', '13 and 9', '9 to 14')
    """
    if len(counts) <= LISTED:
        return " and ".join(
            ", ".join(map(str, part)) for part in (counts[:-1], counts[-1:]) if part
        )
    fewest, most = min(counts), max(counts)
    return str(most) if fewest == most else f"{fewest} to {most}"
