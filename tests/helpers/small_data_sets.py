"""Small data sets and images for the tests of cpm/data, made on the spot."""

import numpy as np
import scipy.io
from PIL import Image

from cpm.data.person import Origin, Person, Pose
from cpm.skeleton import SKELETONS

LSP14, MPII16 = SKELETONS["lsp14"], SKELETONS["mpii16"]


def smooth_image(height, width, seed=0):
    """`[H, W, 3]` uint8: random, but smooth enough to survive JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))


def save_leeds(folder, joints, digits, missing=(), size=(60, 50)):
    """Writes `joints.mat` and the images that a Leeds data set would have.

    Args:
      joints: `[3, 14, N]` or `[14, 3, N]`, 1-based, as in the files.
      digits: of the images' numbers.
      missing: numbers (from 1) of people without an image.
    """
    (folder / "images").mkdir(parents=True)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})
    for number in range(1, joints.shape[2] + 1):
        if number not in missing:
            image = Image.fromarray(smooth_image(*size, seed=number))
            image.save(folder / "images" / f"im{number:0{digits}d}.jpg", quality=90)


def lsp_joints(people, seed=0):
    """`[3, 14, N]` float64: x, y in 5..45, about a third occluded."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(5, 45, (3, 14, people))
    joints[2] = rng.random((14, people)) < 0.3
    return joints


def make_people(count, skeleton=LSP14, source="made", size=(72, 64), seed=0):
    """People in smooth images, all joints visible but the first, which is absent in odd ones."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        joints_px = rng.uniform(10, min(size) - 10, (len(skeleton), 2))
        state = np.full(len(skeleton), 2)
        state[0] = 2 * (number % 2 == 0)
        yield Person(
            id=f"{source}/{number}",
            image=smooth_image(*size, seed=number),
            skeleton=skeleton,
            pose=Pose(joints_px, state),
            origin=Origin(source, str(number), number),
        )
