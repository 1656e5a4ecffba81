"""What a synthetic person looks like: skin, hair, clothes and their paints.

A paint is a base color with an optional wave of a second color (stripes; two waves make
checks), in cycles per body height along the axes of the part it is painted on.
"""

import dataclasses

import numpy as np

from cpm.synthetic.body import Body


@dataclasses.dataclass(frozen=True)
class Paint:
    """Color of a surface.

    Attributes:
      color, second: `[3]` RGB in [0, 1].
      wave, cross: `[3]` cycles per body height along (left, up, front); zeros = no such wave.
      grain: strength of folds and weave, fraction of the color.
    """

    color: np.ndarray
    second: np.ndarray
    wave: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cross: tuple[float, float, float] = (0.0, 0.0, 0.0)
    grain: float = 0.0


@dataclasses.dataclass(frozen=True)
class Outfit:
    """Looks of one person.

    Attributes:
      skin, hair, top, bottom, shoes, extra: paints; `extra` is for hat, bag and prints.
      hair_style: `bald`, `short`, `long`, `tail`, `bun`, `cap` or `beanie`.
      beard, glasses: whether the face has them.
      sleeve: covered part of the arm: 0 none, 1 to the elbow, 2 to the wrist.
      trouser: covered part of the leg: 0 none, 1 to the knee, 2 to the ankle.
      skirt: length from the hips in thighs, 0 = none.
      loose: thickness of cloth, body heights.
      front, back: prints: `plain`, `zip`, `buttons`, `logo`, `neckline`; `plain`, `number`,
        `panel`.
      bag: wears a backpack.
      socks: covered part of the shank above the shoe.
      held: `nothing`, `ball`, `bag` or `stick`, in the hand of `held_side`.
      stick: its length before the hand, body heights.
    """

    skin: Paint
    hair: Paint
    top: Paint
    bottom: Paint
    shoes: Paint
    extra: Paint
    hair_style: str
    beard: bool
    glasses: bool
    sleeve: float
    trouser: float
    skirt: float
    loose: float
    front: str
    back: str
    bag: bool
    socks: float
    held: str
    held_side: str
    stick: float


_SKIN = np.array([(250, 218, 194), (232, 186, 152), (205, 150, 112), (160, 108, 76)])
_SKIN = np.concatenate((_SKIN, [(118, 74, 50), (78, 50, 38)])) / 255
_HAIR = np.array([(24, 20, 18), (58, 38, 24), (104, 70, 40), (176, 134, 74)])
_HAIR = np.concatenate((_HAIR, [(140, 62, 30), (168, 166, 162)])) / 255
_CLOTH = np.array([(22, 22, 26), (242, 242, 238), (128, 128, 130), (28, 34, 62)])
_CLOTH = np.concatenate((_CLOTH, [(70, 92, 130), (196, 178, 142), (88, 84, 60)])) / 255


def hsv_to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """`[3]` RGB in [0, 1] of a hue in turns, a saturation and a value in [0, 1]."""
    ramp = np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return value * (1 - saturation * (1 - np.clip(ramp, 0, 1)))


def sample_color(rng: np.random.Generator) -> np.ndarray:
    """`[3]` RGB of cloth: half of the time neutral, else any hue."""
    if rng.random() < 0.45:
        color = _CLOTH[rng.integers(len(_CLOTH))] + rng.normal(0, 0.04, 3)
    else:
        saturation, value = rng.uniform(0.25, 0.95), rng.uniform(0.2, 0.95)
        color = hsv_to_rgb(rng.random(), saturation, value)
    return np.clip(color, 0.03, 0.97)


def sample_paint(rng: np.random.Generator, patterned: float = 0.35, grain: float = 0.10) -> Paint:
    """A cloth's paint: plain, striped along or across, or checked."""
    color = sample_color(rng)
    if rng.random() > patterned:
        return Paint(color, color, grain=grain)
    cycles = rng.uniform(9, 34)
    along, across = (cycles, 0.0, 0.0), (0.0, cycles, 0.0)
    wave, cross = (along, across) if rng.random() < 0.35 else (across, (0.0, 0.0, 0.0))
    if rng.random() < 0.25:
        wave = along
    return Paint(color, sample_color(rng), wave, cross, grain)


def _between(rng, palette):
    """A color of a palette, mixed with its neighbor, a little brighter or darker."""
    i = rng.integers(len(palette) - 1)
    mixed = palette[i] + rng.random() * (palette[i + 1] - palette[i])
    return np.clip(mixed * rng.uniform(0.9, 1.1), 0.02, 0.98)


def _pick(rng, weights):
    names = list(weights)
    share = np.array([weights[name] for name in names], float)
    return names[rng.choice(len(names), p=share / share.sum())]


def sample_outfit(rng: np.random.Generator, body: Body) -> Outfit:
    """Draws the looks of a person.

    Args:
      rng: `np.random.Generator`.
      body: `Body`; a bust makes skirts, long hair and shaved chins more common.

    Returns:
      `Outfit`.
    """
    feminine = body.bust > 0.012
    skin, hair = _between(rng, _SKIN), _between(rng, _HAIR)
    styles = {"short": 4, "bald": 0.8, "cap": 1, "beanie": 0.6, "long": 0.5}
    if feminine:
        styles = {"short": 1.2, "long": 3, "tail": 2, "bun": 1, "cap": 0.6}
    top, bottom = sample_paint(rng), sample_paint(rng, patterned=0.12)
    if rng.random() < 0.12:
        bottom = top  # overall, dress or suit
    skirt = rng.uniform(0.35, 1.25) if feminine and rng.random() < 0.45 else 0.0
    lengths = ((1.75, 2.0), (0.35, 0.95)) if rng.random() < 0.62 else ((0.4, 1.0),) * 2
    trouser = 0.0 if skirt else rng.uniform(*lengths[rng.random() < 0.25])
    sleeves = ((1.75, 2.0), (0.3, 0.95), (0.0, 0.01))
    return Outfit(
        skin=Paint(skin, skin, grain=0.03),
        hair=Paint(hair, hair * 0.8, (60.0, 12.0, 40.0), grain=0.1),
        top=top,
        bottom=bottom,
        shoes=sample_paint(rng, 0.2, 0.05),
        extra=sample_paint(rng, 0.2),
        hair_style=_pick(rng, styles),
        beard=not feminine and rng.random() < 0.3,
        glasses=rng.random() < 0.15,
        sleeve=rng.uniform(*sleeves[rng.choice(3, p=(0.42, 0.4, 0.18))]),
        trouser=trouser,
        skirt=skirt,
        loose=rng.uniform(0.002, 0.011),
        front=_pick(rng, {"plain": 1, "zip": 1, "buttons": 1, "logo": 1.3, "neckline": 1.5}),
        back=_pick(rng, {"plain": 3, "number": 1, "panel": 1}),
        bag=rng.random() < 0.09,
        socks=rng.uniform(0.1, 0.6) if rng.random() < 0.4 else 0.0,
        held=_pick(rng, {"nothing": 8, "ball": 0.6, "bag": 0.6, "stick": 0.8}),
        held_side=("left", "right")[rng.integers(2)],
        stick=rng.uniform(0.1, 0.5),
    )
