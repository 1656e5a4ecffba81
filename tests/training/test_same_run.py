"""Data that a run began with; tests/training/test_loop.py: what a resumed run may change."""

import pytest

from cpm.errors import UsageError
from cpm.training.same_run import check_data


def test_check_data_raises():
    then = [{"folder": "a", "splits": {"train": {"people": 3, "sha256": "1"}}}]
    moved = [then[0] | {"folder": "b"}]
    check_data("run", then, moved)
    other = [{"folder": "a", "splits": {"train": {"people": 4, "sha256": "2"}}}]
    with pytest.raises(UsageError, match=r"people then: train 3; now: train 4"):
        check_data("run", then, other)
    with pytest.raises(UsageError, match="from 1 data folders, but this command names 2"):
        check_data("run", then, then + other)
