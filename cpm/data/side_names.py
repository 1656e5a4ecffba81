"""Keypoint names as this project writes them, and which of them are the two sides of a pair.

A mirrored image shows a left ear where a right one is expected, unless the two are known to be a
pair. Tools and people write sides in many ways; all of these are pairs:

    LeftEar RightEar · ear_left ear_right · L_Ear R_Ear · EarL EarR · LEar REar · ear (l) ear (r)
    leftear rightear · lshoulder rshoulder · front_left_paw front_right_paw · fl_paw fr_paw
    frontleftpaw frontrightpaw · flpaw frpaw · FL1 FR1 · lip_l lip_r (beside lip_t lip_b)
    oreja_izquierda oreja_derecha · linkes Ohr, rechtes Ohr · 左耳 右耳 · 前左脚 前右脚 · …

Two names are a pair if they are the same but for their sides, all of which are exchanged, and if no
third name could be meant. What may be chance (one letter, a word within a word) counts only where
the partner is there too. Names with several possible partners, and names that begin or end with a
side whose partner is missing, are alone. The words are in side_words.py.

English sides are written in front, `left_ear`, so that joints of different data sets meet by name
and the name says the pair. Other names keep their words, and the skeleton lists their pairs.
"""

import collections
import dataclasses
import re
import typing
import unicodedata

from cpm.data import side_words

LEFT, RIGHT = side_words.ENGLISH
_OTHER = {LEFT: RIGHT, RIGHT: LEFT}
_LETTERS = {"l": LEFT, "r": RIGHT}
# Letters and digits that may stand where `l` and `r` do: top, bottom, center, middle, up, down, …
_PLACES = "abcdfhmptuv0123456789"
_BEFORE_A_SIDE = "fbhrtmu"  # front, back, hind, rear, top, middle, upper: `flpaw`


@dataclasses.dataclass(frozen=True)
class Names:
    """The joints of a file, and which of them a mirror exchanges.

    Attributes:
      joints: the names as this project writes them, in the order of the file.
      pairs: (left, right) as numbers of joints, from 0.
      alone: numbers of the joints whose name says a side but whose partner is missing or unclear.
    """

    joints: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    alone: tuple[int, ...]


class _Reading(typing.NamedTuple):
    """One way to read a name.

    Attributes:
      rest: what is left without the sides; the same for both names of a pair.
      sides: `left` and `right`, as often as they come.
      english: the name as this project writes it, or None: it keeps its words.
    """

    rest: tuple[str, ...]
    sides: tuple[str, ...]
    english: str | None = None


def read_names(keypoints: list[str], guess: bool = True) -> Names:
    """The names of a file's keypoints.

    Args:
      keypoints: list of names as a file has them.
      guess: also find sides that may be chance; False where somebody says which are pairs.

    Returns:
      `Names`.

    Raises:
      ValueError: if they are no list of words, or two become the same.

    >>> names = read_names(["Nose", "LEar", "REar", "oreja izquierda", "oreja derecha", "left_eye"])
    >>> names.joints
    ('nose', 'left_ear', 'right_ear', 'oreja_izquierda', 'oreja_derecha', 'left_eye')
    >>> names.pairs, names.alone
    (((1, 2), (3, 4)), (5,))
    """
    every = split_names(keypoints)
    chosen: dict[int, _Reading] = {}
    pairs, unclear = [], set()
    for way in _WAYS if guess else _CERTAIN:
        free = [k for k in range(len(every)) if k not in chosen and k not in unclear]
        found, several = _pairs({k: list(way(every[k], every)) for k in free})
        if way not in _CERTAIN:
            unclear |= several
        for left, right in found:
            pairs.append((left[0], right[0]))
            chosen |= dict((left, right))
    alone = [
        k
        for k in range(len(every))
        if k not in chosen and (k in unclear or _says_side(every[k], every))
    ]
    for k in alone:
        chosen.update((k, reading) for reading in _english_words(every[k], every))
    return Names(_written(every, chosen, keypoints), tuple(sorted(pairs)), tuple(alone))


