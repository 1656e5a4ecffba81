"""A network on scenes (cpm/data/scenes): everybody in groups, and nobody where nobody is.

The network looks as bin/predict.py does: at the image alone, then at the joints found there, each
pass averaged with its mirror image.
"""

import numpy as np
from tqdm import tqdm

from cpm.data.images import read_picture
from cpm.data.scenes.folder import read_scenes
from cpm.data.scenes.making import IMAGES
from cpm.data.stored_people import read_people
from cpm.errors import UsageError
from cpm.evaluation import scene_tables
from cpm.evaluation.groups import FoundPeople, TruePeople, score_groups
from cpm.evaluation.nobody import person_confidence, score_nobody
from cpm.evaluation.oks import joint_sigmas


def score_scenes(folders, predictor, *, data=(), split="validation", predict_people=None, seed=0):
    """Scores every folder of scenes by its kind.

    Args:
      folders: list of folders that bin/make_scenes.py made: `groups` or `nobody`.
      predictor: `cpm.inference.Predictor`.
      data: converted folders of true people, for `nobody`.
      split: of them.
      predict_people: for `groups`, see `groups_score`.
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
    texts, record, people = [], {}, None
    for folder, found in scenes.items():
        if found.kind == "groups":
            scores = groups_score(found, predictor, predict_people, seed=seed)
            texts.append(scene_tables.groups_table(scores))
            record[str(folder)] = {"kind": "groups", "box_source": scores}
        else:
            if people is None:  # the same for every folder
                people = [p.image for p in read_people(data, split)]
                people = confidences(people, predictor, "true people")
            score = nobody_score(found, predictor, people, seed=seed)
            texts.append(scene_tables.nobody_table(score))
            record[str(folder)] = {"kind": "nobody"} | score
    return "\n\n".join(texts), record


def groups_score(scenes, predictor, predict_people=None, *, seed=0):
    """Scores the people found in groups, by where their boxes come from.

    Args:
      scenes: `SceneFolder` of groups.
      predictor: `Predictor`.
      predict_people: function of an image `[H, W, 3]` uint8 that returns a list of the people found
        in it, each with `joints_px` `[P, 2]` and `confidence` `[P]` like a `PersonPose`, its joints
        in the order of the predictor's skeleton. None = the prediction of one person.
      seed: of the bootstrap intervals.

    Returns:
      {box source: what `score_groups` says}: `truth`, one pass at each true box; `image`, the
      people of `predict_people`.
    """
    predict_people = predict_people or (lambda image: predictor(image).people)
    skeleton, channels = scenes.skeleton, scenes.skeleton.channels_from(predictor.network.skeleton)
    truth, found = [], {"truth": [], "image": []}
    for scene in tqdm(scenes.images, unit=" images", desc="groups", leave=False, disable=None):
        image = read_picture(scene.path)
        truth.append(TruePeople(scene.joints_px, scene.state, scene.area))
        boxed = predictor(image, boxes=[tuple(box) for box in scene.boxes]).people
        found["truth"].append(_found(boxed, channels))
        found["image"].append(_found(predict_people(image), channels))
    return {source: score_groups(truth, p, skeleton, seed=seed) for source, p in found.items()}


def nobody_score(scenes, predictor, people, *, seed=0):
    """What `score_nobody` says of images without a person.

    Args:
      scenes: `SceneFolder` of nobody.
      predictor: `Predictor`.
      people: `[N, P]`, `confidences` of true people.
      seed: of the bootstrap intervals.
    """
    empty = confidences([read_picture(s.path) for s in scenes.images], predictor, "nobody")
    kinds = [scene.shows for scene in scenes.images]
    return score_nobody(people, empty, kinds, drawn_from=predictor.threshold, seed=seed)


def confidences(pictures, predictor, name):
    """`[N, P]`: the joints' confidences in each image, from the image alone."""
    bar = tqdm(pictures, unit=" images", desc=name, leave=False, disable=None)
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
        np.array([person_confidence(person.confidence) for person in people]),
    )
