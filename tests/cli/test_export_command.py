"""bin/export.py refuses flags that do not go together, before any work."""

import pytest

from tests.helpers.scripts import call

USUAL = ("--ckpt=nowhere", "--format=stablehlo", "--out=packed")


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, words",
    [
        (["--what=train_step,crops"], "written alone"),
        (["--what=train_step", "--precision=int8"], "--precision is not for --what=train_step"),
        (["--what=train_step", "--flip"], "--flip is not for --what=train_step"),
        (["--what=crops", "--batches=3"], "--batches is for --what=train_step alone"),
    ],
)
def test_flags_that_do_not_go_together(flags, words, tmp_path):
    done = call("export.py", *USUAL, *flags, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr
