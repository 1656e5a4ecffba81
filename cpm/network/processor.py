"""What the network is computed on: a GPU or a CPU, its cores, the threads of one operation, memory.

Asked while tracing, so that nothing computed depends on it but how: results stay the same up to
rounding.
"""

import ctypes
import os

import tensorflow as tf


def on_gpu():
    """Whether TensorFlow computes on a GPU here."""
    return bool(tf.config.list_physical_devices("GPU"))


def usable_cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of_operation():
    """Among how many threads TensorFlow shares out one operation on the CPU."""
    return tf.config.threading.get_intra_op_parallelism_threads() or usable_cores()


def operations_at_once():
    """How many operations TensorFlow runs at the same time on the CPU, if they can be."""
    return tf.config.threading.get_inter_op_parallelism_threads() or usable_cores()


def return_freed_memory():
    """Gives back to the system what was freed: glibc keeps it, some 100 MB after compiling.

    Where the C library has no such call, nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl and macOS; Windows
        return
    trim(ctypes.c_size_t(0))
