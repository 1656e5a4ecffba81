"""Dynamic loss scaling: keeps small gradients above the smallest number that float16 holds.

    g = (1/S) · d(S · F)/dw,   S = 2^k

The derivative is linear, so for real numbers S changes nothing. In float16 it does: what lies below
2^-25, half of the smallest positive number 2^-24, becomes 0, and the derivatives by the activations
of a trained network are largely that small, while nearly all of the range above, up to 65,504, is
empty. Multiplied by S before the backward pass they move up by k places; the gradients of the
variables are float32 before they are divided by S, and since S is a power of two neither product
rounds. So S should be as large as it can be without anything becoming infinite, which no formula
knows beforehand:

    all gradients finite          after `every` such steps in a row  S ← min(2 S, largest)
    one is infinite or no number  the update is left out and         S ← max(S / 2, smallest)

A step that was left out costs one batch in at least `every`. At S = smallest there is nothing left
to halve: then it is the run that has diverged. The loss itself is computed before the scale comes
in, so a loss that is no number is never the scale's fault, and no step to leave out
(cpm/training/guarded_step.py stops the run).

bfloat16 has the exponents of float32 and needs none of this.

References:
  Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.2 (scaling) and 3.1 (the
  float32 master weights). The constants are those that grew out of it in NVIDIA's and PyTorch's
  scalers: 2^16, doubled every 2,000 steps.
"""

from collections.abc import Iterable

import tensorflow as tf


class LossScale(tf.Module):
    """The factor S and the rule that moves it.

    Attributes:
      scale: variable, float32 scalar, S; a power of two.
      good_steps: variable, int32 scalar: finite steps since S last changed. Both belong into a
        checkpoint: a resumed run has to double at the same step.

    Args:
      initial: S at the start.
      every: finite steps in a row after which S is doubled.
      smallest, largest: limits of S. Beyond 2^24, which brings up all that float32 gradients down
        to 2^-48 hold, a larger one would only risk the range of float32.
    Raises:
      ValueError: unless all three scales are powers of two in order, and `every` is positive.
    """

    def __init__(
        self,
        *,
        initial: float = 2.0**16,
        every: int = 2000,
        smallest: float = 1.0,
        largest: float = 2.0**24,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or "loss_scale")
        for scale in (smallest, initial, largest):
            if not (scale > 0 and float(scale).hex().startswith("0x1.0000000000000p")):
                raise ValueError(f"a loss scale is {scale!r}, expected a power of two")
        if not smallest <= initial <= largest:
            raise ValueError(
                f"loss scales should rise: smallest {smallest:g}, initial {initial:g}, "
                f"largest {largest:g}"
            )
        if every < 1:
            raise ValueError(f"every is {every!r}, expected at least one step")
        self.every, self.smallest, self.largest = every, smallest, largest
        with self.name_scope:
            self.scale = tf.Variable(initial, trainable=False, dtype=tf.float32, name="scale")
            self.good_steps = tf.Variable(0, trainable=False, dtype=tf.int32, name="good_steps")

    def unscale(self, gradients: Iterable[tf.Tensor]) -> list[tf.Tensor]:
        """d(S · F)/dw → dF/dw, each a float32 tensor of any shape."""
        return [gradient / self.scale for gradient in gradients]

    def adjust(self, finite: bool) -> bool:
        """Moves S after a step.

        Args:
          finite: Python bool: every gradient of the step was a number.

        Returns:
          Whether S may be held responsible: False if a gradient is not finite although S is the
          smallest, so that nothing is left to try.
        """
        scale = float(self.scale.numpy())
        if not finite:
            self.scale.assign(max(scale / 2, self.smallest))
            self.good_steps.assign(0)
            return scale > self.smallest
        good_steps = int(self.good_steps.numpy()) + 1
        if good_steps >= self.every:
            self.scale.assign(min(scale * 2, self.largest))
            good_steps = 0
        self.good_steps.assign(good_steps)
        return True
