"""bin/minimal.py: short, self-contained, and the same mathematics as the package."""

import ast
import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.config import NetworkConfig, TargetConfig
from cpm.evaluation.pck import pckh
from cpm.network import ConvolutionalPoseMachine, architectures
from cpm.network.specs import Architecture, Conv, LaterStage
from cpm.skeleton import ABSENT, VISIBLE
from cpm.training import loss, targets
from tests.helpers.scripts import ROOT

PATH = ROOT / "bin" / "minimal.py"


@pytest.fixture(scope="module")
def minimal():
    spec = importlib.util.spec_from_file_location("minimal", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def people(minimal):
    """Synthetic people, some of them with a second person."""
    drawn = [minimal.make_person(0, n) for n in range(12)]
    assert any(person.others for person in drawn)
    return drawn


def test_is_short_and_needs_little():
    source = PATH.read_text()
    assert len(source.splitlines()) <= 300
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    ours = {name for name in modules if name.split(".")[0] in ("cpm", "ops")}
    assert len(ours) == 1 and ours.pop().endswith("synthetic")
    others = {name.split(".")[0] for name in modules} - {"cpm"} - set(sys.stdlib_module_names)
    assert others == {"tensorflow", "numpy"}


def test_the_page_says_how_large_it_is(minimal):
    network = minimal.PoseMachine(16, np.random.default_rng(0))
    parameters = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    page = (ROOT / "docs" / "results" / "minimal.md").read_text()
    assert f"The network has {parameters:,} parameters." in page


def package_network(minimal, joints, monkeypatch):
    """The package's network with the layers of minimal.py, and the names of these, in order."""

    def convs(name, plan):
        layers = [
            Conv(f"{name}_{k}", kernel, channels, stride=stride, norm=True)
            for k, (kernel, channels, stride) in enumerate(plan)
        ]
        return (*layers, Conv(f"{name}_maps", 1, joints, relu=False))

    plan = Architecture(
        trunk=convs("features", minimal.FEATURES)[:-1],
        first_head=convs("g_1", minimal.STAGE_1),
        second_trunk=None,
        later_stages=(LaterStage((), convs("g_2", minimal.STAGE_2)),),
        concat=("beliefs", "features"),
        maps=joints,
        stride=minimal.STRIDE,
    )
    monkeypatch.setitem(architectures.ARCHITECTURES, "mini", lambda config: plan)
    size = (minimal.SIZE, minimal.SIZE)
    network = ConvolutionalPoseMachine(
        NetworkConfig("mini", stages=2, center_map=False, image_size=size)
    )
    heads = (plan.trunk, plan.first_head, plan.later_stages[0].head)
    return network, [layer.name for head in heads for layer in head]


def copy_weights(ours, network, names, rng):
    """The weights of minimal.py into the package's network, norms made random first."""
    variables = {"/".join(v.name.split(":")[0].split("/")[-2:]): v for v in network.variables}
    layers = [*ours.features, *ours.g_1, *ours.g_2]
    for name, layer in zip(names, layers, strict=True):
        pairs = {"kernel": layer.kernel, "bias": layer.offset}
        if not layer.last:
            pairs = {
                "kernel": layer.kernel,
                "_norm/offset": layer.offset,
                "_norm/scale": layer.scale,
                "_norm/moving_mean": layer.mean,
                "_norm/moving_variance": layer.variance,
            }
        for key, variable in pairs.items():
            if key != "kernel":
                variable.assign(rng.uniform(0.5, 1.5, variable.shape))
            variables.pop(name + key if key.startswith("_") else f"{name}/{key}").assign(variable)
    assert not variables, f"never written: {sorted(variables)}"


def test_loss_is_the_packages(minimal, people, monkeypatch, seeded):
    rng = seeded(7)
    skeleton = people[0].skeleton
    ours = minimal.PoseMachine(len(skeleton), rng)
    network, names = package_network(minimal, len(skeleton), monkeypatch)
    copy_weights(ours, network, names, rng)
    crops, joints, _ = map(np.stack, zip(*map(minimal.cut_out, people), strict=True))
    images, joints = minimal.random_batch(crops, joints, skeleton.mirror, rng)
    there = np.abs(joints[..., 0]) < 0.5 * abs(minimal.NOBODY)
    batch = {
        "image": images,
        "joints_px": joints,
        "state": np.where(there, VISIBLE, ABSENT),
        "valid": np.ones(len(images), np.float32),
    }
    assert not there.all() and there[:, 0].all()

    ideal = minimal.ideal_maps(joints)
    config = TargetConfig(sigma_px=minimal.SIGMA, cutoff=0.0, foreground_weight=minimal.PEAK_WEIGHT)
    expected = targets.make_targets(batch, config, stride=minimal.STRIDE, background=False)
    # Maps are in [0, 1]; an exponential and a product are each right to about 1e-7.
    np.testing.assert_allclose(ideal[0], expected.first, atol=1e-6)
    np.testing.assert_allclose(ideal[1], expected.later, atol=1e-6)

    center_px = np.zeros([len(images), 2], np.float32)
    for training in (
        False,
        True,
    ):  # by moving averages, which both set in training, then by the batch
        beliefs = ours(images, training=training)
        packages = network(images, center_px, training=training)
        # Each of eleven layers adds up to 3,920 float32 products, in the same library, but its
        # norm is computed by other operations: 6e-8 · sqrt(3,920) · 11 = 4e-5 of the values.
        for b_t, b_package in zip(beliefs, packages, strict=True):
            np.testing.assert_allclose(b_t, b_package, rtol=1e-4, atol=1e-4)
        losses = minimal.stage_losses(beliefs, ideal)
        packages_losses = loss.stage_losses(packages, expected, config.foreground_weight)
        np.testing.assert_allclose(losses, packages_losses, rtol=1e-4)
    moved = {v.name.split("/")[-2]: v for v in network.variables if "moving_mean" in v.name}
    np.testing.assert_allclose(ours.features[0].mean, moved["features_0_norm"], rtol=1e-4)


def test_a_crop_shows_what_the_image_shows(minimal, people):
    """An image whose red is its x and green its y says where each pixel of the crop comes from."""
    for person in people[:4]:
        height, width = person.image.shape[:2]
        y, x = np.mgrid[:height, :width]
        image = np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)
        crop, joints, head_size = minimal.cut_out(dataclasses.replace(person, image=image))
        scale = person.head_size_px / head_size
        for joint_px, (x, y) in zip(joints[0], person.pose.joints_px, strict=True):
            column, row = np.rint(joint_px).astype(int)
            if 1 < x < width - 2 and 1 < y < height - 2:
                moved = scale * (np.array([column, row]) - joint_px)
                # Gray levels are whole numbers: half a pixel of the image.
                np.testing.assert_allclose(crop[row, column, :2] - moved, [x, y], atol=0.51)


