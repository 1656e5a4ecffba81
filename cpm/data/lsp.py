"""Leeds Sports Pose: 2,000 people, 14 joints each, about 150 pixels tall.

Every joint has a position; the third value of `joints.mat` says that it is *occluded* (in LSPet
the third value says the opposite kind of thing). Columns 1-1000 are the training half, 1001-2000
the test half. Labels are person-centric.

References: S. Johnson and M. Everingham, "Clustered Pose and Nonlinear Appearance Models for
  Human Pose Estimation", BMVC 2010.
"""

import os
from collections.abc import Iterator

from cpm.data import leeds
from cpm.data.person import Person
from cpm.data.splits import TEST, TRAIN
from cpm.skeleton import OCCLUDED, VISIBLE


def read_people(folder: str | os.PathLike, follow_links: bool = False) -> Iterator[Person]:
    """Yields the `Person` of every column of `joints.mat`, also where its image is missing.

    Args:
      folder: holds `joints.mat` and `images/im0001.jpg` ...
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if `joints.mat` is missing or malformed, or an image leads out of the folder.
    """
    return leeds.read_people(
        folder,
        "lsp",
        digits=4,
        unflagged=VISIBLE,
        flagged=OCCLUDED,
        official_split=lambda number: TRAIN if number <= 1000 else TEST,
        follow_links=follow_links,
    )
