"""Files of results: read back by the standard library, and beside what COCO and OpenPose say."""

import csv
import errno
import json
import resource

import numpy as np
import pytest

from cpm.errors import UsageError
from cpm.inference import writers
from cpm.inference.person_pose import PersonPose
from cpm.inference.results import ImagePose
from cpm.skeleton import SKELETONS, own_skeleton
from tests.helpers.animals import AP10K

COCO, LSP = SKELETONS["coco17"], SKELETONS["lsp14"]


def result(skeleton=LSP, people=1, **fields):
    """People whose joint p of person n lies at (10 p + n, 5 p), the first one not found."""
    found = []
    for n in range(people):
        p = np.arange(len(skeleton), dtype=np.float64)
        joints_px = np.stack([10 * p + n, 5 * p], 1)
        joints_px[0] = np.nan
        confidence = p / len(skeleton)
        found.append(PersonPose(skeleton, joints_px, confidence, (1.0, 2.0, 3.0, 4.0)))
    return ImagePose(tuple(found), (60, 80), skeleton, **({"file": "in/000042.jpg"} | fields))


def written(kind, path, *results):
    with kind(path) as writer:
        for one in results:
            writer.write(one)


def test_json_file_reads_back(tmp_path):
    path = str(tmp_path / "new" / "a.json")
    with writers.JsonWriter(path) as writer:
        writer.write(result())
        writer.write(result(people=0))
        writer.finish({"threshold": 0.5})
    with open(path) as file:
        record = json.load(file)
    assert record == {"images": [result().to_dict(), result(people=0).to_dict()], "threshold": 0.5}
    written(writers.JsonWriter, path)
    with open(path) as file:
        assert json.load(file) == {"images": []}


def test_json_file_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), writers.JsonWriter(str(path)) as writer:
        writer.write(result())
        raise KeyboardInterrupt
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_json_lines_and_csv_keep_what_a_run_had(tmp_path):
    lines, rows = tmp_path / "a.jsonl", tmp_path / "a.csv"
    with (
        writers.JsonLinesWriter(str(lines)) as first,
        writers.CsvWriter(str(rows)) as second,
    ):
        for writer in (first, second):
            writer.write(result(people=2, frame=3, time=0.125))
        # Not closed yet: this is what is there after a kill.
        assert json.loads(lines.read_text()) == result(people=2, frame=3, time=0.125).to_dict()
        with open(rows, newline="") as file:
            read = list(csv.DictReader(file))
    assert len(read) == 28 and set(read[0]) == set(writers.COLUMNS)
    assert read[0]["x"] == "" and read[0]["confidence"] == "0.0"  # not found
    assert read[15] == {
        "file": "in/000042.jpg", "frame": "3", "time": "0.125", "person": "2",
        "joint": "right_knee", "x": "11.0", "y": "5.0", "confidence": "0.0714286",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [".jsonl", ".csv", ".json"])
