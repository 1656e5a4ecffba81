"""Checkpoints: everything comes back, and nothing is ever silently forgotten."""

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cpm import checkpoints
from cpm.checkpoints import saving, thresholds
from cpm.config import NetworkConfig, OptimizerConfig, TrainConfig
from cpm.errors import RunStopped, UsageError
from cpm.network import ConvolutionalPoseMachine
from cpm.training import optimizers
from cpm.training.ema import ExponentialMovingAverage
from tests.helpers.permissions import forbid
from tests.helpers.small_runs import write_run

CONFIG = TrainConfig(
    network=NetworkConfig(stages=2, width=0.1, skeleton="lsp14", image_size=(16, 24))
)


def make(folder, seed=0, config=CONFIG, **options):
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    optimizer = optimizers.make_optimizer(config.optimizer, network)
    return checkpoints.Checkpoints(str(folder), network, optimizer, config, **options), (
        network,
        optimizer,
    )


def values(modules):
    return [v.numpy() for module in modules for v in module.variables]


@pytest.mark.parametrize("rule", ["adam", "muon", "sgd"])
def test_save_restore_round_trip(tmp_path, rule):
    config = dataclasses.replace(CONFIG, optimizer=OptimizerConfig(optimizer=rule))
    saved, modules = make(tmp_path, seed=1, config=config)
    network, optimizer = modules
    optimizer.apply([tf.ones_like(v) for v in network.trainable_variables], 0.1)
    saved.save(7)
    restored, others = make(tmp_path, seed=2, config=config)
    assert any((a != b).any() for a, b in zip(values(modules), values(others), strict=True))
    assert restored.restore() == 7
    for a, b in zip(values(modules), values(others), strict=True):
        np.testing.assert_array_equal(a, b)


def test_restore_nothing_saved(tmp_path):
    assert make(tmp_path)[0].restore() == 0


def flip(path, at):
    """Turns one bit of a file round."""
    content = bytearray(path.read_bytes())
    content[at] ^= 8
    path.write_bytes(content)


DATA = "step-0000007.data-00000-of-00001"
INDEX = "step-0000007.index"
DAMAGES = {
    "bit of data": lambda folder: flip(folder / DATA, 1000),
    "bit of index": lambda folder: flip(folder / INDEX, 900),
    "data cut": lambda folder: os.truncate(folder / DATA, 500),
    "data empty": lambda folder: os.truncate(folder / DATA, 0),
    "index empty": lambda folder: os.truncate(folder / INDEX, 0),
    "data missing": lambda folder: os.remove(folder / DATA),
    "index missing": lambda folder: os.remove(folder / INDEX),
    "a folder": lambda folder: (os.remove(folder / DATA), os.mkdir(folder / DATA)),
    "data a pipe": lambda folder: (os.remove(folder / DATA), os.mkfifo(folder / DATA)),
    "index a device": lambda folder: (
        os.remove(folder / INDEX),
        os.symlink("/dev/zero", folder / INDEX),
    ),
}


@pytest.fixture(scope="module")
def two_saves(tmp_path_factory):
    """Checkpoints of steps 5 and 7, the former the better one."""
    folder = tmp_path_factory.mktemp("saves")
    saved, _ = make(folder)
    saved.save(5, score=3.0)
    saved.save(7, score=2.0)
    return folder


@pytest.fixture
def run(tmp_path, two_saves):
    """A copy of them to be damaged."""
    return Path(shutil.copytree(two_saves, tmp_path / "run"))


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "of an earlier version"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(run, damage, sealed):
    """Never a wrong value, never step 0; without the one before a sentence about damage."""
    if not sealed:
        for step in (5, 7):
            os.remove(run / f"step-000000{step}.seal.json")
    DAMAGES[damage](run)
    search = checkpoints.require_whole(str(run))
    assert search.prefix.endswith("step-0000005") and list(search.skipped) == ["step-0000007"]
    assert checkpoints.resolve(str(run)).endswith("step-0000005")
    with pytest.raises(UsageError, match=r"step-0000007.*(not whole|incomplete)"):
        checkpoints.resolve(str(run / "step-0000007"))
    os.truncate(run / "step-0000005.data-00000-of-00001", 100)
    with pytest.raises(UsageError, match=r"no checkpoint in .* is whole .*--restart") as caught:
        checkpoints.require_whole(str(run))
    assert "flags" not in str(caught.value)
    # Where it is evaluated or started from, nothing is to be trained again in its place.
    with pytest.raises(UsageError, match=r"is whole .*copy, or name other weights") as caught:
        checkpoints.resolve(str(run))
    assert "--restart" not in str(caught.value)


