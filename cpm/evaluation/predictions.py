"""What a network said about a set of people, beside what is true: the input of every metric."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Predicted and true joints of N people, for each of T stages. All arrays are NumPy.

    Attributes:
      ids: N strings, unique and stable.
      joints_px: `[T, N, P, 2]`, predicted, image pixels; nan = no prediction.
      confidence: `[T, N, P]`, height of the belief map's peak; of a network's joints in [0, 1].
      truth_px: `[N, P, 2]`, image pixels; 0 where absent.
      state: `[N, P]` int, 0 absent, 1 occluded, 2 visible.
      head_size_px: `[N]`, 0.6 × head diagonal, image pixels; 0 = unknown.
      crop_scale: `[N]`, pixels of the 368-pixel crop per image pixel.
    """

    ids: tuple[str, ...]
    joints_px: np.ndarray
    confidence: np.ndarray
    truth_px: np.ndarray
    state: np.ndarray
    head_size_px: np.ndarray
    crop_scale: np.ndarray

    def __post_init__(self) -> None:
        if self.joints_px.ndim != 4:
            raise ValueError(f"joints_px should be [T, N, P, 2], not {self.joints_px.shape}")
        stages, people, joints, _ = self.joints_px.shape
        expected = {
            "joints_px": (stages, people, joints, 2),
            "confidence": (stages, people, joints),
            "truth_px": (people, joints, 2),
            "state": (people, joints),
            "head_size_px": (people,),
            "crop_scale": (people,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} should be {list(shape)}, not {getattr(self, name).shape}")
        if len(self.ids) != people:
            raise ValueError(f"{len(self.ids)} ids for {people} people")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def stages(self) -> int:
        """T."""
        return len(self.joints_px)


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """The people of several `Predictions` of one network, in order; ValueError for none."""
    parts = list(parts)
    if not parts:
        raise ValueError("nothing to concatenate: no predictions")
    return Predictions(
        ids=tuple(id for part in parts for id in part.ids),
        joints_px=np.concatenate([part.joints_px for part in parts], axis=1),
        confidence=np.concatenate([part.confidence for part in parts], axis=1),
        truth_px=np.concatenate([part.truth_px for part in parts]),
        state=np.concatenate([part.state for part in parts]),
        head_size_px=np.concatenate([part.head_size_px for part in parts]),
        crop_scale=np.concatenate([part.crop_scale for part in parts]),
    )


def choose(taken: np.ndarray, people: Predictions, others: Predictions) -> Predictions:
    """Each person of two `Predictions` of the same people, from the one or the other.

    Args:
      taken: `[N]` bool, who is from `people`; else from `others`.
      people, others: with the same ids in the same order, and as many stages.

    Raises:
      ValueError: if they are not of the same people.
    """
    if people.ids != others.ids:
        raise ValueError("two predictions to choose from are of different people")
    taken = np.asarray(taken, bool)
    values = {}
    for field in dataclasses.fields(Predictions)[1:]:
        one, other = (np.asarray(getattr(of, field.name)) for of in (people, others))
        by_stage = field.name in ("joints_px", "confidence")
        chosen = other.copy()
        if by_stage:
            chosen[:, taken] = one[:, taken]
        else:
            chosen[taken] = one[taken]
        values[field.name] = chosen
    return Predictions(people.ids, **values)


def mean_errors(predictions: Predictions) -> np.ndarray:
    """`[N]` mean distance of a person's annotated joints at the last stage, 368-crop pixels.

    Ranks people from best to worst; nan for a person without any annotated joint, inf for one
    with a joint that was not predicted.
    """
    distance = np.linalg.norm(predictions.joints_px[-1] - predictions.truth_px, axis=-1)
    distance = np.where(np.isnan(distance), np.inf, distance)  # [N, P]
    present = predictions.state > 0
    count = present.sum(1)
    total = np.where(present, distance, 0.0).sum(1) * predictions.crop_scale
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
