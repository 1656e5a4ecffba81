"""What a conversion warns of: too few people, positions that cannot be pixels of these images."""

import numpy as np
import pytest

from cpm.data import position_checks
from cpm.data.person import Person, Pose
from cpm.data.report import Report, table
from cpm.skeleton import SKELETONS, own_skeleton

SKELETON = own_skeleton(["a", "b"])


def pose(*points, state=(2, 2)):
    return Pose(np.array(points, float), np.array(state))


def report_of(poses, size=(400, 600), train=30, validation=30):
    """The notes of a report on people with these poses."""
    report = Report()
    for n, one in enumerate(poses):
        report.add("train", Person(f"p{n}", "x.jpg", SKELETON, one), size)
    report.splits["train"]["people"] = train
    report.splits["validation"]["people"] = validation
    report.finish("coco")
    return report.notes


def test_nothing_to_say():
    assert report_of([pose((100, 200), (300, 310))]) == []


@pytest.mark.parametrize(
    "train, validation, words",
    [
        (30, 19, ["19 objects to validate on: a score of so few is chance"]),
        (30, 1, ["1 object to validate on"]),
        (30, 0, ["0 objects to validate on: a training needs some"]),
        (15, 20, ["15 objects to train on, fewer than in a usual batch"]),
        (0, 12, ["nothing to train on: all are of the split validation"]),
    ],
)
def test_small_data_sets(train, validation, words):
    notes = report_of([pose((100, 200), (300, 310))], train=train, validation=validation)
    assert all(any(word in note for note in notes) for word in words)
    assert len(notes) == (1 if words else 0)


@pytest.mark.parametrize("size, said", [((400, 600), True), ((400, 500), False)])
def test_all_in_one_quarter(size, said):
    """As positions of images that were enlarged afterwards."""
    notes = report_of([pose((120, 20), (290, 199))] * 6, size=size)
    assert any("beyond the middle of its image" in note for note in notes) == said


def test_rare_joints():
    few = [pose((100, 200), (300, 310))] + [pose((100, 200), (0, 0), state=(2, 0))] * 5
    words = "warning: b (1): annotated in so few of 6 objects; is a name misspelt?"
    assert words in report_of(few)
    assert not any("misspelt" in note for note in report_of(few[:5]))  # chance
    assert any("b: never annotated" in note for note in report_of(few[1:]))


def test_joints_close_together():
    (note,) = report_of([pose((100, 200), (106, 203))])
    assert "1 object whose joints lie within 10 px, and no box" in note


def test_percent_of_the_image():
    (note,) = report_of([pose((10, 20), (90, 99.5))])
    assert "no joint lies beyond 100 px, in images of 600 px" in note
    assert report_of([pose((10, 20), (90, 99.5))], size=(100, 150)) == []


def test_many_outside():
    (note,) = report_of([pose((100, 200), (700, 310))])
    assert "1 of 2 joints lie outside" in note


def positions(*poses):
    report = Report()
    position_checks.note_positions(report, [(f"p{n}", p) for n, p in enumerate(poses)])
    return report.notes


def test_parts_of_the_image():
    (note,) = positions(pose((0.2, 0.3), (0.5, 1.0)), pose((5, 5), (8, 9)))
    assert "1 person with all joints between 0 and 1" in note and note.endswith(": p0")


def test_joints_at_the_corner():
    hidden = pose((0, 0), (3, 4), state=(1, 2))
    (note,) = positions(pose((0, 0), (8, 9)), hidden, pose((0, 0), (8, 9), state=(0, 2)))
    assert "2 people with a joint at (0, 0)" in note and note.endswith(": p0, p1")
    assert positions(pose((0, 5), (8, 0))) == []


PEOPLE = SKELETONS["lsp14"]
CATS = own_skeleton([joint.replace("shoulder", "ear") for joint in PEOPLE.joints])


@pytest.mark.parametrize(
    "skeleton, words, others",
    [(PEOPLE, ("person", "people"), ("object",)), (CATS, ("object",), ("person", "people"))],
)
def test_warnings_name_what_is_converted(skeleton, words, others):
    """All that count: joints close together, boxes, turned images, places, copies, few of them."""
    report = Report(joints=skeleton.joints)
    near, state = np.full([14, 2], 3.0), np.full(14, 2)
    spread = near + np.arange(14)[:, np.newaxis] * 30
    corner = near * (np.arange(14) > 0)[:, np.newaxis]
    for n, points in enumerate([near, near + 1, corner, *[spread] * 5]):
        bbox = (200.0, 100.0, 140.0, 220.0) if n > 5 else None
        person = Person(f"p{n}", "x.jpg", skeleton, Pose(points, state), bbox=bbox)
        report.add("train", person, (800, 900))
        report.turned.append(f"p{n}")
    position_checks.note_positions(
        report, [("p", Pose(near / 9, state)), ("q", Pose(corner, state))]
    )
    both = [(name, Pose(spread, state)) for name in "ab"]
    position_checks.note_nearly_twice(report, [both])
    crowd = ("c", Pose(spread, np.zeros(14, int)))
    position_checks.note_company(report, [both, [*both, crowd], [both[0], crowd], []])
    assert f"2 of 4 images show several {words[-1]}" in report.notes[-1]
    report.finish("coco")
    counted = [note for note in report.notes if any(word in note for word in words)]
    assert len(counted) >= 8
    assert not any(other in note for other in others for note in report.notes)


def test_the_table_says_what_was_converted():
    report = Report()
    report.splits["train"].update(people=7, visible=9)
    header, row = table(report.to_json(), "objects").splitlines()[:2]
    assert header.split()[:3] == ["split", "objects", "visible"] and row.split()[1] == "7"
