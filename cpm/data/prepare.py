"""One serialized person -> one row of a batch, as graph operations for `Dataset.map`.

parse -> joints by name -> region of the crop -> draw the augmentation -> cut -> recolor
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from cpm.config import CROP_RULES, DataConfig, NetworkConfig
from cpm.data import augmentation, company, decoding, nobody, truncation, wear
from cpm.data.crops import cut_crop
from cpm.data.examples import parse_example
from cpm.data.regions import GivenRegions, region, spans_its_crop
from cpm.geometry import CropRegion
from cpm.skeleton import ABSENT, Skeleton, get_skeleton
from ops.shapes import TensorLike


@dataclasses.dataclass(frozen=True)
class _Rules:
    """How every example is made.

    Attributes:
      data: `DataConfig`.
      size: (height, width) of the crop.
      skeleton: the network's.
      decode: stored image -> pixels, as `decoding.decode`.
    """

    data: DataConfig
    size: tuple[int, int]
    skeleton: Skeleton
    decode: Callable[[TensorLike], tf.Tensor]


def example_maker(
    skeletons: Sequence[Skeleton],
    network: NetworkConfig,
    data: DataConfig,
    *,
    seed: int,
    scales: Sequence[float] = (),
    regions: Mapping[str, CropRegion] | None = None,
    decode: Callable[[TensorLike], tf.Tensor] = decoding.decode,
) -> Callable[..., dict[str, tf.Tensor]]:
    """Makes the function that turns one record into one example.

    Args:
      skeletons: of each folder, by its number.
      network: `NetworkConfig`: crop size and skeleton.
      data: `DataConfig`: crop rule, margin, people, augmentation.
      seed: of the run.
      scales: of the `pyramid`, if any.
      regions: {id: `CropRegion`} of people whose crop lies there, not where the rule says; or None.
      decode: stored image -> pixels; a `DecodedImages` keeps them.

    Returns:
      Function (epoch, folder, serialized) -> dict, see cpm/data/pipeline.py for its keys; where
      people are pasted in, it also takes the second person's folder and record.

    Raises:
      ValueError: for an unknown crop rule.
    """
    if data.crop not in CROP_RULES:
        raise ValueError(f"crop is {data.crop!r}, expected one of {', '.join(CROP_RULES)}")
    if data.augment.company and data.max_people < 2:
        raise ValueError("max_people should be at least 2 where people are pasted in (company)")
    skeleton, size = get_skeleton(network.skeleton), network.image_size
    given = GivenRegions(regions) if regions else None

    augment = data.augment
    if not all(s.has_mirror_image for s in (skeleton, *skeletons)):
        augment = dataclasses.replace(augment, flip=0.0)
        data = dataclasses.replace(data, augment=augment)
    rules = _Rules(data, size, skeleton, decode)

    @tf.autograph.experimental.do_not_convert
    def make(epoch, folder, serialized, *second):
        person = _parse(serialized, folder, skeletons, skeleton)
        example_seed = augmentation.example_seed(seed, epoch, person["id"])
        drawn = augmentation.draw_augmentation(example_seed, augment)
        center_px, side_px = region(person, data.crop, data.margin)
        if given is not None:
            center_px, side_px = given.look_up(person["id"], center_px, side_px)
        person_px = side_px  # of the whole person, however little of it is shown
        if augment.truncate:
            truncated, frame, center_px, side_px = _truncation(
                person, center_px, side_px, data, example_seed
            )
        matrix = augmentation.crop_map(center_px, side_px, size, drawn)
        pixels = rules.decode(person["picture"])

        def cut(matrix):
            return _crop(pixels, matrix, rules, drawn, example_seed)

        example = {"image": cut(matrix), "crop_to_image": _float32(matrix)}
        joints_px, state = _poses_in_crop(person, matrix, data.max_people)
        example["joints_px"] = augmentation.mirror_joints(joints_px, drawn.flip, skeleton.mirror)
        example["state"] = augmentation.mirror_joints(state, drawn.flip, skeleton.mirror)
        if scales:
            matrices = [
                augmentation.crop_map(center_px, side_px / scale, size, drawn) for scale in scales
            ]
            example["pyramid"] = tf.stack([cut(m) for m in matrices])
        if augment.company:
            other = _parse(second[1], second[0], skeletons, skeleton)
            primary_size_px = drawn.scale * min(size) * (person_px / side_px)
            primary = augmentation.image_to_crop(matrix, center_px), primary_size_px
            example |= _with_company(example, other, primary, rules, drawn, example_seed)
        if augment.truncate:
            parts = truncation.truncate(
                example["image"], example["joints_px"], frame, matrix, data.border
            )
            for key, part in zip(("image", "joints_px"), parts, strict=True):
                example[key] = tf.where(truncated, part, example[key])
        if augment.nobody:
            example |= _or_nobody(example, person, pixels, person_px, rules, drawn, example_seed)
        example = _worn(example, augment, example_seed)
        return example | {
            "center_px": _center(matrix, center_px, size, augment),
            "head_size_px": person["head_size_px"],
            "valid": tf.constant(1.0),
            "id": person["id"],
        }

    return make


def _parse(serialized, folder, skeletons, skeleton):
    """A record's fields, its joints in the order of the model's skeleton.

    Returns:
      As `parse_example`, with P of `skeleton`; also `box_px` `[2, 2]`, the low and the high corner
      of the primary person's joints, those included that the model does not know; `labeled_share`,
      scalar, how many of the data set's joints have a position; `head_size_px` is a scalar, 0 =
      unknown.
    """

    def parse(source):
        person = parse_example(serialized, len(source))
        labeled = person["state"][0] != ABSENT
        points = tf.boolean_mask(person["joints_px"][0], labeled)
        person["labeled_share"] = tf.reduce_mean(tf.cast(labeled, tf.float32))
        person["box_px"] = tf.stack([tf.reduce_min(points, 0), tf.reduce_max(points, 0)])
        # An absent joint (state 0) stands behind the last one, where channel -1 points to.
        channels = skeleton.channels_from(source) % (len(source) + 1)
        state = tf.pad(person["state"], [[0, 0], [0, 1]], constant_values=ABSENT)
        joints_px = tf.pad(person["joints_px"], [[0, 0], [0, 1], [0, 0]])
        person["state"] = tf.gather(state, channels, axis=1)
        person["joints_px"] = tf.gather(joints_px, channels, axis=1)
        head = person["head_size_px"]
        person["head_size_px"] = tf.reduce_sum(head)  # of one number or of none
        return person

    branches = [lambda s=source: parse(s) for source in skeletons]
    return tf.switch_case(tf.cast(folder, tf.int32), branches)


def _poses_in_crop(person, matrix, max_people):
    """Joints in crop pixels, `[M, P, 2]` float32, and states `[M, P]`; absent poses fill up."""
    joints_px = _float32(augmentation.image_to_crop(matrix, person["joints_px"]))
    state = person["state"][:max_people]
    joints_px = tf.where(state[..., tf.newaxis] == ABSENT, 0.0, joints_px[:max_people])
    missing = max_people - tf.shape(state)[0]
    state = tf.pad(state, [[0, missing], [0, 0]], constant_values=ABSENT)
    joints_px = tf.pad(joints_px, [[0, missing], [0, 0], [0, 0]])
    joints = state.shape[1]
    return (
        tf.ensure_shape(joints_px, [max_people, joints, 2]),
        tf.ensure_shape(state, [max_people, joints]),
    )


def _truncation(person, center_px, side_px, data, seed):
    """Whether the image ends inside the person, where, and the region of what is left."""
    truncated, frame, box_px = truncation.draw_frame(
        augmentation.stream(seed, augmentation.TRUNCATION), person, data.augment.truncate
    )
    truncated &= spans_its_crop(person, data.margin)
    extent = tf.maximum(tf.reduce_max(box_px[1] - box_px[0]), 1.0)
    center_px = tf.where(truncated, (box_px[0] + box_px[1]) / 2, center_px)
    return truncated, frame, center_px, tf.where(truncated, data.margin * extent, side_px)


def _crop(image, matrix, rules, drawn, seed):
    """The crop, `[H, W, 3]` float32, 0..255, in the colors of the augmentation."""
    data, ranges = rules.data, rules.data.augment
    if not any(
        (
            ranges.brightness,
            ranges.contrast,
            ranges.saturation,
            ranges.hue,
            ranges.noise,
        )
    ):
        return cut_crop(image, matrix, rules.size, data.border)
    linear, offset = augmentation.color_map(drawn)
    border = augmentation.border_color(linear, offset, data.border)
    crop = cut_crop(image, matrix, rules.size, border)
    noise = drawn.noise if ranges.noise else None
    return augmentation.recolor(
        crop, linear, offset, noise, augmentation.stream(seed, augmentation.NOISE)
    )


def _with_company(example, person, primary, rules, drawn, seed):
    """The parts of an example that a pasted second person changes, perhaps unchanged."""
    data, size, skeleton = rules.data, rules.size, rules.skeleton
    seed = augmentation.stream(seed, augmentation.COMPANY)
    primary_px, primary_size_px = primary
    placed = company.draw_placement(
        seed,
        primary_px,
        primary_size_px,
        region(person, "joints", data.margin),
        size,
        mirrored=data.augment.flip > 0,
    )
    labeled = tf.reduce_mean(tf.cast(person["state"][0] != ABSENT, tf.float32))
    chance = tf.random.stateless_uniform([], augmentation.stream(seed, 1), alg="philox")
    joints_px, state = example["joints_px"], example["state"]

    def pasted():
        pixels = rules.decode(person["picture"])
        second = company.second_person(
            person,
            placed,
            lambda matrix: _crop(pixels, matrix, rules, drawn, seed),
            size,
            skeleton.mirror,
        )
        image, first, other = company.paste(
            example["image"],
            joints_px[0],
            state[0],
            second,
            placed,
            skeleton.limb_indices,
            primary_size_px,
        )
        return (
            image,
            tf.concat([joints_px[:1], second["joints_px"][tf.newaxis], joints_px[1:-1]], 0),
            tf.concat([first[tf.newaxis], other[tf.newaxis], state[1:-1]], 0),
        )

    image, joints_px, state = tf.cond(
        (chance < data.augment.company)
        & placed.clear
        & (labeled >= company.LEAST_LABELED)
        & spans_its_crop(person, data.margin),
        pasted,
        lambda: (example["image"], joints_px, state),
    )
    return {"image": image, "joints_px": joints_px, "state": state}


def _or_nobody(example, person, pixels, side_px, rules, drawn, seed):
    """The parts of an example that change if its crop has no person at its center."""
    data, size, mirror = rules.data, rules.size, rules.skeleton.mirror
    seed = augmentation.stream(seed, augmentation.NOBODY)
    kind, center_px, side_px = nobody.draw_region(seed, person, side_px)
    turned = drawn._replace(scale=tf.ones_like(drawn.scale), shift=tf.zeros_like(drawn.shift))
    matrix = augmentation.crop_map(center_px, side_px, size, turned)
    joints_px, state = _poses_in_crop(person, matrix, data.max_people)
    kind = tf.where(nobody.is_clear(joints_px, state, size), kind, nobody.PATTERN)
    own = (kind == nobody.BACKGROUND) | (kind == nobody.PART)  # pixels where the image has them
    state = tf.where(own, state, ABSENT)
    # Pose 0 is the one at the center: there is none. The others are for stage 1.
    state = tf.concat([tf.zeros_like(state[:1]), state[:-1]], 0)
    joints_px = tf.concat([tf.zeros_like(joints_px[:1]), joints_px[:-1]], 0)

    def image():
        crop = _crop(pixels, matrix, rules, drawn, seed)
        return tf.cond(kind == nobody.TILED, lambda: nobody.tiled(crop), lambda: crop)

    chance = tf.random.stateless_uniform([], augmentation.stream(seed, 9), alg="philox")
    # Unlabeled parts of a person would pass for background.
    whole = person["labeled_share"] >= company.LEAST_LABELED
    whole &= spans_its_crop(person, data.margin)  # whose extent is known
    empty = (chance < data.augment.nobody) & whole
    return {
        "image": tf.cond(
            empty,
            lambda: tf.cond(kind == nobody.PATTERN, lambda: nobody.pattern(seed, size), image),
            lambda: example["image"],
        ),
        "joints_px": tf.where(
            empty,
            augmentation.mirror_joints(joints_px, drawn.flip, mirror),
            example["joints_px"],
        ),
        "state": tf.where(
            empty, augmentation.mirror_joints(state, drawn.flip, mirror), example["state"]
        ),
        "crop_to_image": tf.where(empty, _float32(matrix), example["crop_to_image"]),
        "nobody": tf.cast(empty, tf.float32),
    }


def _worn(example, augment, seed):
    """The example with its image covered in part, gray, dark, blurred or badly compressed."""
    image, state = example["image"], example["state"]
    seed = augmentation.stream(seed, augmentation.WEAR)
    if augment.cover:
        covers = augmentation.stream(seed, 1)
        image, mask = wear.draw_cover(image, covers, augment.cover)
        state = company.cover(state, example["joints_px"], mask)
    image = wear.wear(image, seed, augment)
    return example | {"image": image, "state": state}


def _center(matrix, center_px, size, augment):
    """Where the center map is drawn, `[2]` float32, crop pixels."""
    if augment.tell_center:
        return _float32(augmentation.image_to_crop(matrix, center_px))
    height, width = size
    return tf.constant([(width - 1) / 2, (height - 1) / 2], tf.float32)


def _float32(tensor):
    return tf.cast(tensor, tf.float32)
