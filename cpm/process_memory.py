"""The most memory that a process ever had resident."""

import resource
import sys


def peak_mb(process: int | str = "self") -> float:
    """Largest resident size of a process since it began, or since `forget_peak`; MB of 1e6 bytes.

    Linux keeps it as VmHWM. `ru_maxrss` is the fallback elsewhere: there a process inherits the
    peak of the one that started it, which may be larger than its own.

    Args:
      process: its number. 0 MB is returned of another one that has ended, and where there is no
        Linux: what this process has says nothing of it.
    """
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    if process != "self":
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def forget_peak() -> float:
    """Starts to look for the peak anew (on Linux); returns the resident size now, MB."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    return peak_mb()
