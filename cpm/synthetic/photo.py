"""What a camera does to a scene: uneven light, exposure, contrast, blur and noise."""

import numpy as np
from scipy import ndimage

from cpm.synthetic.shapes import smooth_noise


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Turns a scene into an image.

    Args:
      rng: `np.random.Generator`.
      image: `[3, H, W]` float32 RGB about [0, 1].

    Returns:
      `[H, W, 3]` uint8 RGB.
    """
    _, height, width = image.shape
    if rng.random() < 0.35:  # patches of light and shade over everything
        patches = smooth_noise(rng, height, width, rng.uniform(40, 120))
        image = image * (1 + np.float32(rng.uniform(0.05, 0.25)) * patches)
    if rng.random() < 0.6:
        sigma = abs(rng.normal(0, 0.6))
        image = ndimage.gaussian_filter(image, (0, sigma, sigma), truncate=2.5)
    gain = np.exp(rng.normal(0, 0.16)) * (1 + rng.normal(0, 0.03, 3))
    contrast, middle = np.float32(rng.uniform(0.75, 1.2)), image.mean()
    image = (image - middle) * contrast + middle
    image *= gain.astype(np.float32)[:, None, None]
    if rng.random() < 0.6:
        noise = np.float32(abs(rng.normal(0, 0.025)))
        image += noise * rng.standard_normal(image.shape, np.float32)
    pixels = (np.clip(image, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))
