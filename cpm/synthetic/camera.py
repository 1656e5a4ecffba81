"""Views a body from somewhere and places it in an image.

Screen space: u to the right and v down in image pixels (pixel centers at integers), and depth
towards the viewer in pixels, larger = nearer. Perspective enters as one scale per end of a solid,
which is exact for the joints and close for the flesh between them.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from cpm.synthetic.pose import rotation_x, rotation_y, rotation_z


@dataclasses.dataclass(frozen=True)
class Camera:
    """Where the viewer is relative to one body, and where that body lands.

    Attributes:
      rotation: `[3, 3]` body frame → (right, up, towards the viewer).
      pivot: `[3]` point of the body frame at the middle of the view.
      distance: from the viewer to the pivot, body heights.
      scale: pixels per body height at the pivot.
      origin: (u, v) of the pivot in the image.
      depth: depth of the pivot, pixels: sets the order of several people.
    """

    rotation: np.ndarray
    pivot: np.ndarray
    distance: float
    scale: float = 1.0
    origin: tuple[float, float] = (0.0, 0.0)
    depth: float = 0.0

    def project(self, points: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Body frame → screen.

        Args:
          points: `[n, 3]`.

        Returns:
          `[n, 3]` (u, v, depth) and `[n]` pixels per body height at each point.
        """
        x, y, z = ((np.asarray(points) - self.pivot) @ self.rotation.T).T
        pixels = self.scale * self.distance / (self.distance - z)
        u, v = self.origin[0] + pixels * x, self.origin[1] - pixels * y
        return np.stack((u, v, self.depth + self.scale * z), axis=-1), pixels

    def axes(self, frames: npt.ArrayLike) -> np.ndarray:
        """`[n, 3, 3]` frames of parts (columns) in the body frame → in screen space."""
        flip = np.array([1.0, -1.0, 1.0])[:, None]  # v points down
        return flip * (self.rotation @ np.asarray(frames))


def sample_view(rng: np.random.Generator, points: np.ndarray) -> Camera:
    """Draws a direction of view: any side, mostly from eye height, mostly upright.

    Args:
      rng: `np.random.Generator`.
      points: `[n, 3]` of the body, whose middle becomes the pivot.

    Returns:
      `Camera` of scale 1 at the origin.
    """
    # One view in two is from the front, as in photographs; the others from anywhere.
    yaw = rng.normal(0, 35) if rng.random() < 0.5 else rng.uniform(-180, 180)
    pitch = np.clip(rng.normal(6, 13), -25, 50)
    roll = rng.normal(0, 5)
    unusual = rng.random()
    if unusual < 0.04:  # lying, or a cartwheel
        roll += rng.choice([-90, 90, 180]) + rng.normal(0, 20)
    elif unusual < 0.07:
        roll += rng.normal(0, 35)
    rotation = rotation_z(roll) @ rotation_x(pitch) @ rotation_y(yaw)
    pivot = 0.5 * (points.min(axis=0) + points.max(axis=0))
    return Camera(rotation, pivot, distance=rng.uniform(2.2, 9.0))
