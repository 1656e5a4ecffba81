"""Joint names, their order, limbs and mirror pairs of every data set.

A skeleton is data, not code: everything else (mirror permutation, mapping between data sets,
metrics by group) is derived from the names. Names are person-centric: `left_wrist` is the
person's own left wrist, wherever it appears in the image.

The known skeletons have short names. Any other is named by its own description (`own_skeleton`),
so that a name alone, in a data folder, a configuration or a checkpoint, always says which joints.

A joint of an annotated person is in one of three states: visible, occluded (it has a position),
absent (it has none). The state is carried along everywhere and never guessed from coordinates.

References:
  MPII-16 and LSP-14 orders: the data sets' own documentation; COCO-17: Lin et al. 2014;
  FLIC-11: the labeled ones of its 29 columns, see cpm/data/flic.py.
"""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

ABSENT = 0  # no position: not annotated
OCCLUDED = 1  # a position, but hidden behind something
VISIBLE = 2


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """An ordered list of named joints and the limbs that join them.

    Attributes:
      name: short identifier, e.g. `lsp14`, or the description that `own_skeleton` makes.
      joints: names in channel order; channel `p` of a belief map is `joints[p]`.
      limbs: pairs of joint names, drawn as sticks.
      pairs: the joints that a mirror exchanges; None = as their names say, `left_x` and `right_x`.
      mirrored: False for an object that is not its own mirror image, such as a sign with writing.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]
    pairs: tuple[tuple[str, str], ...] | None = None
    mirrored: bool = True

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name!r} names a joint twice: {self.joints}")
        for limb in self.limbs:
            for joint in limb:
                if joint not in self.joints:
                    raise ValueError(
                        f"skeleton {self.name!r}: limb {limb} names the unknown joint {joint!r}"
                    )
        paired = [joint for pair in self.pairs or () for joint in pair]
        for joint in paired:
            if joint not in self.joints:
                raise ValueError(f"skeleton {self.name!r} pairs the unknown joint {joint!r}")
            if paired.count(joint) > 1:
                raise ValueError(f"skeleton {self.name!r} pairs the joint {joint!r} twice")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Channel of the joint called `joint`; ValueError names what exists."""
        if joint not in self.joints:
            raise ValueError(
                f"skeleton {self.name!r} has no joint {joint!r}; it has {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    @functools.cached_property
    def mirror(self) -> np.ndarray:
        """`[P]` int: `mirror[p]` is the channel of the left/right partner of `p`.

        Applied twice it is the identity; joints on the midline are their own partner.

        >>> SKELETONS["lsp14"].mirror.tolist()
        [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]
        """
        return np.array([self.joints.index(self._partner(joint)) for joint in self.joints])

    @functools.cached_property
    def has_mirror_image(self) -> bool:
        """Whether a mirrored image of the object can be labeled with the same joints.

        Not if the object is none (`mirrored`), and not if the name of a joint says a side whose
        other side is no joint: a mirrored left ear is a right ear, which has no channel.

        >>> own_skeleton(["nose", "left_ear"]).has_mirror_image
        False
        """
        return self.mirrored and not self.one_sided

    @functools.cached_property
    def one_sided(self) -> tuple[str, ...]:
        """The joints of one side whose other side is no joint."""
        if self.pairs is not None:
            return ()
        return tuple(joint for joint in self.joints if mirror_name(joint) not in self.joints)

    def _partner(self, joint):
        """The joint that a mirror puts in the place of this one."""
        if self.pairs is None:
            other = mirror_name(joint)
            return other if other in self.joints else joint
        both = {a: b for pair in self.pairs for a, b in (pair, pair[::-1])}
        return both.get(joint, joint)

    @functools.cached_property
    def limb_indices(self) -> np.ndarray:
        """`[L, 2]` int: the limbs as pairs of channels."""
        pairs = [[self.index(a), self.index(b)] for a, b in self.limbs]
        return np.array(pairs, int).reshape(-1, 2)

    def channels_from(self, source: "Skeleton") -> np.ndarray:
        """Where each of our joints stands in the skeleton `source`, by name; −1 if it is not there.

        >>> SKELETONS["mpii16"].channels_from(SKELETONS["lsp14"]).tolist()
        [0, 1, 2, 3, 4, 5, -1, -1, 12, 13, 6, 7, 8, 9, 10, 11]
        """
        synonyms = {canonical_name(joint): p for p, joint in enumerate(source.joints)}
        return np.array([synonyms.get(canonical_name(joint), -1) for joint in self.joints])

    def lost_from(self, source: "Skeleton") -> list[str]:
        """Joints of the skeleton `source` that are none of ours.

        >>> SKELETONS["lsp14"].lost_from(SKELETONS["mpii16"])
        ['pelvis', 'thorax']
        """
        known = {canonical_name(joint) for joint in self.joints}
        return [joint for joint in source.joints if canonical_name(joint) not in known]


def mirror_name(joint: str) -> str:
    """Name of the joint on the other side of the body: all its sides are exchanged.

    >>> [mirror_name(j) for j in ("left_wrist", "head_top", "left_eye_right_corner")]
    ['right_wrist', 'head_top', 'right_eye_left_corner']
    """
    other = {"left": "right", "right": "left"}
    return "_".join(other.get(word, word) for word in joint.split("_"))


def canonical_name(joint: str) -> str:
    """Name under which two data sets' joints count as the same one.

    MPII's `upper_neck` and LSP's `neck` both lie where the neck meets the head, so a model of
    one skeleton can be trained and scored on the other's images.
    """
    return {"upper_neck": "neck"}.get(joint, joint)


def _limbs(neck, hips_meet_at, arms_meet_at):
    """The sticks of a body whose parts meet at the named joints."""
    limbs = [("head_top", neck)]
    if arms_meet_at != neck:
        limbs.append((neck, arms_meet_at))
    if hips_meet_at != arms_meet_at:
        limbs.append((arms_meet_at, hips_meet_at))
    for side in ("right", "left"):
        limbs += [
            (arms_meet_at, f"{side}_shoulder"),
            (f"{side}_shoulder", f"{side}_elbow"),
            (f"{side}_elbow", f"{side}_wrist"),
            (hips_meet_at, f"{side}_hip"),
            (f"{side}_hip", f"{side}_knee"),
            (f"{side}_knee", f"{side}_ankle"),
        ]
    return tuple(limbs)


_LEGS = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
)
_ARMS = (
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
)

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        Skeleton(
            "lsp14",
            _LEGS + _ARMS + ("neck", "head_top"),
            _limbs("neck", "neck", "neck"),
        ),
        Skeleton(
            "mpii16",
            (*_LEGS, "pelvis", "thorax", "upper_neck", "head_top", *_ARMS),
            _limbs("upper_neck", "pelvis", "thorax"),
        ),
        Skeleton(
            "coco17",
            (
                "nose",
                "left_eye",
                "right_eye",
                "left_ear",
                "right_ear",
                *(
                    f"{side}_{part}"
                    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
                    for side in ("left", "right")
                ),
            ),
            (
                *(
                    (a, b)
                    for side in ("left", "right")
                    for a, b in (
                        ("nose", f"{side}_eye"),
                        (f"{side}_eye", f"{side}_ear"),
                        (f"{side}_shoulder", f"{side}_elbow"),
                        (f"{side}_elbow", f"{side}_wrist"),
                        (f"{side}_shoulder", f"{side}_hip"),
                        (f"{side}_hip", f"{side}_knee"),
                        (f"{side}_knee", f"{side}_ankle"),
                    )
                ),
                ("left_shoulder", "right_shoulder"),
                ("left_hip", "right_hip"),
            ),
        ),
        Skeleton(
            "flic11",
            (
                *(
                    f"{side}_{part}"
                    for side in ("left", "right")
                    for part in ("shoulder", "elbow", "wrist")
                ),
                "left_hip",
                "right_hip",
                "left_eye",
                "right_eye",
                "nose",
            ),
            (
                *(
                    (a, b)
                    for side in ("left", "right")
                    for a, b in (
                        ("nose", f"{side}_eye"),
                        (f"{side}_shoulder", f"{side}_elbow"),
                        (f"{side}_elbow", f"{side}_wrist"),
                        (f"{side}_shoulder", f"{side}_hip"),
                    )
                ),
                ("left_shoulder", "right_shoulder"),
                ("left_hip", "right_hip"),
            ),
        ),
    )
}


