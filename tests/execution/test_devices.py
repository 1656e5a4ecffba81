"""One device, two logical devices of a CPU and two processes take the same steps.

Each way runs in processes of its own (tests/helpers/steps_on_devices.py), all cases one after the
other. `pytest -s` prints the table of docs/benchmarks/many_devices.md.
"""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from cpm.errors import RunStopped, UsageError
from cpm.execution import Execution
from cpm.execution.cluster import EXAMPLE, Cluster, read_cluster
from cpm.execution.devices import Devices, connect, require_equal_parts
from tests.helpers.hosts import finish, hosts
from tests.helpers.scripts import ROOT
from tests.helpers.steps_on_devices import CASES

STEPS = "tests.helpers.steps_on_devices"
WAYS = ("two devices", "two hosts")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """{way: {case/what: numbers}}; of two hosts a list, the chief's first."""
    folder = tmp_path_factory.mktemp("steps")

    def alone(distribute):
        path = folder / f"{distribute}.npz"
        command = [sys.executable, "-m", STEPS, distribute, path, *CASES]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stderr
        return dict(np.load(path))

    together = [folder / f"host{n}.npz" for n in range(2)]
    of_host = {"of_host": lambda host: (together[host], *CASES)}
    with hosts(2, "-m", STEPS, "multiworker", **of_host) as running:
        for status, _, errors in finish(running, 400):
            assert status == 0, errors
    return {
        "one device": alone("none"),
        "two devices": alone("mirrored"),
        "two hosts": dict(np.load(together[0])),
        "the other host": dict(np.load(together[1])),
    }


def off(found, expected):
    """The norm of the difference of two vectors, relative to what the steps changed."""
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)
