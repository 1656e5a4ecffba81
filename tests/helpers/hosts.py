"""Processes of this machine that train together, as hosts of a TF_CONFIG."""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import threading

from tests.helpers.scripts import ROOT


def free_addresses(count):
    """`localhost:PORT` of ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [f"localhost:{one.getsockname()[1]}" for one in sockets]


class Cable:
    """Carries connections between two hosts over addresses of its own, until it is cut.

    Each host knows itself by its own address and the other one by the cable's. A cut cable is a
    network partition: no connection is closed and none is refused; bytes just do not arrive.
    """

    def __init__(self, addresses):
        self._cut = threading.Event()
        self._sockets = []
        self._own = addresses
        self._carried = [self._listen(address) for address in addresses]

    def addresses(self, host):
        """The cluster as one host knows it."""
        return [self._own[n] if n == host else self._carried[n] for n in range(2)]

    def cut(self):
        """Nothing arrives from now on."""
        self._cut.set()

    def close(self):
        self.cut()
        for one in self._sockets:
            one.close()

    def _listen(self, address):
        server = socket.create_server(("localhost", 0))
        self._sockets.append(server)
        threading.Thread(target=self._accept, args=(server, address), daemon=True).start()
        return f"localhost:{server.getsockname()[1]}"

    def _accept(self, server, address):
        name, port = address.split(":")
        with contextlib.suppress(OSError):
            while True:
                here, _ = server.accept()
                try:
                    there = socket.create_connection((name, int(port)))
                except OSError:
                    here.close()  # the host has not begun to listen; TensorFlow asks again
                    continue
                self._sockets += [here, there]
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if self._cut.is_set():
                    return
                target.sendall(data)
        if not self._cut.is_set():
            for one in (source, target):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cable():
    """A `Cable` between two hosts."""
    between = Cable(free_addresses(2))
    try:
        yield between
    finally:
        between.close()


@contextlib.contextmanager
def hosts(
    count, *arguments, of_host=lambda host: (), before=lambda host: None, known=None, cwd=ROOT
):
    """Starts the same Python command as every host of a cluster; kills what is left at the end.

    Args:
      count: how many.
      *arguments: of Python.
      of_host: function of a host's number to further arguments.
      before: function of a host's number, called in its process before Python starts.
      known: function of a host's number to the addresses it knows. Default: free ones for all.
      cwd: folder to start in.
    Yields:
      List of `Popen` with pipes of text, the chief first.
    """
    addresses, running = free_addresses(count), []
    try:
        for host in range(count):
            task = {"type": "worker", "index": host}
            cluster = known(host) if known else addresses
            record = {"cluster": {"worker": cluster}, "task": task}
            running.append(
                subprocess.Popen(
                    [sys.executable, *map(str, (*arguments, *of_host(host)))],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=cwd,
                    preexec_fn=functools.partial(before, host),
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
