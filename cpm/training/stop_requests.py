"""An orderly stop: signals set a flag that the training loop looks at between steps."""

import contextlib
import signal
from collections.abc import Iterator


class Stop:
    """Whether somebody asked for an orderly stop."""

    requested = False


@contextlib.contextmanager
def stop_requests() -> Iterator[Stop]:
    """Turns SIGINT, SIGTERM and SIGHUP into a flag that is looked at between steps.

    A signal in the middle of a step would leave weights that are neither of this step nor of the
    next. A second signal interrupts at once. What is ignored, like SIGHUP under nohup, stays so.
    """
    stop = Stop()

    def request(number, frame):
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not on every system
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, request) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