def _written(every, chosen, keypoints):
    """The names as this project writes them; ValueError if two become the same.

    Args:
      every: the names as tuples of words.
      chosen: {number: `_Reading`} of those that say a side.
      keypoints: the names as the file has them, for the message.
    """
    plain = ["_".join(words) for words in every]
    english = [(k in chosen and chosen[k].english) or name for k, name in enumerate(plain)]
    seen = collections.Counter(english)
    # `earl` and `lear` would both be left_ear: they keep their words.
    joints = [b if seen[b] == 1 else a for a, b in zip(plain, english, strict=True)]
    first: dict[str, int] = {}
    for number, name in enumerate(joints):
        if first.setdefault(name, number) != number:
            raise ValueError(
                f"the keypoints {keypoints[first[name]]!r} and {keypoints[number]!r} are both "
                f"{name!r}"
            )
    return tuple(joints)


def split_names(keypoints: list[str]) -> list[tuple[str, ...]]:
    """Each name as a tuple of its words, in lower case.

    >>> split_names(["L_FrontPaw", "LBigToe", "ear (left)"])
    [('l', 'front', 'paw'), ('l', 'big', 'toe'), ('ear', 'left')]
    """
    if not isinstance(keypoints, list) or not keypoints:
        raise ValueError(f"keypoints is {keypoints!r}; expected a list of names")
    split = []
    for name in keypoints:
        if not isinstance(name, str) or not re.search(r"[^\W_]", name):
            raise ValueError(f"a keypoint is called {name!r}; expected a word")
        text = unicodedata.normalize("NFKC", name)
        # LeftEar, EarL and LEar; the last only before a small letter, since LEFT_EAR is no such.
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
        split.append(tuple("".join(c if _in_word(c) else " " for c in text.lower()).split()))
    return split


def _in_word(c):
    return c.isalnum() or unicodedata.category(c).startswith("M")  # vowel signs, accents


def _pairs(readings):
    """The pairs among some names.

    Args:
      readings: {number: list of `_Reading`} of the names that have no partner yet.

    Returns:
      (list of ((number, reading) of the left name, the same of the right one); the numbers of names
      that have several partners).
    """
    places = collections.defaultdict(set)
    for k, found in readings.items():
        for reading in found:
            places[reading.rest, reading.sides].add(k)

    def partners(k):
        """{number of a partner: reading of `k` that it is one by}."""
        found: dict[int, _Reading] = {}
        for reading in readings[k]:
            mirrored = tuple(_OTHER[side] for side in reading.sides)
            for other in places.get((reading.rest, mirrored), ()):
                found.setdefault(other, reading)
        return found

    by_number = {k: partners(k) for k in readings}
    pairs = []
    for k, found in by_number.items():
        if len(found) != 1:
            continue
        ((other, reading),) = found.items()
        if len(by_number[other]) == 1 and reading.sides[0] == LEFT:
            pairs.append(((k, reading), (other, by_number[other][k])))
    return pairs, {k for k, found in by_number.items() if len(found) > 1}


def _says_side(words, every):
    """Whether a name says a side by itself, though its partner is missing."""
    for word in map(side_words.plain, words):
        if any(pattern.fullmatch(word) for row in side_words.CLEAR_WORDS for pattern in row):
            return True
        if side_words.AT_AN_END.search(word) and not side_words.NO_SIDE.fullmatch(word):
            return True
    letters = [at for at, word in enumerate(words) if word in _LETTERS]
    return len(words) > 1 and any(_is_side_letter(words, at, every, "lr") for at in letters)


def _is_side_letter(words, at, every, letters):
    """Whether the letter at this place is a side, not one of an alphabet: `point_k`, `point_l`.

    Args:
      words, every: as of a way.
      at: number of the word that is the letter.
      letters: that may stand there in the names that are otherwise the same.
    """
    same = (w for w in every if len(w) == len(words) and w[:at] == words[:at])
    found = {w[at] for w in same if w[at + 1 :] == words[at + 1 :] and len(w[at]) == 1}
    return found <= set(letters)


def _reading(words, sides, english):
    """The `_Reading` of words of which some are sides; `sides` has None for the others."""
    rest = tuple(word for word, side in zip(words, sides, strict=True) if side is None)
    said = tuple(side for side in sides if side)
    name = None
    if english and len(said) == 1:
        # A keypoint that is called nothing but "left" is a side of something too.
        name = "_".join((*said, *(rest or ("side",))))
    elif english:
        name = "_".join(side or word for word, side in zip(words, sides, strict=True))
    return _Reading(rest, said, name)


