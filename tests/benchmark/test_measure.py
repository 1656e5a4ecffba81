"""A case from its items to JSON, table and diagram, on a real item of a millisecond."""

import json

import numpy as np
import pytest

from cpm.benchmark import cases, machine, measure, report
from cpm.benchmark.processes import Failed
from cpm.execution import Settings
from cpm.plots.benchmark import time_plot
from tests.helpers.scripts import ROOT

pytestmark = pytest.mark.slow

LIMITS = machine.Limits({"numpy": 50.0, "tensorflow": 100.0}, 30.0, 20.0, 2)
NUMBERS = {"median_s", "lower_quartile_s", "upper_quartile_s", "calls", "peak_mb"}


@pytest.fixture(scope="module")
def entries():
    """One item with two variants of ours and four peers, as bin/benchmark.py measures it."""
    settings = Settings().changed({"network": {"image_size": (24, 32)}})
    items = cases.heatmap_items(settings, ["graph", "xla"])[:1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        options = {"rounds": 2, "threads": 1, "say": lambda line: None}
        return measure.measure("heatmap", items, **options)


@pytest.mark.thorough
def test_entries_are_what_the_notes_say(entries):
    entries = json.loads(json.dumps(entries, allow_nan=False))
    assert [entry["variant"] for entry in entries] == ["graph", "xla"]
    for entry in entries:
        assert entry["name"] == "heatmap 3×4×16 batch 16, " + entry["variant"]
        assert sorted(entry["peers"]) == [
            *("memory_call", "memory_new", "memory_write"),
            *("numpy_loop", "numpy_patch"),
        ]
        for numbers in (entry["ours"], *entry["peers"].values()):
            assert NUMBERS <= set(numbers)
            low, high = numbers["lower_quartile_s"], numbers["upper_quartile_s"]
            assert 0 < low <= numbers["median_s"] <= high
        for peer, ratio in entry["ratio"].items():
            expected = entry["peers"][peer]["median_s"] / entry["ours"]["median_s"]
            assert ratio == pytest.approx(expected)
    assert entries[0]["ours"]["error"] is None  # the reference
    assert entries[1]["ours"]["error"] < 1e-5
    assert entries[0]["peers"] == entries[1]["peers"]


class Fake:
    """In place of a `Process`: those called `broken…` cannot be built, settings may kill."""

    def __init__(self, name, threads):
        self.name, self.ended = name, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def start(self, make, folder, settings, *, compare=True):
        self.ended |= "dies" in settings
        if self.ended:
            raise Failed(f"{self.name} could not start: its process ended")
        if self.name.startswith("broken"):
            raise Failed(f"{self.name} could not start: no such library")
        return {"first_call_s": 0.1, "error": None, "error_of": None}

    def run(self, calls, uncounted):
        return [1.0] * calls

    def memory(self):
        return {"peak_mb": 1.0, "imported_mb": 1.0}

    def call(self, make, folder, settings):
        raise Failed(f"{self.name} could not call: no exporter")


def item(ours, **peers):
    """One whose peers have these settings."""
    makes = {peer: ("make", settings) for peer, settings in peers.items()}
    return cases.Item("work", lambda folder: None, ours={ours: ("make", {})}, peers=makes)


def measured(*items):
    """(entries, lines) of `items` with `Fake` processes."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "Process", Fake)
        return measure.measure("forward", items, rounds=1, threads=1, say=said.append), said


def test_a_peer_that_cannot_be_built_is_left_out():
    [entry], said = measured(item("xla", broken_peer={}, peer={}))
    assert set(entry["peers"]) == set(entry["ratio"]) == {"peer"}
    assert "  left out: broken_peer could not start: no such library" in said
    with pytest.raises(Failed, match="broken_ours"):
        measured(item("broken_ours"))


def test_a_peer_that_dies_of_one_item_is_tried_with_the_next():
    dead, alive = measured(item("xla", peer={"dies": True}), item("xla", peer={}))[0]
    assert set(dead["peers"]) == set() and set(alive["peers"]) == {"peer"}


def test_peers_that_read_onnx_are_left_out_where_it_cannot_be_written():
    [entry], said = measured(item("xla", onnxruntime={}, openvino={}, torch={}))
    assert set(entry["peers"]) == {"torch"}
    assert any(line.startswith("  left out: onnxruntime, openvino") for line in said)


def entry(item, variant, ours_s, flop=0, **peers):
    def numbers(seconds):
        summary = {"median_s": seconds, "calls": 3, "peak_mb": 100.0}
        summary |= {"lower_quartile_s": seconds / 2, "upper_quartile_s": 2 * seconds}
        if flop:
            summary["effective_gflops"] = flop / seconds / 1e9
            summary["limit_share"] = flop / seconds / 100e9
        return summary

    own, others = numbers(ours_s), {p: numbers(s) for p, s in peers.items()}
    if flop:
        own |= {"true_gflops": 0.4 * own["effective_gflops"]}
        own |= {"true_limit_share": 0.4 * own["limit_share"]}
    return {"item": item, "variant": variant, "ours": own, "peers": others}


def test_table_has_a_row_per_side_and_a_ratio_per_variant():
    found = report.format_entries(
        [
            entry("train", "graph", 2.0, 1e11, torch=3.0),
            entry("train", "xla", 1.0, 1e11, torch=3.0),
        ]
    )
    title, _, header, _, *rows = found.splitlines()
    assert title == "train" and header.endswith("| ÷ graph | ÷ xla |")
    assert [" ".join(row.split()) for row in rows] == [
        "| ours, graph | 2.00 s | 1.00 s … 4.00 s | 50 | 50% | 20 | 20% | 100 | | 1.00 | 2.00 |",
        "| ours, xla | 1.00 s | 500 ms … 2.00 s | 100 | 100% | 40 | 40% | 100 | | 0.50 | 1.00 |",
        "| torch | 3.00 s | 1.50 s … 6.00 s | 33 | 33% | | | 100 | | 1.50 | 3.00 |",
    ]


def test_many_items_share_a_table():
    items = [entry(f"conv {k}", "graph", 1e-3, 1e8, torch=2e-3) for k in range(9)]
    lines = report.format_entries(items).splitlines()
    assert lines[0].split("|")[2:4] == ["    ours, graph ", "         torch "]
    assert lines[2] == "| conv 0 | 1.00 ms (100%) | 2.00 ms (50%) |" and len(lines) == 11


def test_a_side_that_was_left_out_of_an_item_has_an_empty_cell():
    items = [entry(f"conv {k}", "graph", 1e-3, 1e8, torch=2e-3) for k in range(9)]
    del items[4]["peers"]["torch"]
    lines = report.format_entries(items).splitlines()
    assert " ".join(lines[6].split()) == "| conv 4 | 1.00 ms (100%) | |"


def test_items_of_one_variant_each_keep_tables_of_their_own():
    """The pipeline's: one item for each variant of the step, without arithmetic."""
    items = [entry(f"steps in {v}", v, 1e-3, torch=2e-3) for v in "abcde"]
    found = report.format_entries(items)
    assert found.count("| side ") == 5 and "÷ e" in found


@pytest.mark.parametrize(
    "seconds, text",
    [
        (12.34, "12.3 s"),
        (1.0, "1.00 s"),
        (0.9999, "1000 ms"),
        (0.0123, "12.3 ms"),
        (3.4e-6, "3.40 µs"),
        (123e-6, "123 µs"),
        (0.0, "0.00 µs"),
        (321.0, "321 s"),
    ],
)
def test_duration(seconds, text):
    assert report.duration(seconds) == text


def test_outputs_that_differ_are_not_timed():
    reply = {"error": 0.3, "error_of": "gradient of conv1_1/kernel"}
    with pytest.raises(measure.Disagreement, match=r"conv1_1/kernel by 3.0e-01"):
        measure.check("train_step", "torch", "graph", reply)
    measure.check("train_step", "torch", "graph", reply | {"error": 0.01})
    loss = {"error": 0.01, "error_of": "losses"}
    with pytest.raises(measure.Disagreement, match="more than 1e-04"):
        measure.check("train_step", "torch", "graph", loss)
    with pytest.raises(measure.Disagreement):
        measure.check("forward", "torch", "graph", reply | {"error": float("inf")})


def test_sixteen_bits_have_room_for_rounding_alone():
    for side in ("bfloat16", "torch_bfloat16", "torch_compile_bfloat16"):
        for of, right, wrong in (("losses", 0.005, 0.02), ("gradient of a", 0.9, 1.1)):
            reply = {"error": right, "error_of": of}
            measure.check("train_step", side, "xla", reply)
            with pytest.raises(measure.Disagreement):
                measure.check("train_step", side, "xla", reply | {"error": wrong})
    maps = {"error": 0.03, "error_of": "b_1"}
    for sides in (("bfloat16", "xla"), ("torch", "bfloat16")):  # also as what others are held to
        measure.check("forward", *sides, maps)
        with pytest.raises(measure.Disagreement):
            measure.check("forward", *sides, maps | {"error": 0.2})


def test_limits_are_measured():
    """Small arrays: right units. A product of 128² is 4.2 MFLOP: under a second, above 1 ns."""
    limits = machine.measure_limits(matrix=128, copied_bytes=2**20, seconds=0.01)
    assert set(limits.matmul_gflops) == {"numpy", "tensorflow"}
    assert limits.gflops == max(limits.matmul_gflops.values()) > 0.0042
    assert limits.copy_gb_s > 0.002 and limits.write_gb_s > 0.001
    assert "matrix products" in report.format_limits(limits)


def test_best_with_takes_the_larger_of_each():
    busy = machine.Limits({"numpy": 60.0, "tensorflow": 10.0}, 40.0, 5.0, 2)
    expected = machine.Limits({"numpy": 60.0, "tensorflow": 100.0}, 40.0, 20.0, 2)
    assert LIMITS.best_with(busy) == busy.best_with(LIMITS) == expected


def test_add_shares_of_the_fastest_products():
    entries = [entry("train", "graph", 2.0, 1e11, torch=4.0)]
    for numbers in (entries[0]["ours"], entries[0]["peers"]["torch"]):
        del numbers["limit_share"]
    del entries[0]["ours"]["true_limit_share"]
    measure.add_shares(entries, LIMITS)  # 50 and 25 of 100 GFLOP/s
    assert entries[0]["ours"]["limit_share"] == 0.5
    assert entries[0]["ours"]["true_limit_share"] == pytest.approx(0.2)
    assert "true_limit_share" not in entries[0]["peers"]["torch"]
    assert entries[0]["peers"]["torch"]["limit_share"] == 0.25
    measure.add_shares([entry("heatmap", "graph", 1.0)], LIMITS)  # no arithmetic


def test_time_plot_preset():
    one = [
        entry("train", "graph", 2.0, torch=3.0),
        entry("train", "xla", 1.0, torch=3.0),
    ]
    pixels = time_plot([*one, entry("heatmap", "xla", 1e-4, numpy_loop=5e-3)])
    assert pixels.shape == (60 + 5 * 22 + 2 * 34, 900, 3) and pixels.dtype == np.uint8
    assert 0.02 < (pixels < 250).any(-1).mean() < 0.5
    with pytest.raises(ValueError, match="nothing to draw"):
        time_plot([])
