"""What a network finds, by the names of its joints: people, or objects of another kind.

A skeleton is a person's if it has both shoulders and no joint that people lack. A dog has shoulders
and knees, too, but paws and a tail; a bottle has a neck, but no shoulders.
"""

from collections.abc import Iterable

from cpm.skeleton import SKELETONS, canonical_name

SHOULDERS = frozenset(("left_shoulder", "right_shoulder"))
_FEET = ("big_toe", "small_toe", "heel")  # of OpenPose's BODY_25, as its middle of the hips
HUMAN_JOINTS = frozenset(
    {canonical_name(joint) for known in SKELETONS.values() for joint in known.joints}
    | {f"{side}_{part}" for side in ("left", "right") for part in _FEET}
    | {"mid_hip"}
)


def are_human(joints: Iterable[str]) -> bool:
    """Whether these are all the joints of a person's skeleton.

    >>> are_human(SKELETONS["mpii16"].joints)
    True
    >>> are_human(["left_shoulder", "right_shoulder", "left_knee", "right_knee", "root_of_tail"])
    False
    """
    names = {canonical_name(joint) for joint in joints}
    return names >= SHOULDERS and names <= HUMAN_JOINTS


def noun(joints: Iterable[str], count: int = 2) -> str:
    """What so many of them are called: person, people, object, objects.

    >>> noun(["nose", "tail"]), noun(SKELETONS["lsp14"].joints, 1)
    ('objects', 'person')
    """
    if are_human(joints):
        return "person" if count == 1 else "people"
    return "object" if count == 1 else "objects"


def number_of(joints: Iterable[str], count: int) -> str:
    """So many of them, in words.

    >>> number_of(["nose", "tail"], 0), number_of(["nose", "tail"], 1)
    ('nothing found', '1 object')
    >>> number_of(SKELETONS["lsp14"].joints, 0), number_of(SKELETONS["lsp14"].joints, 2)
    ('nobody found', '2 people')
    """
    if not count:
        return "nobody found" if are_human(joints) else "nothing found"
    return f"{count} {noun(joints, count)}"
