"""TensorFlow as the scripts start it: with oneDNN on x86, unless the user turned it off."""

import os
import platform
import subprocess
import sys

import pytest

if platform.machine() not in ("x86_64", "AMD64"):
    pytest.skip(
        "oneDNN's choice is left to TensorFlow where it is not x86", allow_module_level=True
    )

# What oneDNN alone computes on a CPU says whether it is in use.
_ASK = "import cpm.quiet_start, ops, tensorflow as tf; print(ops.library_has_groups(tf.float32))"


@pytest.mark.parametrize(("chosen", "used"), [(None, "True"), ("1", "True"), ("0", "False")])
def test_onednn_is_used_unless_it_was_turned_off(chosen, used):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if chosen is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = chosen
    done = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [used]
