"""The page of a run on disk, and the headline of own data: what prediction without a box finds."""

import dataclasses

import numpy as np
import pytest

from cpm import checkpoints
from cpm.inference import Predictor
from cpm.scoring import evaluate, run_page
from cpm.scoring.options import Options
from cpm.scoring.shown_people import shown_people
from cpm.scoring.validating import validation
from tests.helpers.small_runs import CONFIG, write_data, write_run
from tests.helpers.tracing import untraced


@pytest.fixture(scope="module", autouse=True)
def operation_by_operation():
    """Networks that score five people need no tracing."""
    with untraced():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("own") / "photos")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "cats", data)[0]


@pytest.fixture(scope="module")
def scored(run, data):
    network, config, _ = checkpoints.load_network(run)
    return network, config, evaluate.evaluate_as_used(network, config, [data])


@pytest.mark.slow
def test_own_data_is_scored_as_it_is_predicted(run, scored):
    """No box, two passes, mirrored; the true box beside, in whose pixels both are measured."""
    network, config, (result, options, box) = scored
    assert (options.crop, options.passes, options.flip) == ("middle", 2, True)
    np.testing.assert_array_equal(result.people.crop_scale, box.people.crop_scale)
    assert result.people.ids == box.people.ids
    own = evaluate.evaluate_folders(network, config, list(result.sources), options)
    np.testing.assert_array_equal(own.people.joints_px, result.people.joints_px)
    assert (own.people.crop_scale != box.people.crop_scale).all()
    assert Predictor(run).settings() == {
        "flip": True, "scales": [1.0], "refinement": "taylor", "precision": "float32",
        "passes": None, "crop": None,
    }  # fmt: skip


@pytest.mark.slow
def test_published_data_is_scored_in_its_boxes(scored, tmp_path):
    network, config, _ = scored
    folder = write_data(tmp_path / "lsp", source="lsp")
    result, options, box = evaluate.evaluate_as_used(network, config, [folder])
    assert box is None and options == Options()
    expected = evaluate.evaluate_folders(network, config, [folder])
    np.testing.assert_array_equal(result.people.joints_px, expected.people.joints_px)


@pytest.mark.slow
def test_page_at_the_end_has_people_and_maps(run, scored):
    network, config, (result, options, box) = scored
    people = shown_people(result, network, config, options)
    path = run_page.write_run_page(run, 4, result, box=box, people=people)
    with open(path, encoding="utf-8") as file:
        source = file.read()
    assert "without a box" in source and "With the true box" in source
    assert "coco/validation-0: " in source and "of 4 joints are right; " in source
    assert "What each stage believes" in source and "Crops after augmentation" in source
    assert source.count("<img") == 2 + 1 + 3 * 4 + 1 + 1
    assert "Changed from the recipe own" in source and "<td>network.width</td>" in source


@pytest.mark.slow
def test_page_at_an_evaluation_never_stops_a_training(run, data, tmp_path, caplog):
    network, config, _ = checkpoints.load_network(run)
    found = validation(config, [data])(network)
    assert found.box_totals.keys() == found.totals.keys() and "with it pck_box@0.1" in found.text
    run_page.show(run, 2, found)
    with open(f"{run}/report.html", encoding="utf-8") as file:
        assert "Step 2 of 4" in file.read()

    def broken():
        raise RuntimeError("no such glyph")

    run_page.show(run, 3, dataclasses.replace(found, draw=broken))
    assert "no such glyph" in caplog.text
    run_page.show(str(tmp_path / "gone"), 3, found)
    assert "is not a run folder" in caplog.text


def test_settings_are_compared_with_the_recipe_that_was_usual(data, tmp_path):
    """Runs of earlier versions do not name it."""
    old, _ = write_run(tmp_path / "old", data, recipe=None)
    page = run_page.gathered(old, 4, None)
    name, usual = page.recipe
    assert name == "own" and usual["data.augment.scale"] == page.settings["data.augment.scale"]
    assert page.people == {data: {"train": 6, "validation": 5}}
    gone = dataclasses.replace(CONFIG, steps=5)
    moved, _ = write_run(tmp_path / "moved", str(tmp_path / "nowhere"), config=gone, recipe=None)
    page = run_page.gathered(moved, 4, None)
    assert page.recipe[0] == "mini" and page.people == {} and page.augmentation is None
