"""A person in a photograph: what every reader of every data set yields.

Conventions: points are `(x, y)` in image pixels, 0-based, pixel centers at integers. Each joint is
in one of three states (cpm/skeleton.py).
"""

import dataclasses

import numpy as np

from cpm import geometry
from cpm.skeleton import ABSENT, OCCLUDED, VISIBLE, Skeleton

LEAST_SPAN_PX = 4.0  # joints that span less say where a person is, but not how large


@dataclasses.dataclass(frozen=True)
class Pose:
    """The joints of one body.

    Attributes:
      joints_px: `[P, 2]` float32, (x, y) in image pixels; may lie outside it; 0 where absent.
      state: `[P]` int64 in {ABSENT, OCCLUDED, VISIBLE}.
    """

    joints_px: np.ndarray
    state: np.ndarray

    def __post_init__(self) -> None:
        joints_px = np.asarray(self.joints_px, np.float32)
        state = np.asarray(self.state, np.int64)
        if joints_px.ndim != 2 or joints_px.shape[1] != 2 or state.shape != joints_px.shape[:1]:
            raise ValueError(
                f"a pose needs joints_px [P, 2] and state [P]; got {joints_px.shape} "
                f"and {state.shape}"
            )
        if not np.isin(state, (ABSENT, OCCLUDED, VISIBLE)).all():
            raise ValueError(f"joint states are 0, 1 or 2; got {np.unique(state)}")
        present = state != ABSENT
        if not np.isfinite(joints_px[present]).all():
            raise ValueError("a joint that is present has a position that is not finite")
        object.__setattr__(self, "joints_px", np.where(present[:, None], joints_px, 0))
        object.__setattr__(self, "state", state)

    @property
    def present(self) -> np.ndarray:
        """`[P]` bool: the joint has a position, seen or not."""
        return self.state != ABSENT

    @property
    def span_px(self) -> float:
        """Longer side of the joints' bounding box; 0 without any joint."""
        points = self.joints_px[self.present]
        return float(np.ptp(points, axis=0).max()) if len(points) else 0.0


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a person stands in the data set, as its reader knows it; split rules go by this.

    Attributes:
      source: name of the data set, e.g. `lsp`.
      image_name: what the data set calls the image, e.g. `im0001` or `cats/a.jpg`.
      number: which person of the data set, or of the image where it counts there: LSP's column of
        `joints.mat`, MPII's index in the image, COCO's annotation; from 1 but for COCO's.
      group: people of one group look alike and must share a split, e.g. a scene of a film.
      official_split: `train`, `validation` or `test`; None where the data set does not say.
      image: by which files of results name the image, COCO's `image_id` as text.
    """

    source: str = ""
    image_name: str = ""
    number: int = 0
    group: str = ""
    official_split: str | None = None
    image: str = ""


@dataclasses.dataclass(frozen=True)
class Person:
    """One person to be found in one image, with all that the data set says of them.

    Attributes:
      id: unique in the data set and stable, e.g. `lsp/im0001`; randomness is keyed on it, and
        nothing is read out of it.
      image: path of the image (str), or `[H, W, 3]` uint8 RGB pixels.
      skeleton: order and names of the joints.
      pose: the joints.
      others: poses of the other people in the image, in the same skeleton; of many the nearest.
      center_px: (x, y) of the body as annotated (MPII `objpos`), or None.
      scale: person height / 200 px as annotated (MPII `scale`), or None.
      head_size_px: 0.6 × diagonal of the head rectangle, MPII's unit of error, or None.
      origin: where the person stands in the data set.
      excluded: what this is if the data set itself says that it is no single person, as the
        conversion's report calls it (`crowds`), or None.
      annotated_size: (height, width) of the image that the positions were annotated in, None
        where the data set does not say so; the image has to be of this size.
      bbox: (x, y, width, height) as annotated, for what looks wrong in it, or None.
    """

    id: str
    image: str | np.ndarray
    skeleton: Skeleton
    pose: Pose
    others: tuple[Pose, ...] = ()
    center_px: tuple[float, float] | None = None
    scale: float | None = None
    head_size_px: float | None = None
    origin: Origin = Origin()
    excluded: str | None = None
    annotated_size: tuple[int | None, int | None] | None = None
    bbox: tuple[float, float, float, float] | None = None

    @property
    def box(self) -> geometry.CropRegion | None:
        """The square that stands for the person where joints do not: a `CropRegion`, or None."""
        if self.center_px is None or self.scale is None:
            return None
        return geometry.CropRegion(self.center_px, geometry.PERSON_HEIGHT_PX * self.scale)

    def __post_init__(self) -> None:
        for pose in (self.pose, *self.others):
            if len(pose.state) != len(self.skeleton):
                raise ValueError(
                    f"person {self.id!r}: {len(pose.state)} joints, but skeleton "
                    f"{self.skeleton.name!r} has {len(self.skeleton)}"
                )
