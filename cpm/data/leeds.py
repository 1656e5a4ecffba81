"""What the two Leeds data sets share: the file `joints.mat` and the numbered images.

Both files hold one array `joints` of 14 joints x 3 values for each person, but LSP stores it as
`3 x 14 x N` and LSPet as `14 x 3 x N`; either is accepted in either. Coordinates are 1-based.
The third value means opposite things in the two, so this file does not interpret it.
"""

import os
from collections.abc import Callable, Iterator

import numpy as np
import scipy.io

from cpm import array_claims
from cpm.data.images import inside
from cpm.data.person import Origin, Person, Pose
from cpm.errors import UsageError
from cpm.skeleton import SKELETONS

SKELETON = SKELETONS["lsp14"]


def read_people(
    folder: str | os.PathLike,
    source: str,
    *,
    digits: int,
    unflagged: int,
    flagged: int,
    official_split: Callable[[int], str],
    follow_links: bool = False,
) -> Iterator[Person]:
    """Yields the `Person` of every column of `joints.mat`, also where its image is missing.

    Args:
      folder: holds `joints.mat` and `images/`.
      source: `lsp` or `lspet`: the first part of the ids.
      digits: of the number in the images' names.
      unflagged, flagged: state of a joint whose third value is 0, 1.
      official_split: function of a person's number, from 1.
      follow_links: whether links may lead out of the folder.

    Raises:
      UsageError: if `joints.mat` is missing or malformed, or an image leads out of the folder.
    """
    joints_px, flags = read_annotations(folder)
    images = os.path.join(folder, "images")
    for number, (points, flag) in enumerate(zip(joints_px, flags, strict=True), start=1):
        name = f"im{number:0{digits}d}"
        try:
            pose = Pose(points, np.where(flag, flagged, unflagged))
        except ValueError as error:
            raise UsageError(
                f"column {number} of joints.mat in {str(folder)!r}: {error}; "
                "download the data set again"
            ) from error
        image = inside(images, f"{name}.jpg", folder, follow_links)
        origin = Origin(source, name, number, group=name, official_split=official_split(number))
        yield Person(f"{source}/{name}", image, SKELETON, pose, origin=origin)


def read_annotations(folder: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions and the third value of every column of `joints.mat`.

    Args:
      folder: holds `joints.mat` and `images/`.

    Returns:
      joints_px `[N, 14, 2]` float64, (x, y) in image pixels, 0-based; and flag `[N, 14]` bool.

    Raises:
      UsageError: if the file is missing or holds something else.
    """
    path = os.path.join(folder, "joints.mat")
    if not os.path.isfile(path):
        raise UsageError(
            f"{str(folder)!r} has no joints.mat; expected the unpacked data set, "
            "with joints.mat and images/ in it"
        )
    try:
        array_claims.check_matlab(path)
        joints = scipy.io.loadmat(path)["joints"]
    except Exception as error:  # SciPy raises whatever the broken byte leads to
        raise UsageError(
            f"{path!r} is not a MATLAB file with an array `joints`: {error}; "
            "download the data set again"
        ) from error
    joints = _people_first(joints, path)
    position, flag = joints[..., :2], joints[..., 2]
    if not np.isin(flag, (0, 1)).all():
        raise UsageError(
            f"{path!r}: the third value of a joint is neither 0 nor 1; expected x, y and a flag"
        )
    # The files come from MATLAB, whose first pixel is 1; here it is 0. The only such line.
    return position - 1, flag == 1


def _people_first(joints, path):
    """The array as `[N, 14, 3]`, from either layout."""
    joints = np.asarray(joints)
    if joints.ndim == 3 and joints.dtype.kind in "fiu":
        if joints.shape[:2] == (3, len(SKELETON)):
            return joints.transpose(2, 1, 0).astype(np.float64)
        if joints.shape[:2] == (len(SKELETON), 3):
            return joints.transpose(2, 0, 1).astype(np.float64)
    raise UsageError(
        f"{path!r}: `joints` is an array of shape {joints.shape} and type {joints.dtype}; "
        "expected numbers, 3 x 14 x N or 14 x 3 x N"
    )
