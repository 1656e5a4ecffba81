"""A person as a serialized example and back; large images are cut with the joints on them."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.data import examples, images
from cpm.data.person import Person, Pose
from tests.helpers.small_data_sets import LSP14, make_people, smooth_image


def parsed(serialized, joints=14):
    fields = examples.parse_example(serialized, joints)
    return {key: value.numpy() for key, value in fields.items()}


def blob_image(height, width, center_px, radius=12):
    """Black, with a white Gaussian spot."""
    y, x = np.mgrid[:height, :width]
    square = (x - center_px[0]) ** 2 + (y - center_px[1]) ** 2
    spot = 255 * np.exp(-square / (2 * radius**2))
    return np.repeat(np.rint(spot).astype(np.uint8)[..., None], 3, -1)


def centroid(image):
    """(x, y) of the bright spot of an image."""
    weight = np.maximum(image[..., 0].astype(float) - 40, 0)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_round_trip():
    (person,) = make_people(1)
    other = Pose(person.pose.joints_px + 3, np.full(14, 1))
    person = dataclasses.replace(
        person, others=(other,), center_px=(30.5, 20.25), scale=0.75, head_size_px=9.5
    )
    serialized, size = examples.encode_person(person)
    fields = parsed(serialized)
    assert size == (72, 64) and fields["size"].tolist() == [72, 64]
    assert fields["id"] == b"made/0"
    np.testing.assert_array_equal(fields["joints_px"][0], person.pose.joints_px)
    np.testing.assert_array_equal(fields["joints_px"][1], other.joints_px)
    np.testing.assert_array_equal(fields["state"], [person.pose.state, other.state])
    assert fields["center_px"].tolist() == [30.5, 20.25]
    assert fields["scale"].tolist() == [0.75]
    assert fields["head_size_px"].tolist() == [9.5]
    np.testing.assert_array_equal(fields["to_source"], np.eye(2, 3))
    image = images.read_image(bytes(fields["picture"]))
    # Quality 95 rounds coefficients by a few gray levels; another image would differ by ~80.
    assert np.abs(image.astype(int) - person.image).mean() < 3


def test_unknown_values_are_empty():
    (person,) = make_people(1)
    fields = parsed(examples.encode_person(person)[0])
    assert fields["center_px"].shape == (0,)
    assert fields["scale"].shape == fields["head_size_px"].shape == (0,)


def test_nearest_person_first():
    (person,) = make_people(1)
    far, near, nobody = (
        Pose(person.pose.joints_px + shift, state)
        for shift, state in (
            (50, np.full(14, 2)),
            (5, np.full(14, 2)),
            (1, np.zeros(14)),
        )
    )
    person = dataclasses.replace(person, others=(far, nobody, near))
    fields = parsed(examples.encode_person(person)[0])
    np.testing.assert_array_equal(fields["joints_px"][1], near.joints_px)
    np.testing.assert_array_equal(fields["joints_px"][2], far.joints_px)
    assert len(fields["joints_px"]) == 3


def test_same_person_same_bytes():
    one, other = (next(make_people(1)) for _ in range(2))
    assert examples.encode_person(one) == examples.encode_person(other)


@pytest.mark.parametrize(
    ("options", "kept"),
    [({}, True), ({"progressive": True}, False)],
)
def test_plain_jpeg_bytes_are_kept(options, kept, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth_image(40, 30)).save(path, quality=80, **options)
    (person,) = make_people(1)
    person = dataclasses.replace(person, image=str(path))
    fields = parsed(examples.encode_person(person)[0])
    assert (fields["picture"] == path.read_bytes()) is kept


def test_rotated_jpeg_is_stored_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth_image(40, 32)).save(path, exif=exif)
    (person,) = make_people(1)
    person = dataclasses.replace(person, image=str(path))
    fields = parsed(examples.encode_person(person)[0])
    assert fields["size"].tolist() == [32, 40]
    assert images.is_plain_jpeg(bytes(fields["picture"]))


def big_person(height, width, spot_px, spread):
    """A person whose joint 0 sits on a bright spot of a large image, all others around it."""
    rng = np.random.default_rng(0)
    joints_px = np.asarray(spot_px) + rng.uniform(-spread, spread, (14, 2))
    joints_px[0] = spot_px
    return Person(
        id="big/1",
        image=blob_image(height, width, spot_px),
        skeleton=LSP14,
        pose=Pose(joints_px, np.full(14, 2)),
        center_px=tuple(map(float, spot_px)),
        scale=2 * spread / 200,
        head_size_px=30.0,
    )


# The spot's centroid is good to a fraction of a pixel of the stored image: JPEG and the
# resampling of a spot of radius >= 4 px cost about 0.05 px; a half-pixel slip would be 0.5.
SPOT_TOLERANCE_PX = 0.15


@pytest.mark.parametrize("spread", [40, 150, 300])
@pytest.mark.parametrize("spot_px", [(500.0, 300.0), (880.25, 90.75)])
def test_large_image_is_cut_with_its_joints(spread, spot_px):
    person = big_person(600, 900, spot_px, spread)
    serialized, size = examples.encode_person(person, longest_side_px=300)
    fields = parsed(serialized)
    assert size == (600, 900)
    image = images.read_image(bytes(fields["picture"]))
    assert max(image.shape) <= 300 and image.shape[:2] == tuple(fields["size"])
    found = centroid(image)
    np.testing.assert_allclose(found, fields["joints_px"][0, 0], atol=SPOT_TOLERANCE_PX)
    np.testing.assert_allclose(fields["center_px"], fields["joints_px"][0, 0], atol=1e-3)
    # Back in the original image everything is where it was.
    zoom, offset = fields["to_source"][:, :2], fields["to_source"][:, 2]
    back = fields["joints_px"][0] @ zoom.T + offset
    np.testing.assert_allclose(back, person.pose.joints_px, atol=1e-3)
    # Lengths shrink together: head and scale keep their ratio to the joints' distances. The
    # image's sides are whole pixels, so x and y shrink alike only to about 1 %.
    spans = [np.ptp(p[:, 0]) for p in (person.pose.joints_px, fields["joints_px"][0])]
    assert fields["head_size_px"][0] / 30.0 == pytest.approx(spans[1] / spans[0], rel=0.01)
    assert fields["scale"][0] / person.scale == pytest.approx(spans[1] / spans[0], rel=0.01)


def test_small_images_and_no_limit_are_left_alone():
    person = big_person(600, 900, (500.0, 300.0), 40)
    for limit in (0, 900):
        fields = parsed(examples.encode_person(person, longest_side_px=limit)[0])
        assert fields["size"].tolist() == [600, 900]


def test_records_keep_the_keys_of_older_ones():
    """What is an image here, records that somebody converted before call a picture."""
    (person,) = make_people(1)
    serialized, _ = examples.encode_person(person)
    features = tf.train.Example.FromString(serialized).features.feature
    origin = json.loads(features["origin"].bytes_list.value[0])
    assert "picture" in features and "image" not in features
    assert list(origin)[:3] == ["source", "picture", "number"]
    assert origin["picture"] == person.origin.image_name != ""
    assert examples.parse_origin(serialized) == person.origin


def test_unreadable_image():
    (person,) = make_people(1)
    with pytest.raises(images.ImageError, match=r"nowhere.jpg"):
        examples.encode_person(dataclasses.replace(person, image="nowhere.jpg"))
