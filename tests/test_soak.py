"""The soak finds a leak of a kilobyte a step, and takes no jump of an allocator for one."""

import random

import pytest

from tests import soak

SECONDS, EVERY = 600, 10  # of a training of 20,000 steps; samples a second
MB = 1 << 20


def watched(leak_bytes, jumps=(), items=20_000, files=0):
    """A process that began with 700 MB, with noise of a megabyte in each sample.

    Args:
      leak_bytes: of each item.
      jumps: (part of the work at which memory grows, megabytes).
      items: that it did.
      files: descriptors that stay open at the end.
    """
    process = soak.Watched.__new__(soak.Watched)
    process.items, process.samples = items, []
    noise, count = random.Random(0), SECONDS * EVERY
    for n in range(count):
        part = n / count
        jumped = sum(size * MB for at, size in jumps if part >= at)
        warm = 700 * MB * min(1, 0.5 + 5 * part)
        held = warm + leak_bytes * items * part + jumped + noise.gauss(0, MB)
        process.samples.append((held, 5 + round(files * part)))
    return process


@pytest.mark.parametrize("leak_bytes", [0, 200, 1500, 4000])
def test_leak_is_what_every_step_adds(leak_bytes):
    # A line through 200 samples of a part, 600 samples long, is sure to 1 MB · √(12 / 200) / 600 =
    # 430 bytes a sample, which are 130 an item; three times that.
    assert watched(leak_bytes).leak() == pytest.approx(leak_bytes, abs=400)


@pytest.mark.parametrize(
    "process, flat",
    [
        (watched(0), True),
        (watched(1500), False),
        (watched(1500, items=1000), True),  # too few to say
        (watched(0, jumps=[(0.05, 60), (0.55, 20), (0.9, 20)]), True),
        (watched(0, jumps=[(0.6, 200)]), False),
        (watched(0, files=8), False),
    ],
)
def test_is_flat(process, flat):
    assert process.is_flat() == flat


def test_a_process_is_sampled_until_it_ends(tmp_path):
    """The samples are of the process itself: what it takes, it has."""
    (tmp_path / "bin").mkdir()
    script = "import time\nheld = bytearray(b'x' * 50_000_000)\ntime.sleep(1)"
    (tmp_path / "bin" / "a.py").write_text(script)
    with pytest.MonkeyPatch.context() as patch, open(tmp_path / "log", "wb") as log:
        patch.setattr(soak, "ROOT", tmp_path)
        process = soak.Watched("a.py", [], log, items=1)
        assert process.wait() == 0
    assert max(held for held, _ in process.samples) > 50_000_000
    assert max(files for _, files in process.samples) >= 3


def test_neither_the_start_nor_the_end_is_sampled(tmp_path):
    (tmp_path / "bin").mkdir()
    script = f"""
import pathlib, time
held = bytearray(b"x" * 50_000_000); time.sleep(0.5); del held
pathlib.Path({str(tmp_path)!r}, "begun").touch(); time.sleep(0.6)
pathlib.Path({str(tmp_path)!r}, "over").touch(); time.sleep(0.3)
held = bytearray(b"x" * 50_000_000); time.sleep(0.5)
"""
    (tmp_path / "bin" / "a.py").write_text(script)
    with pytest.MonkeyPatch.context() as patch, open(tmp_path / "log", "wb") as log:
        patch.setattr(soak, "ROOT", tmp_path)
        process = soak.Watched("a.py", [], log, items=1)
        begun, over = tmp_path / "begun", tmp_path / "over"
        assert process.wait(has_begun=begun.exists, is_over=over.exists) == 0
    assert process.samples and max(held for held, _ in process.samples) < 40_000_000
