"""The loss after every stage (Eq. 4) and their sum (Eq. 5).

    f_t = 1/(2N) · sum_n sum_p m[n, p] · sum_z w(z) · (b_t^p(z) - b_*^p(z))²        N = sum m / C
    F = sum_t f_t                                                               w = 1 + λ b_*^p(z)

The paper has λ = 0. A joint covers two or three cells of several hundred, so in a short run most
of the gradient says "be zero"; λ > 0 (`TargetConfig.foreground_weight`) gives the peaks a say.

With λ = 0 and nothing masked, N is the batch size and f_t is the number that the authors' Caffe
release prints. Sums are divided by counts of the whole batch once, never means of means: an image
with three annotated joints weighs three joints' worth. So the losses of the parts of a batch add up
to the loss of the batch, if each part is divided by the counts of the whole (`Counts`). Large
kernels and 6 stages make gradients at the trunk small; the loss after every stage replenishes them
(the paper's section 3.3 and Fig. 5).
"""

import math
import typing
from collections.abc import Sequence

import tensorflow as tf

from cpm.training.targets import Targets
from ops import check_shape


class Counts(typing.NamedTuple):
    """What sums over a batch are divided by.

    Attributes:
      people: N, how many fully annotated people the masked batch amounts to.
      joints: joints' maps that count, the background left out.
    """

    people: tf.Tensor
    joints: tf.Tensor


def count(mask: tf.Tensor, joints: int) -> Counts:
    """The `Counts` of a batch.

    Args:
      mask: `[B, C]`.
      joints: P ≤ C.
    """
    return Counts(effective_batch_size(mask), tf.reduce_sum(mask[:, :joints]))


def squared_errors(
    beliefs: Sequence[tf.Tensor], targets: Targets, foreground_weight: float = 0.0
) -> tf.Tensor:
    """Sum over the masked maps of the weighted squared error, stage by stage.

    Args:
      beliefs: T tensors `[B, h, w, C]`, stage 1 first.
      targets: `Targets` for them.
      foreground_weight: λ ≥ 0.

    Returns:
      `[T]`: sum_n sum_p m · sum_z (1 + λ b_*) (b_t − b_*)².

    Raises:
      ValueError: if a belief's shape is not its target's: no broadcasting in a loss.
    """
    sums = []
    for t, belief in enumerate(beliefs):
        target = targets.first if t == 0 else targets.later
        check_shape(belief, target.shape, f"belief of stage {t + 1}")
        errors = tf.math.squared_difference(belief, target)  # [B, h, w, C]
        if foreground_weight:
            errors *= 1.0 + foreground_weight * target
        per_map = tf.reduce_sum(errors, [1, 2])  # [B, C]
        sums.append(tf.reduce_sum(targets.mask * per_map))
    return tf.stack(sums)


def effective_batch_size(mask: tf.Tensor) -> tf.Tensor:
    """N = sum m / C: how many fully annotated people the masked batch amounts to."""
    return tf.reduce_sum(mask) / mask.shape[-1]


def stage_losses(
    beliefs: Sequence[tf.Tensor],
    targets: Targets,
    foreground_weight: float = 0.0,
    reduction: str = "sum",
    people: tf.Tensor | None = None,
) -> tf.Tensor:
    """f_t for each stage, `[T]`; their sum is the training objective F.

    A batch with nothing to learn from (N = 0) has loss 0, not NaN.

    Args:
      beliefs, targets, foreground_weight: as in `squared_errors`.
      reduction: `sum` as above, or `mean`, the mean over people, maps and cells (the blog's):
        2 / (h w C) of it.
      people: N of the whole batch, where the beliefs are those of a part; None = of these.
    """
    n = tf.maximum(effective_batch_size(targets.mask) if people is None else people, 1e-6)
    losses = squared_errors(beliefs, targets, foreground_weight) / (2.0 * n)
    if reduction == "mean":
        losses *= 2.0 / math.prod(targets.later.shape[1:])
    return losses


def empty_answer(targets: Targets, joints: int) -> tf.Tensor:
    """The maps of a network that sees nobody: 0 for every joint, 1 for the background if any.

    Its loss says what "no better than nothing" is.

    Args:
      targets: `Targets` with C maps.
      joints: P.

    Returns:
      `[B, h, w, C]`.
    """
    channels = tf.range(targets.later.shape[-1])
    background = tf.cast(channels >= joints, targets.later.dtype)  # [C]
    return tf.zeros_like(targets.later) + background


def mean_peak(belief: tf.Tensor, mask: tf.Tensor, maps: tf.Tensor | None = None) -> tf.Tensor:
    """Mean over the counted maps of their largest value: near 0 means flat belief maps.

    Args:
      belief: `[B, h, w, C]`; mask: `[B, C]`.
      maps: how many count in the whole batch, where the beliefs are a part's; None = of these.
    """
    peaks = tf.reduce_max(belief, [1, 2])  # [B, C]
    maps = tf.reduce_sum(mask) if maps is None else maps
    return tf.math.divide_no_nan(tf.reduce_sum(mask * peaks), maps)
