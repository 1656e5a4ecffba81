"""bin/eval.py and bin/predict.py on a small run: files, JSON, figures, exit statuses."""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.cli import eval as eval_command
from cpm.cli import figures, predict
from cpm import config as configuration
from cpm.checkpoints import Checkpoints, load_network, resolve
from cpm.data import pipeline
from cpm.data.decoding import decode
from cpm.data.examples import parse_example
from cpm.data.person import Origin, Person, Pose
from cpm.data.records import write_records
from cpm.data.splits import RULES
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.inference import Predictor, crop_regions
from cpm.network import ConvolutionalPoseMachine
from cpm.prediction_files import scoring
from cpm.scoring import evaluate
from cpm.scoring.options import Options
from cpm.scoring.shown_people import collect_people
from cpm.skeleton import SKELETONS
from cpm.training.optimizers import make_optimizer
from cpm.training.run_folder import RunFolder
from tests.helpers.in_process import caller, exit_status
from tests.helpers.scripts import ROOT, call
from tests.helpers.tracing import untraced

LSP = SKELETONS["lsp14"]
CONFIG = configuration.TrainConfig(
    network=configuration.NetworkConfig(
        skeleton="lsp14", stages=2, width=0.25, image_size=(48, 64)
    ),
    data=configuration.DataConfig(batch_size=4, margin=1.25),
)


@pytest.fixture(scope="module", autouse=True)
def operation_by_operation():
    """Networks that score seven people need no tracing; scripts, in their own process, trace."""
    with untraced():
        yield


def people(count, seed=0):
    """Noise images with random joints: enough to see that numbers arrive."""
    generator = np.random.default_rng(seed)
    for n in range(count):
        yield Person(
            id=f"noise/validation-{n}",
            image=generator.integers(0, 256, [80, 90, 3], np.uint8),
            skeleton=LSP,
            pose=Pose(generator.uniform(10, 70, [14, 2]), generator.choice([0, 1, 2, 2], 14)),
            head_size_px=12.0 if n % 2 else None,
            origin=Origin("noise", official_split="validation"),
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with one checkpoint of an untrained network, and its data."""
    folder = tmp_path_factory.mktemp("work")
    data, path = str(folder / "data"), str(folder / "run")
    write_records(people(7), data, source="noise", rule=RULES["development"])
    record = RunFolder(path)
    record.claim(CONFIG, Execution(), [data])
    network = ConvolutionalPoseMachine(CONFIG.network, seed=1)
    optimizer = make_optimizer(CONFIG.optimizer, network)
    Checkpoints(record.checkpoints, network, optimizer, CONFIG).save(3)
    return path


def test_maps_that_are_not_finite_are_no_score(run):
    """Of weights so large that sums overflow: bin/eval.py said 0 %. A training goes on."""
    network, config, _ = load_network(run)
    for variable in network.variables:
        variable.assign(variable * 1e20)
    folder = os.path.join(os.path.dirname(run), "data")
    with pytest.raises(UsageError, match=r"belief maps hold numbers that are not finite.*--ckpt"):
        evaluate.evaluate_folders(network, config, [folder])
    found = evaluate.evaluate_folders(network, config, [folder], strict=False)
    assert found.metrics["pck@0.2"]["total"] == 0


def stored_images(folder, split):
    """{id: `[H, W, 3]` uint8} of a data folder, in its order."""
    (part,) = pipeline.open_folders([folder], split)
    records = tf.data.TFRecordDataset(list(part.files)).as_numpy_iterator()
    people = [parse_example(record, len(part.skeleton)) for record in records]
    return {p["id"].numpy().decode(): decode(p["picture"]).numpy() for p in people}


def script(name, *arguments, cwd=ROOT):
    """Runs a script of bin/ as a user does."""
    return call(name, *arguments, cwd=cwd)


def test_evaluate_folders_options(run):
    """The truth comes back in image pixels whatever the crop."""
    network, config, _ = load_network(run)
    folder = os.path.join(os.path.dirname(run), "data")
    with pytest.raises(UsageError, match="split 'test'"):
        evaluate.evaluate_folders(network, config, [folder], Options(split="test"))
    options = Options(crop="image", flip=True)
    found = evaluate.evaluate_folders(network, config, [folder], options)
    assert found.sources == {folder: found.metrics}
    expected = {person.id: person for person in people(7)}
    assert set(found.people.ids) == set(expected) and found.people.stages == 2
    for id, truth_px, state in zip(
        found.people.ids, found.people.truth_px, found.people.state, strict=True
    ):
        np.testing.assert_array_equal(state, expected[id].pose.state)
        np.testing.assert_allclose(truth_px, expected[id].pose.joints_px, atol=1e-3)


@pytest.mark.parametrize("damage", ["a flipped bit", "a cut JPEG"])
def test_damaged_records_are_named(run, tmp_path, damage):
    """A shard that the manifest's sizes let pass: its file, the record, how to make it again."""
    network, config, _ = load_network(run)
    folder = shutil.copytree(os.path.join(os.path.dirname(run), "data"), tmp_path / "data")
    (shard,) = folder.glob("validation-*")
    if damage == "a flipped bit":
        content = bytearray(shard.read_bytes())
        content[-3000] ^= 4
        shard.write_bytes(content)
        said = "record 7 .*corrupted record"
    else:
        cut_image(shard, 3)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["splits"]["validation"]["shards"][0]["bytes"] = shard.stat().st_size
        (folder / "manifest.json").write_text(json.dumps(manifest))
        said = r"record 4 \(noise/validation-\d\) cannot be decoded"
    with pytest.raises(UsageError, match=f"{shard.name}': {said}.*bin/convert.py"):
        evaluate.evaluate_folders(network, config, [str(folder)])


def cut_image(shard, number):
    """Keeps the first bytes of one record's JPEG; the record itself stays whole."""
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(shard))]
    person = tf.train.Example.FromString(records[number])
    image = person.features.feature["picture"].bytes_list
    image.value[0] = image.value[0][:100]
    records[number] = person.SerializeToString()
    with tf.io.TFRecordWriter(str(shard)) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.slow