def test_joints_are_found_where_their_maps_peak(minimal, seeded):
    rng = seeded(3)
    joints = rng.uniform(12, minimal.SIZE - 13, [5, 2, 16, 2]).astype(np.float32)
    _, maps = minimal.ideal_maps(joints)
    # The logarithm of a Gaussian is a parabola: exact but for float32's digits of a logarithm.
    np.testing.assert_allclose(minimal.find_joints(maps.numpy()), joints[:, 0], atol=1e-3)


def test_score_is_the_packages(minimal, people, seeded):
    rng = seeded(4)
    skeleton = people[0].skeleton
    truth = np.stack([person.pose.joints_px for person in people])
    found = truth + rng.normal(0, 8, truth.shape)
    sizes = np.array([person.head_size_px for person in people])
    state = np.full(truth.shape[:2], VISIBLE)
    chosen = [name not in ("pelvis", "thorax") for name in skeleton.joints]
    expected = pckh(found, truth, state, sizes, skeleton).total
    assert 20 < expected < 80
    assert minimal.score(found, truth, sizes, chosen) == pytest.approx(expected)


@pytest.mark.slow
def test_runs_from_end_to_end(tmp_path):
    arguments = ["--steps=3", "--people=6", "--tested=2", f"--out={tmp_path}/a.png"]
    done = subprocess.run(
        [sys.executable, PATH, *arguments], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "step 3 of 3: loss" in done.stdout
    lines = done.stdout.splitlines()
    scores = [line.split()[2:] for line in lines if line.startswith("stage ")]
    assert [len(row) for row in scores] == [9, 9]
    assert all(0 <= float(score) <= 100 for row in scores for score in row)
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    assert pixels.shape == (2 * 196, 5 * 196, 3) and pixels.std() > 20


@pytest.mark.parametrize(
    "argument, message",
    [
        ("--steps=0", "at least 1"),
        ("--seed=-1", "--seed at least 0"),
        ("--people=many", "invalid int value: 'many'"),
        ("--out=a.txt", "a .png or .jpg file"),
        ("--out=nowhere/a.png", "a folder that exists"),
        ("--stages=3", "unrecognized arguments"),
    ],
)
def test_refuses(minimal, monkeypatch, capsys, argument, message):
    monkeypatch.setattr(sys, "argv", ["minimal.py", argument])
    with pytest.raises(SystemExit) as stopped:
        minimal.main()
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said.startswith("error: ") and message in said and said.count("\n") == 1


def test_refuses_a_folder_as_its_figure(minimal, monkeypatch, capsys, tmp_path):
    (tmp_path / "a.png").mkdir()
    monkeypatch.setattr(sys, "argv", ["minimal.py", f"--out={tmp_path}/a.png"])
    with pytest.raises(SystemExit, match="2"):
        minimal.parse_arguments()
    assert "should be a .png or .jpg file" in capsys.readouterr().err


def test_learns(minimal, people, capsys):
    """A few steps on a few people: the loss of both stages falls."""
    rng = np.random.default_rng(0)
    tf.random.set_seed(0)
    skeleton = people[0].skeleton
    crops, joints, _ = map(np.stack, zip(*map(minimal.cut_out, people), strict=True))
    network = minimal.PoseMachine(len(skeleton), rng)
    images = crops[:, minimal.SHIFT : -minimal.SHIFT, minimal.SHIFT : -minimal.SHIFT]
    ideal = minimal.ideal_maps(joints - np.float32(minimal.SHIFT))
    before = minimal.stage_losses(network(images, training=True), ideal)
    minimal.train(network, crops, joints, skeleton.mirror, 15, rng)
    after = minimal.stage_losses(network(images, training=True), ideal)
    assert "step 15 of 15" in capsys.readouterr().out
    assert all(float(b) < 0.9 * float(a) for a, b in zip(before, after, strict=True))
