"""This project's own answers to what the functions of an exported file are asked.

`image` and `box` are answered by `Predictor`, `crops` by what evaluation calls. None of it is
written in the operations of the portable function that was exported (cpm/interchange/portable.py).
"""

import copy
import dataclasses
from collections.abc import Sequence

import numpy as np

from cpm import geometry
from cpm.config import DecodingConfig
from cpm.inference import Predictor, crop_regions
from cpm.inference.batches import predict_with_beliefs
from cpm.inference.beliefs import Network
from cpm.inference.upright_crops import upright_crop

Arrays = dict[str, np.ndarray]
# Of the image's width and height: x, y, width, height of the box that is asked about.
BOX = (0.2, 0.1, 0.6, 0.8)


class OwnAnswers:
    """Questions made of images, and this project's answers.

    Args:
      network: the plain `ConvolutionalPoseMachine`.
      predictor: `Predictor` of it.
      decoding: `DecodingConfig` of the crops, whose mirror images are not asked for.
      border: gray level outside of an image.
    """

    def __init__(
        self, network: Network, predictor: Predictor, decoding: DecodingConfig, border: float
    ) -> None:
        self._network, self._border = network, border
        self._predictor = copy.copy(predictor)
        self._predictor.least = 0.0  # an exported file finds somebody, however unsure
        self._decoding = dataclasses.replace(decoding, flip=False)

    def questions(self, function: str, images: Sequence[np.ndarray]) -> list[Arrays]:
        """Inputs of one of `cpm.interchange.portable.FUNCTIONS`, for each call.

        Args:
          function: `image` and `box` are asked about image after image, the box in its middle;
            `crops` about all of them at once, each cut around the joints that are found there.
          images: list of `[H, W, 3]` uint8.
        """
        if function == "crops":
            height, width = self._network.config.image_size
            crops = np.stack([self._crop(image) for image in images])
            middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
            return [{"crops": crops, "center_px": np.tile(middle, [len(crops), 1])}]
        if function == "box":
            return [{"image": image, "box": box_of(image)} for image in images]
        return [{"image": image} for image in images]

    def answer(self, question: Arrays) -> Arrays:
        """joints_px `[P, 2]`, confidence `[P]`; of crops both with N in front, and their beliefs.

        Args:
          question: one of `questions`.
        """
        if "crops" in question:
            batch = {"image": question["crops"], "center_px": question["center_px"]}
            beliefs, joints_px, confidence = predict_with_beliefs(
                self._network, batch, self._decoding
            )
            last = {"joints_px": joints_px[-1].numpy(), "confidence": confidence[-1].numpy()}
            return last | {"beliefs": np.stack(beliefs)}
        box = question["box"].tolist() if "box" in question else None
        (person,) = self._predictor(question["image"], box).people
        return {"joints_px": person.joints_px, "confidence": person.confidence}

    def _crop(self, image):
        """`[h, w, 3]` float32 around the joints that are found in an image; else all of it."""
        size = self._network.config.image_size
        region = geometry.region_from_whole_image(*image.shape[:2])
        (person,) = self._predictor(image).people
        nearer = crop_regions.next_region(
            person.joints_px, person.confidence, region.side_px, self._predictor.margin
        )
        matrix = geometry.crop_to_image(nearer or region, size)
        return upright_crop(image, matrix, size, self._border)


def box_of(image: np.ndarray) -> np.ndarray:
    """The box `[4]` that is asked about in an image `[H, W, 3]`."""
    height, width = image.shape[:2]
    return np.array(BOX, np.float32) * np.array([width, height, width, height], np.float32)
