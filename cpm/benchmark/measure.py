"""Runs the items of a case: processes, comparison of outputs, turns, memory; the results as values.

    {"name", "case", "variant", "flop", …,
     "ours": numbers, "peers": {peer: numbers}, "ratio": {peer: peer's median / ours}}

One such dict for every variant of ours, the peers' numbers repeated in each, so that an entry can
be read alone. `numbers` are those of `numbers_of`.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cpm.benchmark import exchange, timing
from cpm.benchmark.cases import TOLERANCES, Item
from cpm.benchmark.machine import Limits
from cpm.benchmark.processes import Failed, Process
from cpm.benchmark.sides import PEERS
from cpm.benchmark.timing import Summary
from cpm.errors import RunStopped

# Rates, and what their shares of the limit are called.
SHARES = {"effective_gflops": "limit_share", "true_gflops": "true_limit_share"}
ONNX = "cpm.benchmark.torch_sides:export_onnx"


class Disagreement(RunStopped):
    """Two sides do not compute the same, so their times would not compare."""


def measure(
    case: str,
    items: Sequence[Item],
    *,
    rounds: int,
    threads: int,
    say: Callable[[str], object] = print,
) -> list[dict[str, Any]]:
    """Measures every item.

    Args:
      case: one of `cases.CASES`.
      items: list of `cases.Item`.
      rounds: turns of every side.
      threads: for each library.
      say: where a line of progress goes.

    Returns:
      List of dicts, see above; `add_shares` completes them.

    Raises:
      Disagreement: if outputs differ by more than rounding explains.
      processes.Failed: if a side of ours could not be run, or what the others are compared with. A
        peer that cannot be built is left out, and it is said why.
    """
    entries = []
    with contextlib.ExitStack() as stack:
        processes: dict[str, Process] = {}
        for item in items:
            say(item.name)
            for side in _sides(item):
                # One that ran out of memory at an item may well do the next one.
                if side not in processes or processes[side].ended:
                    processes[side] = stack.enter_context(Process(side, threads))
            results = _measure_item(case, item, processes, rounds, threads, say)
            entries += _entries(case, item, results)
    return entries


def add_shares(entries: Sequence[dict[str, Any]], limits: Limits) -> None:
    """Adds to every rate its share of the machine's matrix products, `SHARES`.

    Args:
      entries: of `measure`; changed.
      limits: `machine.Limits`, measured before and after: neighbors may have been busy once.
    """
    for entry in entries:
        for numbers in (entry["ours"], *entry["peers"].values()):
            for rate, share in SHARES.items():
                if rate in numbers:
                    numbers[share] = numbers[rate] / limits.gflops


def numbers_of(
    side: str,
    summary: Summary,
    started: Mapping[str, Any],
    memory: Mapping[str, Any],
    item: Item,
) -> dict[str, Any]:
    """What is known of one side.

    Args:
      side: its name.
      summary: `timing.Summary`.
      started, memory: replies of worker.py.
      item: `cases.Item`.

    Returns:
      dict: the summary's; first_call_s (tracing and compiling included), build_s, import_s; peak_mb
      of its process, imported_mb before the network was built; error, the largest relative one to
      the reference, None for the reference itself; where there is arithmetic, effective_gflops (of
      direct convolution) and, of our sides, true_gflops (what is really computed); where it is
      about memory, written_gb_s.
    """
    numbers: dict[str, Any] = {**dataclasses.asdict(summary), **started, **memory}
    if item.flop:
        numbers["effective_gflops"] = item.flop / summary.median_s / 1e9
    if side in item.true_flop:
        numbers["true_gflops"] = item.true_flop[side] / summary.median_s / 1e9
    if item.written_bytes:
        numbers["written_gb_s"] = item.written_bytes / summary.median_s / 1e9
    return numbers


def _sides(item):
    """{side: (make, settings)}; the first is what the others are compared with."""
    sides = item.ours | item.peers
    if "tf_direct" in sides:
        return {"tf_direct": sides["tf_direct"]} | sides
    return sides


def _measure_item(case, item, processes, rounds, threads, say):
    """{side: (summary, started, memory)} of those that could be built."""
    with tempfile.TemporaryDirectory() as folder:
        item.write(folder)
        sides = _with_onnx(_sides(item), folder, threads, say)
        reference = next(iter(sides))
        started, calls = {}, {}
        for side, (make, settings) in sides.items():
            alike = item.checked_as.get(side)
            compared = None
            try:
                if alike is not None:
                    with Process(side, threads) as twin:
                        compared = twin.start(make, folder, alike | {"threads": threads})
                reply = processes[side].start(
                    make, folder, settings | {"threads": threads}, compare=compared is None
                )
            except Failed as error:
                if side in item.ours or side == reference:
                    raise
                say(f"  left out: {error}")
                continue
            if compared is not None:
                reply |= {key: compared[key] for key in ("error", "error_of")}
            started[side] = reply
            if reply["first_call_s"] > 1:
                say(f"  {side}: first call in {reply['first_call_s']:.1f} s")
            if side not in item.unchecked:
                check(case, side, reference, reply)
        for side in started:
            [once] = processes[side].run(1, 0)
            counted, uncounted = timing.calls_per_turn(once)
            calls[side] = (
                counted,
                uncounted if item.uncounted is None else item.uncounted,
            )
        seconds = timing.take_turns({side: processes[side].run for side in started}, rounds, calls)
    return {
        side: (timing.summarize(seconds[side]), started[side], processes[side].memory())
        for side in started
    }


def _with_onnx(sides, folder, threads, say):
    """The sides, for which the ONNX file was written if they read it; without them if it fails."""
    readers = [name for name in sides if name in PEERS and PEERS[name].reads_onnx]
    if not readers:
        return sides
    try:
        with Process("torch", threads) as exporter:
            exporter.call(ONNX, folder, {"threads": threads, "compile": False})
    except Failed as error:
        say(f"  left out: {', '.join(readers)}, which read an ONNX file: {error}")
        return {name: side for name, side in sides.items() if name not in readers}
    return sides


def check(case: str, side: str, reference: str, reply: Mapping[str, Any]) -> None:
    """Raises Disagreement if a side's outputs are not those of the reference: nothing is timed."""
    if reply["error"] is None or case not in TOLERANCES:
        return
    allowed = TOLERANCES[case] * exchange.allowance(reply["error_of"])
    if "bfloat16" in side + reference:
        # Eight bits of digits: losses of `mini` differ by 1e-3, belief maps by 1e-2. A gradient or
        # a map that is missing, or points elsewhere, differs by its own size or more.
        allowed = min(allowed * (1000 if case == "forward" else 100), 1.0)
    if not reply["error"] <= allowed:
        raise Disagreement(
            f"{side} and {reference} differ in {reply['error_of']} by {reply['error']:.1e} of its "
            f"size, more than {allowed:.0e}; nothing was timed"
        )


def _entries(case, item, results):
    """One dict for each variant of ours."""
    numbers = {
        side: numbers_of(side, summary, started, memory, item)
        for side, (summary, started, memory) in results.items()
    }
    entries = []
    for variant in item.ours:
        own = numbers[variant]
        peers = {peer: numbers[peer] for peer in item.peers if peer in numbers}
        ratio = {p: n["median_s"] / own["median_s"] for p, n in peers.items()}
        entries.append(
            {
                "name": f"{item.name}, {variant}",
                "case": case,
                "item": item.name,
                "variant": variant,
                "flop": item.flop,
                "ours": own,
                "peers": peers,
                "ratio": ratio,
            }
        )
    return entries
