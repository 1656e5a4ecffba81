"""Scores a network on scenes (cpm/data/scenes): several people, people cut off, nobody.

The network predicts as in bin/predict.py: one pass over windows of the image, one around the joints
found there, which is averaged with its mirror image.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from cpm.data.images import read_image
from cpm.data.scenes.folder import SceneFolder, read_scenes
from cpm.data.scenes.making import IMAGES
from cpm.data.stored_people import read_people
from cpm.errors import UsageError
from cpm.evaluation import scene_tables
from cpm.evaluation.groups import FoundPeople, TruePeople, score_groups
from cpm.evaluation.nobody import person_confidence, score_nobody
from cpm.evaluation.oks import joint_sigmas
from cpm.evaluation.truncated import score_truncated
from cpm.inference import Predictor

GROUPS = ("groups", "collages")  # kinds of several people an image


def score_scenes(
    folders: Sequence[str],
    predictor: Predictor,
    *,
    data: Sequence[str] = (),
    split: str = "validation",
    seed: int = 0,
) -> tuple[str, dict[str, Any]]:
    """Scores every folder of scenes by its kind.

    Args:
      folders: list of folders that bin/make_scenes.py made, of kinds in `making.IMAGES`.
      predictor: `cpm.inference.Predictor`.
      data: converted folders of true people, for `nobody`.
      split: of them.
      seed: of the bootstrap intervals.

    Returns:
      (text of all tables, {folder: scores with their `kind`}).

    Raises:
      UsageError: if a folder holds no such scenes, or `data` is missing.
    """
    scenes = {folder: read_scenes(folder) for folder in folders}
    for folder, found in scenes.items():
        if found.kind not in IMAGES:
            raise UsageError(f"{folder} holds scenes of the unknown kind {found.kind!r}")
        if found.kind == "nobody" and not data:
            raise UsageError(f"{folder} shows nobody; name true people to compare with: --data=DIR")
        try:
            joint_sigmas(found.skeleton)
        except ValueError as error:
            raise UsageError(f"{folder} cannot be scored: {error}; leave it out") from None
    texts: list[str] = []
    record: dict[str, Any] = {}
    people: np.ndarray | None = None
    for folder, found in scenes.items():
        if found.kind in GROUPS:
            scores = groups_score(found, predictor, seed=seed)
            texts.append(scene_tables.groups_table(scores, found.kind))
            record[str(folder)] = {"kind": found.kind, "box_source": scores}
        elif found.kind == "truncated":
            score = truncated_score(found, predictor, seed=seed)
            texts.append(scene_tables.truncated_table(score))
            record[str(folder)] = {"kind": "truncated"} | score
        else:
            if people is None:  # the same for every folder
                images = [p.image for p in read_people(data, split)]
                people = confidences(images, predictor, "true people")
            score = nobody_score(found, predictor, people, seed=seed)
            texts.append(scene_tables.nobody_table(score))
            record[str(folder)] = {"kind": "nobody"} | score
    return "\n\n".join(texts), record


def _at_true_boxes(predictor, image, scene):
    return predictor(image, boxes=[tuple(box) for box in scene.boxes]).people


def _alone(predictor, image, scene):
    return predictor(image).people


def _search(predictor, image, scene):
    return predictor(image, people="all").people


# How people are found in groups: each a function of predictor, image and `SceneImage` that returns
# a list of people, each with `joints_px`, `confidence` and `score` as of a `PersonPose`.
WAYS = {"truth": _at_true_boxes, "image": _alone, "search": _search}


def groups_score(
    scenes: SceneFolder,
    predictor: Predictor,
    ways: Mapping[str, Callable] = WAYS,
    *,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Scores the people found in groups, in several ways.

    Args:
      scenes: `SceneFolder` of a kind in `GROUPS`.
      predictor: `Predictor`.
      ways: {name: function}, see `WAYS`.
      seed: of the bootstrap intervals.

    Returns:
      {way: what `score_groups` says, and `seconds`, the median wall time of an image}: `truth`, one
      pass at each true box; `image`, one person without a box; `search`, everybody.
    """
    skeleton, channels = scenes.skeleton, scenes.skeleton.channels_from(predictor.network.skeleton)
    truth = []
    found: dict[str, list[FoundPeople]] = {way: [] for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for scene in tqdm(scenes.images, unit=" images", desc=scenes.kind, leave=False, disable=None):
        image = read_image(scene.path)
        truth.append(TruePeople(scene.joints_px, scene.state, scene.area))
        for way, find in ways.items():
            began = time.perf_counter()
            people = find(predictor, image, scene)
            seconds[way].append(time.perf_counter() - began)
            found[way].append(_found(people, channels))
    return {
        way: score_groups(truth, people, skeleton, seed=seed)
        | {"seconds": round(float(np.median(seconds[way])), 3)}
        for way, people in found.items()
    }


def nobody_score(
    scenes: SceneFolder, predictor: Predictor, people: np.ndarray, *, seed: int = 0
) -> dict[str, Any]:
    """What `score_nobody` says of images without a person, and what a search finds in them.

    Args:
      scenes: `SceneFolder` of nobody.
      predictor: `Predictor`.
      people: `[N, P]`, `confidences` of true people.
      seed: of the bootstrap intervals.

    Returns:
      dict of plain values: those of `score_nobody`; `searched`, percent of the images in which a
      search finds somebody; `found`, how many people in all of them.
    """
    images = [read_image(s.path) for s in scenes.images]
    empty = confidences(images, predictor, "nobody")
    bar = tqdm(images, unit=" images", desc="search", leave=False, disable=None)
    found = [len(predictor(image, people="all").people) for image in bar]
    kinds = [scene.shows for scene in scenes.images]
    score = score_nobody(people, empty, kinds, drawn_from=predictor.threshold, seed=seed)
    return score | {"searched": 100 * float(np.mean(np.array(found) > 0)), "found": sum(found)}


def truncated_score(scenes: SceneFolder, predictor: Predictor, *, seed: int = 0) -> dict[str, Any]:
    """What `score_truncated` says of people cut off by the image, from the image alone.

    Args:
      scenes: `SceneFolder` of one person an image.
      predictor: `Predictor`.
      seed: of the bootstrap intervals.
    """
    skeleton, channels = scenes.skeleton, scenes.skeleton.channels_from(predictor.network.skeleton)
    shape = len(scenes.images), len(skeleton)
    joints_px, confidence = np.full([*shape, 2], np.nan), np.zeros(shape)
    bar = tqdm(scenes.images, unit=" images", desc="cut off", leave=False, disable=None)
    for n, scene in enumerate(bar):
        for person in predictor(read_image(scene.path)).people:
            known = channels >= 0
            joints_px[n, known] = person.joints_px[channels[known]]
            confidence[n, known] = person.confidence[channels[known]]
    return score_truncated(
        joints_px,
        confidence,
        np.concatenate([scene.whole_px for scene in scenes.images]),
        np.concatenate([scene.state for scene in scenes.images]),
        [scene.shows for scene in scenes.images],
        skeleton,
        drawn_from=predictor.threshold,
        seed=seed,
    )


def confidences(images: Sequence[Any], predictor: Predictor, name: str) -> np.ndarray:
    """`[N, P]`: the joints' confidences in each image, from the image alone."""
    bar = tqdm(images, unit=" images", desc=name, leave=False, disable=None)
    predictor = copy.copy(predictor)
    predictor.least = 0.0  # everybody, however unsure: where to draw the line is the question
    return np.array([predictor(image).people[0].confidence for image in bar])


def _found(people, channels):
    """The people of one image as `FoundPeople`, their joints in the order of the truth.

    Args:
      people: list of people, each with `joints_px` and `confidence`.
      channels: for each joint of the truth the network's, −1 = it knows none.
    """
    if not people:
        return FoundPeople(np.zeros([0, len(channels), 2]), np.zeros(0))
    joints_px = np.stack([person.joints_px for person in people])[:, channels]
    return FoundPeople(
        np.where(channels[:, np.newaxis] >= 0, joints_px, np.nan),
        np.array([_score(person) for person in people]),
    )


def _score(person):
    """How sure the search is of a person, or the network of the joints if nobody searched."""
    return person_confidence(person.confidence) if person.score is None else person.score
