"""What is measured: files of convolutions, the usual NumPy loops, who takes part."""

import importlib.metadata
import importlib.util

import numpy as np
import pytest

from cpm.benchmark import cases, exchange, heatmap, ours, sides, workload
from cpm.benchmark.arithmetic import distinct_convolutions
from cpm.errors import UsageError
from cpm.execution import Settings
from cpm.network import preset

GRAPH = {"changes": ours.VARIANTS["graph"], "threads": 1}


def settings_of(arch="mini", batch_size=2, **network):
    network = {"arch": arch, "stages": 6, "image_size": preset(arch).image_size} | network
    return Settings().changed({"network": network, "data": {"batch_size": batch_size}})


def test_peers_without_residual_blocks_are_refused():
    with pytest.raises(UsageError, match="--peers=torch: they have no residual blocks"):
        cases.network_items("forward", settings_of("deep"), ["graph"], ["torch", "tf_direct"])


def test_a_step_in_replicas_is_compared_in_one_piece():
    """Norms take the moments of a part, and other libraries those of the batch."""
    settings = settings_of(batch_size=16).changed({"execution": {"replicas": 2}})
    [item] = cases.network_items("train_step", settings, ["graph"], ["tf_direct"])
    assert item.checked_as == {"graph": {"changes": ours.VARIANTS["graph"] | {"replicas": 1}}}
    plain = settings.changed({"network": {"norm": "none"}})
    [item] = cases.network_items("train_step", plain, ["graph"], [])
    assert item.checked_as == {}
    # The parts do as many products as the batch where no kernel is transformed.
    assert item.true_flop["graph"] <= item.flop
    [item] = cases.network_items("forward", settings, ["graph"], [])
    assert item.checked_as == {}


def test_convolution_files_fit_together(tmp_path):
    settings = settings_of(image_size=(32, 48), width=0.1)
    for shape in distinct_convolutions(settings.config.network):
        cases.write_convolution(tmp_path, shape, True, settings)
        side = ours.Convolution(str(tmp_path), GRAPH)
        side.compute()
        y, by_x, *_ = [array for _, array in side.outputs()]
        assert by_x.shape == (2, *shape[4:], shape[2])
        assert y.shape == (2, shape[4] // shape[1], shape[5] // shape[1], shape[3])


def test_a_forward_pass_in_sixteen_bits_differs_by_rounding(tmp_path):
    """Eight bits of digits in some twenty layers: nearer than `measure.check` allows."""
    settings = settings_of(image_size=(32, 48), width=0.1, stages=2)
    workload.write_workload(tmp_path, settings)
    found = []
    for variant in ("graph", "bfloat16"):
        side = ours.Forward(str(tmp_path), {"changes": ours.VARIANTS[variant], "threads": 1})
        side.compute()
        found.append(dict(side.outputs()))
    for name, expected in found[0].items():
        error = exchange.relative_error(found[1][name], expected)
        print(f"{name} is off by {error:.4f}")
        assert 1e-4 < error < 0.1


@pytest.mark.parametrize("make", [heatmap.NumpyLoop, heatmap.NumpyPatch])
def test_numpy_loops_draw_what_the_op_draws(make, tmp_path):
    """float32 positions over 100 px and a square: 1e-5 of a peak of 1."""
    for item in cases.heatmap_items(settings_of(image_size=(48, 104)), ["graph"]):
        item.write(tmp_path)
        drawn = []
        for side in (heatmap.Ours(str(tmp_path), GRAPH), make(str(tmp_path), {})):
            side.compute()
            [(_, maps)] = side.outputs()
            drawn.append(maps)
        assert item.written_bytes == drawn[0].nbytes and drawn[0].max() > 0.9
        np.testing.assert_allclose(drawn[1], drawn[0], rtol=0, atol=2e-5)


@pytest.mark.parametrize("make", [heatmap.MemoryWrite, heatmap.MemoryNew, heatmap.MemoryCall])
def test_memory_writes_write_every_cell(make, tmp_path):
    item = cases.heatmap_items(settings_of(), ["graph"])[0]
    item.write(tmp_path)
    side = make(str(tmp_path), {})
    side.compute()
    [(_, maps)] = side.outputs()
    assert maps.nbytes == item.written_bytes and (maps == 0.5).all()
    assert item.unchecked == ("memory_write", "memory_new", "memory_call")


def test_absent_peers_are_skipped_with_a_word(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("torch", "torch_compile", "onnxruntime", "openvino"):
        assert "is not installed" in sides.why_not(name, "forward")
    assert sides.why_not("tf_direct", "forward") is None


def test_peers_are_skipped_where_they_cannot_take_part(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert sides.why_not("openvino", "train_step") == "does not do train_step"
    assert sides.why_not("torch", "train_step") is None
    monkeypatch.setattr(sides, "_compiler", lambda: None)
    assert sides.why_not("torch_compile", "forward") == "there is no C++ compiler"


def test_plans_name_sides_that_exist():
    """Every `module:class` of every peer and case; those of absent packages are not imported."""
    for name, peer in sides.PEERS.items():
        for case, make in peer.makes.items():
            module, made = make.split(":")
            if sides.why_not(name, case) is None:
                assert hasattr(importlib.import_module(module), made), make
            assert importlib.util.find_spec(module)


def test_versions_are_of_what_was_installed():
    """Pillow is called otherwise than its package; a module of Python has no version."""
    peer = sides.Peer(("PIL", "resource"), {})
    expected = {"PIL": importlib.metadata.version("pillow")}
    assert sides.versions(["viewer"], {"viewer": peer}) == expected


@pytest.mark.parametrize("cutoff", [0.01, 0.0])
def test_heatmap_patch_leaves_out_nothing_above_the_cutoff(cutoff, tmp_path):
    """A joint at a border: the window is clipped, not shifted."""
    settings = {"batch": 1, "joints": 2, "height": 6, "width": 9, "stride": 8}
    settings |= {"sigma_px": 7.0, "cutoff": cutoff}
    heatmap.write_inputs(tmp_path, settings, seed=0)
    arrays = {
        "joints_px": np.array([[[0.0, 0.0], [71.0, 47.0]]], np.float32),
        "present": np.ones([1, 2], np.float32),
    }
    exchange.write_arrays(tmp_path, exchange.INPUTS, arrays)
    loop, patch = (make(str(tmp_path), {}) for make in (heatmap.NumpyLoop, heatmap.NumpyPatch))
    loop.compute()
    patch.compute()
    np.testing.assert_allclose(patch.maps, loop.maps, atol=1e-6)
    assert (loop.maps > 0).sum((0, 1, 2)).min() >= 4
