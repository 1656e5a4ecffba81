"""What looks wrong in annotations that can be read: warnings for whoever converts them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from cpm.data import deeplabcut
from cpm.data.coco_annotation import Annotation
from cpm.data.coco_file import File
from cpm.data.person import Pose
from cpm.data.report import Report, some
from cpm.humans import noun

UNIT = (-1.0, 2.0)  # px; all joints of a person lie here only if they are parts of an image
NOWHERE = ((0, 0), (-1, -1))  # what tools write for a joint that is not annotated
NEARLY = 0.05  # of a person's size, between two annotations of one person
MOST_COMPARED = 64  # people of one image


class Mirroring(Protocol):
    """`coco.Options`, which knows this file, or anything that says as much of mirror images."""

    @property
    def pairs(self) -> Sequence[Sequence[str]] | None:
        """Of keypoint names that a mirror exchanges; None = as the names say."""

    @property
    def mirrored(self) -> bool:
        """False for an object that has no mirror image."""


def note_sides(report: Report, file: File, options: Mirroring) -> None:
    """Says which joints a mirror exchanges, and which look like a side without a partner.

    Args:
      report: `Report`.
      file: `coco_file.File`.
      options: `coco.Options`.
    """
    skeleton = file.skeleton
    names = [file.sources[joint] for joint in skeleton.joints]
    pairs = [f"{names[a]}:{names[b]}" for a, b in enumerate(skeleton.mirror) if a < b]
    if pairs:
        report.note("left and right: " + ", ".join(pairs))
    else:
        report.note("left and right: no two joints; --pairs=A:B,C:D names pairs of them")
    if not options.mirrored:
        report.note("mirror image: none (--flip_pairs=none); images are not mirrored")
    elif options.pairs is not None:
        if left_out := [name for name in file.sided if name not in file.paired]:
            first = left_out[0]
            report.warn(
                f"{', '.join(left_out)}: named after a side, but not in --pairs, so that a mirror "
                f"image keeps the side; --pairs names all pairs, {first}:{first} what is no side"
            )
    elif file.alone:
        first = file.alone[0]
        report.warn(
            f"{', '.join(file.alone)}: named after a side, but without a partner, or with several, "
            "so that images are not mirrored; if there is one, name all pairs with "
            f"--pairs=A:B,C:D; if it is no side, --pairs={first}:{first} says so"
        )


def note_tool(report: Report, record: Mapping[str, Any]) -> None:
    """Says what a labeling tool's export leaves open.

    Args:
      report: `Report`.
      record: JSON value of a COCO keypoint file.
    """
    info = record.get("info")
    if isinstance(info, dict) and info.get("contributor") == "Label Studio":
        # label_studio_sdk/converter/keypoints.py: names as they are listed, points by model_index;
        # of two points of one label in an image the last is kept.
        report.warn(
            "Label Studio writes one object for each image, with its points in the order of their "
            "model_index but the names as they are listed: number the labels as they are listed, "
            "use CVAT for images of several objects, and look at bin/inspect_batch.py"
        )
    unique = info.get(deeplabcut.UNIQUE) if isinstance(info, dict) else None
    if isinstance(unique, list) and unique:
        report.warn(
            f"DeepLabCut's unique parts ({', '.join(map(str, unique))}) are learned as an object "
            "of their own; if they are none, delete the columns of the individual 'single'"
        )


def note_positions(report: Report, people: Iterable[tuple[str, Pose]]) -> None:
    """Warns of positions that are parts of an image, and of joints that stand nowhere.

    Args:
      report: `Report`.
      people: list of (id, `Pose`).
    """
    parts, corners = [], []
    for name, pose in people:
        points = pose.joints_px[pose.present]
        if len(points) and UNIT[0] < points.min() and points.max() < UNIT[1] and points.any():
            parts.append(name)
        if any((points == place).all(1).any() for place in NOWHERE):
            corners.append(name)
    if parts:
        report.warn(
            f"{report.so_many(len(parts))} with all joints between 0 and 1, or nearly; "
            f"expected pixels, not parts of the image: {some(parts)}"
        )
    if corners:
        report.warn(
            f"{report.so_many(len(corners))} with a joint at (0, 0) or (-1, -1); one "
            f"that is not annotated has v = 0: {some(corners)}"
        )


def note_unread(report: Report, people: Iterable[tuple[str, Annotation]]) -> None:
    """Warns of positions that are not read, since their joints are said to be absent.

    Args:
      report: `Report`.
      people: list of (id, `Annotation`).
    """
    if found := [name for name, annotation in people if annotation.unread]:
        report.warn(
            f"{report.so_many(len(found))} with positions of joints with v = 0, which "
            "are not annotated and are not read; an occluded joint has v = 1, a visible one 2: "
            + some(found)
        )


def note_nearly_twice(report: Report, images: Iterable[Sequence[tuple[str, Pose]]]) -> None:
    """Warns of people who stand where another one of the image stands.

    Args:
      report: `Report`.
      images: list of lists of (id, `Pose`), the people of each image.
    """
    found = [name for people in images for name in _nearly_twice(people)]
    if found:
        report.warn(
            f"{report.so_many(len(found))} nearly where another one of the image is; "
            f"was one annotated twice? {some(found)}"
        )


def note_company(report: Report, images: Sequence[Sequence[tuple[str, Pose]]]) -> None:
    """Says how many images show several: a score without a box knows one of an image.

    Args:
      report: `Report`.
      images: as of `note_nearly_twice`.
    """
    several = sum(sum(pose.present.any() for _, pose in people) > 1 for people in images)
    if several:
        who = noun(report.joints)
        report.note(
            f"{several:,} of {len(images):,} images show several {who}: without a box the one near "
            "the middle is found, and the others count as missed in that score; "
            "docs/howto/own_data.md#several-in-one-image says how to find all"
        )


def _nearly_twice(people):
    """Ids of those who repeat one before them, but for `NEARLY` of the size."""
    if not 1 < len(people) <= MOST_COMPARED:
        return []
    joints_px = np.stack([pose.joints_px for _, pose in people])
    present = np.stack([pose.present for _, pose in people])
    size_px = np.array([pose.span_px for _, pose in people])
    apart_px = np.linalg.norm(joints_px[:, None] - joints_px, axis=-1)  # [N, N, P]
    both = present[:, None] & present
    farthest_px = np.where(both, apart_px, 0).max(-1)
    near = (farthest_px < NEARLY * np.minimum(size_px[:, None], size_px)) & (both.sum(-1) > 1)
    return [people[n][0] for n in range(len(people)) if near[n, :n].any()]
