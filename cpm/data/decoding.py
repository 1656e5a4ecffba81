"""Stored images to pixels: decoded each time, or once and then kept in memory (`--cache`).

    decode(jpeg)                          [H, W, 3] uint8
    DecodedImages(8_000_000_000)(jpeg)    the same pixels; 8 GB of them are kept

What is kept changes no pixel, so a run may be resumed with another size of cache or with none.
"""

import tensorflow as tf

from cpm.data.images import PILLOW_PIXELS
from ops.shapes import TensorLike

SHAPE = (-1, -1, 3)  # of decoded images
UNKNOWN = -1  # number of an image that is not kept


def decode(image: TensorLike) -> tf.Tensor:
    """`[H, W, 3]` uint8 pixels of a stored image, a scalar string tensor.

    Raises:
      tf.errors.InvalidArgumentError: if it is no JPEG, or one of more pixels than a conversion
        reads: four megabytes may claim 4 billion.
    """
    height, width, _ = tf.unstack(tf.io.extract_jpeg_shape(image, tf.int64))
    small = tf.debugging.assert_less_equal(
        height * width,
        tf.constant(PILLOW_PIXELS, tf.int64),
        message="more pixels than a stored image may have",
    )
    with tf.control_dependencies([small]):
        image = tf.identity(image)
    # The accurate DCT is Pillow's too: prediction sees the pixels that training saw.
    return tf.io.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE")


class DecodedImages:
    """`decode` that keeps what it decoded, first come first kept, until its memory is full.

    It is called in graphs, by several threads of `Dataset.map` at once. The key is the whole stored
    image, not its name: two folders may use one name, and no key can mean other pixels. What is
    kept is the decoder's own tensor, which is handed out without a copy.

    Args:
      limit_bytes: of keys and pixels, at most; the hash tables themselves need a little more.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        with tf.device("CPU:0"):  # where pipelines run; variables would go to a GPU
            # TensorFlow has no table from strings to tensors, but both halves of it.
            table = tf.lookup.experimental.MutableHashTable
            self._nothing = tf.raw_ops.EmptyTensorList(
                element_shape=SHAPE, max_num_elements=-1, element_dtype=tf.uint8
            )
            self._numbers = table(tf.string, tf.int64, UNKNOWN)
            self._pixels = table(tf.int64, tf.variant, self._nothing)
            self._next = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._used_bytes = tf.Variable(0, dtype=tf.int64, trainable=False)

    def __call__(self, image: TensorLike) -> tf.Tensor:
        """As `decode`."""
        number = self._numbers.lookup(image)
        return tf.cond(
            number == UNKNOWN,
            lambda: self._decode_and_keep(image),
            lambda: tf.raw_ops.TensorListGetItem(
                input_handle=self._pixels.lookup(number),
                index=0,
                element_shape=SHAPE,
                element_dtype=tf.uint8,
            ),
        )

    def __len__(self) -> int:
        """Number of images that are kept."""
        return int(self._numbers.size().numpy())

    def _decode_and_keep(self, image):
        pixels = decode(image)
        size = tf.cast(tf.strings.length(image) + tf.size(pixels), tf.int64)

        def keep():
            # Unlike `assign_add`, counting up and reading are one operation: no two threads get one
            # number. If both decoded the same image, the first one's pixels are never asked for.
            number = tf.raw_ops.ResourceCountUpTo(
                resource=self._next.handle, limit=tf.int64.max, T=tf.int64
            )
            entry = tf.raw_ops.TensorListPushBack(input_handle=self._nothing, tensor=pixels)
            with tf.control_dependencies([self._pixels.insert(number, entry)]):
                known = self._numbers.insert(image, number)
            with tf.control_dependencies([known]):
                return tf.identity(pixels)

        def leave():
            with tf.control_dependencies([self._used_bytes.assign_sub(size)]):
                return tf.identity(pixels)

        # Added before it is compared: threads may be refused room that is there, never given more.
        used = self._used_bytes.assign_add(size)
        return tf.cond(used <= self._limit_bytes, keep, leave)
