"""Signals: the first asks for an orderly stop, the second does not wait."""

import os
import signal

import pytest

from cpm.training.stop_requests import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_ask_for_an_orderly_stop(number):
    """The first waits for the step under way, the second does not; what was ignored stays so."""
    outside = signal.signal(number, signal.SIG_DFL)  # it is ignored where tests run under nohup
    try:
        check_stop_requests(number)
    finally:
        signal.signal(number, outside)


def check_stop_requests(number):
    before = signal.getsignal(number)
    with stop_requests() as stop:
        os.kill(os.getpid(), number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 0.1)
    assert signal.getsignal(number) == before
    signal.signal(number, signal.SIG_IGN)  # as nohup does
    try:
        with stop_requests() as stop:
            os.kill(os.getpid(), number)
            assert not stop.requested
    finally:
        signal.signal(number, before)
