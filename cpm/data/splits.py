"""Named rules that put each person into a split, by its id alone.

The people of one picture share a split. An id of cpm/data/coco.py holds the picture's file name;
a folder `train/`, `validation/` or `test/` in front of it decides, in every rule.

A rule is data that the manifest repeats, name and text: two folders converted by the same rule
never share a person between `train` and `validation`, whoever made them and in which order.
"""

import dataclasses
import functools
import hashlib
import importlib.resources
import re
from collections.abc import Callable

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# LSP training pictures that nearly repeat a picture of LSP's test half.
LSP_NEAR_DUPLICATES = frozenset((175, 210, 285, 371, 412, 483, 492, 535, 550, 670, 737, 966))

FLIC_SCENE_FRAMES = 750  # half a minute at 25 pictures a second


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """Attributes:
    name: as in `--split_rule`.
    text: what it does, for people.
    assign: person id -> split, or None for people who belong to none.
    """

    name: str
    text: str
    assign: Callable[[str], str | None]


def _development(person_id):
    if (number := number_in(person_id, "lsp")) is not None:
        return TRAIN if number <= 900 else VALIDATION if number <= 1000 else TEST
    if (number := number_in(person_id, "lspet")) is not None:
        return VALIDATION if number % 20 == 0 else TRAIN
    if (picture := picture_in(person_id)) is not None:
        return folder_split(picture) or (VALIDATION if is_tenth(picture) else TRAIN)
    split = named_split(person_id)
    if split == TRAIN and (scene := flic_scene(person_id)) is not None:
        return VALIDATION if is_tenth(scene) else TRAIN
    if split == TRAIN and (person := mpii_person(person_id)) is not None:
        people, pictures = mpii_validation()
        if person in people:
            return VALIDATION
        # Whoever else is in such a picture would show it to the network in training.
        return None if person[0] in pictures else TRAIN
    return split


def _official(person_id):
    if (number := number_in(person_id, "lsp")) is not None:
        return TRAIN if number <= 1000 else TEST
    if (picture := picture_in(person_id)) is not None:
        return folder_split(picture) or TRAIN
    return named_split(person_id)


RULES = {
    rule.name: rule
    for rule in (
        SplitRule(
            "development",
            "LSP: 1-900 train, 901-1000 validation, 1001-2000 test. "
            "LSPet: ids divisible by 20 validation, the rest train. MPII: Tompson's 2,958 people "
            "validation, the others in their pictures in no split, the rest of the official "
            "training half train. "
            "COCO: every tenth picture, by a hash of its file name, validation, the rest train; "
            "pictures in a folder train/, validation/ or test/ as it says. "
            "FLIC: every tenth half minute of film, by a hash, validation, the rest of the official "
            "training half train, the official test half test. "
            "Others: as their ids say.",
            _development,
        ),
        SplitRule(
            "official",
            "LSP: 1-1000 train, 1001-2000 test. LSPet: all train. MPII: the official training "
            "half train. COCO: all train, but pictures in a folder validation/ or test/ as it "
            "says. FLIC: the official halves. Others: as their ids say.",
            _official,
        ),
    )
}


def reason_to_leave_out(person_id, listed=frozenset(), near_duplicates=True):
    """Why a person must not be trained on, or None.

    Args:
      person_id: who.
      listed: ids of people whom the user does not want.
      near_duplicates: LSP's near-duplicates of test pictures are not wanted.

    >>> reason_to_leave_out("lsp/im0175"), reason_to_leave_out("lsp/im0176")
    ('near-duplicates of test pictures', None)
    """
    if person_id in listed:
        return "listed by --leave_out"
    if near_duplicates and is_near_duplicate(person_id):
        return "near-duplicates of test pictures"
    return None


def is_near_duplicate(person_id):
    """Whether this LSP training picture nearly repeats a test picture.

    >>> is_near_duplicate("lsp/im0175"), is_near_duplicate("lspet/im00175")
    (True, False)
    """
    return number_in(person_id, "lsp") in LSP_NEAR_DUPLICATES


def number_in(person_id, source):
    """The number in an id such as `lsp/im0123`, or None if it is of another source.

    >>> number_in("lsp/im0123", "lsp"), number_in("lspet/im00123", "lsp")
    (123, None)
    """
    match = re.fullmatch(rf"{source}/im(\d+)", person_id)
    return int(match[1]) if match else None


def mpii_person(person_id):
    """(picture, index) of an id that `mpii.person_id` made, or None if it is of another source.

    >>> mpii_person("mpii/000004812-1"), mpii_person("lsp/im0001")
    (('000004812.jpg', 1), None)
    """
    match = re.fullmatch(r"mpii/(?:test-)?(.+)-(\d+)", person_id)
    return (f"{match[1]}.jpg", int(match[2])) if match else None


@functools.cache
def mpii_people():
    """Tompson's validation people of MPII, in the order in which published predictions come.

    mpii_validation.txt has a line `picture<TAB>index` for each, the index of the person in the
    picture's annorect counted from 1. All are of the official training half.

    Returns:
      tuple of (picture, index).

    References:
      J. Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.
      The list is `RELEASE_img_index` and `RELEASE_person_index` of the authors' detections.mat;
      the pictures' names are those of the same rows of A. Newell's valid.h5.
    """
    file = importlib.resources.files("cpm.data") / "mpii_validation.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return tuple((picture, int(index)) for picture, index in rows)


@functools.cache
def mpii_validation():
    """(frozenset of the (picture, index) of `mpii_people`, frozenset of their pictures)."""
    people = frozenset(mpii_people())
    return people, frozenset(picture for picture, _ in people)


def flic_scene(person_id):
    """Film and half minute of an id of cpm/data/flic.py, or None if it is of another source.

    Frames are numbered through the film and taken every few: those near in number are nearly the
    same picture and must share a split.

    >>> flic_scene("flic/12-oclock-high-00004151-1"), flic_scene("lsp/im0001")
    ('12-oclock-high-5', None)
    """
    match = re.fullmatch(r"flic/(.+)-(\d+)-\d+", person_id)
    return f"{match[1]}-{int(match[2]) // FLIC_SCENE_FRAMES}" if match else None


def picture_in(person_id):
    """The picture's file name in an id such as `coco/cats/a.jpg#7`, or None if of another source.

    >>> picture_in("coco/cats/a.jpg#7"), picture_in("lsp/im0001")
    ('cats/a.jpg', None)
    """
    match = re.fullmatch(r"coco/(.+)#-?\d+", person_id, re.DOTALL)
    return match[1] if match else None


def folder_split(picture):
    """The split that the first folder of a file name is called, or None.

    >>> folder_split("test/a.jpg"), folder_split("cats/a.jpg")
    ('test', None)
    """
    folder, _, rest = picture.partition("/")
    return folder if rest and folder in (TRAIN, VALIDATION, TEST) else None


def is_tenth(picture):
    """Whether the hash of a file name is divisible by ten.

    A picture keeps its split when others are added or removed, which counting would not do.
    """
    return int(hashlib.sha256(picture.encode()).hexdigest(), 16) % 10 == 0


def named_split(person_id):
    """The split that a reader wrote into the id, `source/split-...`; `train` where it did not.

    >>> named_split("synthetic/validation-0-000007"), named_split("mine/7")
    ('validation', 'train')
    """
    word = person_id.partition("/")[2].partition("-")[0]
    return word if word in (VALIDATION, TEST) else TRAIN
