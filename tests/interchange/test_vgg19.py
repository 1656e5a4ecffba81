"""VGG-19's trunk: three kinds of file, and an input that is folded into the first layer.

The truth is OpenCV's run of Caffe's files on VGG-19's own input, images in BGR minus the mean.
"""

import os

import cv2
import h5py
import numpy as np
import pytest
import tensorflow as tf

from cpm.checkpoints import load_network
from cpm.errors import UsageError
from cpm.interchange import importer, vgg19
from cpm.interchange.caffemodel import Stored
from cpm.network.layers import Relu
from cpm.network.model import normalize
from tests.helpers import caffe_files
from tests.helpers.imported_networks import config, random_image

CONFIG = config("vgg", width=0.125, stages=2, skeleton="lsp14")
MEAN_BGR = (103.939, 116.779, 123.68)


@pytest.fixture(scope="module")
def weights():
    """{name: (kernel `[Cout, Cin, 3, 3]`, bias)} of VGG-19's trunk, an eighth as wide."""
    rows = caffe_files.network("vgg", width=0.125, stages=1)
    every = caffe_files.random_weights(rows, np.random.default_rng(4))
    # Its input is a hundred times as large as the release's.
    kernel, bias = every["conv1_1"]
    return {name: every[name] for name in vgg19.TRUNK} | {"conv1_1": (kernel / 100, bias)}


def later_layers():
    """VGG-19's layers that are not needed, as small as can be."""
    return {name: (np.ones([1, 1, 3, 3]), np.ones(1)) for name in sorted(vgg19.UNUSED)}


def save_caffe(path, weights):
    path = path.with_suffix(".caffemodel")
    path.write_bytes(caffe_files.caffemodel(weights | later_layers(), old=True))
    return path


def save_npz(path, weights, kernel="kernel", bias="bias", oihw=False):
    arrays = {"fc6/" + kernel: np.ones([2, 2])}
    for name, (k, b) in weights.items():
        arrays[f"{name}/{kernel}"] = k if oihw else k.transpose(2, 3, 1, 0)
        arrays[f"{name}/{bias}"] = b
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def save_hdf5(path, weights, old=False, whole_model=False):
    """The layouts of keras-applications: `{}/{}_W_1:0` of 2016, `{}/{}/kernel:0` since."""
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        for name in ("block1_pool", "flatten", "input_1"):
            root.create_group(name)
        root["block5_conv4/kernel:0"] = np.ones([3, 3, 1, 1])
        root["fc1/kernel:0"] = np.ones([2, 2])
        for name, (kernel, bias) in weights.items():
            group = f"block{name[4]}_conv{name[6]}"
            parts = (
                (f"{group}_W_1:0", f"{group}_b_1:0")
                if old
                else (f"{group}/kernel:0", f"{group}/bias:0")
            )
            root[f"{group}/{parts[0]}"] = kernel.transpose(2, 3, 1, 0)
            root[f"{group}/{parts[1]}"] = bias
    return path


SAVERS = {
    "caffemodel": save_caffe,
    "npz": save_npz,
    "npz of W and b": lambda p, w: save_npz(p, w, "W", "b"),
    "npz of weights, in Caffe's order": lambda p, w: save_npz(p, w, "weights", "biases", True),
    "h5": save_hdf5,
    "h5 of 2016": lambda p, w: save_hdf5(p, w, old=True),
    "h5 of a whole model": lambda p, w: save_hdf5(p, w, whole_model=True),
}  # fmt: skip


def opencv_features(weights, image):
    """conv4_2 after its ReLU on VGG-19's own input, `[h, w, C]`."""
    rows = caffe_files.network("vgg", width=0.125, stages=1)
    end = [name for _, name, *_ in rows].index("conv4_2") + 1
    height, width = image.shape[:2]
    text = caffe_files.prototxt(rows[:end], height, width).encode()
    model = caffe_files.caffemodel(weights)
    net = cv2.dnn.readNetFromCaffe(bytearray(text), bytearray(model))
    data = np.zeros([1, 4, height, width], np.float32)  # the center map is not used
    data[0, :3] = (image[..., ::-1] - np.array(MEAN_BGR)).transpose(2, 0, 1)
    net.setInput(data)
    return net.forward("conv4_2_relu")[0].transpose(1, 2, 0)


def features(network, image):
    """The same of our network."""
    x = normalize(tf.constant(image[None]))
    for layer in network.trunk.layers:
        x = layer(x)
        if layer.name == "conv4_2_relu":
            assert isinstance(layer, Relu)
            return x[0].numpy()


