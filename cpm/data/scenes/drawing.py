"""What all scenes share: numbers that depend on (seed, words) alone, and who may be shown where."""

import functools
import hashlib
import importlib.resources

import numpy as np
import tensorflow as tf
from PIL import Image

from cpm import geometry
from cpm.config import DataConfig
from cpm.data import company
from cpm.data.id_list import read_ids
from cpm.data.person import Person, Pose
from cpm.skeleton import ABSENT

SIDE_PX = 200  # of the longer side of parts of images: about that of LSP's and LSPet's images
MARGIN = DataConfig().margin  # a person's square has so many times the longer side of its joints


def generator(seed: int, *words: object) -> np.random.Generator:
    """A NumPy generator for these words, the same on every machine.

    >>> int(generator(0, "groups", 7).integers(100)) == int(generator(0, "groups", 7).integers(100))
    True
    """
    text = "/".join(map(str, (seed, *words)))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def square(person: Person) -> geometry.CropRegion:
    """The `CropRegion` that stands for a person's size, in its own image."""
    return geometry.region_from_joints(person.pose.joints_px, person.pose.present, MARGIN)


def can_be_pasted(person: Person) -> bool:
    """Whether a person may be shown elsewhere: alone in its image, most of its joints labeled."""
    return is_alone(person) and bool(person.pose.present.mean() >= company.LEAST_LABELED)


def can_be_removed(person: Person) -> bool:
    """Whether a person's surroundings show nobody: it is alone, and known from head to foot."""
    return is_alone(person) and bool(person.pose.present.all())


def is_alone(person: Person) -> bool:
    """Whether nobody else is in a person's image, as far as annotations and `not_alone` know."""
    return not person.others and person.id not in not_alone()


def moved(pose: Pose, joints_px: np.ndarray, size: tuple[int, ...]) -> Pose:
    """A pose at other positions, those in an image of size (height, width); beyond it absent."""
    inside = ((joints_px >= 0) & (joints_px <= np.array(size[::-1]) - 1)).all(-1)
    return Pose(joints_px.astype(np.float32), np.where(inside, pose.state, ABSENT))


def as_record(person: Person) -> dict[str, tf.Tensor]:
    """What `company.second_person` needs of a person: a dict as of a parsed record."""
    return {
        "joints_px": tf.constant(person.pose.joints_px[np.newaxis]),
        "state": tf.constant(person.pose.state[np.newaxis], tf.int32),
        "size": tf.constant(np.asarray(person.image).shape[:2]),
    }


def as_image(pixels: np.ndarray) -> np.ndarray:
    """`[H, W, 3]` float, 0..255, as uint8."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def zoomed(part: np.ndarray, longer_px: int = SIDE_PX) -> np.ndarray:
    """Part of an image, `[H, W, 3]`, as uint8, so large that its longer side has so many pixels."""
    height, width = (max(1, round(longer_px * n / max(part.shape[:2]))) for n in part.shape[:2])
    return np.array(
        Image.fromarray(as_image(part)).resize((width, height), Image.Resampling.BICUBIC)
    )


@functools.cache
def not_alone() -> frozenset[str]:
    """Ids of LSP's and LSPet's validation people who are not, or perhaps not, alone in the image.

    These data sets annotate one person an image. The list was made by eye. A scene made of such an
    image would show people without annotations.
    """
    file = importlib.resources.files("cpm.data") / "not_alone.txt"
    with importlib.resources.as_file(file) as path:
        return read_ids(path)
