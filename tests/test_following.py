"""The measurement of followed people: a walk that is easy is followed, and the table says so."""

import pytest

from tests import following


def test_two_people_who_do_not_meet_are_followed(capsys):
    flags = ["--ckpt=stand-in", "--people=2", "--frames=12", "--rate=12", "--seeds=1,4"]
    rows = following.main(flags)
    for visible, followed, right, searches, crops, passed_on, numbers, _ in rows:
        assert (visible, followed, right) == pytest.approx((2, 2, 2), abs=0.2)
        assert (searches, passed_on, numbers) == (2, 0, 2)
        assert 2 * 11 <= crops <= 2 * 15
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].startswith("| 1 ") and lines[-1].startswith("| mean ")
