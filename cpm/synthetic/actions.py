"""What people do: draws joint angles for standing, walking, running, sitting, jumping and more.

Legs and arms are drawn apart, so that any leg action meets any arm gesture. A draw whose limbs
run through the body is thrown away (`contact.intersects_itself`).
"""

import numpy as np

from cpm.synthetic.body import Body
from cpm.synthetic.contact import intersects_itself
from cpm.synthetic.pose import Figure, JointAngles, pose_body

_ATTEMPTS = 16


def _noise(rng, *spread):
    return rng.normal(0.0, spread)


def _stand(rng, angles):
    weight = rng.integers(2)  # the leg that carries more of the weight
    angles.hips[:] = np.array((2, 4, -8)) + _noise(rng, 5, 3, 8)
    angles.hips[:, 1] += abs(rng.normal(0, 6))
    angles.knees[:] = abs(rng.normal(0, 5, 2))
    relax = abs(rng.normal(0, 14))
    angles.hips[1 - weight, 0] += 0.6 * relax
    angles.knees[1 - weight] += relax
    angles.tilt = (1, -1)[weight] * 0.2 * relax


def _stride(rng, angles, swing, lift, arm, elbow, lean):
    """Walking and running: opposite legs and arms, at a random phase of the step."""
    phase = rng.uniform(0, 2 * np.pi) + np.array([0, np.pi])
    angles.hips[:, 0] = swing * np.sin(phase) + 0.2 * swing
    angles.hips[:, 1:] = np.array((1, -3)) + _noise(rng, 2, 5)
    # The knee bends while its thigh moves to the front.
    angles.knees[:] = 8 + lift * np.maximum(0, np.cos(phase + 0.4))
    angles.shoulders[:, 0] = -arm * np.sin(phase) + 3
    angles.shoulders[:, 1] = 8 + abs(rng.normal(0, 5, 2))
    angles.shoulders[:, 2] = 15 + rng.normal(0, 12, 2)
    angles.elbows[:] = elbow + rng.normal(0, 10, 2) + 0.25 * arm * -np.sin(phase)
    angles.lean = lean
    angles.spine[2] = 0.25 * arm * np.sin(phase[0])


def _walk(rng, angles):
    _stride(rng, angles, rng.uniform(15, 30), rng.uniform(30, 60), 25, 22, 3)


def _run(rng, angles):
    lean = rng.uniform(4, 22)
    _stride(rng, angles, rng.uniform(35, 55), rng.uniform(70, 115), 45, 85, lean)


def _sit(rng, angles):
    angles.hips[:, 0] = rng.normal(85, 8) + rng.normal(0, 5, 2)
    angles.hips[:, 1] = rng.uniform(2, 28) + rng.normal(0, 4, 2)
    angles.hips[:, 2] = rng.normal(-4, 10, 2)
    angles.knees[:] = rng.uniform(50, 110) + rng.normal(0, 10, 2)
    angles.lean = rng.normal(-6, 8)
    angles.spine[0] = rng.normal(14, 12)


def _crouch(rng, angles):
    depth = rng.uniform(45, 125)
    angles.lean = rng.uniform(5, 45)
    angles.hips[:, 0] = 0.85 * depth + rng.normal(0, 8, 2)
    angles.hips[:, 1] = rng.uniform(3, 38) + rng.normal(0, 4, 2)
    angles.hips[:, 2] = -0.6 * angles.hips[:, 1]
    angles.knees[:] = depth + rng.normal(0, 8, 2)
    angles.spine[0] = rng.normal(12, 12)


def _lunge(rng, angles):
    front = rng.integers(2)
    angles.hips[front] = rng.normal((70, 6, 0), (16, 6, 8))
    angles.knees[front] = rng.normal(80, 20)
    angles.hips[1 - front] = rng.normal((-18, 8, -5), (10, 6, 10))
    angles.knees[1 - front] = rng.uniform(5, 85)
    angles.lean = rng.normal(10, 10)


def _kick(rng, angles):
    leg = rng.integers(2)
    _stand(rng, angles)
    angles.hips[leg] = rng.uniform((-25, 0, -25), (115, 45, 20))
    angles.knees[leg] = rng.uniform(0, 100)
    angles.lean = rng.normal(-5, 12)
    angles.tilt = (1, -1)[leg] * -rng.uniform(0, 20)


def _jump(rng, angles):
    angles.hips[:] = rng.uniform((-30, 0, -20), (95, 45, 20), (2, 3))
    if rng.random() < 0.4:  # both legs alike
        angles.hips[1] = angles.hips[0]
    angles.knees[:] = rng.uniform(5, 125, 2)
    angles.lean = rng.normal(5, 18)
    angles.tilt = rng.normal(0, 12)


def _straddle(rng, angles):
    angles.hips[:] = rng.normal((5, 28, -12), (8, 10, 8)) + rng.normal(0, 3, (2, 3))
    angles.knees[:] = abs(rng.normal(0, 18, 2))
    angles.tilt = rng.normal(0, 8)


def _bend_over(rng, angles):
    _stand(rng, angles)
    angles.lean = rng.uniform(20, 75)
    angles.spine[0] = rng.uniform(10, 55)
    angles.neck[0] = rng.uniform(-40, 10)
    angles.knees[:] += rng.uniform(0, 30)
    angles.hips[:, 0] += 0.5 * angles.knees


def _kneel(rng, angles):
    angles.hips[:] = rng.normal((5, 8, 0), (10, 5, 6)) + rng.normal(0, 3, (2, 3))
    angles.knees[:] = rng.uniform(80, 135) + rng.normal(0, 4, 2)
    if rng.random() < 0.5:  # on one knee
        leg = rng.integers(2)
        angles.hips[leg, 0] = rng.normal(88, 8)
        angles.knees[leg] = rng.normal(90, 10)
    angles.ankles[:] = -40


