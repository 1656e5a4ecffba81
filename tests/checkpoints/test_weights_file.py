"""The weights file: only precision lost, taken wherever a checkpoint is, damage refused."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from cpm import checkpoints
from cpm.checkpoints import pretrained, weights_file
from cpm.config import NetworkConfig, TrainConfig
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.network import ConvolutionalPoseMachine

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(16, 24))
)


def make(seed=3, config=CONFIG):
    """A network with statistics that float16 could not hold."""
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    for n, variable in enumerate(network.variables):
        if "moving_variance" in variable.name:
            variable.assign(tf.fill(variable.shape, 1e-9 if n % 2 else 1e6))
    return network


def write(path, network=None, **description):
    network = network or make()
    described = checkpoints.describe(CONFIG, network) | description
    weights_file.write_weights(str(path), network, described)
    return network


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.npz"
    write(path, data=["data/lsp"])
    return str(path)


def rewrite(path, change):
    """The file again, with its arrays changed by `change(dict)`."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    change(arrays)
    np.savez(path, **arrays)


def test_round_trip(weights):
    """Kernels are the nearest halves, everything else is exact."""
    network = make()
    loaded, config, description = checkpoints.load_network(weights)
    assert config == CONFIG and description["prefix"] == weights
    assert description["data"] == ["data/lsp"] and "left_wrist" in description["joints"]
    halves = 0
    for a, b in zip(network.variables, loaded.variables, strict=True):
        expected = a.numpy()
        if len(a.shape) == 4:
            expected, halves = (
                expected.astype(np.float16).astype(np.float32),
                halves + 1,
            )
        np.testing.assert_array_equal(b, expected, err_msg=a.name)
    assert halves == len(network.kernels)


def test_half_precision_hardly_changes_beliefs(weights):
    """11 bits a weight: a sum of n products of random signs is off by 2^-12 of its size."""
    network, (loaded, _, _) = make(), checkpoints.load_network(weights)
    for original, copy in zip(network.variables, loaded.variables, strict=True):
        if "moving_variance" in original.name:  # as extreme as `make`'s they silence all
            original.assign(tf.ones_like(original))
            copy.assign(tf.ones_like(copy))
    images = tf.random.stateless_uniform([2, 16, 24, 3], [1, 2], maxval=255.0)
    center = tf.zeros([2, 2])
    for a, b in zip(network(images, center), loaded(images, center), strict=True):
        assert 0 < np.abs(a - b).max() < 5e-3 * np.abs(a).max()


