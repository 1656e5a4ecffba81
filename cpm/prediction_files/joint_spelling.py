"""One spelling for the many ways in which files name a joint.

    rank, r_ankle, RAnkle, RightAnkle, "right ankle", Right-Ankle  → right_ankle
    pelv, thor, head, "head top", Top Head                         → pelvis, thorax, head_top, …

A name in no such form comes back as it is, so that a message can show it.
"""

import re

_WHOLE = {
    "head": "head_top",
    "top_head": "head_top",
    "headtop": "head_top",
    "top_of_head": "head_top",
    "upperneck": "upper_neck",
    "pelv": "pelvis",
    "thor": "thorax",
}
_PARTS = {
    "ank": "ankle",
    "kne": "knee",
    "wri": "wrist",
    "elb": "elbow",
    "sho": "shoulder",
    "hip": "hip",
}
_PARTS |= {whole: whole for whole in _PARTS.values()}
_SIDES = {"r": "right", "l": "left", "right": "right", "left": "left"}


def spelled(name: str) -> str:
    """The name as cpm/skeleton.py spells it, if it is a known way to write one of its joints.

    >>> [spelled(n) for n in ("rank", "LSho", "RightHip", "left knee", "head", "tail")]
    ['right_ankle', 'left_shoulder', 'right_hip', 'left_knee', 'head_top', 'tail']
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    plain = re.sub(r"[\W_]+", "_", words).strip("_").lower()
    plain = _WHOLE.get(plain, plain)
    match = re.fullmatch(r"(right|left|r|l)_?([a-z]+)", plain)
    if match and match[2] in _PARTS:
        return f"{_SIDES[match[1]]}_{_PARTS[match[2]]}"
    return plain if plain in _WHOLE.values() else name
