"""TF_CONFIG: which processes train together, and which one this is.

    {"cluster": {"worker": ["host-a:12345", "host-b:12345"]},
     "task": {"type": "worker", "index": 0}}

Every process has the same `cluster`; only `task.index` differs. It is an environment variable
because TensorFlow reads it, and because cluster managers (Kubeflow, Vertex AI) set it by
themselves. What can be wrong in it is checked here, before TensorFlow waits for hosts that never
come.

Reference: TensorFlow's guide "Distributed training", TF_CONFIG.
"""

import json
import os
import re
import typing
from collections.abc import Mapping

from cpm.errors import UsageError

EXAMPLE = (
    '{"cluster": {"worker": ["host-a:12345", "host-b:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(typing.NamedTuple):
    """The processes of a run.

    Attributes:
      addresses: `HOST:PORT` of each, the chief's first.
      host: the number of this process among them.
    """

    addresses: tuple[str, ...]
    host: int


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The `Cluster` that TF_CONFIG describes.

    Raises:
      UsageError: if it is missing or wrong; the message says what and shows a right one.

    >>> read_cluster({"TF_CONFIG": EXAMPLE})
    Cluster(addresses=('host-a:12345', 'host-b:12345'), host=0)
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        raise _wrong("is not set")
    try:
        record = json.loads(text)
        jobs = {name: list(record["cluster"][name]) for name in record["cluster"]}
        kind, index = record["task"]["type"], record["task"]["index"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _wrong(f"is {_shown(text)}") from None
    unknown = sorted(set(jobs) - {"chief", "worker"})
    if unknown:
        raise _wrong(f"names hosts of type {unknown[0]!r}; expected worker, and at most one chief")
    if len(jobs.get("chief", ())) > 1:
        raise _wrong(f"names {len(jobs['chief'])} chiefs")
    addresses = [*jobs.get("chief", ()), *jobs.get("worker", ())]
    for address in addresses:
        port = re.fullmatch(r".+:(\d{1,5})", address) if isinstance(address, str) else None
        if not port or not 0 < int(port[1]) < 1 << 16:
            raise _wrong(f"names {_shown(address)}, which is no HOST:PORT")
    if len(set(addresses)) < len(addresses):
        raise _wrong("names one address twice")
    known = isinstance(kind, str) and kind in jobs and type(index) is int
    if not known or not 0 <= index < len(jobs[kind]):
        raise _wrong(f"has task {_shown(kind)} {_shown(index)}, which is not in its cluster")
    before = len(jobs.get("chief", ())) if kind == "worker" else 0
    return Cluster(tuple(addresses), before + index)


def _shown(value):
    """A value as a message repeats it, cut where it is long."""
    return repr(value)[:100]


def _wrong(what):
    return UsageError(
        f"TF_CONFIG {what}; --distribute=multiworker expects something like "
        f"TF_CONFIG='{EXAMPLE}' on every host, with the index of that host "
        "(docs/howto/many_devices.md)"
    )
