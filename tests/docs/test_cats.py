"""The cats of docs/howto/own_data.md: their joints are where they say, and they convert as told."""

import importlib.util
import json
import re

import numpy as np
from PIL import Image

from tests.helpers.markdown_files import ROOT, read

PATH = ROOT / "docs/howto/cats.py"
PINK = (240, 130, 140)  # the nose


def load():
    spec = importlib.util.spec_from_file_location("cats", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def colors_at(image, point):
    """Mean color of the nine pixels around a point."""
    x, y = (round(float(v)) for v in point)
    return np.asarray(image, float)[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))


def test_joints_are_where_the_cat_has_them():
    cats = load()
    for seed in range(4):
        image, joints = cats.draw_cat(np.random.default_rng(seed))
        assert set(joints) == set(cats.KEYPOINTS)
        for point in joints.values():
            assert (0 <= point).all() and (point <= np.array(image.size) - 1).all()
        assert np.abs(colors_at(image, joints["nose"]) - PINK).max() < 30, f"seed {seed}"
        # Seen from the front, the cat's left is on the right; its head is turned a little at most.
        assert joints["left_ear"][0] > joints["right_ear"][0]
        assert joints["left_paw"][1] > joints["nose"][1] > joints["left_ear"][1]


def test_the_same_seed_draws_the_same_cats(tmp_path):
    cats = load()
    for name in ("a", "b"):
        cats.write_cats(tmp_path / name, 3, validation=1, seed=5)
    a, b = (json.loads((tmp_path / name / "annotations.json").read_text()) for name in ("a", "b"))
    assert a == b
    assert [image["file_name"] for image in a["images"]][1:] == [
        "cat001.jpg",
        "validation/cat002.jpg",
    ]
    for image in a["images"]:
        with Image.open(tmp_path / "a" / "images" / image["file_name"]) as file:
            assert file.size == (image["width"], image["height"])


def test_new_cats_are_others():
    first, second = (load().draw_cat(np.random.default_rng([seed, 0]))[1] for seed in (0, 1))
    assert not np.allclose(first["nose"], second["nose"], atol=1)


def test_the_commands_of_the_page_take_its_arguments():
    """bin/'s scripts are asked for theirs in test_documented_commands.py."""
    options = {*re.findall(r'add\("(--\w+)"', PATH.read_text())}
    used = re.findall(r"python docs/howto/cats\.py (.*)", read("docs/howto/own_data.md"))
    assert len(used) == 2
    assert {word.split("=")[0] for line in used for word in line.split()} <= options
