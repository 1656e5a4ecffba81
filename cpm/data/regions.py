"""Where the crop of a training or evaluation example is cut, as graph operations.

The rules are those of cpm/geometry.py. Prediction, which knows no joints yet, has its own
(cpm/inference/crop_regions.py).
"""

from collections.abc import Mapping

import tensorflow as tf

from cpm import geometry
from cpm.data.person import LEAST_SPAN_PX
from cpm.geometry import CropRegion
from ops.shapes import TensorLike


def region(
    person: Mapping[str, TensorLike], rule: str, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the crop is cut: the rules of cpm/geometry.py as graph operations.

    `joints`: `region_from_joints` of the data set's own joints. `height`: the same by the height
    of their box, however wide. `person`: `region_from_scale` of the annotated center and scale; for
    a person without them the joints' box stands for the 200 px of that rule's person. `image`:
    `region_from_image`, which has its own margin; `whole`: `region_from_whole_image`. For these two
    `margin` does not count.

    A crop placed by joints is not smaller than the person's annotated box, around whose center it
    then lies: one visible joint would otherwise fill it. Without a box, joints that span less than
    `LEAST_SPAN_PX` say nothing of the person's size, and the crop is the whole image.

    Args:
      person: dict of `_parse`.
      rule: one of `CROP_RULES`.
      margin: see `DataConfig`.

    Returns:
      center_px `[2]`, side_px `[]`: float64, image pixels.
    """
    size = tf.cast(person["size"], tf.float64)
    if rule == "whole":
        return (size[::-1] - 1) / 2, tf.reduce_max(size)
    if rule == "image":
        whole = geometry.region_from_image(1, 1)  # side of an image one pixel high
        return (size[::-1] - 1) / 2, size[0] * whole.side_px
    low, high = tf.unstack(tf.cast(person["box_px"], tf.float64))
    extent = (high - low)[1] if rule == "height" else tf.reduce_max(high - low)
    side_px, center_px = margin * tf.maximum(extent, 1.0), (low + high) / 2
    known = _has_box(person)
    if rule == "person":
        unit = geometry.region_from_scale((0, 0), 1.0, margin).side_px
        side_px *= geometry.CROP_SIDE_PER_SCALE / geometry.PERSON_HEIGHT_PX
    else:
        unit = geometry.PERSON_HEIGHT_PX
    boxed_px = unit * _first(person["scale"])
    by_box = known if rule == "person" else known & (boxed_px > side_px)
    by_image = ~known & (tf.reduce_max(high - low) < LEAST_SPAN_PX)
    side_px = tf.where(by_image, tf.reduce_max(size), tf.where(by_box, boxed_px, side_px))
    center_px = tf.where(by_image, (size[::-1] - 1) / 2, center_px)
    center_px = tf.where(by_box, _first(person["center_px"], 2), center_px)
    return tf.ensure_shape(center_px, [2]), side_px


def spans_its_crop(person: Mapping[str, TensorLike], margin: float) -> tf.Tensor:
    """Whether the joints say how large the person is: no larger box, and they span something.

    Args:
      person, margin: as of `region`.
    """
    low, high = tf.unstack(tf.cast(person["box_px"], tf.float64))
    extent = tf.reduce_max(high - low)
    boxed_px = geometry.PERSON_HEIGHT_PX * _first(person["scale"])
    larger = _has_box(person) & (boxed_px > margin * extent)
    return ~larger & (extent >= LEAST_SPAN_PX)


def _has_box(person):
    return tf.minimum(tf.size(person["center_px"]), tf.size(person["scale"])) > 0


def _first(values, count=1):
    """The numbers of a field of `count` numbers or none, float64; 0 for none."""
    values = tf.pad(tf.cast(values, tf.float64), [[0, count]])[:count]
    return values[0] if count == 1 else values


class GivenRegions:
    """Regions of some people where a graph can look them up.

    Args:
      regions: {id: `CropRegion`}, at least one.
    """

    def __init__(self, regions: Mapping[str, CropRegion]) -> None:
        ids = list(regions)
        rows = tf.lookup.KeyValueTensorInitializer(ids, tf.range(len(ids)))
        self._row = tf.lookup.StaticHashTable(rows, default_value=-1)
        numbers = [(*regions[id].center_px, regions[id].side_px) for id in ids]
        self._numbers = tf.constant(numbers, tf.float64)  # [N, 3]

    def look_up(
        self, id: tf.Tensor, center_px: tf.Tensor, side_px: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The region of this id; of an unknown one what was given.

        Args:
          id: scalar string.
          center_px, side_px: `[2]` and `[]` float64, image pixels.

        Returns:
          center_px, side_px: the same, or those of the id's region.
        """
        row = self._row.lookup(id)
        found = tf.gather(self._numbers, tf.maximum(row, 0))
        return (
            tf.where(row >= 0, found[:2], center_px),
            tf.where(row >= 0, found[2], side_px),
        )
