# ruff: noqa: RUF001
"""Which keypoint names are the two sides of a pair, in the spellings that tools and people use."""

import pytest

from cpm.data import side_words
from cpm.data.side_names import read_names

# Left and right of one thing; the first name of each is the left one.
PAIRS = [
    ("left_ear", "right_ear"),
    ("LeftEar", "RightEar"),
    ("leftEar", "rightEar"),
    ("ear left", "ear right"),
    ("ear (left)", "ear (right)"),
    ("ear (l)", "ear (r)"),
    ("Ear.L", "Ear.R"),
    ("ear-l", "ear-r"),
    ("LEar", "REar"),
    ("EarL", "EarR"),
    ("EARL", "EARR"),
    ("Ear_1L", "Ear_1R"),
    ("L1", "R1"),
    ("L", "R"),
    ("left", "right"),
    ("leftear", "rightear"),
    ("earleft", "earright"),
    ("LEFTEAR", "RIGHTEAR"),
    ("lshoulder", "rshoulder"),
    ("fl_paw", "fr_paw"),
    ("front_left_paw", "front_right_paw"),
    ("paw_L_front", "paw_R_front"),
    ("eye_lt", "eye_rt"),
    ("port bow", "starboard bow"),
    ("oreja_izquierda", "oreja_derecha"),
    ("ojoIzq", "ojoDer"),
    ("manoizq", "manoder"),
    ("oreille gauche", "oreille droite"),
    ("oreille_g", "oreille_d"),
    ("linkes Ohr", "rechtes Ohr"),
    ("linkesohr", "rechtesohr"),
    ("Ohr_li", "Ohr_re"),
    ("linker_voet", "rechter_voet"),
    ("orecchio sinistro", "orecchio destro"),
    ("orecchio sx", "orecchio dx"),
    ("orelha-esquerda", "orelha-direita"),
    ("orella esquerra", "orella dreta"),
    ("urechea stângă", "urechea dreaptă"),
    ("vänster öra", "höger öra"),
    ("venstre øre", "højre øre"),
    ("vasen_korva", "oikea_korva"),
    ("lewe oko", "prawe oko"),
    ("levé oko", "pravé oko"),
    ("bal fül", "jobb fül"),
    ("sol kulak", "sağ kulak"),
    ("mata_kiri", "mata_kanan"),
    ("tai trái", "tai phải"),
    ("Левое ухо", "Правое ухо"),
    ("лев_глаз", "прав_глаз"),
    ("ліве вухо", "праве вухо"),
    ("μάτι αριστερό", "μάτι δεξί"),
    ("العين اليسرى", "العين اليمنى"),
    ("עין שמאל", "עין ימין"),
    ("बायाँ कान", "दायाँ कान"),
    ("หูซ้าย", "หูขวา"),
    ("左耳", "右耳"),
    ("耳（左）", "耳（右）"),
    ("左の耳", "右の耳"),
    ("왼쪽눈", "오른쪽눈"),
    ("frontleftpaw", "frontrightpaw"),
    ("LEFTeye", "RIGHTeye"),
    ("flpaw", "frpaw"),
    ("FL1", "FR1"),
    ("leg_2l3", "leg_2r3"),
    ("jambegaucheavant", "jambedroiteavant"),
    ("前左脚", "前右脚"),
    ("vänstra örat", "högra örat"),
    ("vinstra eyra", "hægra eyra"),
    ("regteroor", "linkeroor")[::-1],
    ("orella esquerda", "orella dereita"),
    ("চোখ বাম", "চোখ ডান"),
    ("இடது கண்", "வலது கண்"),
    ("بائیں کان", "دائیں کان"),
    ("მარცხენა თვალი", "მარჯვენა თვალი"),
    ("зүүн нүд", "баруун нүд"),
    ("сол көз", "оң көз"),
    ("syri i majtë", "syri i djathtë"),
    ("near_fore", "off_fore"),
]


