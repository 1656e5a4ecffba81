"""What the process is told of its machine, and what it gives back to it."""

import ctypes
import os
import sys

import pytest

from cpm.execution import processor


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="the C library has no malloc_trim: it is glibc's",
)
def test_return_freed_memory():
    # 200 MB in blocks that `malloc` takes from its heap, and one above them that stays.
    blocks = [os.urandom(1) * 100_000 for _ in range(2000)]
    above = os.urandom(1) * 100_000
    del blocks
    before = resident_bytes()
    processor.return_freed_memory()
    assert before - resident_bytes() > 150e6
    assert len(above) == 100_000


def test_return_freed_memory_elsewhere(monkeypatch):
    """musl and macOS have no such function, Windows no such library."""
    for library in (object(), None):

        def load(name, library=library):
            if library is None:
                raise TypeError("bad argument type")
            return library

        monkeypatch.setattr(ctypes, "CDLL", load)
        processor.return_freed_memory()


@pytest.mark.parametrize(
    "arch, has, gpu, pays",
    [
        ("mini", True, False, True),
        ("paper", True, False, False),
        ("mini", False, False, False),
        ("mini", None, False, False),
        ("mini", True, True, False),
    ],
)
def test_bfloat16_pays_where_it_was_measured(arch, has, gpu, pays, monkeypatch):
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: has)
    monkeypatch.setattr(processor, "on_gpu", lambda: gpu)
    assert processor.bfloat16_pays(arch) is pays


@pytest.mark.parametrize(
    "precision, has, gpu, slow",
    [
        ("bfloat16", False, False, True),
        ("bfloat16", True, False, False),
        ("bfloat16", None, False, False),
        ("bfloat16", False, True, False),
        ("float32", False, False, False),
    ],
)
def test_slow_precision_is_said_where_it_is_known(precision, has, gpu, slow, monkeypatch):
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: has)
    monkeypatch.setattr(processor, "on_gpu", lambda: gpu)
    assert bool(processor.slow_precision(precision)) is slow
