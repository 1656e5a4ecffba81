"""What a person sees while a network trains: losses, speed, time left; and the warnings."""

import collections
import sys
import time

from absl import logging
from tqdm import tqdm


class Progress:
    """A progress bar over the steps of a run.

    On a terminal it is redrawn in place; in a log file it prints a line every half a minute.

    Args:
      start, steps: first step (0-based) and one past the last.
      batch_size: people per step, for the rate.
      seconds: spent on the steps before `start`, in earlier parts of the run.
      silent: draw no bar.

    Attributes:
      seconds: spent on all steps so far, evaluations and saves left out.
    """

    def __init__(self, start, steps, batch_size, seconds=0.0, *, silent=False):
        terminal = sys.stderr.isatty()
        self._batch_size = batch_size
        self._recent = collections.deque(maxlen=50)  # seconds per step, without pauses
        self._bar = tqdm(
            total=steps,
            initial=start,
            unit="step",
            disable=silent,
            dynamic_ncols=terminal,
            mininterval=0.5 if terminal else 30.0,
            bar_format=None
            if terminal
            else "{n_fmt}/{total_fmt} [{elapsed}<{remaining}]{postfix}\n",
        )
        self.seconds = seconds
        self._last = time.perf_counter()

    def advance(self, measurements):
        """One more step is done.

        Args:
          measurements: of `cpm.training.step.TrainStep.losses_and_gradients`.
        """
        now = time.perf_counter()
        self._recent.append(now - self._last)
        self.seconds += now - self._last
        self._last = now
        # In the order they were measured, stage 1 first; by name 10 would come before 2.
        stages = [v for k, v in measurements.items() if k.startswith("loss_stage_")]
        if measurements.get("loss") is None:
            self._bar.set_postfix_str("batch left out: its loss is no number", refresh=False)
            self._bar.update(1)
            return
        self._bar.set_postfix_str(
            f"loss {measurements['loss']:.2f} = "
            + " + ".join(f"{v:.2f}" for v in stages)
            + f"; last stage Σ/2N {measurements[f'release_loss_stage_{len(stages)}']:.2f}"
            + f" (empty maps {measurements['release_loss_empty']:.2f})"
            + f", {self.rate:.0f} images/s",
            refresh=False,
        )
        self._bar.update(1)

    @property
    def rate(self):
        """People per second over the last steps, evaluations and saves left out."""
        return self._batch_size * len(self._recent) / max(sum(self._recent), 1e-9)

    def resume_clock(self):
        """Time since the last step was spent on something else; don't count it."""
        self._last = time.perf_counter()

    def say(self, text):
        """Prints a line without tearing the bar."""
        self._bar.write(text, file=sys.stdout)
        sys.stdout.flush()

    def close(self):
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

    def __init__(self, stages, *, after=300, threshold=0.05):
        self._key = f"peak_stage_{stages}"
        self._after, self._threshold = after, threshold
        self._average = None
        self._given = False

    def check(self, step, measurements):
        """Returns True when it warned at this step."""
        peak = measurements[self._key]
        if peak is None:  # of a batch that was left out
            return False
        previous = peak if self._average is None else self._average
        self._average = 0.95 * previous + 0.05 * peak
        if self._given or step < self._after or self._average >= self._threshold:
            return False
        self._given = True
        logging.warning(
            "the belief maps stay flat: after %d steps their mean peak is %.3f (a perfect map "
            "has 1). Try a lower --learning_rate, a longer warm-up or --norm=batch, and look at "
            "the targets with python bin/inspect_batch.py.",
            step,
            self._average,
        )
        return True
