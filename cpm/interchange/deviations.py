"""How far an exported file's answers are from this project's own, on the same images.

A row of the table, for one file:

    px            largest distance of a joint, image pixels, of joints with a confidence over `SURE`
    unsure_px     the same of all joints: below, a map has no peak worth the name, and the highest
                  of many equal cells may change with the last digit
    moved_percent joints over `SURE` that moved by more than 2 px, percent
    confidence    largest difference of a confidence
    ms, ours_ms   median time of an image of 480 × 640 pixels, both passes; the two take turns
    mb            size of all that was written
"""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cpm.inference.joint_reader import PAYS_AFTER
from cpm.interchange.portable import Portable
from cpm.runtimes.opening import OpenedFile
from cpm.text_table import format_table

SURE = 0.05
# What rounding may do in float32. Coordinates of an image 4,000 pixels wide have a digit of
# 0.0002 px there, and a joint takes the product of a few of them.
LIMIT_PX = 0.01
SPEED_SIZE = (480, 640)
# (height, width): tiny, narrow, odd; from there on the image is shrunk by blocks.
SIZES = ((16, 16), (17, 301), (131, 67), (333, 250), (480, 641), (1201, 899))


def measure(
    opened: OpenedFile,
    find_joints: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    images: Sequence[np.ndarray],
    repeats: int = 9,
) -> dict[str, float]:
    """The row of one file.

    Args:
      opened: a file of cpm/runtimes/opening.py that holds the function `image`.
      find_joints: function image → (joints `[P, 2]`, confidence `[P]`), this project's own.
      images: list of `[H, W, 3]` uint8.
      repeats: of each timing.

    Returns:
      dict, without `mb`.
    """
    distances, differences, above = [], [], []
    for image in images:
        joints_px, confidence = find_joints(image)
        theirs = opened.run("image", {"image": image})
        distances.append(np.linalg.norm(joints_px - theirs["joints_px"], axis=-1))
        differences.append(np.abs(confidence - theirs["confidence"]))
        above.append(confidence > SURE)
    distance, sure = np.concatenate(distances), np.concatenate(above)
    image = np.resize(images[-1], [*SPEED_SIZE, 3])
    for _ in range(PAYS_AFTER + 1):  # ours is timed as it is after the first images, traced
        find_joints(image)
    return {
        "px": float(np.max(distance, where=sure, initial=0.0)),
        "unsure_px": float(distance.max()),
        "moved_percent": 100 * float((distance[sure] > 2).mean()) if sure.any() else 0.0,
        "confidence": float(np.concatenate(differences).max()),
        "images": len(images),
        "joints": int(sure.sum()),
        **times(lambda: opened.run("image", {"image": image}), lambda: find_joints(image), repeats),
    }


def measure_crops(opened: OpenedFile, portable: Portable, repeats: int = 9) -> dict[str, float]:
    """The row of a file that holds the network alone: the same numbers, in crop pixels.

    Args:
      opened: a file of cpm/runtimes/opening.py that holds the function `crops`.
      portable: `Portable` of the same network.
      repeats: of each timing.
    """
    height, width = portable.network.config.image_size
    noise = np.random.default_rng(0).uniform(0, 255, [3, height // 8, width // 8, 3])
    crops = noise.repeat(8, 1).repeat(8, 2).astype(np.float32)
    center_px = np.full([len(crops), 2], [(width - 1) / 2, (height - 1) / 2], np.float32)
    inputs = {"crops": crops, "center_px": center_px}

    def ours():
        return portable.find_in_crops(crops, center_px)

    expected, theirs = ours(), opened.run("crops", inputs)
    distance = np.linalg.norm(expected["joints_px"] - theirs["joints_px"], axis=-1)
    confidence = expected["confidence"].numpy()
    sure = confidence > SURE
    return {
        "px": float(np.max(distance, where=sure, initial=0.0)),
        "unsure_px": float(distance.max()),
        "moved_percent": 100 * float((distance[sure] > 2).mean()) if sure.any() else 0.0,
        "confidence": float(np.abs(confidence - theirs["confidence"]).max()),
        "images": len(crops),
        "joints": int(sure.sum()),
        **times(lambda: opened.run("crops", inputs), ours, repeats, len(crops)),
    }


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


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """The table of some rows.

    Args:
      rows: {name of the file's kind: row}; `pck` and `ours_pck` may be missing.
    """
    header = ["", "px", "moved > 2 px", "confidence", "PCK@0.2", "ours", "ms", "ours", "MB"]
    lines = [
        [
            name,
            f"{row['px']:.4f}",
            f"{row['moved_percent']:.1f} %",
            f"{row['confidence']:.5f}",
            *(f"{row[key]:.2f}" if key in row else "" for key in ("pck", "ours_pck")),
            f"{row['ms']:.0f}",
            f"{row['ours_ms']:.0f}",
            f"{row['mb']:.1f}",
        ]
        for name, row in rows.items()
    ]
    return format_table(header, lines)
