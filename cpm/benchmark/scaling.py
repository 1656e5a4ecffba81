"""Many devices: steps timed on this machine, and a model of many GPUs.

    step(R) = max(compute + exchange(R), input)                       nothing overlaps
    step(R) = max(compute, exchange(R), input)                        all of it overlaps
    exchange(R) = 2 (R - 1) / R · bytes / bandwidth + 2 (R - 1) · latency

The exchange is a ring: each of R devices sends its part R - 1 times to add up the gradients and
R - 1 times to hand on the sums, in pieces of 1 / R. Within one host the ring runs over the link of
its GPUs; over several hosts it is as slow as the network between two of them. The people of a
device stay the same, so R devices have R times as many (weak scaling), and

    efficiency(R) = step(1) / step(R)

The truth lies between the two steps: gradients of late layers can be on their way while early ones
are computed. Published: ResNet-50 from 8 to 256 GPUs, about 90 %.

References:
  Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations";
  Goyal et al. 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour", section 4.
"""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cpm.benchmark.processes import Failed
from cpm.config_json import to_dict
from cpm.execution import Settings
from cpm.network.summary import layer_rows
from cpm.text_table import format_table

DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WAYS = ("one device", "two devices", "two hosts")
_DISTRIBUTE = {"one device": "none", "two devices": "mirrored", "two hosts": "multiworker"}


@dataclasses.dataclass(frozen=True)
class Machines:
    """What the model assumes of hosts and GPUs; none of it is measured here.

    Attributes:
      device_tflops: what a GPU really computes of this network, tera-operations a second.
      devices_per_host: GPUs of a host.
      link_gb_s, network_gb_s: bandwidth between two GPUs of a host, between two hosts, 1e9 bytes.
      latency_us: of one piece of the exchange, microseconds.
      cores_per_host: that read and augment.
      people_per_core: that one core reads, decodes and augments a second.
    """

    device_tflops: float = 60.0
    devices_per_host: int = 8
    link_gb_s: float = 200.0
    network_gb_s: float = 25.0
    latency_us: float = 10.0
    cores_per_host: int = 64
    people_per_core: float = 70.0


class Work(typing.NamedTuple):
    """A step of one device.

    Attributes:
      people: of the device.
      flop: of each person, forward and both gradients.
      exchanged_bytes: that are summed over all devices.
    """

    people: int
    flop: float
    exchanged_bytes: int


class Prediction(typing.NamedTuple):
    """Seconds of a step on many devices, by cause, and what limits it.

    Attributes:
      compute_s, exchange_s, input_s: as if each were alone.
      least_s, most_s: of the step, if all overlaps and if nothing does.
      limit: the largest of the three, `compute`, `exchange` or `input`.
    """

    compute_s: float
    exchange_s: float
    input_s: float
    least_s: float
    most_s: float
    limit: str


# Goyal et al., section 4.3: 100 MB of gradients, 120 ms of back-propagation on a P100 (and half as
# much forward), 32 images a GPU, 8 GPUs a host, Ethernet of 50 Gbit/s.
RESNET_50 = Work(32, 0.18e12 / 32, 100_000_000)
BIG_BASIN = Machines(
    device_tflops=1.0,
    devices_per_host=8,
    link_gb_s=20.0,
    network_gb_s=6.25,
    cores_per_host=56,
    people_per_core=1e6,
)


def work_of(settings: Settings) -> Work:
    """The `Work` of a device that has a whole batch of some `Settings`."""
    rows = layer_rows(settings.config.network)
    flop = 2 * 3 * sum(row.multiply_adds for row in rows)
    return Work(settings.config.data.batch_size, flop, exchanged_bytes(rows))


def exchanged_bytes(rows: Iterable[Any]) -> int:
    """Bytes that a step sums over devices: a float32 gradient of every parameter.

    Losses, counts and the moments of batch norms are thousands of times smaller.
    """
    return 4 * sum(row.parameters for row in rows)


def ring_seconds(exchanged: float, devices: int, bandwidth_gb_s: float, latency_us: float) -> float:
    """Seconds of one all-reduce.

    >>> ring_seconds(1e9, 2, 1.0, 0.0), ring_seconds(1e9, 1, 1.0, 0.0)
    (1.0, 0.0)
    """
    rounds = 2 * (devices - 1)
    return rounds / devices * exchanged / (bandwidth_gb_s * 1e9) + rounds * latency_us * 1e-6


