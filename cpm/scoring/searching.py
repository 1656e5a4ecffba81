"""The surest person of a search, scored on images in which one person is annotated.

A search (cpm/inference/search.py) finds everybody. Of single people it should find one, and surest
of all the one who is annotated. So the person of the highest score stands for the search. Its
scores compare with those of an evaluation without a box, which looks near the image's middle.

An image in which nobody was found counts: all its joints are missed. Where a metric needs a crop
(PCP@25px), it is that of the true box, as in `cpm.scoring.evaluate.evaluate_as_used`.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
from tqdm import tqdm

from cpm import humans
from cpm.data.splits import VALIDATION
from cpm.data.stored_people import each_person
from cpm.evaluation.gathering import gather_predictions
from cpm.inference import Predictor
from cpm.inference.one_source import SourceImage
from cpm.scoring.evaluate import Evaluation, inhabited, score_parts, true_box_rule
from cpm.scoring.options import Options
from cpm.scoring.passes import batches_of


@dataclasses.dataclass(frozen=True)
class Searched:
    """How many people a search found in the images of an evaluation.

    Attributes:
      images: number of them.
      nobody: images in which it found nobody.
      several: images in which it found more than one person.
      found: people found in all of them.
      company: images in which more than one person is annotated.
    """

    images: int
    nobody: int
    several: int
    found: int
    company: int

    def text(self, joints: Sequence[str]) -> str:
        """What to say of it below the tables.

        Args:
          joints: names of the network's; they say whether it finds people.

        >>> print(Searched(100, 2, 16, 114, 0).text(["nose", "tail"]))
        search: nothing found in 2 of 100 images, more than one object in 16; 114 objects in all
        """
        one, nothing = humans.noun(joints, 1), humans.number_of(joints, 0)
        text = (
            f"search: {nothing} in {self.nobody} of {self.images} images, more than one {one} in "
            f"{self.several}; {self.found} {humans.noun(joints, self.found)} in all"
        )
        if self.company:
            text += (
                f"\nin {self.company} images more than one {one} is annotated: there the surest "
                "may be another one"
            )
        return text


def evaluate_search(
    predictor: Predictor,
    folders: Sequence[str],
    *,
    people: int | Literal["all"] = "all",
    split: str = VALIDATION,
    seed: int = 0,
) -> tuple[Evaluation, Options, Searched]:
    """Searches every image of one split of some folders and scores the surest person of each.

    Args:
      predictor: of a checkpoint; it says how joints are read.
      folders: list of converted data folders.
      people: how many people are searched for, as of a call of `Predictor`; not 1.
      split: whose people are scored.
      seed: of the intervals.

    Returns:
      (`Evaluation`, its `Options`, `Searched`).

    Raises:
      UsageError: if a folder is no data folder, or nobody in the split has an annotated joint.
      ValueError: if the predictor was given a network, which has no `TrainConfig`.
    """
    if predictor.config is None:
        raise ValueError("the predictor has no TrainConfig; make it from a checkpoint")
    decoding = predictor.decoding
    options = Options(
        split,
        flip=decoding.flip,
        scales=decoding.scales,
        refinement=decoding.refinement,
        seed=seed,
        people=people,
    )
    began = time.perf_counter()
    parts, counts = {}, []
    for folder in inhabited(folders, split):
        parts[str(folder)], found = _search_folder(predictor, folder, split, people)
        counts += found
    seconds = time.perf_counter() - began
    evaluation = score_parts(parts, predictor.network, options, seconds=seconds)
    return evaluation, options, _searched(counts)


def _search_folder(predictor, folder, split, limit):
    """`Predictions` of one folder, and for each image (people found, people annotated)."""
    people = _unfound(predictor, folder, split)
    rows = {id: n for n, id in enumerate(people.ids)}
    annotated: dict[str, int] = {}
    results = predictor.predict_many(_named_images(folder, split, annotated), people=limit)
    joints_px, confidence, counts = people.joints_px.copy(), people.confidence.copy(), []
    # disable=None: no bar where the output is not a terminal.
    options = {"unit": " images", "desc": str(folder), "total": len(rows)}
    for result in tqdm(results, **options, leave=False, disable=None):
        counts.append((len(result.people), annotated[result.file]))
        if result.people:
            surest = max(result.people, key=lambda person: person.score)
            row = rows[result.file]
            joints_px[:, row], confidence[:, row] = surest.joints_px, surest.confidence
    return dataclasses.replace(people, joints_px=joints_px, confidence=confidence), counts


def _named_images(folder, split, annotated):
    """Yields everybody's image, called by the person's id; notes how many are annotated in it."""
    for person in each_person(folder, split):
        annotated[person.id] = 1 + len(person.others)
        yield SourceImage(np.asarray(person.image), person.id, file=person.id)


def _unfound(predictor, folder, split):
    """`Predictions` in which nobody was found; the truth in it is that of every evaluation."""

    def nothing(batch):
        shape = 1, len(batch["valid"]), len(predictor.skeleton)  # [T, B, P]
        return np.full([*shape, 2], np.nan), np.zeros(shape)

    by_box = Options(split, crop=true_box_rule(predictor.config))
    return gather_predictions(batches_of(predictor.config, folder, by_box, {}), nothing)


def _searched(counts):
    """The `Searched` of (people found, people annotated) of each image."""
    found, annotated = np.array(counts).T
    return Searched(
        images=len(found),
        nobody=int((found == 0).sum()),
        several=int((found > 1).sum()),
        found=int(found.sum()),
        company=int((annotated > 1).sum()),
    )
