"""The progress line: fits a terminal of 80 columns, plain ASCII, whatever the run's length."""

import re

import pytest

from cpm.training.progress import BAR, FlatMapsWarning, Progress, postfix


def measured(stages, loss):
    last = {f"release_loss_stage_{stages}": loss / 7, "release_loss_empty": loss / 3}
    return {"loss": loss} | {f"loss_stage_{t + 1}": loss / stages for t in range(stages)} | last


@pytest.mark.parametrize(
    "steps, clock, stages, loss", [(2800, "07:01", 3, 480.0), (600_000, "10:00:00", 6, 290.0)]
)
def test_line_fits_80_columns(steps, clock, stages, loss):
    line = BAR.format(
        n_fmt=steps,
        total_fmt=steps,
        elapsed=clock,
        remaining=clock,
        postfix=", " + postfix(measured(stages, loss), 146.0),
    )
    assert len(line) <= 80 and line.isascii()


def test_lines_of_a_log_are_whole(capsys):
    """Not a terminal: one line for each report, with the numbers of the step."""
    progress = Progress(0, 30, batch_size=4)
    progress._bar.mininterval = 0.0
    for _ in range(3):
        progress.advance(measured(2, 41.0))
    progress.say("step 3: pcp25 1.0 %")
    progress.close()
    out, err = capsys.readouterr()
    assert out == "step 3: pcp25 1.0 %\n"
    assert re.search(
        r"^\r?3/30 \[\d\d:\d\d<\d\d:\d\d\], loss 41.0, stage 2: 5.86 of 13.67, ", err, re.M
    )
    assert all(len(line) <= 80 for line in err.splitlines())


def test_flat_maps_warning():
    """Flat for long enough: once. Healthy, or early: never."""
    flat = FlatMapsWarning(3, after=5)
    warned = [flat.check(step, {"peak_stage_3": 0.01}) for step in range(10)]
    assert warned == [False] * 5 + [True] + [False] * 4
    healthy = FlatMapsWarning(3, after=5)
    assert not any(healthy.check(s, {"peak_stage_3": 0.4}) for s in range(10))
