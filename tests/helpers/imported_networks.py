"""Networks and images for the tests of imported weights."""

import cv2
import numpy as np

from cpm.config import NetworkConfig
from cpm.network import preset


def config(arch, **changes):
    """The `NetworkConfig` of `--arch`, changed."""
    values = vars(preset(arch)) | changes
    return NetworkConfig(**values)


def random_image(generator, height, width):
    """`[H, W, 3]` uint8 RGB: smooth, with different colors."""
    coarse = generator.integers(0, 256, [height // 8, width // 8, 3], np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