def test_same_network_same_bytes(tmp_path):
    """Nothing of the time or the machine is in the file."""
    for name in "ab":
        write(tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_is_taken_as_a_checkpoint(weights):
    """By a predictor, and to start from, fewer stages too."""
    (person,) = Predictor(weights)(np.zeros([20, 30, 3], np.uint8))
    assert person.joints_px.shape == (14, 2)
    same = ConvolutionalPoseMachine(CONFIG.network, seed=9)
    assert checkpoints.start_from(same, checkpoints.resolve(weights)).stages == 2
    larger = ConvolutionalPoseMachine(
        NetworkConfig(stages=3, width=0.1, skeleton="lsp14", image_size=(16, 24))
    )
    start = checkpoints.start_from(larger, weights)
    assert (start.stages, start.new_stages, start.fresh) == (2, 1, ())
    for network in (same, larger):
        kernel, expected = (n.trunk.kernels[0].numpy() for n in (network, make()))
        np.testing.assert_array_equal(kernel, expected.astype(np.float16))


def test_threshold_comes_with_the_weights(tmp_path, weights):
    assert Predictor(weights).threshold == 0.0
    write(tmp_path / "t.npz", threshold=0.25)
    assert Predictor(str(tmp_path / "t.npz")).threshold == 0.25
    assert Predictor(make()).threshold == 0.0


def test_pretrained_is_the_packages_file(tmp_path, weights, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", str(tmp_path))
    monkeypatch.setattr(pretrained, "FILES", {"pretrained": "w.npz", "pretrained-small": "s.npz"})
    assert checkpoints.resolve("pretrained") == weights
    with pytest.raises(UsageError, match=r"--ckpt=pretrained-small: .*s\.npz.*bin/train\.py"):
        checkpoints.load_network("pretrained-small")
    with pytest.raises(UsageError, match="did you mean --ckpt=pretrained-small"):
        checkpoints.load_network("Pretrained_small")


@pytest.mark.parametrize("name, limit", [("pretrained", 16e6), ("pretrained-small", 3e6)])
def test_the_packages_own_files_are_small_and_load(name, limit):
    try:
        path = pretrained.path(name)
    except UsageError as missing:
        pytest.skip(str(missing))
    assert os.path.getsize(path) <= limit
    network, _, description = checkpoints.load_network(name)
    assert description["joints"] == list(network.skeleton.joints)


def test_write_refuses_what_half_precision_cannot_hold(tmp_path):
    network = make()
    network.trunk.kernels[0].assign(tf.fill(network.trunk.kernels[0].shape, 7e4))
    with pytest.raises(UsageError, match="kernel has values that half precision"):
        write(tmp_path / "w.npz", network)
    assert not (tmp_path / "w.npz").exists()
    with pytest.raises(UsageError, match=r"should end in .npz"):
        write(tmp_path / "w.bin")


def test_damage_is_refused(tmp_path, weights):
    """Cut anywhere, or with any byte of its arrays changed: a sentence, never half a network."""
    content = (tmp_path / "w.npz").read_bytes()
    broken = tmp_path / "broken.npz"
    cuts = [content[: len(content) * k // 5] for k in range(5)]
    turned = []
    with zipfile.ZipFile(weights) as archive:
        for info in archive.infolist()[::7]:
            # The middle of each array's bytes, which lie right behind its name.
            at = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
            turned.append(
                content[: at + 20] + bytes([content[at + 20] ^ 0xFF]) + content[at + 21 :]
            )
    assert len(turned) > 5
    for damaged in (*cuts, *turned, b"nonsense", b"\x93NUMPY"):
        broken.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"broken.npz (cannot be used|does not)"):
            checkpoints.load_network(str(broken))
            pytest.fail(f"{len(damaged)} of {len(content)} bytes were taken")
    with pytest.raises(UsageError, match="does not exist"):
        checkpoints.load_network(str(tmp_path / "absent.npz"))
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(UsageError, match="is a pipe, not a regular file; name another"):
        checkpoints.load_network(str(tmp_path / "pipe.npz"))


@pytest.mark.parametrize("kind", ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_damage_of_any_compression_is_refused(tmp_path, kind):
    """NumPy writes the first two; an archive may have any that Python unpacks."""
    path = tmp_path / "broken.npz"
    with zipfile.ZipFile(path, "w", getattr(zipfile, kind)) as archive:
        array = io.BytesIO()
        np.save(array, np.random.default_rng(0).integers(0, 256, 2000, np.uint8))
        archive.writestr("description.npy", array.getvalue())
    content = bytearray(path.read_bytes())
    for at in range(100, 160):
        content[at] ^= 0xA5
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"broken.npz cannot be used"):
        checkpoints.load_network(str(path))


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda a: a.pop("stage_1/conv4_1/kernel"),
            "the file lacks stage_1/conv4_1/kernel",
        ),
        (lambda a: a.update(extra=np.zeros(3)), "the network lacks extra"),
        (lambda a: a.pop("description"), "description"),
        (
            lambda a: a.update({"stage_1/conv4_1/kernel": np.zeros([1, 2], np.float16)}),
            r"stage_1/conv4_1/kernel is \[1, 2\] float16, the network's is \[",
        ),
        (
            lambda a: a.update({"stage_1/conv4_1/kernel": np.zeros(12_000)}),
            "stage_1/conv4_1/kernel is 96128 bytes, more than",
        ),
        (
            lambda a: a.update(
                {"stage_1/conv4_1/kernel": np.full_like(a["stage_1/conv4_1/kernel"], np.nan)}
            ),
            "not finite",
        ),
        (
            lambda a: a.update(
                {"stage_1/conv4_1/kernel": a["stage_1/conv4_1/kernel"].astype(np.int16)}
            ),
            "int16",
        ),
    ],
)
def test_every_array_is_used_and_every_variable_filled(weights, change, message):
    rewrite(weights, change)
    with pytest.raises(UsageError, match=message):
        checkpoints.load_network(weights)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"version": 2},
            "its format is cpm-weights 2, this version reads cpm-weights 1",
        ),
        ({"format": "other"}, "its format is other 1"),
        ({"config": {"networkk": 1}}, "unknown key 'networkk'"),
        ({"joints": None}, "'joints' is None; expected a list"),
        ({"threshold": None}, "'threshold' is None; expected a finite number"),
        ({"threshold": 7}, "threshold is 7, which is no confidence"),
        ({"threshold": -5.0}, "threshold is -5.0, which is no confidence"),
        ({"joints": ["nose"]}, "was trained for the joints"),
        ({"config": {"network": {"stages": 100_000}}}, "stages should be .* at most 64"),
        ({"config": {"network": {"width": 1e9}}}, "width should be .* at most 1000"),
        ({"config": {"network": {"width": 400.0}}}, "is of a network of .* parameters"),
        ({"config": {"data": {"margin": 1e300}}}, "margin should be from 0.01 to 100"),
        ({"config": {"network": {"stages": 60}}}, "is of a network of .* parameters"),
        ({"config": {"network": {"image_size": [80_000, 80_000]}}}, "at most 4096"),
    ],
)
def test_descriptions_are_checked(weights, change, message):
    def described(arrays):
        text = json.loads(arrays["description"].tobytes()) | change
        arrays["description"] = np.frombuffer(json.dumps(text).encode(), np.uint8)

    rewrite(weights, described)
    with pytest.raises(UsageError, match=message):
        checkpoints.load_network(weights)


def test_objects_are_never_unpickled(weights):
    rewrite(
        weights,
        lambda arrays: arrays.update({"stage_1/conv4_1/kernel": np.array([{}], object)}),
    )
    with pytest.raises(UsageError, match="cannot be used as weights"):
        checkpoints.load_network(weights)


def test_a_network_and_its_file_have_one_digest(weights):
    """Whatever the description says; one weight that differs is another digest."""
    network = make()
    digest = weights_file.digest(network)
    assert digest == weights_file.digest(checkpoints.load_network(weights)[0])
    write(weights, network, threshold=0.25)
    loaded = checkpoints.load_network(weights)[0]
    assert digest == weights_file.digest(loaded) and len(digest) == 64
    bias = next(variable for variable in loaded.variables if "bias" in variable.name)
    bias.assign_add(tf.one_hot(0, bias.shape[0]))
    assert digest != weights_file.digest(loaded)
