"""On 200 real images of odd sizes, the portable function gives the joints of `Predictor`.

    python -m pytest -s -m thorough tests/interchange/test_real_images.py

prints how far they are apart. The images are of Leeds Sports Pose, resized: its folder `lsp/images`
is looked for in `$CPM_DATA`. What was measured is in docs/results/exports.md.

The position within a map cell is a ratio of differences of map values, gradient over curvature.
Another order of sums in float32 changes values by about 1e-6, and fast convolutions by 1e-5. Where
a peak is so flat that its curvature is 0.01, its joint moves by up to a thousandth of a cell. In an
image of 3000 × 4000 pixels a cell is 190 pixels wide, so that 0.01 px is 5e-5 of it. There a joint
may be further off than `LIMIT_PX`.
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

LIMIT_PX = 0.01  # of every joint, however unsure, but for
LIMIT_CELLS = 1e-3  # where that is more
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
    """Checks that no joint is further apart than the limits, and prints how far they are."""
    find = exporter.portable.signatures(["image"])["image"]
    cell_crop = exporter.network.stride / min(exporter.network.config.image_size)
    rows = []  # distance in pixels, in cells, difference of the confidence, longer side
    for image in images:
        joints_px, confidence = exporter.find_joints(image)
        found = {key: value.numpy() for key, value in find(image).items()}
        distance = np.linalg.norm(joints_px - found["joints_px"], axis=-1)
        cells = distance / (cell_crop * found["region"][2])
        difference = np.abs(confidence - found["confidence"])
        rows += zip(distance, cells, difference, [max(image.shape)] * len(cells), strict=True)
    distance, cells, difference, side = np.array(rows).T
    beyond = distance >= LIMIT_PX
    print(
        f"\n{name}: {len(rows)} joints; median {np.median(distance):.5f} px, 99 % under "
        f"{np.quantile(distance, 0.99):.5f} px, at most {distance.max():.5f} px, "
        f"{cells.max():.6f} cells and {difference.max():.6f} of confidence; {beyond.sum()} joints "
        f"over {LIMIT_PX} px, in images of {sorted(set(side[beyond].astype(int).tolist()))} px"
    )
    assert difference.max() < 1e-4
    assert (~beyond | (cells < LIMIT_CELLS)).all()


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
