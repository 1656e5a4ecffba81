"""The body of one synthetic person: bone lengths and thicknesses, as fractions of its height.

Every body stands 1 unit tall, whatever the person's age; the image decides how many pixels a
unit is. Proportions vary around those of an adult: shorter legs and a larger head for a child,
wider or thinner limbs, broader shoulders or broader hips.

References:
  Mean segment lengths: Drillis and Contini 1966, as tabulated in Winter, "Biomechanics and Motor
  Control of Human Movement", figure 4.1. Thicknesses are our own, measured by eye.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Body:
    """Lengths of bones and half thicknesses of flesh, in units of the person's height.

    Attributes:
      ankle_height, shank, thigh: sole to ankle, ankle to knee, knee to hip.
      waist: pelvis to the point where the spine bends; `chest`: from there to the thorax.
      neck, head: thorax to upper neck, upper neck to the top of the head.
      upper_arm, forearm, hand, foot: lengths; a foot from heel to toe.
      hip_half, shoulder_half: distance of a hip or shoulder joint from the middle of the body.
      torso_half, hips_half: half widths of the flesh at the chest and at the hips.
      depth: half depth of the torso relative to its half width.
      girth: thickness of the limbs relative to an average adult.
      bust: radius of the breasts, 0 for none.
    """

    ankle_height: float
    shank: float
    thigh: float
    waist: float
    chest: float
    neck: float
    head: float
    upper_arm: float
    forearm: float
    hand: float
    foot: float
    hip_half: float
    shoulder_half: float
    torso_half: float
    hips_half: float
    depth: float
    girth: float
    bust: float

    @property
    def height(self) -> float:
        """Sole to top of the head, standing straight; 1 by construction."""
        legs = self.ankle_height + self.shank + self.thigh
        return legs + self.waist + self.chest + self.neck + self.head


_UPRIGHT = ("ankle_height", "shank", "thigh", "waist", "chest", "neck", "head")
_MEAN = dict(
    ankle_height=0.039,
    shank=0.246,
    thigh=0.245,
    waist=0.115,
    chest=0.173,
    neck=0.058,
    head=0.124,
    upper_arm=0.182,
    forearm=0.148,
    hand=0.090,
    foot=0.148,
)


def sample_body(rng: np.random.Generator) -> Body:
    """Draws a body: two in ten are children, one in two is broader at the hips.

    Args:
      rng: `np.random.Generator`.

    Returns:
      `Body` of height 1.
    """
    youth = rng.uniform(0.2, 1.0) if rng.random() < 0.2 else 0.0
    curves = np.clip(rng.normal(0.0, 0.6), -1, 1)  # > 0: hips broader than shoulders
    stout = np.clip(rng.normal(0.0, 0.9), -1.5, 2.2)

    bones = {name: mean * rng.normal(1.0, 0.025) for name, mean in _MEAN.items()}
    bones["head"] *= 1.0 + 0.45 * youth
    bones["thigh"] *= 1.0 - 0.12 * youth
    bones["shank"] *= 1.0 - 0.10 * youth
    bones["upper_arm"] *= 1.0 - 0.06 * youth
    height = sum(bones[name] for name in _UPRIGHT)
    bones = {name: length / height for name, length in bones.items()}

    girth = np.clip(1.0 + 0.10 * stout + rng.normal(0, 0.04), 0.8, 1.35)
    return Body(
        **bones,
        hip_half=0.052 * (1.0 + 0.08 * curves + 0.04 * stout),
        shoulder_half=0.108 * (1.0 - 0.09 * curves + 0.03 * stout - 0.08 * youth),
        torso_half=0.088 * (1.0 - 0.06 * curves + 0.10 * stout),
        hips_half=0.086 * (1.0 + 0.10 * curves + 0.10 * stout - 0.06 * youth),
        depth=np.clip(0.64 + 0.06 * stout + rng.normal(0, 0.03), 0.52, 0.85),
        girth=girth,
        bust=max(0.0, 0.024 * curves + 0.014) if youth == 0 else 0.0,
    )
