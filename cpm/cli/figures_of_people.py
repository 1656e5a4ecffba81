"""Figures of bin/figures.py that show synthetic people: as they are, and as a network sees them."""

import numpy as np
from absl import flags

from cpm import synthetic
from cpm.inference import Predictor
from cpm.plots import contact_sheet, draw_skeleton, draw_stages

# Belief maps of one joint a limb are enough to see.
SHOWN = ("head_top", "left_wrist", "right_knee", "left_ankle")

FLAGS = flags.FLAGS


def samples() -> np.ndarray:
    """A sheet of synthetic people."""
    people = list(synthetic.read_people(FLAGS.count or 24, FLAGS.seed))
    drawn = [
        draw_skeleton(person.image, person.pose.joints_px, person.skeleton) for person in people
    ]
    return contact_sheet(drawn, columns=6, tile_px=200)


def gallery() -> np.ndarray:
    """Synthetic people with the skeletons that a network finds."""
    predictor = Predictor(FLAGS.ckpt)
    drawn = []
    for person in synthetic.read_people(FLAGS.count or 8, FLAGS.seed):
        image = person.image
        for found in predictor(image).people:  # perhaps nobody
            sure = found.shown(predictor.threshold)[:, np.newaxis]
            image = draw_skeleton(image, np.where(sure, found.joints_px, np.nan), found.skeleton)
        drawn.append(image)
    return contact_sheet(drawn, tile_px=240)


def beliefs() -> np.ndarray:
    """Belief maps of every stage for a synthetic person: the first of --seed."""
    predictor = Predictor(FLAGS.ckpt)
    (person,) = synthetic.read_people(1, FLAGS.seed)
    (found,) = predictor(person.image, maps=True)
    assert found.maps is not None  # asked for
    shown = [joint for joint in SHOWN if joint in found.skeleton.joints]  # else all of them
    return draw_stages(found.maps.crop, found.maps.beliefs, found.skeleton, shown or None)
