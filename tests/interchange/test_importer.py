"""Imported networks against OpenCV, which reads Caffe's files by its own code.

OpenCV gets a description and random weights in Caffe's form, both written by
tests/helpers/caffe_files.py; our network gets the same weights through the importer. Belief maps of
every stage have to agree, joint by joint. Both add up float32 products in orders of their own: 1e-4
of the largest belief.
"""

import os

import cv2
import numpy as np
import pytest
import tensorflow as tf

from cpm.checkpoints import load_network
from cpm.errors import UsageError
from cpm.interchange import importer, released
from cpm.network import architecture, preset
from cpm.network.specs import Conv
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers import caffe_files
from tests.helpers.imported_networks import config, random_image

# Order of the belief maps, from the release's list of parts.
RELEASED_JOINTS = (
    "head_top neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle"
).split()
FLIC_JOINTS = (
    "left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist left_hip right_hip "
    "head"
).split()


def opencv_beliefs(rows, model, image, center):
    """Belief maps `[h, w, maps]` of every stage, in the file's order of joints."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    square = (x - center[0]) ** 2 + (y - center[1]) ** 2
    data = np.concatenate(
        [
            (image[..., ::-1].astype(np.float32) - 128) / 256,
            np.exp(-square / (2 * 21.0**2))[..., None].astype(np.float32),
        ],
        axis=-1,
    )
    cv2.setNumThreads(1)
    text = caffe_files.prototxt(rows, height, width).encode()
    net = cv2.dnn.readNetFromCaffe(bytearray(text), bytearray(model))
    net.setInput(data.transpose(2, 0, 1)[None].copy())
    maps = net.forward(caffe_files.belief_layers(rows))
    return [np.asarray(b)[0].transpose(1, 2, 0) for b in maps]


def imported(folder, model, network_config, **options):
    """(network read back from the checkpoint, rows) of an import."""
    (folder / "net.caffemodel").write_bytes(model)
    _, rows = importer.import_weights(
        network_config, folder / "net.caffemodel", str(folder / "run"), **options
    )
    return load_network(str(folder / "run"))[0], rows


def assert_agree(folder, seeded, arch, size, *, width=1.0, stages=6, joints=None, **form):
    """The importer's network draws what OpenCV draws, stage by stage and joint by joint."""
    joints = joints or RELEASED_JOINTS
    generator = seeded(11)
    rows = caffe_files.network(arch, width=width, stages=stages, maps=len(joints) + 1)
    weights = caffe_files.random_weights(rows, generator)
    model = caffe_files.caffemodel(weights, **form)
    image = random_image(generator, *size)
    center = (0.45 * size[1], 0.6 * size[0])
    expected = opencv_beliefs(rows, model, image, center)

    network, _ = imported(folder, model, config(arch, width=width))
    assert network.config.stages == stages == len(expected)
    found = network(image[None], tf.constant([center], tf.float32))
    there = [joints.index(joint) for joint in network.skeleton.joints] + [len(joints)]
    for t, (b_t, expected_t) in enumerate(zip(found, expected, strict=True), 1):
        largest = np.abs(expected_t).max()
        error = np.abs(b_t[0].numpy() - expected_t[..., there]).max() / largest
        print(f"stage {t}: largest belief {largest:.2f}, relative error {error:.1e}")
        assert 0.01 < largest < 100 and expected_t.std() > 0.01, "signals died or exploded"
        assert error < 1e-4


@pytest.mark.parametrize("size", [(368, 368), (184, 256)])
@pytest.mark.parametrize("arch, width", [("vgg", 0.125), ("paper", 0.25)])
def test_import_weights_draws_what_opencv_draws(tmp_path, seeded, arch, width, size):
    assert_agree(tmp_path, seeded, arch, size, width=width)


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(368, 368), (248, 328)])
@pytest.mark.parametrize("arch", ["vgg", "paper"])
def test_import_weights_in_full_draws_what_opencv_draws(tmp_path, seeded, arch, size):
    """The released networks' own sizes, 30 million numbers each."""
    assert_agree(tmp_path, seeded, arch, size)


@pytest.mark.parametrize("stages", [1, 2, 4])
@pytest.mark.parametrize("arch, width", [("vgg", 0.125), ("paper", 0.25)])
def test_import_weights_finds_the_number_of_stages(tmp_path, seeded, arch, width, stages):
    assert_agree(tmp_path, seeded, arch, (48, 64), width=width, stages=stages)


