"""TensorFlow as the scripts start it: with oneDNN on x86, and without what they do not use."""

import os
import platform
import subprocess
import sys

import pytest

# What oneDNN alone computes on a CPU says whether it is in use.
_ASK = "import cpm.quiet_start, ops, tensorflow as tf; print(ops.library_has_groups(tf.float32))"


def run(program, environment=None):
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="oneDNN's choice is left to TensorFlow where it is not x86",
)
@pytest.mark.parametrize(("chosen", "used"), [(None, "True"), ("1", "True"), ("0", "False")])
def test_onednn_is_used_unless_it_was_turned_off(chosen, used):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if chosen is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = chosen
    assert run(_ASK, environment) == [used]


def test_libraries_without_use_are_kept_out_of_the_start_alone(tmp_path):
    """They stand in the way of no later import, also where one had been imported before."""
    for name in ("keras", "jax"):
        (tmp_path / f"{name}.py").write_text("jit = None")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    late = "import sys, cpm.quiet_start; print('keras' in sys.modules, 'jax' in sys.modules)"
    assert run(f"{late}; import keras, jax; print(keras.__file__)", environment) == [
        "False",
        "False",
        str(tmp_path / "keras.py"),
    ]
    early = "import sys, jax, cpm.quiet_start; print('keras' in sys.modules, 'jax' in sys.modules)"
    assert run(early, environment) == ["False", "True"]


def test_the_garbage_collector_leaves_imports_alone_and_works():
    program = """
import gc, weakref
import cpm.quiet_start
class Knot: pass
knot = Knot(); knot.itself = knot; seen = weakref.ref(knot); del knot
gc.collect()
print(gc.isenabled(), gc.get_freeze_count() > 100_000, seen() is None)
"""
    assert run(program) == ["True", "True", "True"]
    assert run("import gc; gc.disable(); import cpm.quiet_start; print(gc.isenabled())") == [
        "False"
    ]