@pytest.mark.parametrize("saver", SAVERS)
def test_import_weights_of_vgg19_sees_what_opencv_sees(tmp_path, seeded, weights, saver):
    path = SAVERS[saver](tmp_path / "vgg19", weights)
    _, rows = importer.import_weights(CONFIG, path, str(tmp_path / "run"), seed=5)
    network = load_network(str(tmp_path / "run"))[0]
    image = random_image(seeded(7), 192, 256)
    expected, found = opencv_features(weights, image), features(network, image)
    # A cell of conv4_2 reaches 46 pixels out: 6 cells from the border nothing beyond it is seen.
    inside = (slice(6, -6), slice(6, -6))
    error = np.abs(found - expected)[inside].max() / expected[inside].max()
    print(f"relative error {error:.1e}")
    assert expected[inside].shape[:2] == (12, 20) and expected[inside].std() > 0.01
    assert error < 1e-4  # float32 sums of two programs
    assert [row.layer for row in rows if row.stored] == list(vgg19.TRUNK)
    assert rows[0].note == "BGR → RGB, mean and scale folded in"
    fresh = [row for row in rows if not row.stored]
    assert {row.note for row in fresh} == {"fresh, seed 5"} and len(fresh) == 14


def test_import_weights_of_vgg19_keeps_the_fresh_start(tmp_path, weights):
    """Layers that the file has not start as those of an untrained network of the same seed."""
    from cpm.network import ConvolutionalPoseMachine

    path = save_npz(tmp_path / "vgg19", weights)
    importer.import_weights(CONFIG, path, str(tmp_path / "run"), seed=5)
    here = importer._convolutions(load_network(str(tmp_path / "run"))[0])
    fresh = importer._convolutions(ConvolutionalPoseMachine(CONFIG, seed=5))
    for layer, start in zip(here, fresh, strict=True):
        same = np.array_equal(layer.kernel, start.kernel)
        assert same == (layer.name not in vgg19.TRUNK)


def test_fold_input_border_is_gray(seeded):
    """Where VGG-19 saw its mean color beyond the border, the folded layer sees gray 128."""
    generator = seeded(8)
    kernel = generator.standard_normal([3, 3, 3, 5]).astype(np.float32)
    bias = generator.standard_normal(5).astype(np.float32)
    folded = vgg19.FoldInput("bgr")(Stored(kernel, bias, (5, 3, 3, 3)))
    image = generator.integers(0, 256, [1, 9, 12, 3]).astype(np.float64)
    padded = np.pad(image, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=128)
    original = padded[..., ::-1] - np.array(MEAN_BGR)
    expected = tf.nn.conv2d(original, kernel.astype(float), 1, "VALID") + bias
    found = tf.nn.conv2d(normalize(image), folded.kernel, 1, "SAME") + folded.bias
    # 27 products of about 100 in float32.
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_fold_input_rgb(seeded):
    generator = seeded(9)
    kernel = generator.standard_normal([3, 3, 3, 5]).astype(np.float32)
    stored = Stored(kernel, np.zeros(5, np.float32), (3, 3, 3, 5))
    mirrored = Stored(kernel[:, :, ::-1], stored.bias, stored.shape)
    rgb, bgr = vgg19.FoldInput("rgb")(stored), vgg19.FoldInput("bgr")(mirrored)
    np.testing.assert_array_equal(rgb.kernel, bgr.kernel)
    np.testing.assert_array_equal(rgb.bias, bgr.bias)
    np.testing.assert_array_equal(rgb.kernel, 256 * kernel)
    assert vgg19.FoldInput("rgb").note == "mean and scale folded in"


def test_names_preset():
    assert len(vgg19.CONVOLUTIONS) == 16 and len(vgg19.TRUNK) == 10
    assert vgg19.TRUNK[0] == "conv1_1" and vgg19.TRUNK[-1] == "conv4_2"
    assert vgg19.UNUSED == {
        *("conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4"),
        *("fc6", "fc7", "fc8"),
    }


def check_raises(path, folder, message, network_config=CONFIG):
    with pytest.raises(UsageError, match=message):
        importer.import_weights(network_config, path, str(folder / "run"))
    assert not (folder / "run").exists()