# name -> (weight, draw legs and trunk, whether the feet rest on a level ground)
_LEGS = {
    "stand": (0.24, _stand, True),
    "walk": (0.12, _walk, True),
    "run": (0.12, _run, False),
    "sit": (0.11, _sit, True),
    "crouch": (0.08, _crouch, True),
    "lunge": (0.07, _lunge, False),
    "kick": (0.06, _kick, False),
    "jump": (0.07, _jump, False),
    "straddle": (0.05, _straddle, True),
    "bend over": (0.05, _bend_over, True),
    "kneel": (0.03, _kneel, False),
}

# Arm gestures: mean and spread in degrees of (flexion, abduction, inward, elbow).
_ARMS = {
    "hang": ((2, 9, 12, 14), (9, 5, 15, 9)),
    "on hip": ((-18, 48, 72, 100), (6, 6, 6, 8)),
    "forward": ((75, 8, 10, 25), (22, 10, 20, 22)),
    "sideways": ((5, 88, 0, 12), (14, 16, 25, 16)),
    "overhead": ((160, 14, 0, 20), (14, 12, 25, 20)),
    "wave": ((5, 92, -85, 85), (18, 22, 15, 25)),
    "to face": ((55, 18, 35, 132), (12, 8, 12, 8)),
    "across": ((38, 6, 62, 95), (10, 6, 8, 10)),
    "carry": ((15, 12, 10, 88), (12, 6, 22, 14)),
    "throw": ((-20, 85, -70, 75), (15, 18, 20, 25)),
    "on lap": ((28, 9, 18, 50), (8, 5, 10, 12)),
    "behind": ((-35, 12, 60, 45), (8, 5, 20, 15)),
}
_ARM_WEIGHTS = np.array([20, 8, 10, 9, 9, 8, 6, 6, 7, 5, 5, 3]) / 96


def _gesture(rng, angles, row):
    """Draws one arm: a gesture with its spread, or anything an arm can do."""
    if rng.random() < 0.25:
        low, high = (-45, 0, -70, 0), (165, 130, 70, 140)
        drawn = rng.uniform(low, high)
    else:
        mean, spread = list(_ARMS.values())[rng.choice(len(_ARMS), p=_ARM_WEIGHTS)]
        drawn = rng.normal(mean, spread)
    angles.shoulders[row] = drawn[:3]
    angles.elbows[row] = drawn[3]


def _draw(rng, body):
    """One draw of all angles, inside their limits; returns (angles, action name)."""
    weights = np.array([weight for weight, _, _ in _LEGS.values()])
    action = list(_LEGS)[rng.choice(len(_LEGS), p=weights / weights.sum())]
    _, draw_legs, grounded = _LEGS[action]
    angles = JointAngles()
    angles.neck[:] = _noise(rng, 12, 8, 26)
    angles.spine[:] = _noise(rng, 7, 6, 9)
    _gesture(rng, angles, 0)
    _gesture(rng, angles, 1)
    if rng.random() < 0.35:  # both arms do the same
        angles.shoulders[1] = angles.shoulders[0] + _noise(rng, 5, 5, 5)
        angles.elbows[1] = angles.elbows[0] + rng.normal(0, 8)
    gesture = angles.shoulders.copy(), angles.elbows.copy()
    draw_legs(rng, angles)
    if action in ("walk", "run"):  # a runner may still wave with one arm
        for row in range(2):
            if rng.random() < 0.15:
                angles.shoulders[row], angles.elbows[row] = (part[row] for part in gesture)
    if action != "sit":
        angles.hips[:, 0] += angles.lean  # legs stay below a leaning trunk
    angles.wrists[:] = rng.normal(8, 14, 2)
    angles = angles.limited()
    if action in _BALANCED:
        _balance(rng, body, angles)
    _set_ankles(rng, angles, action, grounded)
    return angles.limited(), action


# Actions in which the feet carry the body, at rest or nearly so.
_BALANCED = ("stand", "walk", "crouch", "kick", "straddle", "bend over")


def _balance(rng, body, angles):
    """Tilts the whole body so that its weight stands nearly above the feet that carry it."""
    points = pose_body(body, angles).points
    ankles = np.stack([points["left_ankle"], points["right_ankle"]])
    carrying = ankles[ankles[:, 1] < ankles[:, 1].min() + 0.06]
    foot = carrying.mean(axis=0) + np.array((0, 0, 0.03))
    weight = 0.4 * points["pelvis"] + 0.45 * points["thorax"] + 0.15 * points["head_top"]
    x, y, z = weight - foot
    share = rng.uniform(0.75, 1.0)
    angles.lean -= share * np.rad2deg(np.arctan2(z, y))
    angles.tilt -= share * np.rad2deg(np.arctan2(x, y))


def _set_ankles(rng, angles, action, grounded):
    """Turns the soles level where the feet rest on the ground."""
    if action == "kneel":
        return
    level = angles.lean - angles.hips[:, 0] + angles.knees
    angles.ankles[:] = level if grounded else 0.5 * level - rng.uniform(0, 25, 2)
    angles.ankles[:] += rng.normal(0, 4, 2)


def sample_pose(rng: np.random.Generator, body: Body) -> tuple[JointAngles, Figure, str]:
    """Draws joint angles that this body can take.

    Args:
      rng: `np.random.Generator`.
      body: `Body`.

    Returns:
      (`JointAngles` within their limits, `Figure`, name of the leg action).
    """
    for _ in range(_ATTEMPTS):
        angles, action = _draw(rng, body)
        figure = pose_body(body, angles)
        if not intersects_itself(body, figure):
            break
    return angles, figure, action