def predict(work: Work, machines: Machines, devices: int) -> Prediction:
    """The `Prediction` of a step on so many devices, each with the same `Work`."""
    compute = work.people * work.flop / (machines.device_tflops * 1e12)
    local = devices <= machines.devices_per_host
    bandwidth = machines.link_gb_s if local else machines.network_gb_s
    exchange = ring_seconds(work.exchanged_bytes, devices, bandwidth, machines.latency_us)
    share = min(devices, machines.devices_per_host)  # that one host has to feed
    feeding = work.people * share / (machines.people_per_core * machines.cores_per_host)
    causes = {"compute": compute, "exchange": exchange, "input": feeding}
    return Prediction(
        compute_s=compute,
        exchange_s=exchange,
        input_s=feeding,
        least_s=max(causes.values()),
        most_s=max(compute + exchange, feeding),
        limit=max(causes, key=lambda cause: causes[cause]),
    )


def format_model(work: Work, machines: Machines, devices: Sequence[int] = DEVICES) -> str:
    """The predictions as a Markdown table."""
    one = predict(work, machines, 1)
    rows = []
    for count in devices:
        p = predict(work, machines, count)
        rows.append(
            [
                *(str(count), f"{1e3 * p.compute_s:.1f}", f"{1e3 * p.exchange_s:.1f}"),
                f"{1e3 * p.input_s:.1f}",
                f"{one.most_s / p.most_s:.0%} to {one.least_s / p.least_s:.0%}",
                f"{count * work.people / p.most_s:,.0f}",
                p.limit,
            ]
        )
    header = ["GPUs", "compute ms", "exchange ms", "input ms", "efficiency", "people/s", "limit"]
    return format_table(header, rows)


def measure_ways(
    settings: Settings,
    ways: Sequence[str] = WAYS,
    *,
    rounds: int = 7,
    say: Callable[[str], object] = print,
) -> dict[str, dict[str, float]]:
    """Times the same step on one device, two logical devices and two processes of this machine.

    Args:
      settings: `Settings`; the batch is divided, so every way does the same work.
      ways: of `WAYS`.
      rounds: steps to time, after two that are not.
      say: where a line of progress goes.
    Returns:
      {way: {"seconds": median of a step, "loss": of the first step}}.
    Raises:
      Failed: if a process ends without an answer.
    """
    found = {}
    for way in ways:
        found[way] = _measure(settings, _DISTRIBUTE[way], rounds)
        say(f"  {way}: {1e3 * found[way]['seconds']:.1f} ms")
    return found


def _measure(settings, distribute, rounds):
    devices = 2 if distribute == "mirrored" else 0
    changes = {"distribute": distribute, "devices": devices, "replicas": 1}
    order = {"settings": to_dict(settings.changed({"execution": changes})), "rounds": rounds}
    hosts = 2 if distribute == "multiworker" else 1
    addresses = [f"localhost:{port}" for port in _free_ports(hosts)]
    running = []
    with tempfile.TemporaryFile() as errors:
        try:
            for host in range(hosts):
                task = {"type": "worker", "index": host}
                cluster = {"cluster": {"worker": addresses}, "task": task}
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "cpm.benchmark.scaling_worker", json.dumps(order)],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        text=True,
                        env=os.environ | {"TF_CONFIG": json.dumps(cluster)},
                    )
                )
            answers = [process.communicate()[0] for process in running]
        finally:
            for process in running:
                process.kill()
        if any(process.returncode for process in running):
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise Failed(f"--distribute={distribute} gave no time\n" + "\n".join(tail))
    return json.loads(answers[0].strip().splitlines()[-1])


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def format_ways(found: Mapping[str, Mapping[str, float]], batch_size: int) -> str:
    """The measured ways as a Markdown table."""
    rows = [
        [way, f"{1e3 * f['seconds']:.1f}", f"{batch_size / f['seconds']:.1f}", f"{f['loss']:.6g}"]
        for way, f in found.items()
    ]
    return format_table(["", "ms a step", "people/s", "first loss"], rows)
