"""Predictions that name their joints, in JSON. Positions are 0-based image pixels.

Two layouts are read. The simple one, which anybody can write and `bin/eval.py --write_predictions`
writes (confidence, `id` and everything else at the top may be left out; null = not found):

    {"people": [{"id": "lsp/im1001",
                 "joints": {"left_wrist": [81.5, 40.0, 0.93], "neck": null, ...}}, ...]}

and what bin/predict.py writes, one person in each image, whose path is the id. Of several who were
found by a search, the one with the highest score counts. An image in which nobody was found
has a person without joints:

    {"images": [{"file": "photos/im1001.jpg", "people": [{"joints": {...}}]}, ...]}

or the list after "people" alone. Names are those of cpm/skeleton.py, in any of the spellings of
joint_spelling.py. A joint that the protocol does not score is left out, a name that
no skeleton has is refused: it would silently count as "not found".
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cpm.data.side_names import read_names
from cpm.errors import UsageError
from cpm.prediction_files.joint_spelling import spelled
from cpm.skeleton import SKELETONS, Skeleton, canonical_name
from cpm.untrusted import shown

ADVICE = 'expected {"people": [{"joints": {"left_wrist": [x, y], ...}}, ...]}'


def from_record(
    record: Any, path: str, skeleton: Skeleton
) -> tuple[tuple[str, ...], np.ndarray, tuple[str, ...] | None, int | None]:
    """The people in the content of a JSON file.

    Args:
      record: JSON value.
      path: file, for the messages.
      skeleton: `Skeleton` of the protocol.

    Returns:
      names tuple of P', `[N, P', 3]` float64 (x, y, confidence; nan where not said), ids tuple of N
      or None, and the file's `origin` or None.

    Raises:
      UsageError: if it has none of these layouts, or names an unknown joint.
    """
    if isinstance(record, list):
        record = {"people": record}
    people = _people(record, path)
    names = tuple(dict.fromkeys(name for _, joints in people for name in joints))
    known = check_names(names, path, skeleton)
    values = np.full([len(people), len(names), 3], np.nan)
    for n, (_, joints) in enumerate(people):
        for name, value in joints.items():
            values[n, names.index(name)] = _triple(value, f"{path}: {name} of person {n + 1}")
    ids = tuple(str(id)[:1000] for id, _ in people if id is not None)
    if ids and len(ids) < len(people):
        raise UsageError(
            f"{path}: {len(people) - len(ids)} of {len(people)} people have no `id`; "
            "give all of them one, or none"
        )
    origin = _origin(record, path)
    if not names:
        raise UsageError(f"{path}: nobody has any joint, so there is nothing to score; {ADVICE}")
    return known, values, ids or None, origin


def several_people(record: Any) -> int:
    """In how many images of a record that was read one of several people was chosen."""
    return sum(map(_searched, record["images"])) if "images" in record else 0


def are_names(texts: Sequence[str], skeleton: Skeleton) -> bool:
    """Whether each of these texts names another joint that some skeleton has."""
    names = {canonical_name(spelled(text)) for text in texts}
    return len(names) == len(texts) > 1 and not _unknown(texts, skeleton)


def check_names(names: Sequence[str], path: str, skeleton: Skeleton) -> tuple[str, ...]:
    """The names as the skeletons spell them.

    Raises:
      UsageError: for names that no skeleton has, or two names of one joint; with the known ones.
    """
    if unknown := _unknown(names, skeleton):
        raise UsageError(
            f"{path} names the joints {', '.join(map(shown, unknown[:6]))}; known are "
            f"{', '.join(skeleton.joints)} (and those of {', '.join(SKELETONS)})"
        )
    result = tuple(_spelled(names, skeleton).values())
    same = [canonical_name(name) for name in result]
    if len(set(same)) != len(same):
        twice = [n for n, joint in zip(names, same, strict=True) if same.count(joint) > 1]
        raise UsageError(
            f"{path} names one joint several times: {', '.join(sorted(twice))}; leave one of them"
        )
    return result


def _unknown(names, skeleton):
    known = {*skeleton.joints, *(j for s in SKELETONS.values() for j in s.joints)}
    return [name for name, joint in _spelled(names, skeleton).items() if joint not in known]


def _spelled(names, skeleton):
    """{name: the joint that it is}, also where keypoints of one's own are spelled as in a file."""
    result = {name: name if name in skeleton.joints else spelled(name) for name in names}
    try:
        own = read_names(list(result)).joints
    except ValueError:
        return result
    for name, joint in zip(result, own, strict=True):
        if name not in skeleton.joints and joint in skeleton.joints:
            result[name] = joint
    return result


def _people(record, path):
    """[(id or None, {joint: value})] of either layout."""
    try:
        if "images" in record:
            return [_only_person(image, path) for image in record["images"]]
        people = [(person.get("id"), _joints(person)) for person in record["people"]]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        found = shown(", ".join(record)) if isinstance(record, dict) else type(record).__name__
        raise UsageError(f"{path} holds {found}; {ADVICE}; see --help") from error
    if not people:
        raise UsageError(f"{path} holds no people; {ADVICE}")
    return people


def _only_person(image, path):
    """The one person of an image, whose id is the file's path; no joints if nobody was found."""
    people, file = image["people"], image["file"].replace("\\", "/")
    if not people and image.get("in_box_file") is not False:
        return file, {}
    if _searched(image):
        people = [max(people, key=lambda person: person["score"])]
    if len(people) != 1:
        raise UsageError(
            f"{path}: {file} has {len(people)} people; expected one in each "
            "image, since nothing says which one is meant; of several score COCO results, as "
            "bin/predict.py --coco writes them: they are matched by place"
        )
    return file, _joints(people[0])


def _searched(image):
    """Whether several people of an image were found by a search, which scores each of them."""
    scores = [person.get("score") for person in image["people"]]
    numbers = [score for score in scores if type(score) in (int, float) and 0 <= score <= 1]
    return len(scores) > 1 and len(numbers) == len(scores) and "in_box_file" not in image


def _joints(person):
    """{joint: value} of a person; ValueError if it has none."""
    if not isinstance(person["joints"], dict):
        raise ValueError("joints are no object")
    return person["joints"]


def _triple(value, where):
    """(x, y, confidence), nan where not said."""
    if value is None:
        return math.nan, math.nan, math.nan
    try:
        numbers = [math.nan if number is None else float(number) for number in value]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if len(numbers) not in (2, 3) or isinstance(value, (str, dict)):
        raise UsageError(f"{where} is {shown(value)}; expected [x, y], [x, y, confidence] or null")
    return (*numbers, math.nan)[:3]


def _origin(record, path):
    """The file's own `origin`, or None without one."""
    origin = record.get("origin")
    if not (origin is None or (type(origin) is int and origin in (0, 1))):
        raise UsageError(
            f"{path}: `origin` is {shown(origin)}; expected 0 or 1, the number of the first pixel"
        )
    return origin
