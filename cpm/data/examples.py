"""One person as one `tf.train.Example`, and back: the only file that knows the field names.

    id              bytes  the person's id
    picture         bytes  JPEG
    size            int64  [2] height, width of the image
    joints_px       float  [(1 + others) * P * 2] x, y in pixels of the image, primary first
    state           int64  [(1 + others) * P] 0 absent, 1 occluded, 2 visible
    center_px       float  [2], or [0] where the data set names no center
    scale           float  [1], or [0]: person height / 200 px
    head_size_px    float  [1], or [0]
    to_source       float  [6] row-major [2, 3]: pixels of the image -> of the original file
    origin          bytes  JSON object: the fields of the person's `Origin`; `image_name` is
                           called `picture` there

Records of before there were origins are read as well, cpm/data/old_records.py.
Positions stay in the order of the data set's skeleton; the pipeline maps them by name.
"""

import dataclasses
import json

import numpy as np
import tensorflow as tf

from cpm import geometry
from cpm.data import images, old_records
from cpm.data.person import LEAST_SPAN_PX, Origin, Person, Pose
from cpm.untrusted import parse_json
from ops.shapes import TensorLike

_ORIGIN = {
    **{"source?": str, "picture?": str, "number?": int, "group?": str, "image?": str},
    "official_split?": (str, None),
}
_ATTRIBUTES = {"picture": "image_name"}  # of an `Origin`, where a record calls them otherwise
_KEYS = {attribute: key for key, attribute in _ATTRIBUTES.items()}

CONTEXT = 3.2  # a cut image keeps this many times the person's size


def encode_person(
    person: Person,
    longest_side_px: int = images.LONGEST_SIDE_PX,
    max_pixels: int = images.MAX_PIXELS,
) -> tuple[bytes, tuple[int, int]]:
    """Reads the person's image and serializes both.

    An image whose longer side exceeds `longest_side_px` is first cut to the neighborhood of the
    person and then shrunk if it is still larger; joints, center, scale and head size follow. The
    neighborhood holds the crops of the presets: 1.5 times the joints' box, enlarged by 1 / 0.7,
    turned by 40 degrees (cos 40 + sin 40 = 1.41). The crop rule `image` then means what was kept.
    Where neither joints nor a box say how large the person is, all of the image stays.

    Args:
      person: a `Person` with at least one joint.
      longest_side_px: limit on the stored image; 0 = none.
      max_pixels: of the original image, see `images.read_image`.

    Returns:
      (serialized `tf.train.Example`, (height, width) of the original image).

    Raises:
      ImageError: if the image is missing or unreadable.
      SizeError: if it has another size than its annotations were made in.
    """
    content, pixels = _read(person, max_pixels)
    original_size = pixels.shape[:2]
    to_source = np.eye(2, 3)
    if 0 < longest_side_px < max(original_size):
        pixels, to_source = _cut(person, pixels, longest_side_px)
        person, content = _moved(person, to_source), None
    if content is None:
        content = images.encode_jpeg(pixels)
    return _serialize(person, content, pixels.shape[:2], to_source), original_size


def parse_example(serialized: TensorLike, joints: int) -> dict[str, tf.Tensor]:
    """The fields of one serialized person as tensors.

    Args:
      serialized: scalar string tensor.
      joints: P, of the data set's skeleton.

    Returns:
      dict by the names above: `id` [], `picture` [], `size` [2] int64, `joints_px` [people, P, 2]
      float32, `state` [people, P] int32, `center_px` [0 or 2], `scale` [0 or 1], `head_size_px`
      [0 or 1], `to_source` [2, 3].
    """
    numbers = tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True)
    fields = tf.io.parse_single_example(
        serialized,
        {
            "id": tf.io.FixedLenFeature([], tf.string),
            "picture": tf.io.FixedLenFeature([], tf.string),
            "size": tf.io.FixedLenFeature([2], tf.int64),
            "joints_px": numbers,
            "state": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
            "center_px": numbers,
            "scale": numbers,
            "head_size_px": numbers,
            "to_source": tf.io.FixedLenFeature([2, 3], tf.float32),
        },
    )
    fields["joints_px"] = tf.reshape(fields["joints_px"], [-1, joints, 2])
    fields["state"] = tf.cast(tf.reshape(fields["state"], [-1, joints]), tf.int32)
    return fields


