"""bin/import_weights.py as a user runs it: table, a checkpoint for the other scripts, sentences."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from cpm import checkpoints
from cpm import config as configuration
from cpm.errors import UsageError
from cpm.network import ConvolutionalPoseMachine
from cpm.training.optimizers import make_optimizer
from tests.helpers import caffe_files
from tests.helpers.scripts import ROOT, check_sentence, run

pytestmark = pytest.mark.slow

SMALL = ["--arch=vgg", "--width=0.125", "--image_size=48x64"]


def save(folder, stages=2):
    """A small released network as a file."""
    rows = caffe_files.network("vgg", width=0.125, stages=stages)
    weights = caffe_files.random_weights(rows, np.random.default_rng(2))
    path = folder / "pose_iter_1.caffemodel"
    path.write_bytes(caffe_files.caffemodel(weights))
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(run folder, what was printed) of an import."""
    folder = tmp_path_factory.mktemp("import")
    status, text, error = run(
        "import_weights.py", *SMALL, f"--src={save(folder)}", f"--out={folder / 'run'}"
    )
    assert status == 0, error
    return folder / "run", text


def test_table_and_record(done):
    path, text = done
    lines = text.splitlines()
    assert lines[0].split() == "layer in the file here bias".split()
    assert lines[1].split() == "conv1_1 8×3×3×3 3×3×3×8 8 BGR → RGB".split()
    assert "24 layers imported, 0 fresh: vgg, 2 stages, lsp14" in text
    assert f"next: python bin/predict.py --ckpt={path}" in text
    with open(path / "import.json") as file:
        record = json.load(file)
    assert len(record["layers"]) == 24 and len(record["sha256"]) == 64
    assert record["layers"][-1]["layer"] == "Mconv7_stage2" and "commit" in record


def test_predict_takes_it(done, tmp_path):
    path, _ = done
    noise = np.random.default_rng(0).integers(0, 256, [60, 80, 3], np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    status, _, error = run(
        "predict.py",
        f"--ckpt={path}",
        f"--input={tmp_path / 'a.png'}",
        f"--out={tmp_path / 'out'}",
        f"--belief_maps={tmp_path / 'maps.npz'}",
    )
    assert status == 0, error
    with np.load(tmp_path / "maps.npz") as maps:
        assert maps["stage_2"].shape == (6, 8, 15)
        assert list(maps["maps"])[12:] == ["neck", "head_top", "background"]


def test_training_takes_it(done):
    """--init_from uses every variable; a run cannot go on in the import's own folder."""
    path, _ = done
    network, config, _ = checkpoints.load_network(str(path))
    other = ConvolutionalPoseMachine(config.network, seed=9)
    checkpoints.read_network_variables(other, checkpoints.resolve(str(path)))
    for a, b in zip(network.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    optimizer = make_optimizer(configuration.OptimizerConfig(), other)
    again = checkpoints.Checkpoints(str(path / "checkpoints"), other, optimizer, config)
    with pytest.raises(UsageError, match="does not fit this network"):
        again.restore()


@pytest.mark.thorough
def test_train_and_eval_take_it(done, tmp_path):
    path, _ = done
    data = tmp_path / "data"
    people = ["--dataset=synthetic", "--count=8", "--held_out=4", f"--out={data}"]
    assert run("convert.py", *people)[0] == 0
    status, text, error = run("eval.py", f"--ckpt={path}", f"--data={data}")
    assert status == 0, error
    flags = ["--skeleton=lsp14", "--stages=2", "--steps=2", "--batch_size=2"]
    status, text, error = run(
        "train.py",
        "--recipe=release",
        *SMALL,
        *flags,
        f"--data={data}",
        f"--init_from={path}",
        f"--run_dir={tmp_path / 'tuned'}",
    )
    assert status == 0, error
    assert f"weights   {path}: trunk and stages 1 to 2; the maps of all joints" in text


class TestBadUse:
    def test_file(self, tmp_path):
        path, out = tmp_path / "pose_deploy.prototxt", tmp_path / "run"
        path.write_text('name: "vgg"\nlayer { name: "conv1_1" }\n')
        status, _, error = run("import_weights.py", *SMALL, f"--src={path}", f"--out={out}")
        check_sentence(status, error, str(path), "prototxt", "beside it")
        assert not out.exists()

    def test_stages_that_the_file_has_not(self, tmp_path):
        path, out = save(tmp_path), tmp_path / "run"
        flags = [*SMALL, "--stages=3", f"--src={path}", f"--out={out}"]
        status, _, error = run("import_weights.py", *flags)
        check_sentence(status, error, "missing 'Mconv1_stage3'", "--stages")
        assert not os.path.exists(out)


def test_help_starts_with_an_example():
    text = (ROOT / "bin" / "import_weights.py").read_text()
    assert "    python bin/import_weights.py --" in text.split('"""')[1]
