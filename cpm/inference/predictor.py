"""One picture in, joints in its own pixels out: the project as a library.

    predict = Predictor("runs/lsp")
    prediction = predict(image)                       # wherever the person is
    prediction = predict(image, box=(40, 10, 80, 200))  # the person in this box
    prediction.joints_px[prediction.skeleton.index("left_wrist")]

bin/predict.py is a thin shell over it.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from cpm import geometry
from cpm.config import DataConfig, DecodingConfig, TargetConfig
from cpm.data.crops import cut_crop
from cpm.errors import UsageError
from cpm.inference import crop_regions
from cpm.inference.batches import look
from cpm.inference.beliefs import decoded_grid, has_mirror_image
from cpm.inference.loading import load_for_use
from cpm.skeleton import Skeleton


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the network found in one picture. All arrays are NumPy.

    Attributes:
      skeleton: names of the P joints.
      joints_px: `[P, 2]` float64, (x, y) in image pixels; the last stage's.
      confidence: `[P]`, height of the belief map's peak, clipped to 0 … 1.
      stage_joints_px: `[T, P, 2]`, the same for stages 1 … T.
      beliefs: T maps `[h, w, P(+1)]` in the crop's frame, the background last.
      stride: crop pixels per map cell; 1 if averaged over scales.
      crop: `[height, width, 3]` uint8, what the network saw; at the last look.
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
    """A trained network, ready for pictures of any size.

    Attributes:
      network: it.
      threshold: the confidence below which a joint is more likely wrong than right, where the
        weights say so (cpm/checkpoints/weights_file.py), else 0; nothing is left out here.
      decoding: the `DecodingConfig`.
    """

    def __init__(
        self,
        ckpt_or_network,
        *,
        flip=None,
        scales=(1.0,),
        refinement="taylor",
        margin=None,
        passes=None,
        crop=None,
        execution=None,
    ):
        """Loads the network if need be.

        Args:
          ckpt_or_network: run folder, checkpoint or exported file (`load_for_use`), or a network.
          flip: average over the mirrored crop as well, a little better in twice the time; None = if
            the network's maps have a mirror image (those of the blog's grid do not).
          scales, refinement: see `DecodingConfig`.
          margin: side of the crop relative to the longer side of the box; None = as the network
            was trained (see `crop_regions.box_margin`).
          passes: how many looks at a person, each at the joints found by the one before (see
            `crop_regions.next_region`); None = 2 without a box, 1 with one.
          crop: where to look first without a box: `whole`, all of the picture, or `image`, LSP's
            test; None = `image` if the network was trained so, else `whole`.
          execution: `Execution`, how a network that is loaded is computed; None = the usual way.
            One that is given brings its own way (`cpm.execution.use.Executed`).
        Raises:
          UsageError: if there is no such checkpoint, or a scale is not positive.
        """
        # What a network that comes without its configuration is taken to be trained on.
        data, target = DataConfig(margin=crop_regions.USUAL_MARGIN), TargetConfig(sigma_px=7.0)
        network, self.threshold = ckpt_or_network, 0.0
        if not callable(network):
            network, config, description = load_for_use(network, execution)
            data, target = config.data, config.target
            self.threshold = description.get("threshold", 0.0)
        if flip is None:
            flip = has_mirror_image(network)
        try:
            self.decoding = DecodingConfig(flip, tuple(scales), refinement, target.sigma_px)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self.network = network
        self._margin = crop_regions.box_margin(data) if margin is None else margin
        self._passes = passes
        self._first_look = crop
        self._crop_rule, self._border = crop or data.crop, data.border

    def __call__(self, image, box=None):
        """Finds the joints of one person.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          box: (x, y, width, height) of the person in image pixels, or None: the whole picture is
            looked at first (see `crop_regions.first_region`). With several people in it, the one
            near its middle is meant.

        Returns:
          A `Prediction`.

        Raises:
          ValueError: if the image is not `[H, W, 3]` uint8.
          UsageError: if the box has no area or lies outside the picture.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"image should be [H, W, 3] uint8, not {image.shape} {image.dtype}")
        height, width = image.shape[:2]
        if box is None:
            box = (0.0, 0.0, float(width), float(height))
            region = crop_regions.first_region(height, width, self._crop_rule)
            passes = self._passes or 2
        else:
            box = check_box(box, height, width)
            region = geometry.region_from_box(box, self._margin)
            passes = self._passes or 1
        prediction = self._look(image, region, box)
        for _ in range(passes - 1):
            nearer = crop_regions.next_region(
                prediction.joints_px,
                prediction.confidence,
                region.side_px,
                self._margin,
            )
            if nearer is None:
                break
            region, prediction = nearer, self._look(image, nearer, box)
        return prediction

    def settings(self):
        """How it looks, as plain values: `passes` and `crop` are None where the box decides."""
        decoding = {"flip": self.decoding.flip, "scales": list(self.decoding.scales)}
        decoding["refinement"] = self.decoding.refinement
        return decoding | {"passes": self._passes, "crop": self._first_look}

    def _look(self, image, region, box):
        """The `Prediction` of one look at this `CropRegion`."""
        network = self.network
        crop_to_image = geometry.crop_to_image(region, network.config.image_size)
        batch = self._batch(image, region, crop_to_image)
        found = look(network, batch, self.decoding)
        beliefs, joints_crop, confidence = found  # [T, 1, P, 2], [T, 1, P]
        in_image = geometry.transform_points(crop_to_image, joints_crop[:, 0].numpy())
        return Prediction(
            skeleton=network.skeleton,
            joints_px=in_image[-1],
            confidence=confidence[-1, 0].numpy(),
            stage_joints_px=in_image,
            beliefs=tuple(np.asarray(b_t[0]) for b_t in beliefs),
            stride=decoded_grid(network, self.decoding)[0],
            crop=np.clip(np.rint(batch["image"][0]), 0, 255).astype(np.uint8),
            crop_to_image=crop_to_image,
            box=box,
        )

    def _batch(self, image, region, crop_to_image):
        """The crop, and its scaled copies if asked for, as a batch of one."""
        height, width = size = self.network.config.image_size
        middle = [(width - 1) / 2, (height - 1) / 2]
        crop = cut_crop(image, crop_to_image, size, self._border)
        batch = {"image": crop[tf.newaxis], "center_px": tf.constant([middle])}
        if self.decoding.scales != (1.0,):
            matrices = [geometry.crop_to_image(region, size, s) for s in self.decoding.scales]
            crops = [cut_crop(image, matrix, size, self._border) for matrix in matrices]
            batch["pyramid"] = tf.stack(crops)[tf.newaxis]  # [1, S, H, W, 3]
        return batch


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
        raise UsageError(f"box {box} lies outside the picture, which is {width} x {height} pixels")
    return box
