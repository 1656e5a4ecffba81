"""The network as functions of images, made of operations that every target has.

    image(image)               the person near its middle: two passes, as `Predictor` without a box
    box(image, box)            the person in the box: one pass
    crops(crops, center_px)    the network alone: belief maps of every stage, joints in crop pixels

Crop, mirror image, both passes and decoding are inside, so that a program elsewhere has nothing to
do but to read an image. Joints equal those of `cpm.inference.Predictor` but for rounding.

What prediction does with the full strength of TensorFlow is written here in the operations that
LiteRT, ONNX and OpenVINO share. Each roundabout line has a reason:

- A crop is axis-parallel, so it is a gather of rows, then of columns. The warp of training
  (`ops.affine_warp`) needs a kernel that only TensorFlow has.
- Blocks are filled by mirrored indices, and their number is (h + f - 1) // f: paddings of unknown
  size and negative remainders make ONNX Runtime fail.
- The second pass always runs, whether its joints are taken or those of the first. Where the first
  finds too few joints to place a crop, it sees the same region again. A branch (`tf.cond`) would
  store the network twice, and tf2onnx cannot convert it.

Reference: docs/decisions/0046-one-portable-function.md.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from cpm.config import DecodingConfig
from cpm.geometry import crop_to_image_rows
from cpm.inference import crop_regions
from cpm.inference.batches import find_joints
from cpm.inference.beliefs import Network, has_mirror_image, mirror_maps

FUNCTIONS = ("image", "box", "crops")
# Beyond every coordinate of an image, and exact in float32.
_FAR = 1e9


class Portable(tf.Module):
    """The functions of one network.

    Attributes:
      network: the plain `ConvolutionalPoseMachine`.
      flip: whether passes are averaged with their mirror image.
      crop_rule: where the first pass is without a box, one of `crop_regions.RULES`.
      margin: side of a crop relative to a person's box.
      decoding: `DecodingConfig`, of one scale.
      border: gray level outside of the image.
    """

    def __init__(
        self,
        network: Network,
        decoding: DecodingConfig,
        *,
        crop_rule: str,
        margin: float,
        border: float,
    ) -> None:
        """Takes what `Predictor` was made with.

        Raises:
          ValueError: if the decoding is over several scales.
        """
        super().__init__(name="portable")
        if decoding.scales != (1.0,):
            raise ValueError(f"scales are {decoding.scales}; a portable function has one, 1")
        self.network, self.decoding = network, decoding
        self.crop_rule, self.margin, self.border = crop_rule, float(margin), float(border)
        self.flip = decoding.flip and has_mirror_image(network)

    def signatures(self, names: Sequence[str] = FUNCTIONS) -> dict[str, Any]:
        """{name: `tf.function` with its inputs' shapes and names} of some of `FUNCTIONS`."""
        height, width = self.network.config.image_size
        image = tf.TensorSpec([None, None, 3], tf.uint8, name="image")
        box = tf.TensorSpec([4], tf.float32, name="box")
        crops = tf.TensorSpec([None, height, width, 3], tf.float32, name="crops")
        center_px = tf.TensorSpec([None, 2], tf.float32, name="center_px")
        known = {
            # Not the methods themselves: tf2onnx passes `self` a second time.
            "image": (lambda image: self.find_in_image(image), [image]),
            "box": (lambda image, box: self.find_in_box(image, box), [image, box]),
            "crops": (
                lambda crops, center_px: self.find_in_crops(crops, center_px),
                [crops, center_px],
            ),
        }
        return {
            name: tf.function(known[name][0], input_signature=known[name][1], autograph=False)
            for name in names
        }

    def find_in_image(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The person near the middle of an image.

        Args:
          image: `[H, W, 3]` uint8, RGB.

        Returns:
          dict of
            joints_px `[P, 2]` float32, (x, y) in image pixels;
            confidence `[P]`, 0 … 1;
            region `[3]`, where they were found: center x, y and side, image pixels;
            beliefs `[T, h, w, P(+1)]`, the maps of every stage of that pass.
        """
        pixels = tf.cast(image, tf.float32)
        regions = self._first_regions(pixels)
        if len(regions) == 1:
            found = self._pass(pixels, regions[0])
        else:
            found = self._surest(pixels, regions)
        again = self._pass(pixels, self._next_region(found))
        moved = tf.reduce_max(tf.abs(again["region"] - found["region"])) > 0
        before, after = (tf.reduce_mean(f["confidence"]) for f in (found, again))
        stays = moved & (after < crop_regions.NO_LESS_SURE * before)
        return {name: tf.where(stays, found[name], again[name]) for name in again}

    def find_in_box(self, image: tf.Tensor, box: tf.Tensor) -> dict[str, tf.Tensor]:
        """The person in a box.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          box: `[4]` float32: x, y, width, height, image pixels; positive sizes.

        Returns:
          As `find_in_image`.
        """
        x, y, width, height = (box[k] for k in range(4))
        side = self.margin * tf.maximum(width, height)
        region = tf.stack([x + (width - 1) / 2, y + (height - 1) / 2, side])
        return self._pass(tf.cast(image, tf.float32), region)

    def find_in_crops(self, crops: tf.Tensor, center_px: tf.Tensor) -> dict[str, tf.Tensor]:
        """The network alone, without the mirror image.

        Args:
          crops: `[N, h, w, 3]` float32, RGB 0 … 255. Rounded to bytes, a crop moves the joints
            that the network is unsure of by many pixels.
          center_px: `[N, 2]`, where the person is, crop pixels: mostly the middle.

        Returns:
          dict of beliefs `[T, N, h', w', P(+1)]`, and of the last stage joints_px `[N, P, 2]`, crop
          pixels, and confidence `[N, P]`.
        """
        beliefs = self.network(crops, center_px, training=False)
        joints_px, confidence = find_joints(self.network, beliefs[-1], self.decoding)
        return {"beliefs": tf.stack(beliefs), "joints_px": joints_px, "confidence": confidence}

    def _first_regions(self, pixels):
        """`crop_regions.first_regions`, each as `[3]`: center x, center y, side."""
        height, width = (tf.cast(tf.shape(pixels)[k], tf.float32) for k in (0, 1))
        if self.crop_rule == "image":
            sides = [height / 0.8]
        else:
            longer = tf.maximum(height, width)
            sides = [share * longer for share in crop_regions.SHARES[self.crop_rule]]
        return [tf.stack([(width - 1) / 2, (height - 1) / 2, side]) for side in sides]

    def _surest(self, pixels, regions):
        """The unmirrored pass of the region that `crop_regions.choose_window` chooses."""
        scales, offsets, crops = zip(*(self._crop(pixels, r) for r in regions), strict=True)
        beliefs = self._beliefs(tf.stack(crops))
        joints_crop, confidence = find_joints(self.network, beliefs[-1], self.decoding)
        mean = tf.reduce_mean(confidence, -1)  # [W]
        nearly = mean >= crop_regions.NEARLY * tf.reduce_max(mean)
        best = tf.reduce_max(tf.where(nearly, tf.range(len(regions)), 0))
        return {
            "joints_px": tf.gather(joints_crop, best) * tf.gather(tf.stack(scales), best)
            + tf.gather(tf.stack(offsets), best),
            "confidence": tf.gather(confidence, best),
            "region": tf.gather(tf.stack(regions), best),
            "beliefs": tf.stack([tf.gather(maps, best) for maps in beliefs]),
        }

    def _next_region(self, found):
        """`crop_regions.next_region` as `[3]`; where that is None, the last region again."""
        joints_px, confidence, region = (found[k] for k in ("joints_px", "confidence", "region"))
        if len(self.network.skeleton) == 1:
            moved = tf.concat([joints_px[0], region[2:]], 0)
            return tf.where(confidence[0] > 0, moved, region)
        highest = tf.reduce_max(confidence)
        sure = (confidence > 0) & (confidence >= crop_regions.SURE * highest)  # [P]
        low = tf.reduce_min(tf.where(sure[:, None], joints_px, _FAR), 0)  # [2]
        high = tf.reduce_max(tf.where(sure[:, None], joints_px, -_FAR), 0)
        longer = tf.reduce_max(high - low)
        count = tf.reduce_sum(tf.cast(sure, tf.float32))
        enough = count >= max(2, crop_regions.FEWEST * len(self.network.skeleton))
        enough = enough & (longer >= crop_regions.SMALLEST * region[2])
        side = crop_regions.SLACK * self.margin * tf.maximum(longer, 1.0)
        nearer = tf.concat([(low + high) / 2, side[None]], 0)
        return tf.where(enough, nearer, region)

    def _pass(self, pixels, region):
        """One pass over a region: joints in image pixels and the rest of `find_in_image`."""
        scale, offset, crop = self._crop(pixels, region)
        crop = crop[None]
        if self.flip:
            crop = tf.concat([crop, tf.reverse(crop, [2])], 0)
        beliefs = self._beliefs(crop)
        if self.flip:
            beliefs = [(b[:1] + mirror_maps(b[1:], self.network.skeleton)) / 2 for b in beliefs]
        joints_crop, confidence = find_joints(self.network, beliefs[-1], self.decoding)
        return {
            "joints_px": joints_crop[0] * scale + offset,
            "confidence": confidence[0],
            "region": region,
            "beliefs": tf.concat(beliefs, 0),
        }

    def _crop(self, pixels, region):
        """(scale, offset `[2]`, crop) of a region: x = scale · x_crop + offset."""
        size = self.network.config.image_size
        rows = crop_to_image_rows((region[0], region[1]), region[2], size, 1.0, 0.0, 1.0)
        scale, offset = rows[0][0], tf.stack([rows[0][2], rows[1][2]])
        return scale, offset, self._cut(pixels, scale, offset)

    def _beliefs(self, crops):
        """Maps of every stage for crops of a known number; the person is in their middle."""
        height, width = self.network.config.image_size
        middle = [[(width - 1) / 2, (height - 1) / 2]]
        return self.network(crops, tf.constant(middle * crops.shape[0]), training=False)

    def _cut(self, pixels, scale, offset):
        """`cpm.data.crops.cut_crop` of an axis-parallel square: `[height, width, 3]`."""
        height, width = self.network.config.image_size
        rows, columns = tf.shape(pixels)[0], tf.shape(pixels)[1]
        f = tf.maximum(1, tf.minimum(tf.cast(scale, tf.int32), tf.minimum(rows, columns)))
        blocks = _block_means(pixels, f) - self.border
        f = tf.cast(f, tf.float32)
        offset = (offset - (f - 1) / 2) / f
        blocks = _read_axis(blocks, offset[1], scale / f, height, axis=0)
        blocks = _read_axis(blocks, offset[0], scale / f, width, axis=1)
        return tf.reshape(blocks, [height, width, 3]) + self.border


def _block_means(pixels, f):
    """Means over f × f blocks, a cut-off block filled with its mirror image."""
    rows, columns = tf.shape(pixels)[0], tf.shape(pixels)[1]
    down, across = (rows + f - 1) // f, (columns + f - 1) // f
    y, x = tf.range(down * f), tf.range(across * f)
    whole = tf.gather(pixels, tf.minimum(y, 2 * rows - 1 - y), axis=0)
    whole = tf.gather(whole, tf.minimum(x, 2 * columns - 1 - x), axis=1)
    blocks = tf.reshape(whole, [down, f, across, f * 3])
    blocks = tf.reshape(tf.reduce_mean(blocks, 1), [down, across, f, 3])
    return tf.reduce_mean(blocks, 2)


def _read_axis(maps, first, step, count, axis):
    """Linear interpolation along one axis at first, first + step, …; 0 outside."""
    size = tf.shape(maps)[axis]
    position = first + step * tf.range(count, dtype=tf.float32)  # [count]
    position = tf.maximum(-1.0, tf.minimum(position, tf.cast(size, tf.float32)))
    lower = tf.floor(position)
    index = tf.cast(lower, tf.int32)
    total = 0.0
    for k, weight in ((0, 1 - (position - lower)), (1, position - lower)):
        inside = tf.cast((index + k >= 0) & (index + k < size), tf.float32)
        values = tf.gather(maps, tf.maximum(0, tf.minimum(index + k, size - 1)), axis=axis)
        total += values * tf.reshape(weight * inside, [-1, 1, 1] if axis == 0 else [1, -1, 1])
    return total
