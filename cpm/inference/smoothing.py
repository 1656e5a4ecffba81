"""Smoothing the joints of a video: the One-Euro filter.

A low-pass filter whose cutoff frequency rises with the speed: a joint at rest no longer trembles,
one that moves fast hardly lags behind.

    x̂_i = α x_i + (1 − α) x̂_{i−1},   α = 1 / (1 + τ / Δt),   τ = 1 / (2π f)
    f = f_min + β |v̂|,   v̂ the speed, itself filtered at the cutoff frequency f_v

x is a position in pixels, Δt the seconds since the frame before. The speed is measured in body
sizes a second, so that β means the same for somebody near and somebody far, in any resolution.

How to choose them (the paper's section 3): hold still and lower `min_cutoff` until joints no longer
tremble; then move fast and raise `beta` until joints no longer lag.

References: Casiez, Roussel and Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy
  Input in Interactive Systems", CHI 2012.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from cpm.inference.person_pose import PersonPose


@dataclasses.dataclass(frozen=True)
class OneEuro:
    """Parameters of the filter.

    Attributes:
      min_cutoff: f_min, Hz: of a joint at rest. Lower = calmer, and slower to follow.
      beta: how much the cutoff rises with the speed, Hz for each body size a second. Higher =
        less lag in fast movements, and more trembling in them.
      speed_cutoff: f_v, Hz. Rarely changed.
    """

    min_cutoff: float = 1.0
    beta: float = 10.0
    speed_cutoff: float = 1.0

    def __post_init__(self) -> None:
        if not (self.min_cutoff > 0 and self.speed_cutoff > 0 and self.beta >= 0):
            raise ValueError(f"cutoffs must be > 0 and beta >= 0; got {self}")


def smoothing_factor(cutoff: npt.ArrayLike, seconds: float) -> np.ndarray:
    """α of a cutoff frequency in Hz and a time between frames.

    >>> round(float(smoothing_factor(1.0, 1 / (2 * np.pi))), 3)
    0.5
    """
    return 1 / (1 + 1 / (2 * np.pi * np.asarray(cutoff) * seconds))


class Smoother:
    """Filters the joints of everybody in a video, each person's apart, by `id`.

    Args:
      options: `OneEuro`.
      forget: seconds after which somebody who comes back is filtered anew.
    """

    def __init__(self, options: OneEuro | None = None, *, forget: float = 0.5) -> None:
        self._options, self._forget = options or OneEuro(), forget
        # {id: time, joints, velocities}
        self._people: dict[int | None, tuple[float, np.ndarray, np.ndarray]] = {}

    def __call__(self, people: Iterable[PersonPose], time: float) -> tuple[PersonPose, ...]:
        """The people of a frame with smoother joints.

        Args:
          people: iterable of `PersonPose` with `id`.
          time: of the frame, seconds.

        Returns:
          tuple of `PersonPose`. A joint that was not found stays so, and is filtered anew when it
          comes back.
        """
        self._people = {
            id: state for id, state in self._people.items() if time - state[0] <= self._forget
        }
        return tuple(self._person(person, time) for person in people)

    def _person(self, person, time):
        joints_px = np.asarray(person.joints_px, np.float64)
        size = max(person.box[2], person.box[3], 1.0)
        before = self._people.get(person.id)
        if before is None or time <= before[0]:
            self._people[person.id] = time, joints_px, np.zeros_like(joints_px)
            return person
        joints_px, velocity = self._filtered(joints_px, size, time, *before)
        self._people[person.id] = time, joints_px, velocity
        return dataclasses.replace(person, joints_px=joints_px)

    def _filtered(self, x, size, time, last_time, last_x, last_v):
        """(x̂ `[P, 2]`, v̂ `[P, 2]` in pixels a second); the letters of the module's docstring."""
        options, seconds = self._options, time - last_time
        known = np.isfinite(last_x)
        v = np.where(known, (x - last_x) / seconds, 0.0)
        alpha_v = smoothing_factor(options.speed_cutoff, seconds)
        v_hat = alpha_v * v + (1 - alpha_v) * last_v
        speed = np.linalg.norm(v_hat, axis=-1, keepdims=True) / size  # [P, 1]
        alpha = smoothing_factor(options.min_cutoff + options.beta * speed, seconds)
        x_hat = np.where(known, alpha * x + (1 - alpha) * last_x, x)
        return x_hat, np.where(np.isfinite(v_hat), v_hat, 0.0)
