"""People of three colored dots, and a network that finds them: a search without training."""

import types

import numpy as np
import tensorflow as tf

import ops
from cpm.skeleton import own_skeleton

SIZE = (64, 80)  # of a crop, H != W
HEIGHT, WIDTH = 150, 220  # of an image
MIDLINE = own_skeleton(("head_top", "neck", "pelvis"), (("head_top", "neck"),))
POSE = np.array([[4.0, -20.0], [-6.0, -8.0], [0.0, 20.0]])  # of a person 40 px tall


class Colors(tf.Module):
    """Belief p of a cell is color p there, the less the farther it is from the crop's center.

    So it finds the person near the center, and is the surer the nearer. It knows nothing of bodies:
    people must stand apart.
    """

    skeleton, stride, origin_px = MIDLINE, 4, 1.5
    config = types.SimpleNamespace(image_size=SIZE)

    def __call__(self, images, center_px, *, training=False, seed=None):
        near = ops.gaussian_heatmap(
            center_px[:, tf.newaxis],
            tf.ones_like(center_px[:, :1]),
            height=SIZE[0],
            width=SIZE[1],
            stride=1,
            sigma_px=40.0,
        )
        seen = tf.nn.relu(images / 255.0 - 0.6) / 0.4 * near
        return (ops.average_pool(seen, window=4, stride=4),)


def image_of(*people, height=HEIGHT, width=WIDTH, brightness=255):
    """A gray image with people, each `[3, 2]`: dots in red, green and blue, large in proportion.

    Args:
      *people: see above.
      height, width: of the image.
      brightness: of the dots, or a list of everybody's.
    """
    image = np.full([height, width, 3], 100, np.uint8)
    y, x = np.mgrid[:height, :width]
    for joints_px, level in zip(people, np.broadcast_to(brightness, len(people)), strict=True):
        radius_px = np.ptp(joints_px[:, 1]) / 10
        for color, (u, v) in enumerate(joints_px):
            image[np.hypot(x - u, y - v) < radius_px, color] = level
    return image


def persons(*centers, size=1.0):
    """List of `[3, 2]`: somebody at each center, 40 px tall at size 1."""
    return [np.array(center) + size * POSE for center in centers]
