"""What `--ckpt` names, opened to be used."""

import pytest

from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.inference.loading import load_for_use


def test_a_precision_is_not_for_exported_files():
    """Their own is in the file: another one would be passed over without a word."""
    with pytest.raises(UsageError, match=r"pose\.tflite computes in the precision"):
        load_for_use("pose.tflite", Execution(precision="bfloat16"))
    with pytest.raises(UsageError, match="does not exist"):
        load_for_use("pose.tflite", Execution())
