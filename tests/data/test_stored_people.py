"""People read back from the records that were made of them."""

import numpy as np
import pytest

from cpm.data.person import Person, Pose
from cpm.data.records import write_records
from cpm.data.splits import RULES
from cpm.data.stored_people import read_people
from cpm.errors import UsageError
from cpm.skeleton import SKELETONS
from tests.helpers.small_data_sets import LSP14, MPII16, make_people, smooth_image


def write(folder, people):
    write_records(people, str(folder), source="made", rule=RULES["official"])
    return str(folder)


def test_people_come_back(tmp_path):
    made = list(make_people(5))
    pose = Pose(made[0].pose.joints_px + 1, np.full(14, 1))
    made.append(
        Person(
            "made/more",
            smooth_image(50, 60),
            LSP14,
            pose,
            (made[1].pose,),
            (20.0, 30.0),
            0.5,
            9.0,
        )
    )
    found = {person.id: person for person in read_people([write(tmp_path / "a", made)], "train")}
    assert set(found) == {person.id for person in made}
    for person in made:
        got = found[person.id]
        assert got.skeleton == SKELETONS["lsp14"]
        np.testing.assert_allclose(got.pose.joints_px, person.pose.joints_px, atol=1e-5)
        np.testing.assert_array_equal(got.pose.state, person.pose.state)
        # Smooth images as JPEG of quality 95: a few gray levels.
        assert np.abs(got.image.astype(int) - person.image).mean() < 3
        assert len(got.others) == len(person.others)
        assert got.center_px == person.center_px
        assert (got.scale, got.head_size_px) == (person.scale, person.head_size_px)


def test_read_people_raises(tmp_path):
    one = write(tmp_path / "one", make_people(3))
    other = write(tmp_path / "other", make_people(3, MPII16, source="others"))
    with pytest.raises(UsageError, match=r"other has the joints of mpii16, .*one those of lsp14"):
        read_people([one, other], "train")
    with pytest.raises(UsageError, match="nobody is in the split 'test'"):
        read_people([one], "test")
    with pytest.raises(UsageError, match="name each folder once"):
        read_people([one, one], "train")
