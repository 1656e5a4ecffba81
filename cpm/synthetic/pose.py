"""Joint angles of a body, their anatomical limits, and the 3-D points that follow from them.

Body frame: x to the person's own left, y up, z to the front (right-handed). Standing straight
with the arms hanging is all angles zero. A hip or shoulder turns by

    R = Rx(-flexion) Rz(side * abduction) Ry(-side * inward),   side = +1 left, -1 right

so positive flexion swings the limb to the front, abduction away from the other side, and inward
turns it about its own axis towards the middle of the body. Elbows bend the forearm to the front
of the upper arm, knees bend the shank to the back of the thigh, and neither bends the other way.
Angles are degrees here, because their limits are read in degrees.

References:
  Ranges of motion: Norkin and White, "Measurement of Joint Motion", rounded.
"""

import dataclasses

import numpy as np

from cpm.synthetic.body import Body

SIDES = (("left", 1.0), ("right", -1.0))

# (lowest, highest) angle in degrees.
LIMITS_DEG = {
    "spine": np.array([(-25, 70), (-30, 30), (-35, 35)]),  # bend, side, twist
    "neck": np.array([(-45, 45), (-30, 30), (-65, 65)]),  # nod, side, turn
    "shoulders": np.array([(-50, 175), (-25, 165), (-90, 85)]),  # flexion, abd., inward
    "elbows": np.array((0, 150)),
    "wrists": np.array((-50, 60)),
    "hips": np.array([(-35, 130), (-15, 65), (-40, 35)]),
    "knees": np.array((0, 150)),
    "ankles": np.array((-50, 30)),  # < 0: toes pointed
}


@dataclasses.dataclass
class JointAngles:
    """Angles in degrees; row 0 of a pair is the left side, row 1 the right side.

    Attributes:
      lean, tilt: the pelvis turned forward and to its left, relative to the vertical.
      spine: `[3]` bend forward, to the left, twist to the left; of the chest on the pelvis.
      neck: `[3]` the same of the head on the chest.
      shoulders, hips: `[2, 3]` flexion, abduction, inward turn.
      elbows, wrists, knees, ankles: `[2]` flexion.
    """

    lean: float = 0.0
    tilt: float = 0.0
    spine: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    neck: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    shoulders: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((2, 3)))
    elbows: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    wrists: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    hips: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((2, 3)))
    knees: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    ankles: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))

    def limited(self) -> "JointAngles":
        """The same angles, each brought inside its anatomical range."""
        ranges = LIMITS_DEG.items()
        inside = {
            name: np.clip(getattr(self, name), low_high[..., 0], low_high[..., 1])
            for name, low_high in ranges
        }
        return dataclasses.replace(self, **inside)


@dataclasses.dataclass(frozen=True)
class Figure:
    """A posed body in its own frame, pelvis at the origin, unit = body height.

    Attributes:
      points: name -> `[3]`; the 16 joints of `mpii16` and `waist`, `*_hand`, `*_heel`, `*_toe`.
      frames: name -> `[3, 3]`, columns = left, up and front axes; of `pelvis`, `chest`, `head`
        and of each limb segment (`left_thigh`, …), whose up axis runs against the limb.
    """

    points: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]


