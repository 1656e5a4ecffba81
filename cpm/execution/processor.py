"""The machine a network is computed on: a GPU or a CPU, its cores, its memory."""

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


def return_freed_memory():
    """Gives back to the system what was freed: glibc keeps it, some 100 MB after compiling.

    Where the C library has no such call, nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl and macOS; Windows
        return
    trim(ctypes.c_size_t(0))
