"""What this process may use of its machine: cores and memory."""

import os
import resource

WORKER_BYTES = 400_000_000  # what a process that draws synthetic people holds, TensorFlow included


def usable_cores():
    """Cores that this process may run on: fewer than the machine's under taskset, Slurm, Docker."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes():
    """Memory that this process may ever have: the machine's, or less by a limit; None = unknown."""
    found = []
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        found.append(soft)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                found.append(int(file.read()))
        except (OSError, ValueError):  # no such control group, or "max"
            pass
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def workers():
    """How many processes to draw with: one a usable core, as many as fit into memory."""
    memory = memory_bytes()
    fitting = usable_cores() if memory is None else memory // WORKER_BYTES
    return max(1, min(usable_cores(), fitting))
