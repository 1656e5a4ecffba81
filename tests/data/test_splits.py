"""The named split rules, counted on all ids that exist."""

from collections import Counter

import pytest

from cpm.data.splits import (
    LSP_NEAR_DUPLICATES,
    RULES,
    is_near_duplicate,
    mpii_validation,
)

LSP = [f"lsp/im{n:04d}" for n in range(1, 2001)]
LSPET = [f"lspet/im{n:05d}" for n in range(1, 10_001)]


@pytest.mark.parametrize(
    ("rule", "ids", "expected"),
    [
        ("development", LSP, {"train": 900, "validation": 100, "test": 1000}),
        ("development", LSPET, {"train": 9500, "validation": 500}),
        ("official", LSP, {"train": 1000, "test": 1000}),
        ("official", LSPET, {"train": 10_000}),
    ],
)
def test_counts(rule, ids, expected):
    assert Counter(map(RULES[rule].assign, ids)) == expected


@pytest.mark.parametrize(
    ("person_id", "split"),
    [
        ("lsp/im0900", "train"),
        ("lsp/im0901", "validation"),
        ("lsp/im1000", "validation"),
        ("lsp/im1001", "test"),
        ("lspet/im00020", "validation"),
        ("lspet/im00021", "train"),
        ("lspet/im00901", "train"),
        ("synthetic/validation-0-000001", "validation"),
        ("synthetic/train-0-000001", "train"),
        ("mine/test.jpg", "train"),
        ("coco/validation/a.jpg#1", "validation"),
        ("coco/test/a/b.jpg#-1", "test"),
        ("coco/train/a.jpg#1", "train"),
    ],
)
def test_development_borders(person_id, split):
    assert RULES["development"].assign(person_id) == split


def test_mpii_validation_list():
    people, pictures = mpii_validation()
    assert (len(people), len(pictures)) == (2958, 2729)
    assert {len(picture) for picture in pictures} == {len("005808361.jpg")}
    assert min(k for _, k in people) == 1 and max(k for _, k in people) == 11
    ids = [f"mpii/{picture.removesuffix('.jpg')}-{k}" for picture, k in people]
    assert {RULES["development"].assign(i) for i in ids} == {"validation"}


@pytest.mark.parametrize(
    ("person_id", "development", "official"),
    [
        ("mpii/005808361-1", "validation", "train"),
        ("mpii/005808361-9", None, "train"),  # beside a validation person
        ("mpii/015601864-1", "train", "train"),
        ("mpii/test-000000001-1", "test", "test"),
        ("mpii/test-005808361-1", "test", "test"),
    ],
)
def test_mpii(person_id, development, official):
    assert RULES["development"].assign(person_id) == development
    assert RULES["official"].assign(person_id) == official


def test_pictures_of_coco():
    """A tenth of 10,000 pictures, ± 4 standard deviations of a coin with p = 0.1 (30)."""
    assign = RULES["development"].assign
    splits = [assign(f"coco/{n:012d}.jpg#1") for n in range(10_000)]
    assert abs(splits.count("validation") - 1000) < 120
    assert splits.count("train") == 10_000 - splits.count("validation")
    # All people of one picture are in the same split, whatever their numbers.
    assert splits[:99] == [assign(f"coco/{n:012d}.jpg#{7 * n}") for n in range(99)]


def test_pictures_of_coco_official():
    assign = RULES["official"].assign
    assert {assign(f"coco/{n:012d}.jpg#1") for n in range(99)} == {"train"}
    assert assign("coco/validation/a.jpg#1") == "validation"


def test_near_duplicates():
    assert len(LSP_NEAR_DUPLICATES) == 12
    assert sum(map(is_near_duplicate, LSP)) == 12
    assert not any(map(is_near_duplicate, LSPET))


def test_rules_are_named_after_themselves():
    assert all(name == rule.name and rule.text for name, rule in RULES.items())
