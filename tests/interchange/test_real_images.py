"""On 200 real images of odd sizes, the portable function gives the joints of `Predictor`.

    python -m pytest -s -m thorough tests/interchange/test_real_images.py

prints how far they are apart. The images are of Leeds Sports Pose, resized: its folder `lsp/images`
is looked for in `$CPM_DATA`. What was measured is in docs/results/exports.md.
"""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cpm.checkpoints import pretrained
from cpm.interchange.exporting import Exporter
from cpm.network.architectures import PRESETS
from cpm.skeleton import SKELETONS
from tests.helpers.published_files import DATA
from tests.helpers.tiny_networks import tiny_config, tiny_weights

LIMIT_PX = 0.01  # of every joint, however unsure; see test_portable.py
COUNT = 200
SMALLEST, LARGEST = (16, 16), (3000, 4000)  # height, width
UNTRAINED = [(arch, skeleton) for arch in sorted(PRESETS) for skeleton in sorted(SKELETONS)]


def odd_sizes():
    """`COUNT` pairs of height and width: small as often as large, up to twice as long as wide."""
    rng = np.random.default_rng(22)
    height = np.exp(rng.uniform(np.log(SMALLEST[0]), np.log(LARGEST[0]), COUNT - 2))
    width = np.clip(height * 2 ** rng.uniform(-1, 1, COUNT - 2), SMALLEST[1], LARGEST[1])
    return [SMALLEST, LARGEST, *np.rint(np.stack([height, width], -1)).astype(int).tolist()]


def real_images(numbers):
    """The images of some of the numbers 0 … `COUNT` - 1, one after the other; a skip without."""
    paths = sorted(Path(os.fspath(DATA), "lsp", "images").glob("*.jpg"))
    if len(paths) < COUNT:
        pytest.skip(f"no Leeds Sports Pose: {DATA}/lsp/images has no {COUNT} images (set CPM_DATA)")
    sizes = odd_sizes()
    for n in numbers:
        height, width = sizes[n]
        with Image.open(paths[n * len(paths) // COUNT]) as opened:
            resized = opened.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        yield np.asarray(resized)


def compare(name, exporter, images):
    """Checks that no joint is further apart than `LIMIT_PX`, and prints how far they are."""
    find = exporter.portable.signatures(["image"])["image"]
    distances, differences = [], []
    for image in images:
        joints_px, confidence = exporter.find_joints(image)
        found = find(image)
        distances.append(np.linalg.norm(joints_px - found["joints_px"].numpy(), axis=-1))
        differences.append(np.abs(confidence - found["confidence"].numpy()))
        assert distances[-1].max() < LIMIT_PX, (name, image.shape, distances[-1], confidence)
    print(
        f"\n{name}: {len(distances)} images, {np.size(distances)} joints, at most "
        f"{np.max(distances):.5f} px, {np.max(differences):.6f} of confidence"
    )


@pytest.mark.thorough
@pytest.mark.parametrize("ckpt", sorted(pretrained.FILES))
def test_the_projects_weights(ckpt):
    images = real_images(range(COUNT))
    first = next(images)  # skips before anything is loaded
    compare(ckpt, Exporter(ckpt), itertools.chain([first], images))


@pytest.mark.thorough
@pytest.mark.parametrize("arch, skeleton", UNTRAINED)
def test_every_preset_with_every_skeleton(tmp_path, arch, skeleton):
    # Each network sees the smallest and the largest image, and its share of the others.
    share = range(2 + UNTRAINED.index((arch, skeleton)), COUNT, len(UNTRAINED))
    images = real_images([0, 1, *share])
    first = next(images)
    # A crop as large as those of trained networks: a pixel of it is 31 of the largest image.
    config = tiny_config(arch, skeleton=skeleton, image_size=(128, 128))
    exporter = Exporter(tiny_weights(tmp_path / "tiny.npz", config))
    compare(f"{arch} {skeleton}", exporter, itertools.chain([first], images))
