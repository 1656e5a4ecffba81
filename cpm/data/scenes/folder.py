"""A folder of scene images in COCO's layout, written whole or not at all, and read back.

    annotations.json  COCO keypoints (cpm/data/coco.py reads them too); beside COCO's own fields
                      `info` says what this is, an image `sources`, `behind` and `shows`: ids of the
                      people in it, id of whose surroundings are its backdrop, what it shows; an
                      annotation has its `source`, and if it is cut off `whole`, all of its joints
    images/           JPEG

A bounding box is that of the joints, larger by 5 % of its longer side, cut off at the image's edge.
An area is 0.53 of its box, which is how CrowdPose estimates that of people without an outline.
"""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from cpm import files
from cpm.data import images, manifest, own_layouts
from cpm.data.coco_skeleton import read_skeleton
from cpm.data.person import Pose
from cpm.data.remaking import own_command
from cpm.errors import UsageError
from cpm.skeleton import Skeleton

FORMAT = "cpm-scenes"
IMAGES = "images"
BOX_PAD = 0.05
AREA_OF_BOX = 0.53


@dataclasses.dataclass(frozen=True)
class Scene:
    """One image and everybody in it.

    Attributes:
      name: of its file, without suffix.
      image: `[H, W, 3]` uint8.
      poses: of everybody, in pixels of the image.
      sources: ids of the people they were.
      shows: what kind of scene this is, in a word or two.
      behind: id of the person whose surroundings are behind them; empty where each has its own.
      whole_px: `[P, 2]` of each of them: all joints, those beyond the image, too; if there are any.
    """

    name: str
    image: np.ndarray
    poses: tuple[Pose, ...]
    sources: tuple[str, ...]
    shows: str
    behind: str
    whole_px: tuple[np.ndarray, ...] | None = None


@dataclasses.dataclass(frozen=True)
class SceneImage:
    """One image of a folder: as `Scene`, but where the pixels lie, and with boxes.

    Attributes:
      path: of the image.
      joints_px, state: `[T, P, 2]`, `[T, P]` of the T people in it.
      boxes: `[T, 4]`, (x, y, width, height).
      area: `[T]`, square pixels.
      shows: what kind of scene this is.
      whole_px: `[T, P, 2]`: as `joints_px`, but also of joints beyond the image.
    """

    path: str
    joints_px: np.ndarray
    state: np.ndarray
    boxes: np.ndarray
    area: np.ndarray
    shows: str
    whole_px: np.ndarray


@dataclasses.dataclass(frozen=True)
class SceneFolder:
    """What `read_scenes` found: `kind`, the `Skeleton`, a list of `SceneImage`."""

    kind: str
    skeleton: Skeleton
    images: list[SceneImage]


def write_scenes(
    folder: str | os.PathLike,
    kind: str,
    scenes: Iterable[Scene],
    skeleton: Skeleton,
    *,
    seed: int,
    remake: str,
) -> tuple[int, int]:
    """Writes scenes to a folder, which appears when all of them are in it.

    Args:
      folder: to make; missing, empty or an earlier folder of scenes, which is replaced.
      kind: of the scenes.
      scenes: iterable of `Scene`.
      skeleton: names of the joints.
      seed: of the scenes, for the record.
      remake: command that makes the folder again.

    Returns:
      (how many images, how many people).

    Raises:
      UsageError: if the folder holds something else.
    """
    folder = os.path.realpath(folder)
    _check_folder(folder)
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    record: dict[str, Any] = {
        "info": {"format": FORMAT, "kind": kind, "seed": seed, "remake": remake},
        "images": [],
        "categories": [_category(skeleton)],
        "annotations": [],
    }
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=parent) as work:
        partial = os.path.join(work, "scenes")
        os.makedirs(os.path.join(partial, IMAGES))
        for scene in scenes:
            _add(record, partial, scene)
        files.write_json(os.path.join(partial, own_layouts.USUAL), record)
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.replace(partial, folder)
    return len(record["images"]), len(record["annotations"])


def _check_folder(folder):
    """UsageError if something else than scenes lies in the folder: said before the work."""
    if not os.path.lexists(folder) or (os.path.isdir(folder) and not os.listdir(folder)):
        return
    if scene_kind(folder) is None or set(os.listdir(folder)) != {own_layouts.USUAL, IMAGES}:
        raise UsageError(
            f"{str(folder)!r} holds files that are no scenes; nothing was changed: name an empty "
            "or new folder with --out"
        )


