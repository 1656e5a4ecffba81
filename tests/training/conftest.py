"""What tests of whole runs share: ten people of noise, whose batches are made once."""

import numpy as np
import pytest

from cpm.data import pipeline, records, splits
from cpm.data.person import Origin, Person, Pose
from cpm.skeleton import get_skeleton
from tests.helpers.noise_training import CONFIG, HONEST
from tests.helpers.tracing import untraced


@pytest.fixture(scope="module")
def operation_by_operation():
    """No function of a module's tests is traced unless a test says so."""
    with untraced():
        yield


@pytest.fixture(scope="module")
def batches_made_once():
    """Every run of the same people gets the same batches, which are made once.

    A run's first batches are cut off at its step; `own_batches` makes them anew there.
    """
    made = {}

    def training_batches(data, config, *, start_step=0, part=(0, 1), cache_bytes=0):
        assert cache_bytes == 0
        key = repr((data, config.data, config.network, config.seed, part))
        if key not in made:
            made[key] = list(HONEST["training_batches"](data, config, part=part).take(CONFIG.steps))
        return [dict(batch) for batch in made[key][start_step:]]

    def evaluation_batches(data, config, **options):
        key = repr((data, config.data, config.network, options))
        if key not in made:
            made[key] = list(HONEST["evaluation_batches"](data, config, **options))
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "training_batches", training_batches)
        patch.setattr(pipeline, "evaluation_batches", evaluation_batches)
        yield


@pytest.fixture
def own_batches(monkeypatch):
    """Every run reads, augments and batches its people, from the step where it begins."""
    for name, function in HONEST.items():
        monkeypatch.setattr(pipeline, name, function)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Ten people to train on and five to validate, as noise with joints."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    skeleton = get_skeleton("lsp14")

    def person(split, number):
        image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        pose = Pose(rng.uniform([5, 5], [60, 40], (14, 2)), rng.integers(1, 3, 14))
        origin = Origin("noise", f"{split}-{number}", number, official_split=split)
        return Person(f"noise/{split}-{number}", image, skeleton, pose, origin=origin)

    people = [person("train", n) for n in range(10)]
    people += [person("validation", n) for n in range(5)]
    rule = splits.RULES["development"]
    records.write_records(people, str(folder / "noise"), source="noise", rule=rule)
    return [str(folder / "noise")]
