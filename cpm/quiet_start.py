"""TensorFlow, imported with oneDNN, quickly and without its chatter. Import this before it.

What starts a process does so: cpm/cli/ for the scripts, cpm/benchmark/ours.py for its workers.
"""

import contextlib
import gc
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
    """Lets TensorFlow believe that Keras and JAX are not installed, while it is imported.

    It would import all of Keras, and with it Matplotlib and whatever else is there to draw figures
    with: a second and 60 to 95 MB, for nothing that is used here. JAX, of which only the converter
    from JAX to LiteRT has use, takes half a second. Later imports find both as ever.
    """
    missing = {"keras": None, "jax": None}  # None is documented: not to be found
    kept_out = missing.keys() - sys.modules.keys()
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in kept_out:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the garbage collector off what is imported, then and for as long as the process lives.

    An import makes 400,000 objects that stay, and the collector visits all of them again and
    again: on the way in, whenever it runs later, and once more when the process ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


with _uncollected(), _silent_start(), _imported_alone():
    import tensorflow as tf

    tf.config.list_physical_devices()  # the rest of the chatter comes with the devices
