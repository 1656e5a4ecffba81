"""What a network is worth on the validation people, as a run asks for it while it trains.

Training knows nothing of inference: a run is given a function of its network that returns this.
"""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Validation:
    """The score of one network, and what may be shown of it.

    Attributes:
      totals: {metric: its mean over the joints}, for the records.
      score: the number that decides which checkpoint is the best, higher is better; None if
        no joint is annotated.
      text: one line for the screen.
      draw: function that draws some of the people, `[h, w, 3]` uint8.
      details: what `totals` are of, for whoever shows more; nothing here reads it.
      box_totals: of own data, `totals` if the people's true boxes are given; or None.
    """

    totals: dict[str, float]
    score: float | None
    text: str
    draw: Callable[[], np.ndarray]
    details: object = None
    box_totals: dict[str, float] | None = None