SEAL = "step-0000007.seal.json"
SEALS = {
    "missing": os.remove,
    "empty": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.truncate(path, 100),
    "a list": lambda path: path.write_text("[]"),
    "of other types": lambda path: path.write_text('{"step": "7", "score": [], "files": 3}'),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe"),
    "a folder": lambda path: (os.remove(path), os.mkdir(path)),
    "a pipe": lambda path: (os.remove(path), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", SEALS.values(), ids=SEALS)
def test_a_damaged_seal_costs_no_step(run, damage):
    """The checkpoint is read to its end instead, and damage of it is noticed all the same."""
    damage(run / SEAL)
    search = checkpoints.require_whole(str(run))
    assert search.prefix == str(run / "step-0000007") and not search.skipped
    flip(run / DATA, 1000)
    assert checkpoints.require_whole(str(run)).prefix == str(run / "step-0000005")


def test_a_flipped_bit_of_a_seal_costs_no_step(run):
    """Wherever it is: a seal keeps a checksum of itself."""
    content = (run / SEAL).read_bytes()
    for at in range(0, len(content), 7):
        (run / SEAL).write_bytes(content)
        flip(run / SEAL, at)
        assert checkpoints.find_whole(str(run)).prefix == str(run / "step-0000007"), at


def test_seals_of_earlier_versions_are_taken(run):
    """They have no checksum."""
    record = json.loads((run / SEAL).read_text())
    assert len(record.pop("checksum")) == 64
    (run / SEAL).write_text(json.dumps(record))
    assert checkpoints.find_whole(str(run)).prefix == str(run / "step-0000007")
    flip(run / DATA, 1000)
    assert "its checksum" in checkpoints.find_whole(str(run)).skipped["step-0000007"]


def test_a_checkpoint_without_permission_is_not_called_damaged(tmp_path, monkeypatch):
    path, _ = write_run(tmp_path / "run", "data")
    prefix = os.path.join(path, "checkpoints", "step-0000004")
    forbid(monkeypatch, f"{prefix}.index")
    for ckpt in (path, prefix):
        with pytest.raises(UsageError, match=r"step-0000004\.index may not be read"):
            checkpoints.resolve(ckpt)


def test_restore_goes_back_to_the_whole_one(tmp_path):
    saved, (network, optimizer) = make(tmp_path)
    saved.save(5)
    good = values([network])
    optimizer.apply([tf.ones_like(v) for v in network.trainable_variables], 0.1)
    saved.save(7)
    flip(tmp_path / DATA, 1000)
    assert saved.restore() == 5
    for a, b in zip(good, values([network]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_that_went_back_forgets_the_later_ones(tmp_path):
    saved, _ = make(tmp_path)
    for step in (5, 7):
        saved.save(step, score=float(step))
    os.truncate(tmp_path / DATA, 9)
    assert saved.restore() == 5
    saved.save(6, score=5.5)
    listed = checkpoints.read_list(str(tmp_path))
    assert listed["all"] == ["step-0000005", "step-0000006"]
    assert listed["best"] == {"name": "step-0000006", "score": 5.5}
    assert not (tmp_path / DATA).exists()


LISTS = {
    "missing": None,
    "empty": "",
    "cut": "{",
    "an empty object": "{}",
    "an empty list": "[]",
    "a number": "5",
    "other types": '{"latest": 5, "best": 7, "all": 3}',
    "nothing": '{"latest": null, "best": null, "all": []}',
    "nowhere": '{"latest": "step-0009999", "best": null, "all": ["step-0009999"]}',
    "outside": '{"latest": "../step-0000005", "best": null, "all": ["../step-0000005"]}',
    "best outside": '{"latest": "step-0000007", "best": {"name": "/etc/passwd", "score": 1}, '
    '"all": ["step-0000007"]}',
    "no UTF-8": b"\xff\xfe",
    "deep": "[" * 100_000,
    "other checksum": '{"latest": "step-0000005", "best": null, "all": ["step-0000005"], '
    '"checksum": "00"}',
}


class Killed(BaseException):
    """Ends a save in the middle; nothing after it happens on the disk."""


DYING = {"at": None, "folder": None, "seen": 0}
OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}


def _die(event, arguments):
    """An audit hook: from the n-th file operation in a folder on, none succeeds."""
    if DYING["at"] is None or event not in OPERATIONS:
        return
    if any(str(DYING["folder"]) in str(path) for path in arguments[:2]):
        DYING["seen"] += 1
        if DYING["seen"] > DYING["at"]:
            raise Killed


def test_a_save_may_be_cut_at_every_file_operation(tmp_path, two_saves):
    """Afterwards the checkpoint before or the new one is whole, and the next save succeeds."""
    sys.addaudithook(_die)
    saved, _ = make(tmp_path / "run", keep=1)
    found, cuts = set(), 0
    while True:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(two_saves, tmp_path / "run")
        DYING.update(at=cuts, folder=tmp_path / "run", seen=0)
        try:
            saved.save(9)
            break
        except Killed:
            cuts += 1
        finally:
            DYING["at"] = None
        prefix = checkpoints.require_whole(str(tmp_path / "run")).prefix
        found.add(os.path.basename(prefix))
        saved.save(11)
        search = checkpoints.require_whole(str(tmp_path / "run"))
        assert search.prefix.endswith("step-0000011") and search.note is None
    assert cuts > 10 and found == {"step-0000007", "step-0000009"}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_the_folder_is_looked_through_where_the_list_fails(run, two_saves, content):
    shutil.copytree(two_saves, run.parent, dirs_exist_ok=True)  # what a list may not lead to
    path = run / checkpoints.LIST_NAME
    if content is None:
        os.remove(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert checkpoints.require_whole(str(run)).prefix == str(run / "step-0000007")
    listed = checkpoints.read_list(str(run))
    if "9999" not in str(content):  # that list is one of ours; its files are gone
        assert listed["best"] == {"name": "step-0000005", "score": 3.0}


def test_list_and_indexes_gone_is_no_new_run(run):
    for name in (checkpoints.LIST_NAME, INDEX, "step-0000005.index"):
        os.remove(run / name)
    with pytest.raises(UsageError, match=r"no checkpoint in .* is whole.*step-0000007.index"):
        checkpoints.require_whole(str(run))


def test_a_first_save_that_was_cut_short_is_a_new_run(tmp_path):
    """What a kill leaves: a list that names nothing and some of the files."""
    saved, _ = make(tmp_path)
    checkpoints.begin(str(tmp_path))
    saved._checkpoint.write(str(tmp_path / "step-0000007"))
    os.truncate(tmp_path / INDEX, 100)
    assert saved.restore() == 0
    saved.save(7)
    assert saved.restore() == 7


def test_a_save_that_fails_keeps_the_one_before(tmp_path, monkeypatch):
    saved, _ = make(tmp_path)
    saved.save(5)
    before = sorted(os.listdir(tmp_path))

    def full(self, prefix):
        (tmp_path / DATA).write_bytes(b"half")
        text = f"{{{{function_node __SaveV2}}}} {prefix}_temp; No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, text)

    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    with pytest.raises(
        RunStopped, match=r"step-0000007 cannot be saved: No space left on device; .*-0000005"
    ):
        saved.save(7)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("module", ["seals", "listing"])
def test_a_limit_of_file_sizes_in_a_save_keeps_the_one_before(tmp_path, monkeypatch, module):
    """Met by the seal, or by the list; they are far smaller than the files that come first."""
    resource = pytest.importorskip("resource")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    saved, _ = make(tmp_path)
    saved.save(5)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    place, name = {"seals": (saving.seals, "write_seal"), "listing": (saving, "write_list")}[module]
    honest = getattr(place, name)

    def limited(*arguments):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
        try:
            honest(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    with monkeypatch.context() as patch:
        patch.setattr(place, name, limited)
        with pytest.raises(
            RunStopped, match=r"cannot be saved: File too large; .*-0000005, is kept"
        ):
            saved.save(7)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    saved.save(7)
    assert checkpoints.require_whole(str(tmp_path)).prefix.endswith("step-0000007")


NAMES = ["a [b]*?\\", "new\nline ü 骨", "ends.npz", """it's "quoted" `$HOME` $(x); & | # %s {0}"""]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_folders_may_be_anything(tmp_path, name):
    """TensorFlow takes some of these for patterns where it reads."""
    folder = tmp_path / name / "checkpoints"
    saved, (network, _) = make(folder)
    saved.save(7)
    assert saved.restore() == 7
    loaded, _, description = checkpoints.load_network(str(tmp_path / name))
    assert description["prefix"] == str(folder / "step-0000007")
    for a, b in zip(values([network]), values([loaded]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_restore_refuses_another_network(tmp_path):
    make(tmp_path)[0].save(7)
    other = TrainConfig(network=NetworkConfig(stages=3, width=0.1, skeleton="lsp14"))
    with pytest.raises(UsageError, match="does not fit this network"):
        make(tmp_path, config=other)[0].restore()


def test_save_keeps_the_latest_and_the_best(tmp_path):
    saved, _ = make(tmp_path, keep=2)
    for step, score in [(1, 10.0), (2, 30.0), (3, None), (4, 20.0), (5, 25.0)]:
        saved.save(step, score)
    listed = checkpoints.read_list(str(tmp_path))
    assert listed["latest"] == "step-0000005"
    assert listed["best"] == {"name": "step-0000002", "score": 30.0}
    on_disk = {f.split(".")[0] for f in os.listdir(tmp_path) if f.startswith("step-")}
    assert on_disk == {"step-0000002", "step-0000004", "step-0000005"}
    assert checkpoints.resolve(str(tmp_path)).endswith("step-0000002")


def test_threshold_stays_with_its_checkpoint(tmp_path):
    saved, _ = make(tmp_path, keep=2)
    saved.save(1, 30.0)
    saved.save(2)
    assert "threshold" not in checkpoints.load_network(str(tmp_path))[2]
    checkpoints.record_threshold(str(tmp_path / "step-0000001"), 0.25)
    assert checkpoints.load_network(str(tmp_path))[2]["threshold"] == 0.25
    assert "threshold" not in checkpoints.load_network(str(tmp_path / "step-0000002"))[2]
    saved.save(3)
    assert checkpoints.load_network(str(tmp_path))[2]["threshold"] == 0.25  # still the best
    saved.save(1, 30.0)  # trained anew: measured of other weights
    assert "threshold" not in checkpoints.load_network(str(tmp_path))[2]


@pytest.mark.parametrize("measured, noted", [(1.07, 1.0), (-0.01, 0.0)])
def test_a_threshold_of_maps_that_overshoot_is_a_confidence(run, measured, noted):
    prefix = str(run / "step-0000007")
    checkpoints.record_threshold(prefix, measured)
    assert thresholds.threshold_of(prefix) == noted


THRESHOLDS = {
    "missing": os.remove,
    "empty": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.truncate(path, 12),
    "a bit flipped": lambda path: flip(path, path.read_bytes().index(b"0.25") + 3),
    "a list": lambda path: path.write_text("[0.25]"),
    "a text": lambda path: path.write_text('{"threshold": "0.25"}'),
    "above 1": lambda path: path.write_text('{"threshold": 7}'),
    "NaN": lambda path: path.write_text('{"threshold": NaN}'),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe"),
    "a folder": lambda path: (os.remove(path), os.mkdir(path)),
    "a pipe": lambda path: (os.remove(path), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", THRESHOLDS.values(), ids=THRESHOLDS)
def test_a_damaged_threshold_counts_as_none(run, damage, caplog):
    """Said, unless it is only missing."""
    prefix = str(run / "step-0000007")
    checkpoints.record_threshold(prefix, 0.25)
    damage(run / "step-0000007.threshold.json")
    assert thresholds.threshold_of(prefix) is None
    assert ("is damaged" in caplog.text) == (damage is not os.remove)


def test_a_threshold_of_an_earlier_version_is_taken(run):
    """It has no checksum."""
    (run / "step-0000007.threshold.json").write_text('{"threshold": 0.5}')
    assert thresholds.threshold_of(str(run / "step-0000007")) == 0.5


def test_save_again_after_a_resume_lists_a_step_once(tmp_path):
    saved, _ = make(tmp_path)
    saved.save(3)
    saved.save(3)
    assert checkpoints.read_list(str(tmp_path))["all"] == ["step-0000003"]


def test_load_network(tmp_path):
    saved, (network, _) = make(tmp_path / "checkpoints", seed=3)
    saved.save(9)
    for ckpt in (
        tmp_path,
        tmp_path / "checkpoints",
        tmp_path / "checkpoints" / "step-0000009",
        tmp_path / "checkpoints" / "step-0000009.index",
    ):
        loaded, config, description = checkpoints.load_network(str(ckpt))
        assert config == CONFIG
        assert description["joints"][0] == "right_ankle"
        images = tf.random.stateless_uniform([2, 16, 24, 3], [1, 2], maxval=255.0)
        center = tf.zeros([2, 2])
        for a, b in zip(network(images, center), loaded(images, center), strict=True):
            np.testing.assert_array_equal(a, b)


def test_load_network_takes_the_average(tmp_path):
    network = ConvolutionalPoseMachine(CONFIG.network, seed=3)
    average = ExponentialMovingAverage(ConvolutionalPoseMachine(CONFIG.network, seed=4), 0.9)
    checkpoints.Checkpoints(str(tmp_path), network, None, CONFIG, average=average).save(9)
    loaded, _, _ = checkpoints.load_network(str(tmp_path))
    for a, b in zip(values([average.network]), values([loaded]), strict=True):
        np.testing.assert_array_equal(a, b)
    # As trained; batch norm's fresh statistics are alike, so kernels tell them apart.
    kernels = zip(network.kernels.values(), loaded.kernels.values(), strict=True)
    assert all((a.numpy() != b.numpy()).any() for a, b in kernels)


def test_restore_refuses_a_run_without_average(tmp_path):
    """A run that goes on with an average cannot begin it in the middle."""
    make(tmp_path)[0].save(7)
    network = ConvolutionalPoseMachine(CONFIG.network)
    average = ExponentialMovingAverage(network, 0.9)
    optimizer = optimizers.make_optimizer(CONFIG.optimizer, network)
    again = checkpoints.Checkpoints(str(tmp_path), network, optimizer, CONFIG, average=average)
    with pytest.raises(UsageError, match="does not fit this network"):
        again.restore()


def test_load_network_raises(tmp_path):
    with pytest.raises(UsageError, match="holds no checkpoint; train one with"):
        checkpoints.load_network(str(tmp_path))
    with pytest.raises(UsageError, match=r"missing or incomplete.*found|in its folder"):
        checkpoints.load_network(str(tmp_path / "step-1"))
    foreign = tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "foreign"))
    with pytest.raises(UsageError, match="not a checkpoint of this project"):
        checkpoints.load_network(foreign)
    (tmp_path / "broken.index").write_bytes(b"nonsense")
    (tmp_path / "broken.data-00000-of-00001").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match=r"broken is not whole: it is damaged"):
        checkpoints.load_network(str(tmp_path / "broken"))


def test_load_network_refuses_renamed_joints(tmp_path, monkeypatch):
    saved, _ = make(tmp_path)
    honest = checkpoints.describe

    def lie(config, network):
        description = honest(config, network)
        return description | {"joints": description["joints"][::-1]}

    monkeypatch.setattr(saving, "describe", lie)
    saved.save(1)
    with pytest.raises(UsageError, match="was trained for the joints"):
        checkpoints.load_network(str(tmp_path))


def test_list_is_plain_json(tmp_path):
    make(tmp_path)[0].save(1, score=2.5)
    with open(tmp_path / checkpoints.LIST_NAME) as file:
        assert json.load(file)["best"]["score"] == 2.5