@pytest.mark.parametrize("save", [save_caffe, save_npz, save_hdf5])
def test_import_weights_of_vgg19_raises(tmp_path, weights, save):
    fewer = {name: weights[name] for name in vgg19.TRUNK[:-1]}
    path = save(tmp_path / "fewer", fewer)
    check_raises(path, tmp_path, "missing 'conv4_2'; left over nothing")
    path = save(tmp_path / "good", weights)
    check_raises(path, tmp_path, "has a kernel of 3×3, 3 → 8", config("vgg"))
    check_raises(path, tmp_path, "fits --arch=vgg only, not paper", config("paper"))
    more = weights | {"conv6_1": weights["conv4_2"]}
    path = save(tmp_path / "more", more)
    check_raises(path, tmp_path, "conv6_1|block6_conv1")
    broken = weights | {"conv1_2": (weights["conv1_2"][0] * np.inf, weights["conv1_2"][1])}
    path = save(tmp_path / "broken", broken)
    check_raises(path, tmp_path, "'conv1_2' holds values that are no numbers")
    path.write_bytes(path.read_bytes()[:-2000])
    check_raises(path, tmp_path, "cannot be read|cut short")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", b"PK\x03\x04" + bytes(99), b"\x89HDF\r\n\x1a\n" + bytes(99)],
)
def test_read_vgg19_raises_for_other_files(tmp_path, suffix, data):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(data)
    check_raises(path, tmp_path, "cannot be read.*download it again")


@pytest.mark.parametrize("suffix", vgg19.SUFFIXES)
def test_read_vgg19_never_waits(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    check_raises(tmp_path / f"pipe{suffix}", tmp_path, "a pipe, not a regular file")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    check_raises(tmp_path / f"zero{suffix}", tmp_path, "a device, not a regular file")


def test_read_vgg19_raises_for_pickles(tmp_path, weights):
    """An array of objects would have to be unpickled, which runs what it says."""
    arrays = {f"{n}/kernel": k for n, (k, _) in weights.items()}
    np.savez(tmp_path / "a.npz", **arrays | {"conv1_1/bias": np.array([{}], object)})
    check_raises(tmp_path / "a.npz", tmp_path, "cannot be read.*holds Python objects")
    np.save(tmp_path / "b.npy", np.ones(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    check_raises(tmp_path / "b.npz", tmp_path, "not the archive that numpy.savez writes")


def test_read_vgg19_raises_for_sizes(tmp_path, weights, monkeypatch):
    path = save_npz(tmp_path / "a", weights)
    monkeypatch.setattr(vgg19, "MAX_BYTES", 1000)
    check_raises(path, tmp_path, "it has .* bytes, at most 1,000 are read")
    path = save_hdf5(tmp_path / "a", weights)
    check_raises(path, tmp_path, "is too large")
    monkeypatch.setattr(vgg19, "MAX_BYTES", 1 << 20)
    with h5py.File(path, "w") as file:  # of a thousandth of that in numbers
        chunked = {"chunks": (1, 1, 1, 1), "dtype": "f4"}
        file.create_dataset("block1_conv1/kernel:0", [3, 3, 3, 8], **chunked)[0, 0, 0, 0] = 1
    check_raises(path, tmp_path, "is too large")


def test_read_vgg19_raises_for_links(tmp_path, weights):
    """HDF5 can name other files; nothing outside this one is opened."""
    save_hdf5(tmp_path / "secret", weights)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["block1_conv1"] = h5py.ExternalLink("secret.h5", "block1_conv1")
    check_raises(path, tmp_path, "'block1_conv1' is a link to somewhere else")
    with h5py.File(path, "w") as file:
        group = file.create_group("block1_conv1")
        group["loop"] = group
    check_raises(path, tmp_path, "more than a kernel and a bias")
    with h5py.File(path, "w") as file:
        group = file.create_group("block1_conv1")
        group.create_dataset("kernel", [8], "f4", external=[(str(tmp_path / "secret.h5"), 0, 32)])
    check_raises(path, tmp_path, "lies in another file")
    with h5py.File(path, "w") as file:  # of which only reading shows what they take
        file["block1_conv1/kernel"] = ["text"] * 3
    check_raises(path, tmp_path, "holds texts or references, no numbers")


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"conv1_1/kernel": np.ones([3, 3, 3, 8])}, r"has the arrays \(3, 3, 3, 8\);"),
        ({"conv1_1/W": np.ones(8), "conv1_1/b": np.ones(8)}, r"arrays \(8,\), \(8,\);"),
        (
            {"conv1_1/W": np.ones([3, 3, 3, 8], int), "conv1_1/b": np.ones(8)},
            "floating",
        ),
        ({"optimizer/lr": np.ones(1)}, "holds 'optimizer/lr', which VGG-19 has not"),
        ({"arr_0": np.ones(1)}, "holds 'arr_0', which VGG-19 has not"),
    ],
)
def test_read_vgg19_raises(tmp_path, parts, message):
    np.savez(tmp_path / "a.npz", **parts)
    with pytest.raises(UsageError, match=message):
        vgg19.read_vgg19(str(tmp_path / "a.npz"))
