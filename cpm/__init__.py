"""Convolutional Pose Machines (Wei et al., CVPR 2016) in low-level TensorFlow 2.

Data walks through the packages once, left to right:
`data` → `training` (targets, loss, loop) around `network` → `inference` → `evaluation` → `plots`.

The permitted imports are a table in tests/test_architecture.py; each package's docstring lists its
files. `from cpm import Predictor` is what most programs need; until then nothing heavy is imported.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for the type hints of programs that use it
    from cpm.inference import Predictor

__all__ = ["Predictor"]


def __getattr__(name: str) -> object:
    """`Predictor` on demand: importing `cpm` takes no TensorFlow, and says nothing."""
    if name != "Predictor":
        raise AttributeError(f"module 'cpm' has no attribute {name!r}")
    import cpm.quiet_start  # noqa: F401  before TensorFlow
    from cpm.inference import Predictor

    return Predictor