def parse_image(serialized: TensorLike) -> tf.Tensor:
    """The JPEG file in one serialized person.

    Args:
      serialized: scalar string tensor.
    """
    field = {"picture": tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(serialized, field)["picture"]


def parse_size(serialized: bytes) -> tuple[str, tuple[int, int]]:
    """The id of one serialized person, and the (height, width) of its image.

    Args:
      serialized: bytes.
    """
    features = tf.train.Example.FromString(serialized).features.feature
    return features["id"].bytes_list.value[0].decode(), tuple(features["size"].int64_list.value)


def parse_origin(serialized: bytes) -> Origin:
    """The `Origin` of one serialized person.

    Args:
      serialized: bytes.
    """
    features = tf.train.Example.FromString(serialized).features.feature
    if "origin" in features:
        stored = parse_json(features["origin"].bytes_list.value[0], _ORIGIN, "its origin")
        return Origin(**{_ATTRIBUTES.get(key, key): value for key, value in stored.items()})
    return old_records.origin_of(features["id"].bytes_list.value[0].decode())


def _read(person, max_pixels):
    """(bytes that may be stored as they are or None, `[H, W, 3]` uint8 pixels)."""
    if isinstance(person.image, np.ndarray):
        return None, person.image
    content = images.read_bytes(person.image)
    pixels = images.read_image(person.image, max_pixels)
    if person.annotated_size is not None:
        images.check_size(content, pixels.shape[:2], person.annotated_size)
    return (content if _decodes_alike(content, pixels) else None), pixels


def _decodes_alike(content, pixels):
    """Whether TensorFlow's decoder makes an image of the same size from these bytes."""
    if not images.is_plain_jpeg(content):
        return False
    try:
        return tuple(tf.io.decode_jpeg(content, channels=3).shape) == pixels.shape
    except tf.errors.InvalidArgumentError:
        return False


def _cut(person, pixels, longest_side_px):
    """The person's neighborhood of a large image, and the map from it to the original."""
    height, width = pixels.shape[:2]
    if person.pose.span_px < LEAST_SPAN_PX and person.box is None:
        part, zoom = images.shrink(pixels, longest_side_px)
        return part, _to_source(zoom, 0)
    region = geometry.region_from_joints(person.pose.joints_px, person.pose.present, CONTEXT)
    side = region.side_px
    if person.scale is not None:
        side = max(side, CONTEXT * geometry.PERSON_HEIGHT_PX * person.scale)
    center = np.asarray(region.center_px)
    limits = np.array([width, height])
    low = np.clip(np.floor(center - side / 2), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(center + side / 2) + 1, low + 1, limits).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    part, zoom = images.shrink(part, longest_side_px)
    return part, _to_source(zoom, low)


def _to_source(zoom, low):
    """Pixel centers: x_source = (x + 1/2) * zoom - 1/2 + low."""
    return np.concatenate([np.diag(zoom), (zoom / 2 - 0.5 + low)[:, None]], 1)


def _moved(person, to_source):
    """The person with all positions and lengths in the frame that `to_source` starts from."""
    inverse = geometry.invert_affine(to_source)
    zoom = float(np.sqrt(to_source[0, 0] * to_source[1, 1]))

    def moved_pose(pose):
        return Pose(geometry.transform_points(inverse, pose.joints_px), pose.state)

    return dataclasses.replace(
        person,
        pose=moved_pose(person.pose),
        others=tuple(moved_pose(pose) for pose in person.others),
        center_px=None
        if person.center_px is None
        else tuple(geometry.transform_points(inverse, [person.center_px])[0]),
        scale=None if person.scale is None else person.scale / zoom,
        head_size_px=None if person.head_size_px is None else person.head_size_px / zoom,
    )


def _serialize(person, content, size, to_source):
    """The `Example` as bytes; the same person always gives the same bytes."""
    poses = (person.pose, *_nearest_first(person))
    optional = [[] if v is None else [v] for v in (person.scale, person.head_size_px)]
    origin = {_KEYS.get(key, key): v for key, v in dataclasses.asdict(person.origin).items()}
    features = {
        "id": _bytes(person.id.encode()),
        "picture": _bytes(content),
        "size": _integers(size),
        "joints_px": _floats(np.concatenate([p.joints_px.ravel() for p in poses])),
        "state": _integers(np.concatenate([p.state for p in poses])),
        "center_px": _floats(person.center_px or []),
        "scale": _floats(optional[0]),
        "head_size_px": _floats(optional[1]),
        "to_source": _floats(to_source.ravel()),
        "origin": _bytes(json.dumps(origin).encode()),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _nearest_first(person):
    """The other people with any joint, the nearest first: only a few fit into a crop."""
    here = person.pose.joints_px[person.pose.present].mean(0)
    others = [pose for pose in person.others if pose.present.any()]
    return sorted(
        others,
        key=lambda pose: float(np.linalg.norm(pose.joints_px[pose.present].mean(0) - here)),
    )


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=map(float, values)))


def _integers(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=map(int, values)))