@pytest.mark.parametrize(
    "crop, passes, share, counted",
    [
        ("whole", 2, 0.0, "all"),
        ("whole", 3, 0.9, "none"),
        ("middle", 1, 0.9, "none"),
        ("middle", 2, 0.7, "some"),
        ("middle", 3, 0.0, "all"),
    ],
)
def test_evaluation_uses_the_regions_of_prediction(run, crop, passes, share, counted, monkeypatch):
    """Every person's image alone, through both ways by the same network: the same joints.

    A further pass counts if it has this share of the confidence before. The network is untrained,
    so the shares at which a pass over all, some or none of the people counts are its own.
    """
    monkeypatch.setattr(crop_regions, "NO_LESS_SURE", share)
    _, config, _ = load_network(run)
    folder = os.path.join(os.path.dirname(run), "data")
    options = Options(crop=crop, passes=passes, flip=True)
    predict = Predictor(run, passes=passes, flip=True, crop=crop)
    found = evaluate.evaluate_folders(predict.network, config, [folder], options)
    moved = []
    for n, (id, image) in enumerate(stored_images(folder, "validation").items()):
        assert found.people.ids[n] == id
        (person,) = predict(image, maps=True)
        # Crops are placed in float32 here and in float64 there: thousandths of a pixel, which an
        # untrained network's flat maps make hundredths of.
        np.testing.assert_allclose(
            found.people.joints_px[:, n], person.maps.stage_joints_px, atol=0.1
        )
        np.testing.assert_allclose(found.people.confidence[-1, n], person.confidence, atol=1e-3)
        side = np.hypot(*person.maps.crop_to_image[:, 0]) * 48
        windows = 90 * np.array(crop_regions.SHARES[crop])
        moved.append(np.abs(side - windows).min() > 1)
        assert side == pytest.approx(368 / found.people.crop_scale[n], rel=1e-4)
    assert counted == ("all" if all(moved) else "some" if any(moved) else "none")
    row = len(found.people) - 1
    groups = {"some": [row, 0], "none": []}
    shown = collect_people(found, groups, predict.network, config, options)
    example = shown["some"][0]
    assert shown["none"] == [] and example.id == found.people.ids[row]
    np.testing.assert_allclose(example.confidence, found.people.confidence[-1, row], atol=1e-3)


