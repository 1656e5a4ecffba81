"""Named rules that put each person into a split, by its `Origin` alone.

The people of one image share a split. An image of cpm/data/coco.py in a folder that is named
after a split, `train/`, `val2017/`, `Test images/`, `验证集/`, is in that split, in every rule. So
is one in `cats_train/` if there is a `cats_val/` or a `cats_test/`: either name alone could mean
something else.

A rule is data that the manifest repeats, name and text: two folders converted by the same rule
never share a person between `train` and `validation`, in whatever order they were made.
"""

import dataclasses
import functools
import hashlib
import importlib.resources
import re
from collections.abc import Callable, Collection, Iterable

from cpm.data.person import Origin, Person
from cpm.data.side_words import plain

TRAIN, VALIDATION, TEST = "train", "validation", "test"

# LSP training images that nearly repeat an image of LSP's test half.
LSP_NEAR_DUPLICATES = frozenset((175, 210, 285, 371, 412, 483, 492, 535, 550, 670, 737, 966))


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """A named rule that says of each person which split it is in.

    Attributes:
      name: as in `--split_rule`.
      text: what it does, for people.
      assign: `Origin` -> split, or None for people who belong to none.
    """

    name: str
    text: str
    assign: Callable[[Origin], str | None]


def _development(origin):
    number, official = origin.number, _official(origin)
    if origin.source == "lsp":
        return TRAIN if number <= 900 else VALIDATION if number <= 1000 else TEST
    if origin.source == "lspet":
        return VALIDATION if number % 20 == 0 else TRAIN
    if origin.source == "coco" and origin.official_split is None:
        return VALIDATION if is_tenth(origin.group) else TRAIN
    if origin.source == "flic" and official == TRAIN:
        return VALIDATION if is_tenth(origin.group) else TRAIN
    if origin.source == "mpii" and official == TRAIN:
        people, images = mpii_validation()
        if (origin.image_name, number) in people:
            return VALIDATION
        # Training on another person of such an image would show it to the network.
        return None if origin.image_name in images else TRAIN
    return official


def _official(origin):
    return origin.official_split or TRAIN


RULES = {
    rule.name: rule
    for rule in (
        SplitRule(
            "development",
            "LSP: 1-900 train, 901-1000 validation, 1001-2000 test. "
            "LSPet: ids divisible by 20 validation, the rest train. MPII: Tompson's 2,958 people "
            "validation, the others in their images in no split, the rest of the "
            "official training half train. "
            "COCO: every tenth image, by a hash of its file name, validation, the rest train; "
            "images in a folder train/, validation/ (val/, val2017/, …) or test/ as it says. "
            "FLIC: every tenth half minute of film, by a hash, validation, the rest of the "
            "official training half train, the official test half test. "
            "Others: as the data set itself says.",
            _development,
        ),
        SplitRule(
            "official",
            "LSP: 1-1000 train, 1001-2000 test. LSPet: all train. MPII: the official training "
            "half train. COCO: all train, but images in a folder validation/ or test/ as it "
            "says. FLIC: the official halves. Others: as the data set itself says.",
            _official,
        ),
    )
}


def reason_to_leave_out(
    person: Person, listed: Collection[str] = frozenset(), near_duplicates: bool = True
) -> str | None:
    """Why a person must not be trained on, or None.

    Args:
      person: `Person`.
      listed: ids of people to leave out, as the user asked.
      near_duplicates: LSP's near-duplicates of test images are not wanted.
    """
    if person.id in listed:
        return "listed by --leave_out"
    if near_duplicates and is_near_duplicate(person.origin):
        return "near-duplicates of test images"
    return None


def is_near_duplicate(origin: Origin) -> bool:
    """Whether this LSP training image nearly repeats a test image.

    >>> is_near_duplicate(Origin("lsp", number=175)), is_near_duplicate(Origin("lspet", number=175))
    (True, False)
    """
    return origin.source == "lsp" and origin.number in LSP_NEAR_DUPLICATES


@functools.cache
def mpii_people() -> tuple[tuple[str, int], ...]:
    """Tompson's validation people of MPII, in the order in which published predictions come.

    mpii_validation.txt has a line `image<TAB>index` for each, the index of the person in the
    image's annorect counted from 1. All are of the official training half.

    Returns:
      tuple of (image, index).

    References:
      J. Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.
      The list is `RELEASE_img_index` and `RELEASE_person_index` of the authors' detections.mat;
      the images' names are those of the same rows of A. Newell's valid.h5.
    """
    file = importlib.resources.files("cpm.data") / "mpii_validation.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return tuple((image, int(index)) for image, index in rows)


