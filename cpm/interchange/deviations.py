"""How far an exported file's answers are from this project's own, on the same images.

A row of the table, for one file:

    px            largest distance of a joint, image pixels, of joints with a confidence over
                  `SURE`; of all joints if none is, since a deviation of nothing says nothing
    unsure_px     the same of all joints: below, a map has no peak worth the name, and the highest
                  of many equal cells may change with the last digit
    moved_percent joints that moved by more than 2 px, percent of those of px
    confidence    largest difference of a confidence
    joints, sure  how many joints px is of; whether they are over `SURE`
    functions     {name: the same numbers} of every function of the file, of `crops` in crop pixels
                  and with the largest difference of a belief map; above are those of the first one
    images        number of them
    ms, ours_ms   median time of an image of 480 × 640 pixels, both passes; the two take turns
    mb            size of all that was written
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cpm.inference.joint_reader import PAYS_AFTER
from cpm.interchange.own_answers import Arrays, OwnAnswers
from cpm.runtimes.opening import OpenedFile
from cpm.text_table import format_table

SURE = 0.05
# What rounding may do in float32. Coordinates of an image 4,000 pixels wide have a digit of
# 0.0002 px there, and a joint takes the product of a few of them.
LIMIT_PX = 0.01
# The same of a confidence, and of a value of a belief map. Fast convolutions change them by 1e-5.
LIMIT_VALUE = 0.001
SPEED_SIZE = (480, 640)
# (height, width): tiny, narrow, odd; from there on the image is shrunk by blocks.
SIZES = ((16, 16), (17, 301), (131, 67), (333, 250), (480, 641), (1201, 899))


def measure(
    opened: OpenedFile,
    own: OwnAnswers,
    functions: Sequence[str],
    images: Sequence[np.ndarray],
    repeats: int = 9,
) -> dict[str, Any]:
    """The row of one file, of which every function is called.

    Args:
      opened: a file of cpm/runtimes/opening.py.
      own: this project's answers.
      functions: names of what the file holds; the first one is timed.
      images: list of `[H, W, 3]` uint8, at least one.
      repeats: of each timing.

    Returns:
      dict, without `mb`.
    """
    rows = {}
    for function in functions:
        questions = own.questions(function, images)
        rows[function] = compare(
            [own.answer(question) for question in questions],
            [opened.run(function, question) for question in questions],
        )
    first = functions[0]
    speed_image = np.resize(images[-1], [*SPEED_SIZE, 3])
    (question,) = own.questions(first, [speed_image])
    for _ in range(PAYS_AFTER + 1):  # ours is timed as it is after the first images, traced
        own.answer(question)
    taken = times(lambda: opened.run(first, question), lambda: own.answer(question), repeats)
    return {**rows[first], "images": len(images), "functions": rows, **taken}


def compare(expected: Sequence[Arrays], found: Sequence[Arrays]) -> dict[str, Any]:
    """The numbers of one function.

    Args:
      expected: our answers, one for each call: joints_px `[..., P, 2]`, confidence `[..., P]`, and
        perhaps beliefs of any shape.
      found: the file's.
    """
    pairs = list(zip(expected, found, strict=True))
    distance = np.concatenate(
        [np.linalg.norm(a["joints_px"] - b["joints_px"], axis=-1).ravel() for a, b in pairs]
    )
    sure = np.concatenate([a["confidence"].ravel() > SURE for a in expected])
    counted = distance[sure] if sure.any() else distance
    row = {
        "px": float(counted.max()),
        "unsure_px": float(distance.max()),
        "moved_percent": 100 * float((counted > 2).mean()),
        "confidence": _largest_difference(pairs, "confidence"),
        "joints": len(counted),
        "sure": bool(sure.any()),
    }
    if "beliefs" in expected[0]:
        row["beliefs"] = _largest_difference(pairs, "beliefs")
    return row


def _largest_difference(pairs, key):
    return float(np.max([np.abs(a[key] - b[key]).max() for a, b in pairs]))


def complaint(row: Mapping[str, Any], float32: bool) -> str | None:
    """What is wrong with the answers of a file, as part of a sentence, or None.

    Args:
      row: of `measure`.
      float32: whether its weights are in float32, so that only rounding is let pass. Where no joint
        is sure, the confidences alone are judged: a map without a peak has many equal cells.
    """
    for name, own in row["functions"].items():
        values = [own["confidence"], own.get("beliefs", 0.0)]
        if not np.isfinite([own["unsure_px"], *values]).all():
            return f"gives joints that are no numbers in its function {name}"
        if not float32:
            continue
        if own["sure"] and own["px"] > LIMIT_PX:
            return (
                f"moves joints by {own['px']:.3f} px in its function {name}, more than {LIMIT_PX}"
            )
        if max(values) > LIMIT_VALUE:
            return (
                f"changes confidences or belief maps by {max(values):.4f} in its function {name}, "
                f"more than {LIMIT_VALUE}"
            )
    return None


def said(row: Mapping[str, Any]) -> str:
    """How far the joints of a file are off, and how many were compared."""
    which = "joints" if row["sure"] else "joints, none of which is sure in these images,"
    return f"{row['joints']} {which} are within {row['px']:.3f} px of this project's own"


def times(
    theirs: Callable[[], object], ours: Callable[[], object], repeats: int, count: int = 1
) -> dict[str, float]:
    """Median times of two calls that take turns, since a machine's speed changes by the minute.

    Args:
      theirs: call of the file.
      ours: the same by this project.
      repeats: calls of each that count; a first one, which prepares, does not.
      count: images in a call.

    Returns:
      `ms` of theirs and `ours_ms`, milliseconds an image.
    """
    taken: list[list[float]] = []
    for _ in range(1 + repeats):
        taken.append([])
        for call in (theirs, ours):
            began = time.perf_counter()
            call()
            taken[-1].append(time.perf_counter() - began)
    medians = 1000 * np.median(taken[1:], axis=0) / count
    return {"ms": float(medians[0]), "ours_ms": float(medians[1])}


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of some rows, and what has to be known of it.

    Args:
      rows: {name of the file's kind: row}; `pck` and `ours_pck` may be missing.

    Returns:
      str. Two columns for each function: px, and the percent that moved by more than 2 px. The
      number of joints is the first function's, the difference of a confidence the largest of all.
    """
    functions = list(dict.fromkeys(name for row in rows.values() for name in row["functions"]))
    header = ["", *(title for name in functions for title in (f"{name}, px", "moved"))]
    header += ["joints", "confidence", "PCK@0.2", "ours, PCK", "ms", "ours, ms", "ours ÷ file"]
    lines = [
        [
            name,
            *(cell for function in functions for cell in _moves(row["functions"].get(function))),
            f"{row['joints']}{'' if row['sure'] else ' unsure'}",
            f"{max(own['confidence'] for own in row['functions'].values()):.5f}",
            *(f"{row[key]:.2f}" if key in row else "" for key in ("pck", "ours_pck")),
            f"{row['ms']:.0f}",
            f"{row['ours_ms']:.0f}",
            f"{row['ours_ms'] / row['ms']:.1f}",
            f"{row['mb']:.1f}",
        ]
        for name, row in rows.items()
    ]
    text = format_table([*header, "MB"], lines)
    if all(row["sure"] for row in rows.values()):
        return text
    return (
        f"{text}\nunsure: no joint has a confidence over {SURE} in these images, so all of them "
        "are compared; name images of what the network finds with --images"
    )


def _moves(row):
    return (f"{row['px']:.4f}", f"{row['moved_percent']:.1f} %") if row else ("", "")