def test_where_no_byte_fits_any_more_the_last_line_is_whole(tmp_path, kind):
    """A number of CSV that is cut short is another number, and the error named no file."""
    path, limits = tmp_path / f"a{kind}", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught, writers.WRITERS[kind](path) as writer:
            for _ in range(100):
                writer.write(result(people=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    text = path.read_text() if kind != ".json" else ""
    if kind == ".jsonl":
        assert all(json.loads(line) == result(people=2).to_dict() for line in text.splitlines())
    if kind == ".csv":
        assert (len(text.splitlines()) - 1) % 28 == 0
    assert text.endswith("\n") if text else not path.exists()


def test_all_files_agree_on_joints_and_times(tmp_path):
    """On which joints were found, where, and how surely; OpenPose's skeleton is another one."""
    found = result(COCO, people=2, frame=3, time=5.04 - 5)  # 0.040000000000000036
    path = str(tmp_path / "a.csv")
    written(writers.CsvWriter, path, found)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    record, coco = found.to_dict(), found.to_coco()
    openpose, frame = found.to_openpose()["people"], found.to_dataframe()
    assert record["time"] == frame["time"][0] == 0.04 and {row["time"] for row in rows} == {"0.04"}
    for n, row in enumerate(rows):
        person, p = divmod(n, len(COCO))
        triple = record["people"][person]["joints"][row["joint"]]
        of_csv = [float(row[key]) if row[key] else None for key in ("x", "y", "confidence")]
        assert of_csv == (triple or [None, None, 0.0])  # not found
        assert (row["person"], row["frame"]) == (str(person + 1), "3")
        of_coco = coco[person]["keypoints"][3 * p : 3 * p + 3]
        place = 3 * writers.BODY_25.index(row["joint"])
        of_openpose = openpose[person]["pose_keypoints_2d"][place : place + 3]
        assert of_coco == of_openpose == (triple or [0, 0, 0])


def test_coco_results_refuse_two_images_of_one_number(tmp_path):
    """Images of one name, and pages of a file that the annotations know by one number."""
    for ids, others in (
        (None, [{"file": "a/1.jpg"}, {"file": "b/1.jpg"}]),
        (lambda file: 7, [{"file": "a.tif", "frame": 0}, {"file": "a.tif", "frame": 1}]),
    ):
        path = tmp_path / "found.json"
        with (
            pytest.raises(UsageError, match="are both"),
            writers.CocoWriter(str(path), ids) as writer,
        ):
            for fields in others:
                writer.write(result(COCO, **fields))
        assert not path.exists()
    with writers.CocoWriter(str(path)) as writer:
        for fields in others:
            writer.write(result(COCO, **fields))
    assert [entry["image_id"] for entry in json.loads(path.read_text())] == ["a_0001", "a_0002"]


def test_people_of_an_image_count_from_one_as_in_drawings():
    numbers = [row[3] for row in writers.joint_rows(result(people=2))]
    assert numbers == [1] * 14 + [2] * 14


def test_coco_results(tmp_path):
    first, second = result(COCO, people=2).to_coco()
    assert first["image_id"] == 42 and first["category_id"] == 1
    assert first["keypoints"][:6] == [0.0, 0.0, 0.0, 10.0, 5.0, 0.0588235]
    assert len(second["keypoints"]) == 51 and second["bbox"] == [1.0, 2.0, 3.0, 4.0]
    assert first["score"] == pytest.approx(8 / 17, abs=1e-6)
    assert result(COCO, file="in/cat.jpg").to_coco()[0]["image_id"] == "cat"
    with pytest.raises(UsageError, match="image_id"):
        result(file=None).to_coco()
    path = str(tmp_path / "a.json")
    with writers.CocoWriter(path, lambda file: 7, category=3) as writer:
        writer.write(result(people=2))
        writer.write(result(people=0))
    with open(path) as file:
        found = [(entry["image_id"], entry["category_id"]) for entry in json.load(file)]
    assert found == [(7, 3), (7, 3)]


def test_an_image_id_of_numpy_is_a_number_of_json():
    assert json.loads(json.dumps(result().to_coco(np.int64(7))))[0]["image_id"] == 7
    assert result().to_coco(0)[0]["image_id"] == 0 and result().to_coco("a")[0]["image_id"] == "a"


def test_pycocotools_reads_the_results(tmp_path):
    """The oracle: COCO's own code takes the file and finds the person where it is."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    one = result(COCO)
    keypoints = np.column_stack([np.nan_to_num(one[0].joints_px), np.full(17, 2)])
    keypoints[0] = 0
    truth = {
        "images": [{"id": 42, "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.joints)}],
        "annotations": [
            {"id": 1, "image_id": 42, "category_id": 1, "iscrowd": 0, "area": 12.0}
            | {"bbox": [1, 2, 3, 4], "num_keypoints": 16, "keypoints": keypoints.ravel().tolist()}
        ],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    written(writers.CocoWriter, str(tmp_path / "found.json"), one)
    known = coco.COCO(str(tmp_path / "truth.json"))
    scored = evaluation.COCOeval(known, known.loadRes(str(tmp_path / "found.json")), "keypoints")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] == pytest.approx(1.0)


def test_openpose_writes_body_25(tmp_path):
    one = result(COCO)
    record = one.to_openpose()
    (person,) = record["people"]
    triples = np.reshape(person["pose_keypoints_2d"], [25, 3])
    order = writers.BODY_25
    assert triples[order.index("right_wrist")].tolist() == pytest.approx(
        one[0]["right_wrist"], rel=1e-5
    )
    left, right = (np.array(one[0][f"{side}_shoulder"]) for side in ("left", "right"))
    expected = [*(left + right)[:2] / 2, min(left[2], right[2])]
    assert triples[order.index("neck")].tolist() == pytest.approx(expected, rel=1e-5)
    assert not triples[order.index("left_heel")].any() and not triples[order.index("nose")].any()
    assert person["person_id"] == [-1] and person["face_keypoints_2d"] == []
    with writers.OpenPoseWriter(str(tmp_path)) as writer:
        for file in ("in/a.jpg", "in/a.png", "in/b.jpg"):
            writer.write(result(COCO, file=file))
        writer.write(result(COCO, file="walk.mp4", frame=12))
    names = ["a.png_keypoints.json", "a_keypoints.json", "b_keypoints.json"]
    names.append("walk_000000000012_keypoints.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_a_name_that_is_no_utf_8_is_an_escape(kind, tmp_path):
    """An old archive of Windows: `Müller.jpg` in Latin-1."""
    path = tmp_path / f"a.{kind}"
    written(writers.WRITERS[f".{kind}"], str(path), result(file="in/M\udcfcller.jpg"))
    assert "in/M\\udcfcller.jpg" in path.read_text(encoding="utf-8")


def test_openpose_names_each_image_once_and_within_the_file_system(tmp_path):
    files = ["in/a.jpg", "in/a.png", "other/a.png", f"in/{250 * 'n'}.jpg", f"in/{250 * 'n'}.png"]
    with writers.OpenPoseWriter(str(tmp_path)) as writer:
        for file in files:
            writer.write(result(file=file))
        writer.write(result(file="in/a.mp4", frame=7))
        writer.write(result(file="in/a.avi", frame=7))
    end = "_keypoints.json"
    expected = {f"{name}{end}" for name in ("a", "a.png", "a_2", 240 * "n", 238 * "n" + "_4")}
    expected |= {f"a_000000000007{end}", f"a.avi_000000000007{end}"}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_openpose_keeps_the_order_of_other_skeletons():
    cat = own_skeleton(["nose", "tail"])
    (person,) = result(cat).to_openpose()["people"]
    assert person["pose_keypoints_2d"] == [0.0, 0.0, 0.0, 10.0, 5.0, 0.5]
    (dog,) = result(AP10K).to_openpose()["people"]
    triples = np.reshape(dog["pose_keypoints_2d"], [17, 3])
    paw = AP10K.index("left_front_paw")
    assert triples[paw].tolist() == pytest.approx(result(AP10K)[0]["left_front_paw"], rel=1e-5)


@pytest.mark.parametrize("name", SKELETONS)
def test_openpose_writes_people_as_body_25(name):
    assert writers.openpose_order(SKELETONS[name]) == writers.BODY_25
