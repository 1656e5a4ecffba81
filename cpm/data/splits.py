"""Named rules that put each person into a split, by its id alone.

A rule is data that the manifest repeats, name and text: two folders converted by the same rule
never share a person between `train` and `validation`, whoever made them and in which order.
"""

import dataclasses
import re
from collections.abc import Callable

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# LSP training pictures that nearly repeat a picture of LSP's test half.
LSP_NEAR_DUPLICATES = frozenset(
    (175, 210, 285, 371, 412, 483, 492, 535, 550, 670, 737, 966)
)


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """Attributes:
    name: as in `--split_rule`.
    text: what it does, for people.
    assign: person id -> split.
    """

    name: str
    text: str
    assign: Callable[[str], str]


def _development(person_id):
    if (number := number_in(person_id, "lsp")) is not None:
        return TRAIN if number <= 900 else VALIDATION if number <= 1000 else TEST
    if (number := number_in(person_id, "lspet")) is not None:
        return VALIDATION if number % 20 == 0 else TRAIN
    return named_split(person_id)


def _official(person_id):
    if (number := number_in(person_id, "lsp")) is not None:
        return TRAIN if number <= 1000 else TEST
    return named_split(person_id)


RULES = {
    rule.name: rule
    for rule in (
        SplitRule(
            "development",
            "LSP: 1-900 train, 901-1000 validation, 1001-2000 test. "
            "LSPet: ids divisible by 20 validation, the rest train. Others: as their ids say.",
            _development,
        ),
        SplitRule(
            "official",
            "LSP: 1-1000 train, 1001-2000 test. LSPet: all train. Others: as their ids say.",
            _official,
        ),
    )
}


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


def named_split(person_id):
    """The split that a reader wrote into the id, `source/split-...`; `train` where it did not.

    >>> named_split("synthetic/validation-0-000007"), named_split("mine/7")
    ('validation', 'train')
    """
    word = person_id.partition("/")[2].partition("-")[0]
    return word if word in (VALIDATION, TEST) else TRAIN
