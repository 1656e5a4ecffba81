"""Photographs with their people removed, and enlarged: what stands behind the people of a scene.

A person is painted over from its surroundings, coarse where it is large: averages over ever larger
squares of what is known, until every pixel has one (push and pull). That is a blur in the shape of
a body, no body. Beyond its edges a photograph goes on as its own mirror image.

References:
  Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4 (pull and push).
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from cpm.data import company
from cpm.data.person import Person, Pose
from cpm.data.scenes.drawing import as_image, square

HIDE_RADIUS = 0.17  # of a person's square, around limbs: hands and feet reach beyond the joints


def without_person(person: Person) -> np.ndarray:
    """A person's image with the person painted over: `[H, W, 3]` float32, 0..255."""
    image = np.asarray(person.image)
    height, width = image.shape[:2]
    size, side_px = (height, width), square(person).side_px
    limbs, pose = person.skeleton.limb_indices, person.pose
    hidden = np.zeros(size, np.float32)
    if len(limbs):
        radius_px = HIDE_RADIUS * side_px
        hidden = company.body_mask(
            pose.joints_px, pose.state.astype(np.int32), limbs, size, radius_px, 0.3 * radius_px
        ).numpy()
    if not len(limbs) or not pose.present.all():  # what has no position may be anywhere in the box
        low, high = extent(pose, 0.1)
        hidden = np.maximum(hidden, company.box_mask(low, high, size, 0.05 * side_px).numpy())
    return fill(image.astype(np.float32), 1 - hidden)


def extent(pose: Pose, pad: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corner `[2]` float32 of the joints' box, larger by `pad` of its longer side."""
    points = pose.joints_px[pose.present]
    low, high = points.min(0), points.max(0)
    return low - pad * (high - low).max(), high + pad * (high - low).max()


def fill(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Paints over what is not known with averages of what is.

    Args:
      image: `[H, W, 3]` float32.
      known: `[H, W]` float32 in [0, 1].

    Returns:
      `[H, W, 3]` float32: `image` where known is 1; all 128 if nothing is known.
    """
    height, width = known.shape
    if known.min() >= 1 or max(height, width) == 1:
        return np.where(known[..., np.newaxis] > 0, image, np.float32(128))
    weight = _halved(known)
    color = _halved(image * known[..., np.newaxis]) / np.maximum(weight, 1e-6)[..., np.newaxis]
    # A square of which a quarter is known knows its average as well as any.
    coarse = fill(color, np.minimum(4 * weight, 1))
    around = np.stack(
        [
            np.array(
                Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BILINEAR)
            )
            for c in range(3)
        ],
        -1,
    )
    return image * known[..., np.newaxis] + around * (1 - known[..., np.newaxis])


def _halved(array):
    """Means of 2 x 2 pixels; those beyond an odd edge count as 0: `[H, W, ...]`."""
    height, width = array.shape[:2]
    even = np.pad(array, [(0, height % 2), (0, width % 2)] + [(0, 0)] * (array.ndim - 2))
    rows = even.reshape(-1, 2, *even.shape[1:]).mean(1)
    return rows.reshape(len(rows), -1, 2, *array.shape[2:]).mean(2)


def mirrored(
    image: np.ndarray, low: Sequence[int] | np.ndarray, high: Sequence[int] | np.ndarray
) -> np.ndarray:
    """A part of the plane that an image fills together with its mirror images.

    Args:
      image: `[H, W, 3]`.
      low, high: `[2]` int, (x, y) of the part's first pixel and of the one behind its last, in
        pixels of the image.

    Returns:
      `[high_y - low_y, high_x - low_x, 3]`.
    """
    height, width = image.shape[:2]
    before, behind = np.maximum(0, -np.array(low)), np.maximum(0, high - np.array([width, height]))
    pads = [(before[1], behind[1]), (before[0], behind[0]), (0, 0)]
    x, y = low + before
    plane = np.pad(image, pads, mode="symmetric")
    return plane[y : y + high[1] - low[1], x : x + high[0] - low[0]]


def surroundings(
    person: Person, empty: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """A part of the plane around a person: its image, and beyond it mirror images without people.

    Args:
      person: a `Person` with pixels.
      empty: its image `without_person`.
      low, high: as in `mirrored`.

    Returns:
      `[high_y - low_y, high_x - low_x, 3]` float32.
    """
    image = np.asarray(person.image)
    canvas = mirrored(empty, low, high)
    own = mirrored(image.astype(np.float32), low, high)
    height, width = image.shape[:2]
    x, y = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    inside = ((y >= 0) & (y < height))[:, np.newaxis] & (x >= 0) & (x < width)
    return np.where(inside[..., np.newaxis], own, canvas)


def backdrop(person: Person, size: tuple[int, int], blur_px: float) -> np.ndarray:
    """A canvas of a person's surroundings: as high as the image, beyond it its mirror images.

    Args:
      person: a `Person` with pixels.
      size: (height, width).
      blur_px: standard deviation of the blur, canvas pixels.

    Returns:
      `[height, width, 3]` float32, 0..255.
    """
    height, width = size
    zoomed = Image.fromarray(as_image(without_person(person)))
    zoomed = zoomed.resize((max(1, round(zoomed.width * height / zoomed.height)), height))
    start = (zoomed.width - width) // 2
    canvas = mirrored(np.array(zoomed), (start, 0), (start + width, height))
    blurred = Image.fromarray(canvas).filter(ImageFilter.GaussianBlur(blur_px))
    return np.array(blurred, np.float32)
