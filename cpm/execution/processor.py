"""The machine a network is computed on: a GPU or a CPU, and its memory."""

import ctypes

import tensorflow as tf

from cpm.machine import usable_cores

__all__ = ["on_gpu", "return_freed_memory", "usable_cores"]


def on_gpu() -> bool:
    """Whether TensorFlow computes on a GPU here."""
    return bool(tf.config.list_physical_devices("GPU"))


def return_freed_memory() -> None:
    """Gives back to the system what was freed: glibc keeps it, some 100 MB after compiling.

    Where the C library has no such call, nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl and macOS; Windows
        return
    trim(ctypes.c_size_t(0))