def scene_kind(folder: str | os.PathLike) -> str | None:
    """The kind of scenes in a folder, or None if it holds none."""
    try:
        record = files.read_json(os.path.join(folder, own_layouts.USUAL), "")
        return record["info"]["kind"] if record["info"]["format"] == FORMAT else None
    except (UsageError, KeyError, TypeError):
        return None


def read_scenes(folder: str | os.PathLike) -> SceneFolder:
    """The scenes in a folder.

    Returns:
      `SceneFolder`.

    Raises:
      UsageError: if it holds none, or is damaged; names the command that makes it again.
    """
    if os.path.isfile(os.path.join(folder, manifest.NAME)):
        raise UsageError(
            f"{str(folder)!r} is a converted folder; score it with "
            f"--data={folder} --crop=middle --passes=2 --flip"
        )
    if (kind := scene_kind(folder)) is None:
        raise UsageError(
            f"{str(folder)!r} holds no scenes; make them with: "
            f"python bin/make_scenes.py --data=DIR --kind=groups --out={folder}"
        )
    path = os.path.join(folder, own_layouts.USUAL)
    record = files.read_json(path, "make the scenes again")
    try:
        skeleton, order, _ = read_skeleton(record["categories"][0])
        people: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in record["images"]}
        for annotation in record["annotations"]:
            people[annotation["image_id"]].append(annotation)
        found = [
            _scene_image(folder, image, people[image["id"]], order) for image in record["images"]
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path!r} is damaged ({error!r}); make it again with: "
            + own_command(record["info"].get("remake"), "bin/make_scenes.py")
        ) from error
    return SceneFolder(kind, skeleton, found)


def bounding_box(pose: Pose, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """(x, y, width, height) of a pose in an image of size (height, width), as above.

    As in COCO, x = 0 and width = 1 are the first column, whose pixels' centers are at 0.
    """
    points = pose.joints_px[pose.present].astype(np.float64)
    low, high = points.min(0), points.max(0)
    pad = BOX_PAD * (high - low).max()
    last = np.array(size[::-1]) - 1.0
    low, high = np.clip(low - pad, 0, last), np.clip(high + pad, 0, last)
    (x, y), (width, height) = low, high - low + 1
    return float(x), float(y), float(width), float(height)


def _category(skeleton):
    """COCO's description of the joints; its limbs count them from 1."""
    return {
        "id": 1,
        "name": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": (skeleton.limb_indices + 1).tolist(),
    }


def _add(record, folder, scene):
    """Writes a scene's image and appends it to the record."""
    height, width = scene.image.shape[:2]
    number, name = len(record["images"]) + 1, f"{scene.name}.jpg"
    with open(os.path.join(folder, IMAGES, name), "wb") as file:
        file.write(images.encode_jpeg(scene.image))
    record["images"].append(
        {
            "id": number,
            "file_name": name,
            "width": width,
            "height": height,
            "shows": scene.shows,
            "sources": list(scene.sources),
            "behind": scene.behind,
        }
    )
    whole_px = scene.whole_px or [None] * len(scene.poses)
    for pose, source, whole in zip(scene.poses, scene.sources, whole_px, strict=True):
        box = [round(value, 2) for value in bounding_box(pose, (height, width))]
        joints = np.concatenate([pose.joints_px, pose.state[:, np.newaxis]], 1, dtype=np.float64)
        record["annotations"].append(
            {
                "id": len(record["annotations"]) + 1,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "keypoints": [
                    round(v, 2) if k % 3 < 2 else int(v) for k, v in enumerate(joints.ravel())
                ],
                "num_keypoints": int(pose.present.sum()),
                "bbox": box,
                "area": round(AREA_OF_BOX * box[2] * box[3], 2),
                "source": source,
            }
            | ({} if whole is None else {"whole": np.round(whole, 2).ravel().tolist()})
        )


def _scene_image(folder, image, people, order):
    """The `SceneImage` of an entry of the file and its annotations."""
    keypoints = np.array([person["keypoints"] for person in people], np.float64)
    keypoints = keypoints.reshape(len(people), len(order), 3)[:, order]
    whole = np.array(
        [p.get("whole", np.reshape(p["keypoints"], [-1, 3])[:, :2]) for p in people], np.float64
    )
    return SceneImage(
        path=images.inside(os.path.join(folder, IMAGES), image["file_name"], folder),
        joints_px=keypoints[..., :2],
        state=keypoints[..., 2].astype(int),
        boxes=np.array([person["bbox"] for person in people], np.float64).reshape(-1, 4),
        area=np.array([person["area"] for person in people], np.float64),
        shows=image["shows"],
        whole_px=whole.reshape(len(people), len(order), 2)[:, order],
    )
