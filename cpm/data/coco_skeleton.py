"""The skeleton of a category of a COCO keypoint file: its joints, limbs, sides.

Joints are called as in the project's own skeletons where their names say so
(cpm/data/side_names.py); a category with all joints of such a skeleton gets it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cpm.data.coco_values import is_integer, is_list
from cpm.data.side_names import Names, read_names
from cpm.skeleton import SKELETONS, Skeleton, own_skeleton
from cpm.untrusted import shown


def read_skeleton(
    category: Mapping[str, Any],
    pairs: Sequence[Sequence[str]] | None = None,
    mirrored: bool = True,
) -> tuple[Skeleton, list[int], Names]:
    """The skeleton of a category, and where its joints stand in the file.

    Args:
      category: dict with `keypoints` and, perhaps, `skeleton`.
      pairs: names of joints that a mirror exchanges; None = as the names say.
      mirrored: False for an object that has no mirror image.

    Returns:
      (`Skeleton`, list: for each of its joints the number of the file's keypoint, from 0;
      `side_names.Names`).

    Raises:
      ValueError: for names, limbs or pairs that make no skeleton.

    >>> skeleton, order, _ = read_skeleton({"keypoints": ["R_Ear", "nose", "L_Ear"]})
    >>> skeleton.joints, order
    (('right_ear', 'nose', 'left_ear'), [0, 1, 2])
    """
    names = read_names(category["keypoints"], guess=pairs is None)
    joints = names.joints
    limbs = [[joints[a], joints[b]] for a, b in _limbs(category, len(joints))]
    usual = pairs is None and mirrored
    for skeleton in SKELETONS.values():
        if usual and sorted(skeleton.joints) == sorted(joints):
            return skeleton, [joints.index(joint) for joint in skeleton.joints], names
    if pairs is None:
        mirrored = mirrored and not names.alone
        chosen = [(joints[a], joints[b]) for a, b in names.pairs]
    else:
        chosen = [_named_pair(pair, category["keypoints"], names) for pair in pairs]
    return own_skeleton(joints, limbs, chosen, mirrored), list(range(len(joints))), names


def _named_pair(pair, keypoints, names):
    """The two joints of --pairs, whose names may be the file's or ours."""
    known = dict(zip(keypoints, names.joints, strict=True)) | {j: j for j in names.joints}
    for name in pair:
        if name not in known:
            raise ValueError(
                f"--pairs names {name!r}; expected two of the keypoints {', '.join(keypoints)}"
            )
    return tuple(known[name] for name in pair)


def _limbs(category, joints):
    """Pairs of numbers of joints, from 0; where a 0 is among them, they count from 0."""
    limbs, given = [], category.get("skeleton") or []
    if not isinstance(given, list):
        raise ValueError(f"the skeleton is {shown(given)}; expected a list of limbs")
    first = int(not any(isinstance(limb, list) and 0 in limb for limb in given))
    for limb in given:
        if (
            not is_list(limb, 2)
            or not all(map(is_integer, limb))
            or not (first <= min(limb) <= max(limb) < first + joints)
        ):
            raise ValueError(
                f"the skeleton has the limb {shown(limb)}; expected two numbers of keypoints, "
                f"{first} to {first + joints - 1}; a file without a skeleton is read, too"
            )
        limbs.append((int(limb[0]) - first, int(limb[1]) - first))
    return limbs
