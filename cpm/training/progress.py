"""What a person sees while a network trains: losses, speed, time left; and the warnings."""

import collections
import sys
import time
from collections.abc import Mapping
from typing import Any

from absl import logging
from tqdm import tqdm

# tqdm writes a comma before the postfix.
BAR = "{n_fmt}/{total_fmt} [{elapsed}<{remaining}]{postfix}"


def postfix(measurements: Mapping[str, Any], rate: float) -> str:
    """The numbers of a progress line: all stages' loss, the last stage's Σ/2N, people a second.

    Σ/2N is the release's loss; "of" says what maps that are zero everywhere would have.

    Args:
      measurements: of `cpm.training.step.TrainStep.losses_and_gradients`.
      rate: people per second.

    >>> last = {"release_loss_stage_1": 3.21, "release_loss_empty": 7.34}
    >>> postfix({"loss": 123.46, "loss_stage_1": 123.46} | last, 46.2)
    'loss 123.5, stage 1: 3.21 of 7.34, 46/s'
    """
    stages = sum(key.startswith("loss_stage_") for key in measurements)
    last, empty = measurements[f"release_loss_stage_{stages}"], measurements["release_loss_empty"]
    return (
        f"loss {measurements['loss']:.1f}, stage {stages}: {last:.2f} of {empty:.2f}, {rate:.0f}/s"
    )


class Progress:
    """A progress bar over the steps of a run.

    On a terminal it is redrawn in place; in a log file it prints a line every half a minute. A line
    fits 80 columns and is plain ASCII; all stages' losses are in metrics.jsonl.

    Args:
      start, steps: first step (0-based) and one past the last.
      batch_size: people per step, for the rate.
      seconds: spent on the steps before `start`, in earlier parts of the run.
      silent: draw no bar.

    Attributes:
      seconds: spent on all steps so far, evaluations and saves left out.
    """

    def __init__(
        self, start: int, steps: int, batch_size: int, seconds: float = 0.0, *, silent: bool = False
    ) -> None:
        terminal = sys.stderr.isatty()
        self._batch_size = batch_size
        # Seconds per step, without pauses.
        self._recent: collections.deque[float] = collections.deque(maxlen=50)
        self._bar = tqdm(
            total=steps,
            initial=start,
            unit="step",
            disable=silent,
            mininterval=0.5 if terminal else 30.0,
            bar_format=BAR if terminal else BAR + "\n",
        )
        self.seconds = seconds
        self._last = time.perf_counter()

    def advance(self, measurements: Mapping[str, Any]) -> None:
        """One more step is done.

        Args:
          measurements: of `cpm.training.step.TrainStep.losses_and_gradients`.
        """
        now = time.perf_counter()
        self._recent.append(now - self._last)
        self.seconds += now - self._last
        self._last = now
        if measurements.get("loss") is None:
            self._bar.set_postfix_str("batch left out: its loss is no number", refresh=False)
            self._bar.update(1)
            return
        self._bar.set_postfix_str(
            postfix(measurements, self.rate),
            refresh=False,
        )
        self._bar.update(1)

    @property
    def rate(self) -> float:
        """People per second over the last steps, evaluations and saves left out."""
        return self._batch_size * len(self._recent) / max(sum(self._recent), 1e-9)

    def resume_clock(self) -> None:
        """Time since the last step was spent on something else; don't count it."""
        self._last = time.perf_counter()

    def say(self, text: str) -> None:
        """Prints a line without tearing the bar."""
        self._bar.write(text, file=sys.stdout)
        sys.stdout.flush()

    def close(self) -> None:
        self._bar.close()


class FlatMapsWarning:
    """Warns once when the last stage's belief maps stay flat.

    A network that outputs zero everywhere already has a small squared error, since most cells of a
    target are zero; too high a rate or a wrong σ leaves it there. The sign is the mean over joints
    of a map's largest value, `peak`: 1 on a perfect map, near 0 on a flat one.

    Args:
      stages: T.
      after: steps before which no warning is given.
      threshold: smallest healthy peak.
    """

    def __init__(self, stages: int, *, after: int = 300, threshold: float = 0.05) -> None:
        self._key = f"peak_stage_{stages}"
        self._after, self._threshold = after, threshold
        self._average: float | None = None
        self._given = False

    def check(self, step: int, measurements: Mapping[str, Any]) -> bool:
        """Returns True when it warned at this step."""
        peak = measurements[self._key]
        if peak is None:  # of a batch that was left out
            return False
        previous = peak if self._average is None else self._average
        self._average = average = 0.95 * previous + 0.05 * peak
        if self._given or step < self._after or average >= self._threshold:
            return False
        self._given = True
        logging.warning(
            "the belief maps stay flat: after %d steps their mean peak is %.3f (a perfect map "
            "has 1). Try a lower --learning_rate, a longer warm-up or --norm=batch, and look at "
            "the targets with python bin/inspect_batch.py.",
            step,
            average,
        )
        return True
