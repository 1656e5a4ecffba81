"""What this process may use of its machine: cores, memory, instructions.

Containers, Slurm and systemd limit processes by control groups. A process is in one group, that in
another, and the least limit of all of them holds.

References: cgroups(7); "Control Group v2" in the Linux kernel's documentation.
"""

import math
import os
import resource

WORKER_BYTES = 400_000_000  # what a process that draws synthetic people holds, TensorFlow included
FEWEST_ADDRESSES = 2 << 30  # bytes that TensorFlow maps before it has computed anything
GROUPS = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"  # lines NUMBER:CONTROLLERS:GROUP; no controllers in version 2


def usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine's under taskset, Slurm, Docker."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory that this process may ever have: the machine's, or less by a limit; None = unknown."""
    limit = address_limit()
    found = [] if limit is None else [limit]
    for folder in _control_groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            found += _numbers(folder, name)
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def address_limit() -> int | None:
    """Bytes of addresses that this process may map, as `ulimit -v` says; None = any number."""
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def core_quota() -> float | None:
    """Cores whose time this process may use at most, as `docker --cpus=1.5` says; None = all.

    Unlike `usable_cores` it decides nothing that changes results: a process may use every core for
    a part of the time.
    """
    found = []
    for folder in _control_groups("cpu"):
        numbers = _numbers(folder, "cpu.max")  # of version 2: quota and period
        if not numbers:
            numbers = [
                *_numbers(folder, "cpu.cfs_quota_us"),
                *_numbers(folder, "cpu.cfs_period_us"),
            ]
        if len(numbers) == 2 and min(numbers) > 0:
            found.append(numbers[0] / numbers[1])
    return min(found, default=None)


def workers() -> int:
    """How many processes to draw with: one a usable core, as many as fit into memory."""
    memory, quota = memory_bytes(), core_quota()
    cores = usable_cores() if quota is None else min(usable_cores(), math.ceil(quota))
    fitting = cores if memory is None else memory // WORKER_BYTES
    return max(1, min(cores, fitting))


def multiplies_bfloat16(description: str = "/proc/cpuinfo") -> bool | None:
    """Whether this processor has instructions for sums of bfloat16 products; None = nobody knows.

    Args:
      description: file with a line of the processor's features, as Linux has it (x86 and Arm).
    """
    try:
        with open(description, encoding="utf-8", errors="replace") as file:
            words = set(file.read().split())
    except OSError:
        return None
    return not words.isdisjoint(("avx512_bf16", "amx_bf16", "bf16"))


def _control_groups(controller):
    """Folders of the groups that limit this process, from its own to the root."""
    try:
        with open(MEMBERSHIP, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # A container may not see its own group but as the root, so the root comes in any case.
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield os.path.join(GROUPS, controllers, *parts[:depth])


def _numbers(folder, name):
    """Numbers in a file of a group; none where there is no such file, or it says "max"."""
    try:
        with open(os.path.join(folder, name), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return []
