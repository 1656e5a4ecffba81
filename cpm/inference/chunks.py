"""Chunks of an iterable, worked on in threads: results in order, and only some chunks ahead.

    for result in in_threads(work, images, sizes=(1, 1, 2, 4, 8), threads=4):
        ...

The first chunks may be small, so that their results come soon.
"""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


def in_threads(
    work: Callable[[list[Any]], tuple[list[Any], Exception | None]],
    items: Iterable[Any],
    *,
    sizes: Sequence[int],
    threads: int,
) -> Iterator[Any]:
    """Yields the results of all chunks, in order.

    Later chunks are worked on while a result is used; no more than some chunks are in memory at any
    time, so `items` may be endless.

    Args:
      work: function of a chunk: its results, and the error that cut it short or None.
      items: whatever `work` takes; it is read by the caller's thread.
      sizes: of the first chunks; the last one is that of all others.
      threads: so many chunks are worked on at once.

    Raises:
      Exception: that of a chunk, or of `items` itself, after the results before it.
    """
    items = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
    try:
        waiting: collections.deque[Any] = collections.deque()
        for size in itertools.chain(sizes, itertools.repeat(sizes[-1])):
            chunk, failed = _chunk(items, size)
            if chunk:
                waiting.append(submitted(pool, work, chunk))
            is_last = failed is not None or not chunk
            while waiting and (is_last or len(waiting) > threads):
                found, error = waiting.popleft().result()
                yield from found
                if error is not None:
                    raise error
            if failed is not None:
                raise failed
            if is_last:
                return
    finally:
        # Not waited for: after an error a worker's own thread may be the one to collect this.
        pool.shutdown(wait=False, cancel_futures=True)


def submitted(pool: Executor, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """A call in a pool's thread, or at once in this one where the pool takes no more.

    After the last line of a program its other threads may go on, and so may what runs at its exit.
    By then Python has closed all pools.

    Args:
      pool: of threads.
      function: to call.
      arguments: of it.

    Returns:
      the `Future` of its result.
    """
    try:
        return pool.submit(function, *arguments)
    except RuntimeError:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


def _chunk(items, size):
    """The next items, and the error with which the iterable ended, or None."""
    chunk = []
    try:
        for item in itertools.islice(items, size):
            chunk.append(item)
    except Exception as error:
        return chunk, error
    return chunk, None
