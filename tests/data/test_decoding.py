"""Decoded images: what is kept is what was decoded, once each, and no more than there is room."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cpm.data import decoding
from tests.helpers.scripts import ROOT
from tests.helpers.small_data_sets import smooth_image

HEIGHT, WIDTH = 24, 40
PIXELS = HEIGHT * WIDTH * 3


def jpeg(seed, height=HEIGHT, width=WIDTH):
    file = io.BytesIO()
    Image.fromarray(smooth_image(height, width, seed=seed)).save(
        file, "JPEG", quality=95, subsampling=0
    )
    return file.getvalue()


def claiming(height, width):
    """A small JPEG whose header says that it is large."""
    content = bytearray(jpeg(0))
    start = content.index(b"\xff\xc0") + 5  # the frame's header: length, precision, then sizes
    assert content[start : start + 4] == HEIGHT.to_bytes(2, "big") + WIDTH.to_bytes(2, "big")
    content[start : start + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(content)


@pytest.mark.parametrize("traced", [False, True])
def test_an_image_of_billions_of_pixels_is_refused_before_it_is_decoded(traced):
    decode = tf.function(decoding.decode) if traced else decoding.decode
    np.testing.assert_equal(decode(jpeg(0)).numpy().shape, (HEIGHT, WIDTH, 3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="more pixels than a stored image"):
        decode(claiming(60_000, 65_000))


@pytest.fixture
def decoded(monkeypatch):
    """List of the images that were decoded, in their order."""
    seen, honest = [], decoding.decode

    def counted(image):
        def note(content):
            seen.append(content.numpy())
            return content

        same = tf.py_function(note, [image], tf.string)
        return honest(tf.ensure_shape(same, []))

    monkeypatch.setattr(decoding, "decode", counted)
    return seen


def through(decode, images, epochs=1, threads=1):
    """What a pipeline makes of the images, as arrays."""
    stream = tf.data.Dataset.from_tensor_slices(images).repeat(epochs)
    return [pixels.numpy() for pixels in stream.map(decode, num_parallel_calls=threads)]


def test_pixels_are_pillows():
    """Of an image whose color is not subsampled: there both upsample alike."""
    image = jpeg(0)
    expected = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
    found = decoding.decode(image).numpy()
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def used_bytes(cache):
    """Bytes of the keys and pixels that are kept."""
    return int(cache._used_bytes.numpy())


def test_every_image_is_decoded_once(decoded):
    images = [jpeg(0), jpeg(1), jpeg(2, 40, 24)]
    cache = decoding.DecodedImages(10**6)
    found = through(cache, images, epochs=3)
    assert decoded == images
    assert len(cache) == 3
    for number, pixels in enumerate(found):
        np.testing.assert_array_equal(
            pixels, tf.io.decode_jpeg(images[number % 3], dct_method="INTEGER_ACCURATE").numpy()
        )


def test_what_has_no_room_is_decoded_again(decoded):
    images = [jpeg(seed) for seed in range(4)]
    limit = 2 * (PIXELS + max(map(len, images)))
    cache = decoding.DecodedImages(limit)
    through(cache, images, epochs=3)
    assert len(cache) == 2 and 2 * PIXELS < used_bytes(cache) <= limit
    assert decoded == images + 2 * images[2:]


def test_a_small_image_may_still_fit():
    large, small = jpeg(0), jpeg(1, 8, 8)
    cache = decoding.DecodedImages(PIXELS)
    through(cache, [large, small])
    assert len(cache) == 1 and used_bytes(cache) < PIXELS


def test_threads_never_keep_more_than_there_is_room():
    images = [jpeg(seed) for seed in range(24)]
    limit = 10 * (PIXELS + max(map(len, images)))
    cache = decoding.DecodedImages(limit)
    found = through(cache, images, epochs=4, threads=4)
    assert len(cache) <= 10
    alone = through(decoding.decode, images)
    for number, pixels in enumerate(found):
        np.testing.assert_array_equal(pixels, alone[number % 24])


def test_two_images_of_one_shape_are_told_apart():
    first, second = jpeg(0), jpeg(7)
    a, b, again = through(decoding.DecodedImages(10**6), [first, second, first])
    assert (a != b).any()
    np.testing.assert_array_equal(again, a)


def test_nothing_else_is_kept_for_a_broken_image():
    cache = decoding.DecodedImages(10**6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        through(cache, [b"no image"])
    assert len(cache) == 0 and used_bytes(cache) == 0


ON_ANOTHER_DEVICE = """
import tensorflow as tf
from cpm.data.decoding import DecodedImages

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.device("CPU:1"):
    cache = DecodedImages(10**6)
for resource in (cache._used_bytes, cache._next):
    assert resource.device.endswith("CPU:0"), resource.device
"""


@pytest.mark.slow
def test_it_lies_where_pipelines_run():
    """Variables go to a GPU where there is one, which a pipeline cannot reach."""
    process = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_DEVICE],
        cwd=ROOT,
        capture_output=True,
    )
    assert process.returncode == 0, process.stderr.decode()[-2000:]