@pytest.mark.parametrize("left, right", PAIRS, ids=lambda name: name)
def test_a_pair(left, right):
    names = read_names(["nose", right, left])
    assert names.pairs == ((2, 1),) and names.alone == ()


@pytest.mark.parametrize(
    "keypoints, pairs",
    [
        (["fl", "fr", "rl", "rr"], ((0, 1), (2, 3))),  # rear left is not the partner of front left
        (["lf", "rf", "lr", "rr"], ((0, 1), (2, 3))),
        (["tl", "tr", "bl", "br"], ((0, 1), (2, 3))),
        (
            [
                "left_eye_left_end",
                "left_eye_right_end",
                "right_eye_left_end",
                "right_eye_right_end",
            ],
            ((0, 3), (1, 2)),
        ),
        (["earl", "lear", "earr", "rear"], ((0, 2), (1, 3))),
        (["left_sole", "right_sole"], ((0, 1),)),  # Turkish sol is not meant
        (["lip_l", "lip_r", "lip_t", "lip_b"], ((0, 1),)),  # left, right, top, bottom
        (["L", "R", "C"], ((0, 1),)),
        (["leg_l", "leg_r", "leg_1"], ((0, 1),)),
        (["oreille_g", "oreille_d", "oreille_c"], ((0, 1),)),
        (["flp", "frp", "hlp", "hrp"], ((0, 1), (2, 3))),
        (["cleft", "left_ear", "right_ear"], ((1, 2),)),
    ],
)
def test_pairs_that_look_alike(keypoints, pairs):
    assert read_names(keypoints).pairs == pairs


@pytest.mark.parametrize(
    "keypoints",
    [
        ["lip", "hand", "rope"],
        ["point_k", "point_l", "point_r", "point_s"],  # an alphabet
        ["bright", "light", "der", "sin"],
        ["cleft", "upright", "outright", "leftover", "leg"],
        ["l1", "l2", "l3"],  # vertebrae
        ["d", "e", "g", "i"],
        ["ear_1", "ear_2"],
    ],
)
def test_no_sides(keypoints):
    names = read_names(keypoints)
    assert names.pairs == () and names.alone == ()
    assert names.joints == tuple(keypoints)


@pytest.mark.parametrize(
    "keypoints, alone",
    [
        (["nose", "left_ear", "tail"], (1,)),
        (["left_eer", "right_ear"], (0, 1)),
        (["nariz", "oreja_izquierda"], (1,)),
        (["nose", "ear_l"], (1,)),
        (["鼻", "左耳", "左手"], (1, 2)),
        (["leftear", "tail"], (0,)),
        (["earright", "leftpaw"], (0, 1)),
        (["ll", "lr", "rl", "rr"], (0, 1, 2, 3)),  # of two readings neither is taken
    ],
)
def test_alone(keypoints, alone):
    assert read_names(keypoints).alone == alone


def test_english_sides_stand_in_front_and_others_keep_their_words():
    given = ["LEar", "REar", "Oreja Izquierda", "Oreja Derecha", "TailBase", "leg (right)"]
    expected = "left_ear right_ear oreja_izquierda oreja_derecha tail_base right_leg"
    assert read_names(given).joints == tuple(expected.split())


def test_nothing_is_guessed_where_somebody_says_the_pairs():
    names = read_names(["lock", "rock", "left_ear", "right_ear"], guess=False)
    assert names.joints == ("lock", "rock", "left_ear", "right_ear") and names.pairs == ((2, 3),)


@pytest.mark.parametrize(
    "keypoints, words",
    [
        ([], "expected a list of names"),
        (["nose", 7], "is called 7; expected a word"),
        (["Nose", "nose"], "'Nose' and 'nose' are both 'nose'"),
    ],
)
def test_no_names(keypoints, words):
    with pytest.raises(ValueError, match=words):
        read_names(keypoints)


def test_no_word_is_of_both_sides_of_a_language():
    for left, right in side_words.ALL_WORDS:
        assert not any(right.fullmatch(word) for word in left.pattern.split("|"))
