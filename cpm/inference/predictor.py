"""One picture in, joints in its own pixels out: the project as a library.

    predict = Predictor("runs/lsp")
    prediction = predict(image)                       # the whole picture
    prediction = predict(image, box=(40, 10, 80, 200))  # the person in this box
    prediction.joints_px[prediction.skeleton.index("left_wrist")]

bin/predict.py is a thin shell over it.
"""

import dataclasses

import numpy as np
import tensorflow as tf

import ops
from cpm import geometry
from cpm.config import DataConfig
from cpm.data.crops import cut_crop
from cpm.errors import UsageError
from cpm.inference.batches import find_joints, predict_beliefs
from cpm.skeleton import Skeleton
from cpm.training.checkpoints import load_network


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the network found in one picture. All arrays are NumPy.

    Attributes:
      skeleton: names of the P joints.
      joints_px: `[P, 2]` float64, (x, y) in image pixels; the last stage's.
      confidence: `[P]`, height of the belief map's peak: about 0 … 1 for a trained network.
      stage_joints_px: `[T, P, 2]`, the same for stages 1 … T.
      beliefs: T maps `[h, w, P(+1)]` in the crop's frame, the background last.
      stride: crop pixels per map cell.
      crop: `[height, width, 3]` uint8, what the network saw.
      crop_to_image: `[2, 3]`, crop pixels → image pixels.
      box: (x, y, width, height) as given, or the whole picture; image pixels.
    """

    skeleton: Skeleton
    joints_px: np.ndarray
    confidence: np.ndarray
    stage_joints_px: np.ndarray
    beliefs: tuple[np.ndarray, ...]
    stride: int
    crop: np.ndarray
    crop_to_image: np.ndarray
    box: tuple[float, float, float, float]


class Predictor:
    """A trained network, ready for pictures of any size."""

    def __init__(
        self,
        ckpt_or_network,
        *,
        flip=False,
        scales=(1.0,),
        refinement="taylor",
        margin=None,
        xla=False,
    ):
        """Loads the network if need be.

        Args:
          ckpt_or_network: run folder or checkpoint (`cpm.training.checkpoints.load_network`), or a
            network.
          flip: average over the mirrored crop as well: a little better, twice the time.
          scales: average over crops in which the person is this much larger. The official test
            uses 0.7 … 1.3.
          refinement: sub-cell refinement of the peaks, see `ops.find_peaks`.
          margin: side of the crop relative to the longer side of the box; None = as the network
            was trained (see `box_margin`).
          xla: compile with XLA.
        Raises:
          UsageError: if there is no such checkpoint, or a scale is not positive.
        """
        data_config = DataConfig()
        network = ckpt_or_network
        if not callable(network):
            network, config, _ = load_network(network)
            data_config = config.data
        if not scales or not all(np.isfinite(s) and s > 0 for s in scales):
            raise UsageError(
                f"scales are {list(scales)}; expected positive numbers, e.g. 0.9,1,1.1"
            )
        self.network = network
        self._flip, self._scales, self._xla = flip, tuple(scales), xla
        self._refinement = refinement
        self._margin = box_margin(data_config) if margin is None else margin
        self._crop_rule = data_config.crop

    def __call__(self, image, box=None):
        """Finds the joints of one person.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          box: (x, y, width, height) of the person in image pixels, or None: the whole picture,
            its longer side filling the crop, so that nothing of it is lost (see `whole_region`).
            With several people in the picture, the one near its middle is meant.

        Returns:
          A `Prediction`.

        Raises:
          ValueError: if the image is not `[H, W, 3]` uint8.
          UsageError: if the box has no area or lies outside the picture.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"image should be [H, W, 3] uint8, not {image.shape} {image.dtype}"
            )
        height, width = image.shape[:2]
        if box is None:
            box = (0.0, 0.0, float(width), float(height))
            region = whole_region(height, width, self._crop_rule)
        else:
            box = check_box(box, height, width)
            region = geometry.region_from_box(box, self._margin)
        size = self.network.config.image_size
        crop_to_image = geometry.crop_to_image(region, size)
        to_image = [geometry.crop_to_image(region, size, s) for s in self._scales]
        crops = [cut_crop(image, matrix, size) for matrix in to_image]
        beliefs = self._beliefs(tf.stack(crops))
        if self._scales[0] != 1.0:  # the maps' frame, and what they are shown on
            crops = [cut_crop(image, crop_to_image, size)]
        return self._decode(beliefs, crop_to_image, crops[0], box)

    def _beliefs(self, crops):
        """T maps `[1, h, w, P(+1)]` in the frame of scale 1: the mean over scales."""
        size = crops.shape[1:3]
        middle = [(size[1] - 1) / 2, (size[0] - 1) / 2]
        batch = {"image": crops, "center_px": tf.constant([middle] * len(crops))}
        beliefs = predict_beliefs(self.network, batch, flip=self._flip, xla=self._xla)
        if self._scales == (1.0,):
            return beliefs
        return [
            average_scales(b_t, self._scales, middle, self.network.stride)
            for b_t in beliefs
        ]

    def _decode(self, beliefs, crop_to_image, crop, box):
        """Peaks of the maps, brought to image pixels."""
        network = self.network
        found = [
            find_joints(b_t, network.skeleton, network.stride, self._refinement)
            for b_t in beliefs
        ]
        in_crop = np.stack([joints[0].numpy() for joints, _ in found])  # [T, P, 2]
        in_image = geometry.transform_points(crop_to_image, in_crop)
        return Prediction(
            skeleton=network.skeleton,
            joints_px=in_image[-1],
            confidence=found[-1][1][0].numpy(),
            stage_joints_px=in_image,
            beliefs=tuple(np.asarray(b_t[0]) for b_t in beliefs),
            stride=network.stride,
            crop=np.clip(np.rint(crop), 0, 255).astype(np.uint8),
            crop_to_image=crop_to_image,
            box=box,
        )