def test_import_weights_of_flic(tmp_path, seeded):
    """Nine joints of the upper body in four stages; the skeleton is made from the file."""
    options = dict(width=0.25, stages=4, joints=FLIC_JOINTS)
    assert_agree(tmp_path, seeded, "paper", (64, 48), **options)


def test_import_weights_of_the_old_format(tmp_path, seeded):
    options = dict(width=0.125, stages=2, old=True, legacy=True, packed=False)
    assert_agree(tmp_path, seeded, "vgg", (48, 64), **options)


def layer_names(arch):
    return [layer.name for layer in convolutions(architecture(preset(arch)))]


def convolutions(plan):
    parts = [plan.trunk, plan.first_head, plan.second_trunk or ()]
    parts += [part for s in plan.later_stages for part in (s.features, s.head)]
    return [spec for part in parts for spec in part if isinstance(spec, Conv)]


@pytest.mark.parametrize("arch, count", [("vgg", 52), ("paper", 40)])
def test_layers_have_exactly_the_released_names(arch, count):
    """52 and 40 convolutions, as the tests' own description of the deploy files says."""
    rows = caffe_files.network(arch)
    released_names = {name for kind, name, *_ in rows if kind in ("conv", "linear")}
    assert set(layer_names(arch)) == released_names
    assert len(layer_names(arch)) == len(released_names) == count


def test_released_names_preset():
    vgg, paper = layer_names("vgg"), layer_names("paper")
    assert vgg[:2] == ["conv1_1", "conv1_2"] and vgg[9:12] == [
        "conv4_2",
        "conv4_3_CPM",
        "conv4_4_CPM",
    ]
    assert vgg[14:18] == ["conv4_7_CPM", "conv5_1_CPM", "conv5_2_CPM", "Mconv1_stage2"]
    assert vgg[-1] == "Mconv7_stage6" and paper[-1] == "Mconv5_stage6"
    assert paper[:4] == ["conv1_stage1", "conv2_stage1", "conv3_stage1", "conv4_stage1"]
    assert paper[7:12] == [
        *("conv1_stage2", "conv2_stage2", "conv3_stage2", "conv4_stage2"),
        "Mconv1_stage2",
    ]
    assert paper[16:18] == ["conv1_stage3", "Mconv1_stage3"]


def test_joints_preset():
    assert list(released.BODY) == RELEASED_JOINTS
    assert list(released.UPPER_BODY) == FLIC_JOINTS


def test_reorders_preset():
    """Head top is the release's map 0 and LSP's 13; two features, three joints in between."""
    plan = architecture(config("vgg", width=0.125, stages=2, skeleton="lsp14"))
    changes = released.reorders(plan, released.BODY, SKELETONS["lsp14"])
    outputs = (10, 9, 8, 11, 12, 13, 4, 3, 2, 5, 6, 7, 1, 0, 14)
    assert changes["conv5_2_CPM"].outputs == outputs
    assert changes["Mconv7_stage2"].outputs == changes["conv5_2_CPM"].outputs
    # vgg stacks beliefs first, then 16 features, then the center map.
    expected = changes["conv5_2_CPM"].outputs + tuple(range(15, 32))
    assert changes["Mconv1_stage2"].inputs == expected
    assert changes["conv1_1"].inputs == (2, 1, 0) and len(changes) == 4


def small(stages=2, arch="vgg", width=0.125, maps=15, seed=1):
    """Weights of a small released network."""
    rows = caffe_files.network(arch, width=width, stages=stages, maps=maps)
    return caffe_files.random_weights(rows, np.random.default_rng(seed))


def test_import_weights_lists_every_layer(tmp_path):
    weights = small()
    _, rows = imported(tmp_path, caffe_files.caffemodel(weights), config("vgg", width=0.125))
    assert [row.layer for row in rows] == list(weights)
    for row in rows:
        kernel, bias = weights[row.layer]
        assert row.stored == kernel.shape and row.bias == len(bias)
        assert row.kernel == kernel.transpose(2, 3, 1, 0).shape
    table = importer.format_rows(rows).splitlines()
    assert len(table) == 1 + len(weights)
    assert table[1].split() == "conv1_1 8×3×3×3 3×3×3×8 8 BGR → RGB".split()
    notes = {row.layer: row.note for row in rows if row.note}
    assert list(notes) == ["conv1_1", "conv5_2_CPM", "Mconv1_stage2", "Mconv7_stage2"]


