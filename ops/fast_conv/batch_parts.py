"""Large batches, a few images at a time.

A compiled call has all that it needs in between in memory at once: 252 MB for the gradients of
128 channels at 184 px, batch 2. So a call takes only some of the images. All calls take as many, so
that one compilation serves them all (README.md, section 7).
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

# Numbers that an image or an output may have when transformed, in one compiled call.
MOST_AT_ONCE = 1e7


def count_parts(batch: int, numbers: float) -> int:
    """In how many equal parts a batch is computed, each within `MOST_AT_ONCE` if it can be.

    Args:
      batch: images.
      numbers: that one image has when transformed.

    >>> count_parts(batch=6, numbers=4e6)  # two fit
    3
    >>> count_parts(batch=5, numbers=4e6)  # two fit, and do not divide five
    5
    """
    most = MOST_AT_ONCE // numbers
    fits = (n for n in range(1, batch + 1) if batch % n == 0 and n <= most)
    return batch // max(fits, default=1)


def in_parts(
    function: Callable[..., Any], count: int, batches: Sequence[tf.Tensor], weights: tf.Tensor
) -> list[Any]:
    """[function(*part of each batch, weights) of all `count` parts], one after the other.

    Args:
      function: of tensors, to a tensor or a tuple of them.
      count: of equal parts.
      batches: tensors with the batch first.
      weights: what all parts share.
    """
    if count == 1:
        return [function(*batches, weights)]
    results: list[Any] = []
    for parts in zip(*(tf.split(batch, count) for batch in batches), strict=True):
        with tf.control_dependencies(tf.nest.flatten(results[-1:])):
            results.append(function(*parts, weights))
    return results
