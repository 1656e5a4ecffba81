"""Leeds Sports Pose Extended: 10,000 people, up to 14 joints each, labeled by a crowd.

The third value of `joints.mat` is 1 where the joint is *labeled*; where it is 0 the position
means nothing and the joint is absent. (In LSP it is 1 where the joint is occluded.) Labels are
person-centric, and noisier than LSP's.

References: S. Johnson and M. Everingham, "Learning Effective Human Pose Estimation from
  Inaccurate Annotation", CVPR 2011.
"""

import os
from collections.abc import Iterator

from cpm.data import leeds
from cpm.data.person import Person
from cpm.data.splits import TRAIN
from cpm.skeleton import ABSENT, VISIBLE


def read_people(folder: str | os.PathLike, follow_links: bool = False) -> Iterator[Person]:
    """Yields the `Person` of every column of `joints.mat`, also where its image is missing.

    Args:
      folder: holds `joints.mat` and `images/im00001.jpg` ...
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if `joints.mat` is missing or malformed, or an image leads out of the folder.
    """
    return leeds.read_people(
        folder,
        "lspet",
        digits=5,
        unflagged=ABSENT,
        flagged=VISIBLE,
        official_split=lambda _: TRAIN,
        follow_links=follow_links,
    )