def test_import_weights_into_the_asked_skeleton(tmp_path):
    """Another order of the same joints is another order of the same maps."""
    model = caffe_files.caffemodel(small())
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    asked = own_skeleton(RELEASED_JOINTS).name
    here, _ = imported(tmp_path / "a", model, config("vgg", width=0.125))
    there, _ = imported(
        tmp_path / "b",
        model,
        config("vgg", width=0.125, skeleton=asked),
        given=["skeleton"],
    )
    order = [*there.skeleton.channels_from(here.skeleton), 14]
    image, center = np.full([1, 16, 24, 3], 200, np.uint8), tf.zeros([1, 2])
    for b_here, b_there in zip(here(image, center), there(image, center), strict=True):
        gathered = tf.gather(b_here, order, axis=-1)
        np.testing.assert_allclose(b_there, gathered, rtol=1e-4, atol=1e-4)


def changed(weights, **layers):
    """The weights with some layers replaced; None removes one."""
    merged = weights | layers
    return {name: arrays for name, arrays in merged.items() if arrays is not None}


def replaced(array, value):
    array = array.copy()
    array.flat[-1] = value
    return array


W = small()
BAD = {
    "a layer is missing": (
        changed(W, conv3_3=None),
        {},
        "missing 'conv3_3'; left over nothing",
    ),
    "a layer is left over": (
        changed(W, conv9=W["conv1_1"]),
        {},
        "missing nothing; left over 'conv9'",
    ),
    "a stage is missing": (
        changed(small(stages=3), Mconv1_stage2=None),
        {},
        "left over 'Mconv2_stage2'.* and 7 more",
    ),
    "stages that were asked for": (
        W,
        {"stages": 6, "given": ["stages"]},
        "missing 'Mconv1_stage3'",
    ),
    "other shapes": (
        W,
        {"width": 0.25},
        "'conv1_1' has a kernel of 3×3, 3 → 8 channels .* has 3×3, 3 → 16: look",
    ),
    "bias too long": (
        changed(W, conv1_1=(W["conv1_1"][0], np.zeros(9))),
        {},
        "and 9 biases",
    ),
    "not a number": (
        changed(W, conv2_1=(replaced(W["conv2_1"][0], np.nan), W["conv2_1"][1])),
        {},
        "'conv2_1' holds values that are no numbers",
    ),
    "infinite bias": (
        changed(W, conv2_1=(W["conv2_1"][0], replaced(W["conv2_1"][1], np.inf))),
        {},
        "'conv2_1' holds values that are no numbers",
    ),
    "other maps": (small(maps=17), {}, "draws 17 belief maps; .*15 .*10"),
    "the other network": (
        small(arch="paper", width=0.25),
        {},
        "no layer 'conv5_2_CPM'",
    ),
    "somebody's network": ({"ip1": W["conv1_1"]}, {}, "no layer 'conv5_2_CPM'.*ip1"),
    "other joints": (
        W,
        {"skeleton": "mpii16", "given": ["skeleton"]},
        "'mpii16' has 16 joints",
    ),
    "no background": (W, {"background": False}, "leave out --nobackground"),
    "norms": (W, {"norm": "batch"}, "have biases and no norms"),
    "mini": (W, {"arch": "mini"}, "no published weights fit --arch=mini"),
}


@pytest.mark.parametrize("case", BAD)
def test_import_weights_raises(tmp_path, case):
    weights, options, message = BAD[case]
    options = {"arch": "vgg", "width": 0.125} | options
    given = options.pop("given", ())
    model = caffe_files.caffemodel(weights)
    with pytest.raises(UsageError, match=message):
        imported(tmp_path, model, config(**options), given=given)
    assert os.listdir(tmp_path) == ["net.caffemodel"]  # nothing was written


def test_import_weights_raises_for_a_used_folder(tmp_path):
    model = caffe_files.caffemodel(W)
    imported(tmp_path, model, config("vgg", width=0.125))
    with pytest.raises(UsageError, match="holds checkpoints already; name another --out"):
        imported(tmp_path, model, config("vgg", width=0.125))


def test_stages_of_is_bounded():
    layers = {f"Mconv1_stage{t}": None for t in range(2, 4000)}
    assert released.stages_of(layers) == released.MAX_STAGES