def _english_words_and_letters(words, every):
    """`left_ear`, `ear_l`, and both at once: `left_eye_l`."""
    sides = [word if word in _OTHER else None for word in words]
    for at, word in enumerate(words):
        if word in _LETTERS and _is_side_letter(words, at, every, "lr" + _PLACES):
            sides[at] = _LETTERS[word]
    if any(sides):
        yield _reading(words, sides, english=True)


def _english_words(words, every):
    """`left_ear`."""
    sides = [word if word in _OTHER else None for word in words]
    if any(sides):
        yield _reading(words, sides, english=True)


def _words(words, every):
    """Whole words of any one language."""
    plain = [side_words.plain(word) for word in words]
    for language, (left, right) in enumerate(side_words.ALL_WORDS[1:]):
        sides = [
            LEFT if left.fullmatch(word) else RIGHT if right.fullmatch(word) else None
            for word in plain
        ]
        if any(sides):
            found = _reading(words, sides, english=False)
            yield found._replace(rest=(*found.rest, f"language {language}"))


def _words_within(words, every):
    """A word within a word: `leftear`, `earleft`, `左耳`."""
    texts = [side_words.plain(word) for word in words]
    for language, row in enumerate(side_words.WITHIN):
        for side, parts in zip((LEFT, RIGHT), row, strict=True):
            for part in parts:
                for found in _cut(words, texts, part, side, english=part in _OTHER):
                    yield found._replace(rest=(*found.rest, f"language {language}"))


def _letters_within(words, every):
    """A letter within a word: `lshoulder`, `fl_paw`."""
    for letter, side in _LETTERS.items():
        yield from _cut(words, map(side_words.plain, words), letter, side, english=True)


def _cut(words, texts, part, side, english):
    """Readings in which a word, plain as in `texts`, begins or ends with a side."""
    for at, text in enumerate(texts):
        if part not in text:
            continue
        for rest, place in ((text[len(part) :], "^"), (text[: -len(part)], "$")):
            if not rest or text not in (part + rest, rest + part):
                continue
            kept = (*words[:at], rest, *words[at + 1 :])
            name = "_".join((side, *kept)) if english else None
            # The mark keeps `al` and `ra` apart.
            yield _Reading((*kept, f"{place}{at}"), (side,), name)


def _words_inside(words, every):
    """A word in the middle: `frontleftpaw`, `前左脚`; also where capitals cut a name wrongly."""
    text = side_words.plain("".join(words))
    for language, row in enumerate(side_words.WITHIN):
        for side, parts in zip((LEFT, RIGHT), row, strict=True):
            for part in parts:
                # Most are not in it: to compile all for each name would be most of the time.
                if part not in text or (part.isascii() and len(part) < 3):
                    continue
                for found in re.finditer(re.escape(part), text):
                    rest = text[: found.start()], text[found.end() :]
                    name = "_".join((side, *filter(None, rest))) if part in _OTHER else None
                    yield _Reading((*rest, f"language {language}"), (side,), name)


def _letters_inside(words, every):
    """A letter beside a digit, or the second one of a word: `FL1`, `flpaw`."""
    for at, word in enumerate(words):
        for k, letter in enumerate(word):
            if letter in _LETTERS and (
                word[k + 1 : k + 2].isdecimal()
                or word[k - 1 : k].isdecimal()
                or (k == 1 and word[0] in _BEFORE_A_SIDE)
            ):
                kept = (*words[:at], word[:k] + word[k + 1 :], *words[at + 1 :])
                name = "_".join((_LETTERS[letter], *filter(None, kept)))
                yield _Reading((*kept, f"{at}.{k}"), (_LETTERS[letter],), name)


def _foreign_letters(words, every):
    """`oreille_g` beside `oreille_d`."""
    for left, right in side_words.LETTERS:
        for at, word in enumerate(words):
            if len(words) > 1 and word in (left, right):
                if _is_side_letter(words, at, every, (left, right, "c", "m")):
                    rest = (*words[:at], *words[at + 1 :], left + right)
                    yield _Reading(rest, (LEFT if word == left else RIGHT,))


_CERTAIN = (_english_words_and_letters, _english_words)
_WAYS = (
    *(*_CERTAIN, _words, _words_within, _letters_within, _words_inside, _letters_inside),
    _foreign_letters,
)
