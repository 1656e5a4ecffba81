"""Weights in 8 bits: whole numbers, and a step for each output channel that they are multiples of.

Formats that widen the weights when they are used store them so: ONNX and OpenVINO.
"""

import numpy as np

# Smaller arrays are biases, norms and numbers of the decoder: they stay as they are.
FEWEST_VALUES = 1024


def in_steps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An array as multiples of steps.

    Args:
      values: `[Cout, ...]` float32, the output channels first.

    Returns:
      (the same shape, int8 from -127 to 127; steps `[Cout]` float32).

    >>> in_steps(np.float32([[0.5, -1.27], [2.54, 0.0]]))[0].tolist()
    [[50, -127], [127, 0]]
    """
    highest = np.abs(values).reshape(len(values), -1).max(1)
    step = np.maximum(highest, np.finfo(np.float32).tiny * 127) / 127
    whole = np.rint(values / step.reshape(-1, *[1] * (values.ndim - 1))).astype(np.int8)
    return whole, step
