"""Random predictions of random people, and choices of people, for the tests of the scores."""

import numpy as np

from cpm.evaluation.predictions import Predictions


def some_people(seed=0, people=30, stages=3, head_px=20.0, noise_px=6.0):
    """Predictions that get better from stage to stage."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 150, [people, 14, 2])
    better = noise_px / np.arange(1, stages + 1)[:, None, None, None]
    joints = truth + better * generator.normal(size=[stages, people, 14, 2])
    state = generator.choice([0, 1, 2, 2], [people, 14])
    return Predictions(
        ids=tuple(f"p{n}" for n in range(people)),
        joints_px=joints,
        confidence=np.full([stages, people, 14], 0.5),
        truth_px=truth,
        state=state,
        head_size_px=np.full(people, head_px),
        crop_scale=np.full(people, 1.5),
    )


def select(people, rows):
    """Only the people at `rows` (indices or `[N]` bool)."""
    rows = np.arange(len(people))[rows]
    return Predictions(
        ids=tuple(people.ids[n] for n in rows),
        joints_px=people.joints_px[:, rows],
        confidence=people.confidence[:, rows],
        truth_px=people.truth_px[rows],
        state=people.state[rows],
        head_size_px=people.head_size_px[rows],
        crop_scale=people.crop_scale[rows],
    )
