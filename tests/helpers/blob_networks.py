"""Networks that find colored blobs, and images of such blobs: crops and passes without training."""

import types

import numpy as np
import tensorflow as tf

import ops
from cpm.skeleton import Skeleton

SIZE = (96, 128)  # crop, H != W
MIDLINE = Skeleton("midline", ("head_top", "neck", "pelvis"), (("head_top", "neck"),))
POINTS = np.array([[61.3, 40.7], [90.0, 77.25], [118.6, 58.2]])  # image pixels


class BlobFinder(tf.Module):
    """Belief p of a cell is the mean of color channel p over the cell's pixels."""

    skeleton, stride, origin_px = MIDLINE, 8, 3.5
    config = types.SimpleNamespace(image_size=SIZE)

    def __call__(self, images, center_px, *, training=False, seed=None):
        return (ops.average_pool(images / 255.0, window=8, stride=8),)


def blobs(height, width, points, sigma_px):
    """A black image with a Gaussian blob at each point: red, green, blue."""
    y, x = np.mgrid[:height, :width]
    squares = [(x - px) ** 2 + (y - py) ** 2 for px, py in points]
    image = [np.exp(-square / (2 * sigma_px**2)) for square in squares]
    return np.rint(255 * np.stack(image, -1)).astype(np.uint8)


class Watcher(BlobFinder):
    """Finds blobs that are brighter than the gray around them, and remembers the crops it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __call__(self, images, center_px, *, training=False, seed=None):
        if tf.executing_eagerly():
            self.seen.append(np.array(images)[0])
        return super().__call__(2 * images - 256, center_px)


def gray_blobs(height, width, points, sigma_px):
    """The same blobs in a gray image, as gray as what lies outside it."""
    return 128 + blobs(height, width, points, sigma_px) // 2