def test_a_folder_that_is_named_twice_counts_once(run):
    """With a slash behind it, everybody was scored twice."""
    network, config, _ = load_network(run)
    folder = os.path.join(os.path.dirname(run), "data")
    found = evaluate.evaluate_folders(network, config, [folder, folder + "/"])
    assert len(found.people) == 7 and list(found.sources) == [folder]


@pytest.mark.slow
def test_people_of_one_id_in_two_folders_are_told_apart(run, tmp_path):
    """As of frame_0001.png of two videos: the one's crop scale and image stood for the other's."""
    network, config, _ = load_network(run)
    folders = [os.path.join(os.path.dirname(run), "data"), str(tmp_path / "later")]
    write_records(people(7, seed=1), folders[1], source="noise", rule=RULES["development"])
    options = Options(crop="joints")
    box, *alone = (
        evaluate.evaluate_folders(network, config, named, options)
        for named in (folders, folders[:1], folders[1:])
    )
    both = evaluate.evaluate_folders(network, config, folders, Options(crop="whole"), unit=box)
    assert both.people.ids[7:] == tuple(f"{id} (2)" for id in alone[1].people.ids)
    scales = np.concatenate([each.people.crop_scale for each in alone])
    np.testing.assert_array_equal(both.people.crop_scale, scales)
    groups = {"some": [3, 10]}
    shown = collect_people(box, groups, network, config, options)["some"]
    for example, row in zip(shown, groups["some"], strict=True):
        own = {"own": [row % 7]}
        (expected,) = collect_people(alone[row // 7], own, network, config, options)["own"]
        assert example.id == both.people.ids[row]
        np.testing.assert_array_equal(example.crop, expected.crop)
        np.testing.assert_array_equal(example.truth_px, expected.truth_px)
    with pytest.raises(UsageError, match=r"the same id, 'noise/.*write a file for each data"):
        scoring.check_ids(folders, "validation")


@pytest.mark.parametrize("suffix", [".mat", ".h5", ".npz", ".json"])
def test_network_scores_the_same_through_a_file(run, tmp_path, suffix):
    """Write, read, score against the data folder: what evaluation says, PCP@25px aside."""
    network, config, _ = load_network(run)
    folder = os.path.join(os.path.dirname(run), "data")
    found = evaluate.evaluate_folders(network, config, [folder])
    path = f"{tmp_path}/p{suffix}"
    scoring.write_network_predictions(path, found.people, network.skeleton, [folder], "validation")
    truth = scoring.read_truth(folder)
    _, record = scoring.score_file(path, truth)
    expected = {k: v["total"] for k, v in found.metrics.items() if k != "pcp25"}
    totals = {name: values["total"] for name, values in record["metrics"].items()}
    assert totals == pytest.approx(expected, abs=1e-9) and len(totals) == 7


@pytest.mark.slow
def test_eval_script(run, tmp_path):
    plots, written = tmp_path / "plots", tmp_path / "p.h5"
    done = script(
        "eval.py",
        f"--ckpt={run}",
        f"--plots={plots}",
        "--pictures=3",  # the older name of --plot_people
        f"--write_predictions={written}",
    )
    assert done.returncode == 0, done.stderr
    assert written.stat().st_size > 1000 and f"wrote {written}" in done.stdout
    assert "stage 2" in done.stdout and "left_wrist" in done.stdout
    with open(os.path.join(run, "eval", "validation.json")) as file:
        record = json.load(file, parse_constant=lambda word: pytest.fail(word))
    assert set(record["metrics"]) == {
        "pcp25", "pck@0.2", "pckh@0.5", "pckh@0.1", "pck_auc", "pckh_auc", "pcp_strict",
        "pcp_average",
    }  # fmt: skip
    values = record["metrics"]["pckh@0.5"]
    assert values["people"] == 3 and len(values["per_stage"]) == 2
    assert set(values["per_joint"]) == set(LSP.joints)
    assert 0 <= values["interval"][0] <= values["total"] <= values["interval"][1] <= 100
    assert record["people"] == 7
    assert record["box"] == {"rule": "joints", "margin": CONFIG.data.margin}
    for key in ("command", "commit", "seed", "tensorflow", "numpy", "python"):
        assert key in record
    assert os.path.getsize(os.path.join(run, "eval", "validation.md")) > 500
    names = "best typical worst stages all_joints colored_beliefs pck_curves score_by_stage"
    assert sorted(os.listdir(plots)) == sorted(f"{name}.png" for name in names.split())
    for name in os.listdir(plots):
        pixels = np.asarray(Image.open(plots / name))
        assert pixels.ndim == 3 and pixels.std() > 5, name


@pytest.mark.slow
def test_predict_script(run, tmp_path):
    images, out = tmp_path / "in", tmp_path / "out"
    images.mkdir()
    generator = np.random.default_rng(1)
    noise = generator.integers(0, 256, [70, 110, 3], np.uint8)
    Image.fromarray(noise).save(images / "a.jpg")
    Image.fromarray(noise[..., 0]).save(images / "a.png")  # gray
    (images / "broken.jpg").write_bytes(b"no image")
    (images / "notes.txt").write_text("not an image either")
    done = script(
        "predict.py",
        f"--ckpt={run}",
        f"--input={images}",
        f"--out={out}",
        f"--json={out}/poses.json",
        "--heatmaps",
        "--panel",
        "--threshold=0",
        "--passes=1",
    )
    assert done.returncode == 0, done.stderr
    assert "broken.jpg" in done.stdout and "notes.txt" in done.stdout
    assert "2 images done, 2 skipped" in done.stdout
    assert sorted(os.listdir(out)) == [
        "a.png_beliefs.jpg",
        "a.png_pose.jpg",
        "a_beliefs.jpg",
        "a_pose.jpg",
        "poses.json",
    ]
    with open(out / "poses.json") as file:
        record = json.load(file)
    assert [os.path.basename(e["file"]) for e in record["images"]] == ["a.jpg", "a.png"]
    (person,) = record["images"][0]["people"]
    points = np.array(list(person["joints"].values()))[:, :2]
    low, high = points.min(0), points.max(0)
    np.testing.assert_allclose(person["box"], [*low, *(high - low + 1)], atol=1e-3)
    assert list(person["joints"]) == list(LSP.joints)
    # The whole image fills the crop's shorter side: no joint is further out than its border.
    for x, y, confidence in person["joints"].values():
        assert -20 <= x <= 130 and -40 <= y <= 110 and np.isfinite(confidence)
    assert np.asarray(Image.open(out / "a_pose.jpg")).shape[1] == 480 + 214  # with panel


@pytest.mark.slow
@pytest.mark.parametrize("figure", ["poses", "failures", "gallery", "beliefs"])
def test_figures_of_a_network(run, tmp_path, figure):
    """Figures that need a network: of its validation people, of synthetic people."""
    with open(os.path.join(run, "metrics.jsonl"), "a"):
        pass
    wanted = [f"--figure={figure}", f"--runs={run}", f"--ckpt={run}", "--count=2"]
    assert exit_status(figures, *wanted, f"--out={tmp_path}/a.png") == 0
    assert np.asarray(Image.open(tmp_path / "a.png")).std() > 5


@pytest.mark.slow
def test_exported_weights_bring_their_threshold(run, tmp_path):
    """eval.py, export_weights.py and predict.py one after the other; joints below are not drawn."""
    weights, measured = tmp_path / "w.npz", tmp_path / "e.json"
    export = ["export_weights.py", f"--ckpt={run}", f"--out={weights}"]
    record = {"checkpoint": resolve(str(run)), "reliability": {"threshold": 1e6}}
    record |= {"split": "validation", "box": {"rule": "whole", "margin": 1.1}}
    record |= {"passes": 2, "flip": True, "scales": [1.0]}
    for wrong, sentence in (
        ({"checkpoint": "runs/other"}, "is about runs/other, not about"),
        ({"split": "train"}, "is about examples of the training"),
        ({"search": {"people": "all"}}, "scores a search (--people), and a threshold is measured"),
        ({"reliability": None}, "none of its joints could be scored; leave out --evaluation"),
        ({"reliability": {}}, "is no evaluation of bin/eval.py; write it with"),
    ):
        measured.write_text(json.dumps(record | wrong))
        done = script(*export, f"--evaluation={measured}")
        assert done.returncode == 2 and sentence in done.stderr, done.stderr
    assert not weights.exists()
    measured.write_text(json.dumps(record))
    done = script(*export, f"--evaluation={measured}")
    assert done.returncode == 0, done.stderr
    assert "below a confidence of 1.00 are drawn gray" in done.stdout
    copy = f"{tmp_path}/copy.npz"  # of weights that know it already
    done = script("export_weights.py", f"--ckpt={weights}", f"--out={copy}")
    assert done.returncode == 0 and Predictor(copy).threshold == 1.0

    image = np.full([90, 70, 3], 128, np.uint8)
    Image.fromarray(image).save(tmp_path / "gray.png")
    predict = ["predict.py", f"--ckpt={weights}", f"--input={tmp_path}/gray.png"]
    drawn = []
    for name, more in (("own", []), ("all", ["--threshold=0", "--noflip"])):
        files = [f"--out={tmp_path}/{name}", f"--json={tmp_path}/{name}.json"]
        assert script(*predict, *files, *more).returncode == 0
        with open(tmp_path / f"{name}.json") as file:
            poses = json.load(file)
        assert poses["threshold"] == (0 if more else 1.0)
        assert poses["flip"] == (not more) and poses["refinement"] == "taylor"
        (image,) = poses["images"]
        assert len(image["people"]) == len(more) // 2  # nobody reaches a threshold of 1
        drawn.append(np.asarray(Image.open(tmp_path / name / "gray_pose.jpg")))
    assert (drawn[0] != drawn[1]).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("predict.py", ["--input={0}/x.jpg", "--out={0}/o"], "cannot be decoded"),
        (
            "predict.py",
            ["--input={0}", "--out={0}/o", "--belief_maps={0}/b.npz"],
            "--belief_maps is for a single image",
        ),
        (
            "predict.py",
            ["--input={0}/x.jpg", "--out={0}/o", "--belief_maps={0}/b.txt"],
            "should end in .npz",
        ),
        (
            "predict.py",
            ["--input={0}/x.jpg", "--out={0}/o", "--threshold=nan"],
            "--threshold=nan should be from 0 to 1",
        ),
        (
            "predict.py",
            ["--input={0}/x.jpg", "--out={0}/o", "--json={0}"],
            "is a folder; name a file to write",
        ),
        ("eval.py", ["--plots={0}/x.jpg"], "x.jpg is a file; name a folder"),
        ("eval.py", ["--predictions=x.mat"], "--ckpt=RUN or --predictions=FILE"),
    ],
)
def test_scripts_refuse_with_status_2(run, tmp_path, capfd, name, arguments, message):
    (tmp_path / "x.jpg").write_bytes(b"no image")
    call_script = caller({"predict.py": predict, "eval.py": eval_command}[name], capfd)
    status, _, error = call_script(f"--ckpt={run}", *[a.format(tmp_path) for a in arguments])
    assert status == 2
    assert "error: " in error and message in error
    assert "Traceback" not in error
    assert not (tmp_path / "o").exists()