@functools.cache
def mpii_validation() -> tuple[frozenset[tuple[str, int]], frozenset[str]]:
    """(frozenset of the (image, index) of `mpii_people`, frozenset of their images)."""
    people = frozenset(mpii_people())
    return people, frozenset(image for image, _ in people)


def whole(split: str) -> SplitRule:
    """The `SplitRule` of a folder that is of one split as a whole, `--split`."""
    return SplitRule(f"all-{split}", f"Everybody is in the split {split}.", lambda origin: split)


# Without accents, as `plain` makes them.
_WORDS = {
    TRAIN: "train training trainings trainset trainval trn entrenamiento entrainement "
    "apprentissage addestramento treino treinamento trening обучение 训练 訓練 学習 학습 훈련",
    VALIDATION: "validation validations validating validate valid vali val valset dev eval "
    "evaluation holdout minival validierung validierungs validacion validazione validacao "
    "validatie validering walidacja валидация 验证 驗證 検証 검증",
    TEST: "test testing tests testset tst prueba pruebas teste testes тест 测试 測試 テスト 테스트",
}
_SPLITS = {plain(word): split for split, words in _WORDS.items() for word in words.split()}
_NEUTRAL = frozenset(
    "images image imgs img pictures photos frames set sets split data dataset subset part "
    "person keypoints instances annotations labels coco json default "
    "daten bilder datos imagenes donnees dati immagini dados imagens данные "
    "集 数据 数据集 图片 資料 セット データ 画像 세트 데이터 이미지".split()
)
# `valimages` and `testset` are two words.
_COMPOUND = re.compile(
    "({0})({1})|({1})({0})".format(
        "|".join(sorted(_SPLITS, key=len, reverse=True)),
        "|".join(sorted(map(plain, _NEUTRAL), key=len, reverse=True)),
    )
)


def _split_words(name):
    """(the splits that a name's words say, its other words but for the neutral ones)."""
    text = re.sub(r"hold[\W_]out", "holdout", plain(name))
    found, rest = set(), []
    for word in re.findall(r"[^\W\d_]+", text):
        compound = _COMPOUND.fullmatch(word)
        split = _SPLITS.get((compound[1] or compound[4]) if compound else word)
        if split:
            found.add(split)
        elif word not in _NEUTRAL:
            rest.append(word)
    return found, tuple(rest)


def named_split(name: str) -> str | None:
    """The split that a folder or file is named after, or None.

    Words of other kinds may stand beside `val`, since validation people must not be trained on.

    >>> [named_split(name) for name in ("val2017", "cats_val", "test_images", "grand-test")]
    ['validation', 'validation', 'test', None]
    """
    found, rest = _split_words(name)
    if found == {VALIDATION}:
        return VALIDATION
    return found.pop() if len(found) == 1 and not rest else None


def file_split(image: str) -> str | None:
    """The split that the name of an image's file begins with, or None.

    >>> file_split("cats/val_017.jpg"), file_split("cats/tom.jpg")
    ('validation', None)
    """
    words = re.findall(r"[^\W\d_]+", plain(image.rpartition("/")[2].rpartition(".")[0]))
    return _SPLITS.get(words[0]) if words else None


def folder_split(image: str, family: dict[str, str] | None = None) -> str | None:
    """The split of the first folder of an image's name that is named after one, or None.

    Args:
      image: its name, with folders.
      family: what `family_splits` found among all folders.

    >>> folder_split("test/a.jpg"), folder_split("camera 1/val/a.jpg"), folder_split("x/val.jpg")
    ('test', 'validation', None)
    """
    folders = image.split("/")[:-1]
    return next(filter(None, (named_split(f) or (family or {}).get(f) for f in folders)), None)


def family_splits(names: Iterable[str]) -> dict[str, str]:
    """{name: split} of names that are alike but for their splits.

    >>> family_splits(["cats_train", "cats_test", "crash-test"]) == {
    ...     "cats_train": "train", "cats_test": "test"}
    True
    """
    said = {}
    for name in names:
        found, rest = _split_words(name)
        if len(found) == 1:
            said[name] = found.pop(), rest
    families: dict[tuple[str, ...], set[str]] = {}
    for split, rest in said.values():
        families.setdefault(rest, set()).add(split)
    return {name: split for name, (split, rest) in said.items() if len(families[rest]) > 1}


def is_tenth(name: str) -> bool:
    """Whether the hash of a name is divisible by ten.

    An image keeps its split when others are added or removed, which counting would not do.
    """
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0
