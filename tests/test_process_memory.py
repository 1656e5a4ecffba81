"""The peak of this process, as the system counts it."""

import numpy as np
import pytest

from cpm.process_memory import peak_mb

pytestmark = pytest.mark.slow


def test_peak_sees_an_array():
    before = peak_mb()
    size = int(before) + 300  # MB: more than ever was resident, even if all of it is free now
    assert np.ones(size * 10**6, np.uint8).any()
    assert peak_mb() >= size
