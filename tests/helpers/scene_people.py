"""People in one bright color on a dull background: a pixel says whose it is."""

import itertools

import numpy as np

from cpm.data import company
from cpm.data.person import Person, Pose
from cpm.skeleton import SKELETONS
from tests.helpers.small_data_sets import smooth_image

LSP = SKELETONS["lsp14"]
# The corners of the color cube: what lies between two of them is near to none.
COLORS = np.array(list(itertools.product((0, 250), repeat=3)))
# A body that faces us, its left hand raised, in its own heights; y grows downwards.
STANDING = {
    "right_ankle": (-0.1, 1.0),
    "right_knee": (-0.09, 0.75),
    "right_hip": (-0.07, 0.5),
    "left_hip": (0.07, 0.5),
    "left_knee": (0.09, 0.75),
    "left_ankle": (0.1, 1.0),
    "right_wrist": (-0.28, 0.48),
    "right_elbow": (-0.22, 0.34),
    "right_shoulder": (-0.12, 0.2),
    "left_shoulder": (0.12, 0.2),
    "left_elbow": (0.24, 0.2),
    "left_wrist": (0.28, 0.06),
    "neck": (0.0, 0.17),
    "head_top": (0.0, 0.0),
}


def standing(number, size=(150, 130), top=(64, 22), height_px=100.0):
    """A person, of the color of its number.

    Args:
      number: which one.
      size: (height, width) of the image.
      top: (x, y) of the head top.
      height_px: of the body.
    """
    joints_px = np.array([STANDING[joint] for joint in LSP.joints]) * height_px + top
    pose = Pose(joints_px, np.full(len(LSP), 2))
    body = company.body_mask(
        pose.joints_px, pose.state.astype(np.int32), LSP.limb_indices, size, 0.06 * height_px, 1.0
    ).numpy()[..., np.newaxis]
    dull = 90 + 0.25 * smooth_image(*size, seed=number)  # 90 … 154 in every channel
    image = dull + body * (COLORS[number % len(COLORS)] - dull)
    return Person(f"made/{number}", np.rint(image).astype(np.uint8), LSP, pose)


def crowd(count=8, **options):
    """So many people, each of its own color."""
    return [standing(number, **options) for number in range(count)]


def is_color(image, number):
    """`[...]` bool: which pixels have the color of this person's body."""
    off = np.abs(np.asarray(image, np.float64) - COLORS[number % len(COLORS)])
    return off.max(-1) < 70


def at(image, joints_px):
    """`[P, 3]`: the pixels of the image under some points inside it."""
    x, y = np.rint(joints_px).astype(int).T
    return image[y, x]
