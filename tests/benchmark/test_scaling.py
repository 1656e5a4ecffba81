"""The model of many GPUs: rings by hand, limits in turn, a published figure in between."""

import dataclasses

import pytest

from cpm.benchmark import scaling
from cpm.benchmark.scaling import BIG_BASIN, RESNET_50, Machines, Work, predict, ring_seconds
from cpm.cli.benchmark_scaling import assumed
from cpm.errors import UsageError
from cpm.execution import Settings
from cpm.network import ConvolutionalPoseMachine


def test_a_ring_by_hand():
    """Four devices: 3 + 3 rounds, each of a quarter of 8 MB at 2 MB/ms, and 10 µs."""
    assert ring_seconds(8e6, 4, 2.0, 10.0) == pytest.approx(6 * (0.001 + 10e-6))
    assert ring_seconds(8e6, 10**6, 2.0, 0.0) == pytest.approx(0.008, rel=1e-5), "twice the bytes"


def test_bytes_are_those_of_the_gradients():
    network = dataclasses.replace(Settings().config.network, stages=2, width=0.1)
    settings = Settings().changed({"network": network})
    variables = ConvolutionalPoseMachine(network).trainable_variables
    expected = 4 * sum(int(v.shape.num_elements()) for v in variables)
    assert scaling.work_of(settings).exchanged_bytes == expected


@pytest.mark.parametrize(
    "limit, machines",
    [
        ("compute", Machines(device_tflops=1.0)),
        ("exchange", Machines(network_gb_s=1.0)),
        ("input", Machines(cores_per_host=1)),
    ],
)
def test_what_limits(limit, machines):
    found = predict(Work(16, 1e11, 100_000_000), machines, 64)
    assert found.limit == limit
    assert found.least_s == max(found[:3]) <= found.most_s <= sum(found[:3])


def test_one_host_uses_the_link():
    work, machines = Work(16, 1e11, 100_000_000), Machines(latency_us=0.0)
    within, across = (predict(work, machines, n).exchange_s for n in (8, 16))
    assert within == pytest.approx(7 / 4 * 0.1 / 200) and across == pytest.approx(15 / 8 * 0.1 / 25)


def test_the_published_efficiency_lies_between_the_bounds():
    """ResNet-50 from 8 to 256 GPUs: 90 % (Goyal et al. 2017)."""
    few, many = (predict(RESNET_50, BIG_BASIN, n) for n in (8, 256))
    least, most = few.most_s / many.most_s, few.least_s / many.least_s
    print(f"between {least:.0%} and {most:.0%}")
    assert least < 0.9 < most and most - least < 0.25


def test_tables():
    table = scaling.format_model(Work(16, 1e11, 10**8), Machines(), (1, 256)).splitlines()
    assert len(table) == 4 and "100% to 100%" in table[2] and table[3].startswith("| 256")
    ways = scaling.format_ways({"two hosts": {"seconds": 0.5, "loss": 2.0}}, 8)
    assert "500.0" in ways and "16.0" in ways


def test_assumptions_from_the_command_line():
    machines = assumed(["device_tflops=3", "cores_per_host=8"])
    assert (machines.device_tflops, machines.cores_per_host) == (3.0, 8)
    for text in ("tflops=3", "device_tflops=many", "link_gb_s=0", "cores_per_host"):
        with pytest.raises(UsageError, match=r"--assume has .*device_tflops"):
            assumed([text])


@pytest.mark.thorough
def test_every_way_has_the_same_first_loss():
    network = dataclasses.replace(
        Settings().config.network, stages=1, width=0.1, image_size=(24, 40), norm="none"
    )
    settings = Settings().changed({"network": network, "data": {"batch_size": 4}})
    found = scaling.measure_ways(settings, rounds=2)
    losses = [found[way]["loss"] for way in scaling.WAYS]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)
    assert all(f["seconds"] > 0 for f in found.values())