def own_skeleton(
    joints: Sequence[str],
    limbs: Iterable[Sequence[str]] = (),
    pairs: Iterable[Sequence[str]] | None = None,
    mirrored: bool = True,
) -> Skeleton:
    """A skeleton of any joints; `get_skeleton` makes it again from its name.

    Args:
      joints: names in channel order: letters, digits and underscores.
      limbs: pairs of joint names.
      pairs, mirrored: see `Skeleton`; a pair of a joint with itself says that it has no side.

    Raises:
      ValueError: for a name that is not such a word, comes twice, or is in no joint.

    >>> own_skeleton(["nose", "left_ear", "right_ear"], [("nose", "left_ear")]).name
    'joints:nose,left_ear,right_ear;limbs:nose-left_ear'
    >>> own_skeleton(["a", "b"], pairs=[("a", "b")], mirrored=False).name
    'joints:a,b;pairs:a-b;mirror:none'
    """
    for joint in joints:
        if not _is_word(joint):
            raise ValueError(
                f"the joint name {joint!r} is not made of letters, digits and underscores"
            )
    names, sticks = tuple(joints), tuple((a, b) for a, b in limbs)
    partners = None if pairs is None else tuple((a, b) for a, b in pairs if a != b)
    name = "joints:" + ",".join(names)
    if sticks:
        name += ";limbs:" + ",".join(f"{a}-{b}" for a, b in sticks)
    if partners is not None:
        by_name = Skeleton(name, names, sticks)
        as_given = Skeleton(name, names, sticks, partners)
        if not by_name.one_sided and (by_name.mirror == as_given.mirror).all():
            partners = None
        else:
            name += ";pairs:" + ",".join(f"{a}-{b}" for a, b in partners)
    if not mirrored:
        name += ";mirror:none"
    return Skeleton(name, names, sticks, partners, mirrored)


def get_skeleton(name: str) -> Skeleton:
    """The skeleton called `name`; ValueError names those that exist.

    >>> len(get_skeleton("lsp14")), get_skeleton("joints:nose,tail;limbs:nose-tail").limbs
    (14, (('nose', 'tail'),))
    """
    own = re.fullmatch(r"joints:([^;]+)(?:;limbs:([^;]+))?(?:;pairs:([^;]*))?(;mirror:none)?", name)
    if own:
        limbs, pairs = (
            None if text is None else [pair.split("-") for pair in text.split(",") if pair]
            for text in (own[2], own[3])
        )
        if all(len(pair) == 2 for pair in (*(limbs or ()), *(pairs or ()))):
            return own_skeleton(own[1].split(","), limbs or (), pairs, not own[4])
    if name not in SKELETONS:
        raise ValueError(f"unknown skeleton {name!r}; known: {', '.join(sorted(SKELETONS))}")
    return SKELETONS[name]


def _is_word(text):
    """Whether a text is letters, digits and underscores, in any script with its vowel signs."""
    return bool(text) and all(
        c.isalnum() or c == "_" or unicodedata.category(c).startswith("M") for c in text
    )
