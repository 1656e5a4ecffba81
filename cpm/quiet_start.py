"""TensorFlow, imported with oneDNN, without its chatter and without Keras. Import this before it.

What starts a process does so: cpm/cli/ for the scripts, cpm/benchmark/ours.py for its workers.
"""

import contextlib
import glob
import os
import platform
import sys
import tempfile
from collections.abc import Iterator

# oneDNN, the library with the faster convolutions, is in every TensorFlow for x86. On Linux it is
# used unasked only on processors with instructions for networks (VNNI, AMX: DefaultOneDnnPolicy in
# TensorFlow's core/util/port.cc), though it needs none of them: on others a step of training then
# takes 0.6 of the time (docs/decisions/0068). Who set the variable has decided.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@contextlib.contextmanager
def _silent_start() -> Iterator[None]:
    """Keeps what TensorFlow's libraries print on start-up off the screen, unless it fails.

    They write to the file descriptor before any log level applies: seven lines about instruction
    sets and GPUs that a machine without one does not have. Where there is a GPU they are shown,
    because they say why it is not used.
    """
    if glob.glob("/dev/nvidia*"):
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except BaseException:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _imported_alone() -> Iterator[None]:
    """Lets TensorFlow believe that Keras is not installed, while it is imported.

    It would import all of it, and with it Matplotlib and whatever else is there to draw figures
    with: a second and 60 to 95 MB, for nothing that is used here. Later imports find it as ever.
    """
    kept_out = {"keras": None}
    if not kept_out.keys() & sys.modules.keys():
        sys.modules |= kept_out  # type: ignore[arg-type]  # None is documented: not to be found
    try:
        yield
    finally:
        for name in kept_out:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


with _silent_start(), _imported_alone():
    import tensorflow as tf

    tf.config.list_physical_devices()  # the rest of the chatter comes with the devices
