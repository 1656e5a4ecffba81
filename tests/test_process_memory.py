"""The peak of this process, as the system counts it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cpm.process_memory import peak_mb

pytestmark = pytest.mark.slow


def test_peak_sees_an_array():
    before = peak_mb()
    size = int(before) + 300  # MB: more than ever was resident, even if all of it is free now
    assert np.ones(size * 10**6, np.uint8).any()
    assert peak_mb() >= size


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_peak_of_a_process_that_has_ended_is_not_this_one_s():
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it is still listed
    assert peak_mb(ended.pid) == 0
    ended.wait()
    assert peak_mb(ended.pid) == 0
