"""The named split rules, counted on all people that exist; their ids say who they are."""

from collections import Counter

import pytest

from cpm.data import splits
from cpm.data.old_records import origin_of
from cpm.data.person import Origin
from cpm.data.splits import (
    LSP_NEAR_DUPLICATES,
    RULES,
    is_near_duplicate,
    mpii_validation,
)

LSP = [origin_of(f"lsp/im{n:04d}") for n in range(1, 2001)]
LSPET = [origin_of(f"lspet/im{n:05d}") for n in range(1, 10_001)]


def assign(rule, person_id):
    """The split of a person whose origin is as the reader of that id's data set gives it."""
    return RULES[rule].assign(origin_of(person_id))


@pytest.mark.parametrize(
    ("rule", "people", "expected"),
    [
        ("development", LSP, {"train": 900, "validation": 100, "test": 1000}),
        ("development", LSPET, {"train": 9500, "validation": 500}),
        ("official", LSP, {"train": 1000, "test": 1000}),
        ("official", LSPET, {"train": 10_000}),
    ],
)
def test_counts(rule, people, expected):
    assert Counter(map(RULES[rule].assign, people)) == expected


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
    assert assign("development", person_id) == split


def test_mpii_validation_list():
    people, images = mpii_validation()
    assert (len(people), len(images)) == (2958, 2729)
    assert {len(image) for image in images} == {len("005808361.jpg")}
    assert min(k for _, k in people) == 1 and max(k for _, k in people) == 11
    ids = [f"mpii/{image.removesuffix('.jpg')}-{k}" for image, k in people]
    assert {assign("development", i) for i in ids} == {"validation"}


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
    assert assign("development", person_id) == development
    assert assign("official", person_id) == official


def test_images_of_coco():
    """A tenth of 10,000 images, ± 4 standard deviations of a coin with p = 0.1 (30)."""
    splits = [assign("development", f"coco/{n:012d}.jpg#1") for n in range(10_000)]
    assert abs(splits.count("validation") - 1000) < 120
    assert splits.count("train") == 10_000 - splits.count("validation")
    # All people of one image are in the same split, whatever their numbers.
    assert splits[:99] == [assign("development", f"coco/{n:012d}.jpg#{7 * n}") for n in range(99)]


def test_images_of_coco_official():
    assert {assign("official", f"coco/{n:012d}.jpg#1") for n in range(99)} == {"train"}
    assert assign("official", "coco/validation/a.jpg#1") == "validation"


def test_near_duplicates():
    assert len(LSP_NEAR_DUPLICATES) == 12
    assert sum(map(is_near_duplicate, LSP)) == 12
    assert not any(map(is_near_duplicate, LSPET))


def test_rules_are_named_after_themselves():
    assert all(name == rule.name and rule.text for name, rule in RULES.items())


@pytest.mark.parametrize(
    "split, names",
    [
        ("train", "train Train training train2017 train_images images-train TRAIN"),
        ("validation", "validation val valid Validation val2017 VALID val-images dev eval my_val"),
        (
            "validation",
            "hold_out valimages ValidationSet imagesVal validación Validierung валидация",
        ),
        ("validation", "Validierungsdaten validação 验证集 検証データ 검증"),
        ("test", "test testing Test tests test_2 test-set TestData pruebas 测试集 テスト画像"),
        ("train", "trainset TrainImages Trainingsdaten entraînement 训练集 学習データ"),
        (None, "cats camera1 default images 2017 retest contest training_and_test crash-test"),
        (None, "device valley testament cats_train cats_test"),
    ],
)
def test_folders_named_after_splits(split, names):
    for name in names.split():
        assert splits.named_split(name) == split, name


def test_names_that_are_alike_but_for_their_splits():
    """Either name of these could mean something else; beside the other one it does not."""
    names = ["cats_train", "cats_test", "dogs_val", "crash-test", "2 Katzen test", "camera"]
    assert splits.family_splits(names) == {"cats_train": "train", "cats_test": "test"}
    assert splits.folder_split("x/cats_test/a.jpg", {"cats_test": "test"}) == "test"
    assert splits.folder_split("x/cats_test/a.jpg") is None


def test_files_named_after_splits():
    names = ["val_1.jpg", "x/Test.jpg", "train/cat.jpg", "valley.jpg", "1.jpg"]
    assert [splits.file_split(name) for name in names] == ["validation", "test", None, None, None]


def test_a_whole_folder():
    rule = splits.whole("validation")
    assert rule.assign(Origin("coco", "train/a.jpg", official_split="train")) == "validation"
    assert rule.name == "all-validation"
