"""A network whose answers are known, and batches for it."""

import types

import numpy as np
import tensorflow as tf

import ops
from cpm.skeleton import SKELETONS

LSP = SKELETONS["lsp14"]
HEIGHT, WIDTH = 64, 96


class FromImage(tf.Module):
    """A network whose "images" hold the answer: pixel (p, 0) is joint p's x, y; stage 1 lies."""

    skeleton, stride, origin_px = LSP, 8, 3.5
    config = types.SimpleNamespace(image_size=(HEIGHT, WIDTH))

    def __init__(self):
        super().__init__()
        self.traces = 0

    def __call__(self, images, center_px, *, training=False, seed=None):
        self.traces += 1
        joints_px = images[:, :14, 0, :2]

        def maps(points):
            return ops.gaussian_heatmap(
                points,
                tf.ones_like(points[..., 0]),
                height=HEIGHT // 8,
                width=WIDTH // 8,
                stride=8,
                sigma_px=10.0,
            )

        return maps(joints_px + 8.0), maps(joints_px)


def batch(seed, valid):
    """Four people; image = 0.5 · crop + offset, so the crop shows half the resolution doubled."""
    generator = np.random.default_rng(seed)
    joints = generator.uniform(8, 54, [4, 3, 14, 2]).astype(np.float32)
    image = np.zeros([4, HEIGHT, WIDTH, 3], np.float32)
    image[:, :14, 0, :2] = joints[:, 0]
    matrices = np.zeros([4, 2, 3], np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = 0.5
    matrices[:, :, 2] = (100.0, 200.0)
    state = generator.integers(0, 3, [4, 3, 14]).astype(np.int32)
    return {
        key: tf.constant(value)
        for key, value in {
            "image": image,
            "joints_px": joints,
            "state": state,
            "center_px": np.full([4, 2], 30, np.float32),
            "head_size_px": np.full([4], 12, np.float32),
            "crop_to_image": matrices,
            "valid": np.array(valid, np.float32),
            "id": np.array([f"p{seed}-{n}".encode() for n in range(4)]),
        }.items()
    }
