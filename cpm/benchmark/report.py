"""Results on the screen: one table for every item, a row for every side."""

from collections.abc import Mapping, Sequence
from typing import Any

from cpm.benchmark.machine import Limits
from cpm.benchmark.measure import SHARES
from cpm.text_table import format_table

SEPARATE = 4  # more items than these share one table
HEADER = (
    *("median", "quartiles", "GFLOP/s", "of limit", "true GFLOP/s", "true share"),
    *("peak MB", "first call"),
)


def format_limits(limits: Limits) -> str:
    """The machine's limits (`machine.Limits`) in two lines."""
    products = ", ".join(f"{k} {v:.0f}" for k, v in limits.matmul_gflops.items())
    return (
        f"limits of {limits.cores} cores: float32 matrix products {limits.gflops:.0f} GFLOP/s "
        f"({products})\ncopying {limits.copy_gb_s:.1f} GB/s (read and written), "
        f"writing {limits.write_gb_s:.1f} GB/s"
    )


def format_entries(entries: Sequence[Mapping[str, Any]]) -> str:
    """All results as Markdown tables.

    Args:
      entries: of `measure.measure`.

    Returns:
      str. Below each item's name: a row per side, ours first; the last columns are how often each
      variant of ours fits into the side's time. Many items of the same variants share one table, a
      column per side.
    """
    items = dict.fromkeys(entry["item"] for entry in entries)
    variants = {entry["variant"] for entry in entries}
    if len(items) > SEPARATE and len(entries) == len(items) * len(variants):
        return _overview(entries, items)
    parts = []
    for item in items:
        same = [entry for entry in entries if entry["item"] == item]
        parts.append(f"{item}\n\n{_table(same)}")
    return "\n\n".join(parts)


def format_memory(entries: Sequence[Mapping[str, Any]]) -> str:
    """The peak memory of all sides as Markdown tables, without their times.

    Args:
      entries: as of `format_entries`; with `imported_mb`, what a process held before its network
        was built.

    Returns:
      str. Below each item's name a row per side; for every peer two columns, how often the peer's
      memory fits into the side's, the whole of it and what was added to the imported libraries.
    """
    parts = []
    for item in dict.fromkeys(entry["item"] for entry in entries):
        same = [entry for entry in entries if entry["item"] == item]
        peers = same[0]["peers"]
        header = ["side", "imported MB", "peak MB"]
        header += [name for peer in peers for name in (f"÷ {peer}", f"added, ÷ {peer}")]
        rows = []
        for label, numbers in _all_sides(same).items():
            cells = [label, f"{numbers['imported_mb']:.0f}", f"{numbers['peak_mb']:.0f}"]
            for peer in peers.values():
                cells.append(f"{numbers['peak_mb'] / peer['peak_mb']:.2f}")
                cells.append(f"{_added_mb(numbers) / _added_mb(peer):.2f}")
            rows.append(cells)
        parts.append(f"{item}\n\n{format_table(header, rows)}")
    return "\n\n".join(parts)


def _added_mb(numbers):
    return numbers["peak_mb"] - numbers["imported_mb"]


def _overview(entries, items):
    """A row per item: medians, with their share of the limit if it is known."""
    columns = list(_all_sides(entries))
    rows = []
    for item in items:
        found = _all_sides([entry for entry in entries if entry["item"] == item])
        rows.append([item, *(_median(found.get(side)) for side in columns)])
    return format_table(["", *columns], rows)


def _median(numbers):
    """A cell of the overview; empty for a side that was left out."""
    if numbers is None:
        return ""
    share = f" ({numbers['limit_share']:.0%})" if "limit_share" in numbers else ""
    return duration(numbers["median_s"]) + share


def _all_sides(entries):
    """{label: numbers}: all variants of ours, then the peers."""
    own = {f"ours, {entry['variant']}": entry["ours"] for entry in entries}
    return own | {name: n for entry in entries for name, n in entry["peers"].items()}


def _table(entries):
    """One item's table."""
    variants = {entry["variant"]: entry["ours"] for entry in entries}
    sides = _all_sides(entries)
    counted = all("images_per_s" in numbers for numbers in sides.values())
    header = ["side", *HEADER, *["images/s"] * counted, *(f"÷ {variant}" for variant in variants)]
    rows = []
    for label, numbers in sides.items():
        ratios = [numbers["median_s"] / own["median_s"] for own in variants.values()]
        rate = [f"{numbers['images_per_s']:.2f}"] if counted else []
        rows.append([label, *_cells(numbers), *rate, *(f"{ratio:.2f}" for ratio in ratios)])
    return format_table(header, rows)


def _cells(numbers):
    """The columns of HEADER; empty where there is nothing to say."""
    low, high = (duration(numbers[f"{which}_quartile_s"]) for which in ("lower", "upper"))
    rates = []
    for rate, share in SHARES.items():
        known = rate in numbers
        rates += [f"{numbers[rate]:.0f}", f"{numbers[share]:.0%}"] if known else ["", ""]
    first = numbers.get("first_call_s")
    return [
        duration(numbers["median_s"]),
        f"{low} … {high}",
        *rates,
        f"{numbers['peak_mb']:.0f}",
        "" if first is None else f"{first:.1f} s",
    ]


def duration(seconds: float) -> str:
    """Three digits and a unit.

    >>> duration(5.4321), duration(0.0123), duration(4.5e-05)
    ('5.43 s', '12.3 ms', '45.0 µs')
    """
    units = (("s", 1), ("ms", 1e3), ("µs", 1e6))
    unit, factor = next((u for u in units if seconds * u[1] >= 1), units[-1])
    value = seconds * factor
    return f"{value:.{max(0, 2 - max(0, len(str(int(value))) - 1))}f} {unit}"
