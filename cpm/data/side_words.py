"""The words by which people name a side, in many languages: data for side_names.py.

A row is a language: words for left, and for right. `*` stands for the endings of gender and case:
`izquierd*` is izquierda, izquierdo, izquierdas. Words are compared by `plain`, without accents.

CLEAR      words that say a side wherever they stand
BESIDE     words that are also something else (`sin`, `sole`): a side only beside the partner
LETTERS    single letters of other languages than English: `oreille_g` beside `oreille_d`
"""

import re
import unicodedata

ENGLISH = ("left", "right")
CLEAR = (
    ENGLISH,
    ("links linke linker linkes linken", "rechts rechte rechter rechtes rechten"),  # German, Dutch
    ("izquierd*", "derech*"),  # Spanish
    ("gauche*", "droit droite droits droites"),  # French
    ("sinistr*", "destra destro destri destre"),  # Italian
    ("esquerd*", "direita direito direitas direitos"),  # Portuguese
    ("esquerr*", "dreta dret dretes drets"),  # Catalan
    ("vanster* vanstra", "hoger* hogra"),  # Swedish
    ("vinstri vinstra", "hægri hægra haegri haegra"),  # Icelandic
    ("linker links", "regter regs regter*"),  # Afrikaans
    ("esquerd*", "dereit*"),  # Galician
    ("venstre", "hojre højre hoyre høyre hoejre"),  # Danish, Norwegian
    ("левый левая левое левые левого левой", "правый правая правое правые правого правой"),
    ("лівий ліва ліве ліві", "правий права праве праві"),  # Ukrainian; above: Russian
    ("αριστερ*", "δεξι*"),  # Greek
    ("يسار يسرى اليسرى ايسر الايسر", "يمين يمنى اليمنى ايمن الايمن"),  # Arabic
    ("שמאל*", "ימין ימני*"),  # Hebrew
    ("बाया* बाए* बाई*", "दाया* दाए* दाई* दाहिन*"),  # Hindi
    ("ซ้าย", "ขวา"),  # Thai
    ("左 左边 左邊 左侧 左側 左の ひだり", "右 右边 右邊 右侧 右側 右の みぎ"),  # Chinese, Japanese
    ("왼 왼쪽 좌 좌측", "오른 오른쪽 우 우측"),  # Korean
    ("বাম", "ডান"),  # Bengali
    ("இடது", "வலது"),  # Tamil
    ("ఎడమ", "కుడి"),  # Telugu
    ("डावा डावी डावे", "उजवा उजवी उजवे"),  # Marathi
    ("بائیں", "دائیں"),  # Urdu
    ("მარცხენა", "მარჯვენა"),  # Georgian
    ("ձախ", "աջ"),  # Armenian
    ("зүүн", "баруун"),  # Mongolian
)
BESIDE = (
    ("lt", "rt"),
    ("lft", "rgt"),
    ("lft", "rght"),
    ("lhs", "rhs"),
    ("port", "starboard stbd"),
    ("nearside near", "offside off"),  # of horses and cars that are led or driven on the left
    ("li", "re"),  # German
    ("izq izqd*", "der dcha dcho drch*"),  # Spanish
    ("izda izdo", "dcha dcho"),
    ("gche g", "dte dr"),  # French
    ("sx sin", "dx des"),  # Italian
    ("esq", "dir"),  # Portuguese
    ("stang*", "drept* dreapt*"),  # Romanian
    ("sinist*", "dext*"),  # Latin
    ("vasen vasem*", "oikea oikei*"),  # Finnish
    ("vasak", "parem"),  # Estonian
    ("kair*", "desin*"),  # Lithuanian
    ("kreis*", "lab*"),  # Latvian
    ("lew*", "praw*"),  # Polish
    ("lev*", "prav*"),  # Czech, Slovak
    ("lijev* lev*", "desn*"),  # Croatian, Slovene
    ("лев* ляв* лијев*", "прав* дясн* десн* десен"),  # Serbian, Bulgarian
    ("bal", "jobb"),  # Hungarian
    ("sol", "sag"),  # Turkish
    ("maldekstr*", "dekstr*"),  # Esperanto
    ("kiri kaliwa*", "kanan"),  # Indonesian, Malay, Tagalog
    ("kushoto", "kulia"),  # Swahili
    ("ezker*", "eskuin*"),  # Basque
    ("trai", "phai"),  # Vietnamese
    ("majte majt*", "djathte djatht*"),  # Albanian
    ("chap", "ong"),  # Uzbek
    ("сол", "оң"),  # Kazakh
    ("cle", "deas"),  # Irish
    ("chwith", "dde"),  # Welsh
    ("چپ", "راست"),  # Persian
)
LETTERS = (
    ("g", "d"),  # gauche, droite
    ("i", "d"),  # izquierda, derecha
    ("s", "d"),  # sinistra, destra
    ("v", "h"),  # vänster, höger; venstre, højre
    ("l", "p"),  # lewy, prawy; levý, pravý
    ("л", "п"),
)


# A word that begins or ends so says a side though the partner is missing: `leftear`, `左耳`. The
# signs stand in compounds of any length; `bright` and its like are no compounds.
AT_AN_END = re.compile("^(left|right|[左右])|(left|right|[左右])$")
NO_SIDE = re.compile(
    "cleft|([bfw]|up|out|down|all?|copy|birth|forth|play)right|(left|right)(over|ful|eous)"
)


def plain(text: str) -> str:
    """The text in lower case, without accents and vowel signs.

    >>> plain("Höger"), plain("LEFT")
    ('hoger', 'left')
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in apart if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", kept)


def _patterns(row):
    """(pattern of the whole words for left, for right)."""
    return tuple(
        re.compile("|".join(plain(word).replace("*", r"\w{0,3}") for word in words.split()))
        for words in row
    )


def _within(row):
    """(words for left that may stand within a word, for right); `左耳` needs one letter."""
    return tuple(
        tuple(
            w for w in map(plain, words.replace("*", "").split()) if len(w) > 1 or not w.isascii()
        )
        for words in row
    )


CLEAR_WORDS = tuple(map(_patterns, CLEAR))
ALL_WORDS = (*CLEAR_WORDS, *map(_patterns, BESIDE))
WITHIN = tuple(map(_within, (*CLEAR, *BESIDE)))
