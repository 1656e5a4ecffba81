"""Learning rate as a pure function of the step: resuming needs no state."""

import math

from cpm.config import OptimizerConfig


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """Learning rate of step `step` (0-based) of a run of `steps`.

        warm-up:  peak · (step + 1) / warmup            while step < warmup
        constant: peak
        cosine:   peak · (1 + cos(pi · progress)) / 2,  progress: 0 after warm-up, 1 at the end
        step:     peak · factor ^ floor(step / every)
        milestones: peak · factor ^ (number of milestones <= step / steps)

    warmup is `warmup_steps`, but at most half of the run.

    Args:
      config: `OptimizerConfig`.
      step: int in [0, steps).
      steps: length of the run.

    Raises:
      ValueError: unknown schedule.

    >>> from cpm.config import OptimizerConfig
    >>> config = OptimizerConfig(learning_rate=0.1, schedule="cosine", warmup_steps=2)
    >>> [round(learning_rate(config, s, 6), 4) for s in range(6)]
    [0.05, 0.1, 0.1, 0.0854, 0.05, 0.0146]

    References:
      Loshchilov and Hutter 2017 (cosine); Goyal et al. 2017 (warm-up); the release's `step` policy.
    """
    peak, warmup = config.learning_rate, min(config.warmup_steps, steps // 2)
    if step < warmup:
        return peak * (step + 1) / warmup
    if config.schedule == "constant":
        return peak
    if config.schedule == "cosine":
        progress = (step - warmup) / max(1, steps - warmup)
        return peak * (1.0 + math.cos(math.pi * min(1.0, progress))) / 2.0
    if config.schedule == "step":
        return peak * _power(config.step_factor, step // config.step_every)
    if config.schedule == "milestones":
        passed = sum(step >= milestone * steps for milestone in config.milestones)
        return peak * _power(config.step_factor, passed)
    raise ValueError(f"unknown schedule {config.schedule!r}")


def _power(factor, times):
    """`factor` ^ `times`; infinity beyond what a float holds, at which a training stops."""
    try:
        return factor**times
    except OverflowError:
        return math.inf
