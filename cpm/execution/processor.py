"""The machine a network is computed on: a GPU or a CPU, and its memory."""

import ctypes

import tensorflow as tf

from cpm.machine import multiplies_bfloat16, usable_cores

__all__ = ["bfloat16_pays", "on_gpu", "return_freed_memory", "slow_precision", "usable_cores"]


def on_gpu() -> bool:
    """Whether TensorFlow computes on a GPU here."""
    return bool(tf.config.list_physical_devices("GPU"))


def bfloat16_pays(arch: str) -> bool:
    """Whether networks of this preset are faster in bfloat16 here; measured of `mini` on CPUs."""
    return arch == "mini" and not on_gpu() and multiplies_bfloat16() is True


def slow_precision(precision: str) -> str | None:
    """A sentence, if the chosen one of `PRECISIONS` is probably slower than float32; else None.

    On two Intel cores with AVX-512, without instructions for it, bfloat16 trained half as fast.
    """
    if precision != "bfloat16" or on_gpu() or multiplies_bfloat16() is not False:
        return None
    return "this processor has no instructions for bfloat16: --precision=float32 is probably faster"


def return_freed_memory() -> None:
    """Gives back to the system what was freed: glibc keeps it, some 100 MB after compiling.

    Where the C library has no such call, nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl and macOS; Windows
        return
    trim(ctypes.c_size_t(0))
