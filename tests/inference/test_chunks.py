"""Chunks in threads: order, errors in their place, and no more read or kept than needed."""

import itertools
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cpm.inference.chunks import in_threads, submitted
from tests.helpers.scripts import ROOT

SIZES = (1, 1, 2, 4)


def doubled(chunk):
    return [2 * n for n in chunk], None


@pytest.mark.parametrize("count", [0, 1, 3, 8, 30])
def test_results_are_in_order(count):
    sizes = []

    def work(chunk):
        sizes.append(len(chunk))
        return doubled(chunk)

    results = list(in_threads(work, range(count), sizes=SIZES, threads=3))
    assert results == [2 * n for n in range(count)]
    expected = [len(c) for c in itertools.takewhile(bool, chunks(count))]
    assert sorted(sizes) == sorted(expected)  # threads may begin in any order


def chunks(count):
    """Chunks of `range(count)`, by hand; empty ones at the end."""
    rest = list(range(count))
    for size in itertools.chain(SIZES, itertools.repeat(SIZES[-1])):
        yield rest[:size]
        rest = rest[size:]


def test_an_endless_source_is_read_a_few_chunks_ahead():
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield len(taken)

    results = in_threads(doubled, endless(), sizes=SIZES, threads=2)
    for _ in range(3):
        next(results)
    results.close()
    # The first three are of chunks of 1, 1 and 2; two more chunks of 4 wait.
    assert len(taken) == 4 + 2 * 4


def test_an_error_of_the_source_comes_after_the_results_before_it():
    """Also of those that were read ahead, in full and half chunks."""
    for count in (0, 1, 2, 6, 7):

        def source(count=count):
            yield from range(count)
            raise ConnectionError("the camera")

        results, got = in_threads(doubled, source(), sizes=SIZES, threads=2), []
        with pytest.raises(ConnectionError, match="the camera"):
            got.extend(results)
        with pytest.raises(StopIteration):
            next(results)
        results = in_threads(doubled, source(), sizes=SIZES, threads=2)
        assert [next(results) for _ in range(count)] == [2 * n for n in range(count)]


def test_an_error_comes_after_the_results_before_it():
    def work(chunk):
        good = [n for n in chunk if n < 3]
        return good, ValueError("three") if len(good) < len(chunk) else None

    results = in_threads(work, range(9), sizes=SIZES, threads=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_may_be_closed_by_one_of_its_workers():
    """As the garbage collector does after an error of whoever asked for the results."""
    first_came, closed, errors = threading.Event(), threading.Event(), []

    def work(chunk):
        if chunk == [1]:
            first_came.wait(60)
            try:
                results.close()
            except BaseException as error:
                errors.append(error)
            closed.set()
        return chunk, None

    results = in_threads(work, range(2), sizes=SIZES, threads=2)
    assert next(results) == 0
    first_came.set()
    assert closed.wait(60) and errors == []


def test_threads_of_a_program_go_on_after_its_last_line():
    """Python closes all pools there; predictions go on without, as threads and at the exit."""
    program = """
import atexit, threading, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from cpm.config import DecodingConfig
from cpm.geometry import CropRegion
from cpm.inference.chunks import in_threads
from cpm.inference.one_pass import OnePass
from tests.helpers.blob_networks import BlobFinder
from tests.inference.test_one_pass import FakeReader

one_pass = OnePass(BlobFinder(), FakeReader(), 0.0, 2)
ten = [np.full([30, 40, 3], 100, np.uint8)] * 10, [CropRegion((20, 15), 12.0)] * 10
one_pass(*ten, DecodingConfig())

def work(name):
    _, confidence = one_pass(*ten, DecodingConfig())
    chunks = in_threads(lambda chunk: (chunk, None), range(9), sizes=(2,), threads=2)
    print(name, confidence.mean(), list(chunks) == list(range(9)))

def later():
    threading.main_thread().join()
    work("thread")

threading.Thread(target=later).start()
atexit.register(work, "exit")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.split("\n")[:2] == ["thread 100.0 True", "exit 100.0 True"], done.stderr


def test_the_error_of_a_call_that_a_closed_pool_refused_is_of_its_result():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    assert submitted(pool, max, 2, 3).result() == 3
    with pytest.raises(ZeroDivisionError):
        submitted(pool, divmod, 1, 0).result()