def rotation_x(degrees: float) -> np.ndarray:
    """`[3, 3]` turn about x: y towards z."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rotation_y(degrees: float) -> np.ndarray:
    """`[3, 3]` turn about y: z towards x."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotation_z(degrees: float) -> np.ndarray:
    """`[3, 3]` turn about z: x towards y."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _ball(flexion, abduction, inward, side):
    """`[3, 3]` turn of a hip or shoulder (formula in the module's docstring)."""
    turned = rotation_z(side * abduction) @ rotation_y(-side * inward)
    return rotation_x(-flexion) @ turned


def _trunk(bend, side, twist):
    """`[3, 3]` turn of the chest on the pelvis, or of the head on the chest."""
    return rotation_y(twist) @ rotation_z(-side) @ rotation_x(bend)


def pose_body(body: Body, angles: JointAngles) -> Figure:
    """Forward kinematics: from bone lengths and joint angles to points in space.

    Args:
      body: `Body`.
      angles: `JointAngles`, used as they are (see `JointAngles.limited`).

    Returns:
      `Figure`.
    """
    pelvis = rotation_z(-angles.tilt) @ rotation_x(angles.lean)
    chest = pelvis @ _trunk(*angles.spine)
    half_neck = chest @ _trunk(*(0.5 * angles.neck))
    head = chest @ _trunk(*angles.neck)
    points: dict[str, np.ndarray] = {"pelvis": np.zeros(3)}
    points["waist"] = pelvis[:, 1] * body.waist
    points["thorax"] = points["waist"] + chest[:, 1] * body.chest
    # The neck leans forward of the spine, as it does in people.
    forward = half_neck @ rotation_x(12.0)
    points["upper_neck"] = points["thorax"] + forward[:, 1] * body.neck
    points["head_top"] = points["upper_neck"] + head[:, 1] * body.head
    frames = {"pelvis": pelvis, "chest": chest, "neck": half_neck, "head": head}
    for row, (name, side) in enumerate(SIDES):
        _add_arm(points, frames, body, angles, row, name, side)
        _add_leg(points, frames, body, angles, row, name, side)
    return Figure(points, frames)


def _add_arm(points, frames, body, angles, row, name, side):
    """Adds shoulder, elbow, wrist and hand of one side."""
    flexion, abduction, inward = angles.shoulders[row]
    upper = frames["chest"] @ _ball(flexion, abduction, inward, side)
    # The shoulder blade follows the arm: raised arms lift the shoulder and draw it inwards.
    raised = max(0.0, -0.3 - (frames["chest"].T @ upper)[1, 1])
    offset = side * body.shoulder_half * (1 - 0.12 * raised), 0.035 * raised - 0.012, 0
    lower = upper @ rotation_x(-angles.elbows[row])
    hand = lower @ rotation_x(-angles.wrists[row])
    points[f"{name}_shoulder"] = points["thorax"] + frames["chest"] @ offset
    points[f"{name}_elbow"] = points[f"{name}_shoulder"] - upper[:, 1] * body.upper_arm
    points[f"{name}_wrist"] = points[f"{name}_elbow"] - lower[:, 1] * body.forearm
    points[f"{name}_hand"] = points[f"{name}_wrist"] - hand[:, 1] * body.hand
    frames[f"{name}_upper_arm"] = upper
    frames[f"{name}_forearm"] = lower
    frames[f"{name}_hand"] = hand


def _add_leg(points, frames, body, angles, row, name, side):
    """Adds hip, knee, ankle, heel and toe of one side."""
    flexion, abduction, inward = angles.hips[row]
    thigh = frames["pelvis"] @ _ball(flexion, abduction, inward, side)
    shank = thigh @ rotation_x(angles.knees[row])
    foot = shank @ rotation_y(side * 8.0) @ rotation_x(-angles.ankles[row])
    points[f"{name}_hip"] = frames["pelvis"][:, 0] * side * body.hip_half
    points[f"{name}_knee"] = points[f"{name}_hip"] - thigh[:, 1] * body.thigh
    points[f"{name}_ankle"] = points[f"{name}_knee"] - shank[:, 1] * body.shank
    sole = points[f"{name}_ankle"] - foot[:, 1] * body.ankle_height * 0.55
    points[f"{name}_heel"] = sole - foot[:, 2] * body.foot * 0.22
    points[f"{name}_toe"] = sole + foot[:, 2] * body.foot * 0.72
    frames[f"{name}_thigh"] = thigh
    frames[f"{name}_shank"] = shank
    frames[f"{name}_foot"] = foot
