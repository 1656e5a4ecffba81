"""A folder converted before records held an `Origin` is read as ever; ids and readers agree.

old_records/ was written by the version before: nine gray people of one skeleton, all of them for
validation, with ids of every data set that there was.
"""

from pathlib import Path

import numpy as np

from cpm.config import DataConfig, NetworkConfig, TrainConfig
from cpm.data import lsp, lspet
from cpm.data.annotations import read_annotations
from cpm.data.manifest import read_manifest
from cpm.data.old_records import origin_of
from cpm.data.person import Origin
from cpm.data.pipeline import evaluation_batches
from cpm.data.records import write_records
from cpm.data.splits import SplitRule
from cpm.synthetic import make_person
from tests.helpers.small_data_sets import lsp_joints, make_people, save_leeds

OLD = Path(__file__).with_name("old_records")
ORIGINS = {
    "lsp/im0175": Origin("lsp", "im0175", 175, "im0175", "train"),
    "lspet/im00020": Origin("lspet", "im00020", 20, "im00020", "train"),
    "mpii/005808361-1": Origin("mpii", "005808361.jpg", 1, "005808361.jpg", "train"),
    "mpii/test-000000001-2": Origin("mpii", "000000001.jpg", 2, "000000001.jpg", "test"),
    "coco/validation/cats/a.jpg#-7": Origin(
        "coco", "validation/cats/a.jpg", -7, "validation/cats/a.jpg", "validation"
    ),
    "flic/a-film-00000750-2": Origin("flic", "a-film-00000750.jpg", 2, "a-film-1", "train"),
    "flic/test-b-film-00000001-1": Origin("flic", "b-film-00000001.jpg", 1, "b-film-0", "test"),
    "synthetic/validation-0-000003": Origin(
        "synthetic", "validation-0-000003", 3, "validation-0-000003", "validation"
    ),
    "mine/7": Origin("mine", "7", group="7", official_split="train"),
}
EVERYBODY = SplitRule("everybody", "All validate.", lambda _: "validation")


def test_old_folder_has_the_origins_that_its_ids_mean():
    assert read_manifest(OLD, verify=True).people("validation") == len(ORIGINS)
    found = read_annotations(OLD, "validation")
    assert dict(zip(found.ids, found.origins, strict=True)) == ORIGINS


def test_old_folder_makes_batches():
    config = TrainConfig(network=NetworkConfig(image_size=(16, 24)), data=DataConfig(batch_size=3))
    batches = list(evaluation_batches([OLD], config, split="validation"))
    ids = [id.decode() for batch in batches for id in batch["id"].numpy()]
    assert sorted(ids) == sorted(ORIGINS)
    assert all(np.isfinite(batch["joints_px"]).all() for batch in batches)


def test_new_folder_keeps_the_origins(tmp_path):
    """Also where an id would say something else, or nothing."""
    people = {person.id: person for person in make_people(4, source="own")}
    write_records(people.values(), tmp_path / "out", source="own", rule=EVERYBODY)
    found = read_annotations(tmp_path / "out", "validation")
    for id, origin in zip(found.ids, found.origins, strict=True):
        assert origin == people[id].origin != origin_of(id)


def test_leeds_origins(tmp_path):
    for digits, reader, name in ((4, lsp, "lsp"), (5, lspet, "lspet")):
        joints = np.tile(lsp_joints(1), (1, 1, 1001))
        save_leeds(tmp_path / name, joints, digits, missing=range(1, 1002))
        people = list(reader.read_people(tmp_path / name))
        assert [person.origin for person in people] == [origin_of(p.id) for p in people]
        halves = [person.origin.official_split for person in people]
        assert halves == ["train"] * 1000 + ["test" if name == "lsp" else "train"]


def test_synthetic_origin():
    person = make_person(5, 3, split="test")
    assert person.origin == origin_of(person.id)
    assert (person.origin.number, person.origin.official_split) == (3, "test")
