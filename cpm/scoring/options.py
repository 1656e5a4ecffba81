"""What is evaluated and how: the split, the crops, the passes, how joints are read."""

import dataclasses
from typing import Literal

from cpm.config import DecodingConfig, TrainConfig
from cpm.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Options:
    """What is evaluated and how.

    Attributes:
      split: `train`, `validation` or `test`.
      crop: rule that places the crops, one of `CROP_RULES` or of `crop_regions.RULES`; None = as
        the network was trained.
      passes: number of passes a person: the first over the crop that `crop` places, each further
        one around the joints found by the one before (cpm/inference/crop_regions.py).
      flip, scales, refinement: how joints are read, see `DecodingConfig`.
      seed: of the bootstrap intervals.
      people: 1, the person whom the passes find; another number or `all`, the surest of so many
        whom a search finds (cpm/scoring/searching.py): then `crop` and `passes` do not count.
    """

    split: str = "validation"
    crop: str | None = None
    passes: int = 1
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    refinement: str = "taylor"
    seed: int = 0
    people: int | Literal["all"] = 1

    def decoding(self, config: TrainConfig) -> DecodingConfig:
        """The `DecodingConfig` for a network that was trained with `config`.

        Raises:
          UsageError: for a scale that is not positive.
        """
        try:
            return DecodingConfig(self.flip, self.scales, self.refinement, config.target.sigma_px)
        except ValueError as error:
            raise UsageError(str(error)) from None


DEFAULTS = Options()
