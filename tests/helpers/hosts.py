"""Processes of this machine that train together, as hosts of a TF_CONFIG."""

import contextlib
import json
import os
import socket
import subprocess
import sys

from tests.helpers.scripts import ROOT


def free_addresses(count):
    """`localhost:PORT` of ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [f"localhost:{one.getsockname()[1]}" for one in sockets]


@contextlib.contextmanager
def hosts(count, *arguments, of_host=lambda host: (), cwd=ROOT):
    """Starts the same Python command as every host of a cluster; kills what is left at the end.

    Args:
      count: how many.
      *arguments: of Python.
      of_host: function of a host's number to further arguments.
      cwd: folder to start in.
    Yields:
      List of `Popen` with pipes of text, the chief first.
    """
    addresses, running = free_addresses(count), []
    try:
        for host in range(count):
            task = {"type": "worker", "index": host}
            record = {"cluster": {"worker": addresses}, "task": task}
            running.append(
                subprocess.Popen(
                    [sys.executable, *map(str, (*arguments, *of_host(host)))],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=cwd,
                    env=os.environ
                    | {"TF_CONFIG": json.dumps(record), "PYTHONPATH": str(ROOT)}
                    | {"TF_CPP_MIN_LOG_LEVEL": "2"},
                )
            )
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


def finish(running, timeout=240):
    """[(exit status, output, errors)] of all hosts."""
    ended = []
    for process in running:
        output, errors = process.communicate(timeout=timeout)
        ended.append((process.returncode, output, errors))
    return ended