def average_scales(maps, scales, middle_px, stride):
    """Mean of belief maps of crops that show the same middle at different scales.

        b(g) = Σ_s inside_s b_s(s (g - c) + c) / Σ_s inside_s,   c = the cell at the crop's middle

    A cell that an enlarged crop does not show is the mean of the others.

    Args:
      maps: `[S, h, w, C]`, one per scale.
      scales: S numbers; in crop s everything is s times as large as in the result.
      middle_px: (x, y) of the crop's middle, the fixed point of all scales.
      stride: crop pixels per map cell.

    Returns:
      `[1, h, w, C]`.
    """
    middle = geometry.crop_to_cell(np.array(middle_px), stride)
    matrices = np.array([[[s, 0, 0], [0, s, 0]] for s in scales], np.float32)
    matrices[:, :, 2] = (1 - np.array(scales))[:, None] * middle
    # One more channel, all ones: warped along, it says what of the crop is really there.
    marked = tf.concat([maps, tf.ones_like(maps[..., :1])], axis=-1)
    height, width = maps.shape[1:3]
    warped = tf.reduce_sum(
        ops.affine_warp(marked, matrices, height=height, width=width),
        axis=0,
        keepdims=True,
    )
    return warped[..., :-1] / tf.maximum(warped[..., -1:], 1e-6)


def whole_region(height, width, crop_rule):
    """The square to look at when no box is given.

    The smallest one that holds the whole picture; but a network trained on `image` crops gets
    those, placed by the picture's height alone.
    """
    if crop_rule == "image":
        return geometry.region_from_image(height, width)
    return geometry.region_from_box((0, 0, width, height))


def box_margin(data_config):
    """Side of the crop relative to a person's box, as the network's training crops had it.

    `joints` crops are `margin` × the joints' box. `person` crops hold 314 pixels where the person
    is 200 tall, times the margin. `image` crops fix no size; the default margin is used.
    """
    if data_config.crop == "joints":
        return data_config.margin
    if data_config.crop == "person":
        per_height = geometry.CROP_SIDE_PER_SCALE / geometry.PERSON_HEIGHT_PX
        return data_config.margin * per_height
    return DataConfig().margin


def check_box(box, height, width):
    """The box as four floats.

    Raises:
      UsageError: if it is not (x, y, width, height) of something inside a height × width picture.
    """
    box = tuple(map(float, box))
    if len(box) != 4 or not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise UsageError(
            f"box is {box}; expected x, y, width, height in pixels with a positive size"
        )
    x, y, box_width, box_height = box
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise UsageError(
            f"box {box} lies outside the picture, which is {width} x {height} pixels"
        )
    return box
