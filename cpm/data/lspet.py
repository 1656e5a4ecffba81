"""Leeds Sports Pose Extended: 10,000 people, up to 14 joints each, labelled by a crowd.

The third value of `joints.mat` is 1 where the joint is *labelled*; where it is 0 the position
means nothing and the joint is absent. (In LSP it is 1 where the joint is occluded.) Labels are
person-centric, and noisier than LSP's.

References: S. Johnson and M. Everingham, "Learning Effective Human Pose Estimation from
  Inaccurate Annotation", CVPR 2011.
"""

import numpy as np

from cpm.data import leeds
from cpm.data.person import ABSENT, VISIBLE, Person, Pose
from cpm.skeleton import SKELETONS


def read_people(folder):
    """Yields the `Person` of every column of `joints.mat`, also where its picture is missing.

    Args:
      folder: holds `joints.mat` and `images/im00001.jpg` ...

    Raises:
      UsageError: if `joints.mat` is missing or malformed.
    """
    joints_px, labelled = leeds.read_annotations(folder)
    for number, (points, known) in enumerate(zip(joints_px, labelled), start=1):
        yield Person(
            id=f"lspet/im{number:05d}",
            image=leeds.picture_path(folder, number, digits=5),
            skeleton=SKELETONS["lsp14"],
            pose=Pose(points, np.where(known, VISIBLE, ABSENT)),
        )
