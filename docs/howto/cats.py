"""Draws cats whose joints are known: the images of own_data.md, for whoever has none of their own.

    python docs/howto/cats.py --out=photos --count=80 --validation=20
    python docs/howto/cats.py --out=new --count=40 --seed=1

`OUT/images/` gets the images, the last ones in `OUT/images/validation/`, and `OUT/annotations.json`
the joints, as a COCO keypoint file. The cats sit and look at the camera. They differ in size,
place, posture, color and surroundings. Cats of another seed are other cats.
"""

import argparse
import json
import os

import numpy as np
from PIL import Image, ImageDraw

KEYPOINTS = ["nose", "left_ear", "right_ear", "left_paw", "right_paw", "tail"]
LIMBS = [("nose", "left_ear"), ("nose", "right_ear"), ("nose", "left_paw"), ("nose", "right_paw")]
FINE = 3  # images are drawn so many times larger and shrunk, which makes outlines smooth
FURS = [(225, 140, 65), (125, 125, 130), (45, 42, 45), (238, 232, 222), (150, 105, 65)]


def turned(points, degrees, about=(0, 0)):
    """The points `[N, 2]` turned about one of them or another."""
    angle = np.radians(degrees)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return (np.asarray(points) - about) @ turn + about


def oval(x, y, width, height):
    """The outline `[40, 2]` of an ellipse around (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], -1)


def cat(rng):
    """A cat one unit tall around (0, 0), y down, its left on the right of the image.

    Returns:
      ({keypoint: `[2]`}, [(outline `[N, 2]`, color), …] from the back to the front).
    """
    fur = np.clip(np.array(FURS[rng.integers(len(FURS))]) + rng.uniform(-18, 18, 3), 0, 255)
    dark, pale = 0.7 * fur, 0.6 * fur + 100
    side = rng.choice([-1, 1])
    tip = np.array([side * rng.uniform(0.3, 0.5), rng.uniform(-0.3, 0.25)])
    t = np.linspace(0, 1, 20)[:, np.newaxis]
    middle = (1 - t) ** 2 * [0.1 * side, 0.36] + 2 * t * (1 - t) * [0.55 * side, 0.45] + t**2 * tip
    across = np.gradient(middle, axis=0) @ [[0, 1], [-1, 0]]
    across *= 0.035 / np.linalg.norm(across, axis=-1, keepdims=True)
    tail = np.concatenate([middle + across, middle[::-1] - across[::-1]])
    spread = rng.uniform(0.06, 0.13, 2)
    paws = {"left_paw": (spread[0], 0.44), "right_paw": (-spread[1], 0.44)}

    neck, tilt = (rng.uniform(-0.07, 0.07), -0.12), rng.uniform(-25, 25)
    head = {
        "face": oval(0, -0.28, 0.19, 0.17),
        "nose": [(-0.03, -0.27), (0.03, -0.27), (0, -0.23)],
        "left eye": oval(0.075, -0.32, 0.03, 0.035),
        "right eye": oval(-0.075, -0.32, 0.03, 0.035),
    }
    for name, x in (("left ear", 1), ("right ear", -1)):
        head[name] = np.array([(0.04 * x, -0.42), (0.16 * x, -0.52), (0.18 * x, -0.3)])
    head = {name: turned(outline, tilt) + neck - (0, -0.12) for name, outline in head.items()}

    keypoints = {"nose": head["nose"].mean(0), "tail": middle[-1], **paws}
    keypoints |= {"left_ear": head["left ear"][1], "right_ear": head["right ear"][1]}
    shapes = [(tail, dark), (oval(0, 0.14, 0.21, 0.31), fur)]
    shapes += [(oval(*paw, 0.06, 0.045), pale) for paw in paws.values()]
    shapes += [(head["left ear"], dark), (head["right ear"], dark), (head["face"], fur)]
    shapes += [(head["left eye"], (70, 200, 90)), (head["right eye"], (70, 200, 90))]
    return keypoints, [*shapes, (head["nose"], (240, 130, 140))]


def surroundings(rng, width, height):
    """A blurred background with some things in it, as a PIL image."""
    coarse = rng.integers(40, 215, [4, 4, 3], np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 7)):
        outline = turned(oval(0, 0, *rng.uniform(0.03, 0.2, 2))[:: rng.choice([1, 10])], 45)
        place = rng.uniform(0, 1, 2) * [width, height] + min(width, height) * outline
        draw.polygon(list(map(tuple, place)), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return image


def draw_cat(rng):
    """(PIL image, {keypoint: `[2]` in pixels}) of one cat, all of it in the image."""
    width, height = (int(side) for side in rng.integers(240, 321, 2))
    keypoints, shapes = cat(rng)
    tall, slope = rng.uniform(0.6, 0.9) * min(width, height), rng.uniform(-15, 15)

    def placed(points):
        return tall * turned(points, slope)

    everything = np.concatenate([placed(outline) for outline, _ in shapes])
    low, room = -everything.min(0), [width, height] - np.ptp(everything, axis=0) - 1
    corner = low + np.maximum(room, 0) * rng.uniform(0, 1, 2)
    image = surroundings(rng, FINE * width, FINE * height)
    draw = ImageDraw.Draw(image)
    for outline, color in shapes:
        # The middle of a pixel has whole numbers, its upper left corner halves.
        fine = FINE * (placed(outline) + corner + 0.5) - 0.5
        draw.polygon(list(map(tuple, fine)), fill=tuple(int(value) for value in color))
    image = np.asarray(image.resize((width, height), Image.Resampling.BOX), float)
    image = np.clip(image + rng.normal(0, rng.uniform(2, 8), image.shape), 0, 255)
    names = {name: placed(point) + corner for name, point in keypoints.items()}
    return Image.fromarray(image.astype(np.uint8)), names


def write_cats(out, count, validation=0, seed=0):
    """Writes `count` cats into the folder `out`, the last `validation` of them as validation."""
    images, annotations = [], []
    for n in range(count):
        folder = "validation/" if n >= count - validation else ""
        name = f"{folder}cat{n:03d}.jpg"
        path = os.path.join(out, "images", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        image, joints = draw_cat(np.random.default_rng([seed, n]))
        image.save(path, quality=92)
        points = [round(float(v), 2) for k in KEYPOINTS for v in (*joints[k], 2)]
        images.append({"id": n, "file_name": name, "width": image.width, "height": image.height})
        annotations.append({"id": n, "image_id": n, "category_id": 1, "keypoints": points})
    skeleton = [[KEYPOINTS.index(a) + 1, KEYPOINTS.index(b) + 1] for a, b in LIMBS]
    category = {"id": 1, "name": "cat", "keypoints": KEYPOINTS, "skeleton": skeleton}
    record = {"images": images, "categories": [category], "annotations": annotations}
    with open(os.path.join(out, "annotations.json"), "w", encoding="utf-8") as file:
        json.dump(record, file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", required=True, help="Folder to make. Required.")
    add("--count", type=int, default=80, help="Number of cats. Default: %(default)s.")
    add("--validation", type=int, default=0, help="Cats to hold out. Default: %(default)s.")
    add("--seed", type=int, default=0, help="Which cats are drawn. Default: %(default)s.")
    given = parser.parse_args()
    write_cats(given.out, given.count, given.validation, given.seed)
