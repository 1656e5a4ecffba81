"""Doing two things at once: the next items are made while one is used."""

import collections
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(iterable: Iterable[Item], depth: int = 4) -> Generator[Item, None, None]:
    """Yields the items of an iterable, which a thread of its own takes from it.

    Video decoding and most of NumPy let other threads compute meanwhile. An exception of the
    iterable is raised where its item would come. When the consumer stops early the thread stops,
    too, and has left the iterable before this returns.

    Args:
      iterable: of anything.
      depth: so many items are made before they are asked for, at most.

    >>> list(ahead(range(5), depth=2))
    [0, 1, 2, 3, 4]
    """
    items: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item):
        while not stopped.is_set():
            try:
                items.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def take():
        try:
            for item in iterable:
                put((item, None))
                if stopped.is_set():
                    return
            put((_END, None))
        except BaseException as error:
            put((_END, error))

    thread = threading.Thread(target=take, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = items.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def with_later(iterable: Iterable[Item], count: int) -> Iterator[tuple[Item, tuple[Item, ...]]]:
    """Yields each item with the `count` items after it, fewer at the end.

    An exception of the iterable is raised where its item would come.

    >>> list(with_later("abc", 1))
    [('a', ('b',)), ('b', ('c',)), ('c', ())]
    """
    items, known = iter(iterable), collections.deque[Item]()
    error: Exception | None = None
    more = True
    while more or known:
        while more and len(known) <= count:
            try:
                known.append(next(items))
            except StopIteration:
                more = False
            except Exception as caught:
                more, error = False, caught
        if known:
            yield known.popleft(), tuple(known)
    if error is not None:
        raise error
