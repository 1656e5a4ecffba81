"""Which person comes when: a pure function of (seed, epoch, position).

An epoch visits the shards in an order drawn from (seed, epoch), reads `INTERLEAVED` of them in
turns, collects windows of `buffer` people and shuffles each window by (seed, epoch, window). No
step keeps a hidden state, so an epoch can be entered anywhere: `start` people are skipped as raw
bytes, before anything is decoded.

A window holds the whole of a small data set, which is then shuffled perfectly. In a larger one the
order of the shards, whose people were shuffled on conversion, mixes the rest.
"""

from collections.abc import Sequence

import tensorflow as tf

INTERLEAVED = 16  # shards read in turns: folders of different data sets mix


@tf.autograph.experimental.do_not_convert
def endless_order(
    files: Sequence[str],
    folders: Sequence[int],
    people: int,
    *,
    seed: int,
    buffer: int,
    start: int = 0,
    pairs: bool = False,
) -> tf.data.Dataset:
    """Epoch after epoch of serialized people.

    Args:
      files: list of shard paths.
      folders: for each file, the number of the folder it belongs to.
      people: how many there are in all files.
      seed: of the run.
      buffer: people in a window.
      start: people to skip, counted from the beginning of epoch 0.
      pairs: each person with a second one, the next in the same window.

    Returns:
      Endless Dataset of (epoch int64, folder int64, serialized string), with `pairs` of
      (epoch, folder, serialized, the second one's folder, serialized).
    """
    first_epoch, skipped = divmod(start, people)

    def epoch_of(epoch):
        shuffled = _shuffled_epoch(files, folders, seed, epoch, buffer, pairs)
        return shuffled.map(lambda *person: (epoch, *person))

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(epoch_of).skip(skipped)


@tf.autograph.experimental.do_not_convert
def rows_of_batches(records: tf.data.Dataset, size: int, first: int, last: int) -> tf.data.Dataset:
    """Of every `size` records in a row those from `first` to before `last`.

    The others are read as bytes and dropped: the order is one of all people, which no host can
    enter without walking along it.
    """

    def rows(*columns):
        return tuple(column[first:last] for column in columns)

    return records.batch(size, drop_remainder=True).map(rows).unbatch()


@tf.autograph.experimental.do_not_convert
def fixed_order(files: Sequence[str], folders: Sequence[int]) -> tf.data.Dataset:
    """Every person once, as stored: a Dataset of (epoch 0, folder, serialized)."""
    records = tf.data.Dataset.from_tensor_slices((files, _numbers(folders)))
    zero = tf.constant(0, tf.int64)
    return records.flat_map(_read).map(lambda folder, record: (zero, folder, record))


def _shuffled_epoch(files, folders, seed, epoch, buffer, pairs):
    """One epoch: a Dataset of (folder, serialized), with `pairs` of two of them in a row."""
    key = tf.stack([tf.constant(seed, tf.int64), epoch])
    order = _permutation(len(files), key, 0)
    shards = tf.data.Dataset.from_tensor_slices(
        (tf.gather(tf.constant(files), order), tf.gather(_numbers(folders), order))
    )
    records = shards.interleave(_read, cycle_length=INTERLEAVED, block_length=1)

    def shuffle(window, content):
        folder, record = content
        order = _permutation(tf.shape(record)[0], key, 1 + window)
        first = tf.gather(folder, order), tf.gather(record, order)
        if not pairs:
            return first
        return *first, *(tf.roll(values, -1, 0) for values in first)

    return records.batch(buffer).enumerate().map(shuffle).prefetch(1).unbatch()


def _permutation(n, key, stream):
    """A random order of 0 .. n - 1, drawn from `[2]` int64 `key` and the number `stream`."""
    seed = tf.random.fold_in(key, stream, alg="philox")
    return tf.argsort(tf.random.stateless_uniform([n], seed, alg="philox"), stable=True)


def _read(file, folder):
    """The records of one shard, each with the number of its folder."""
    return tf.data.TFRecordDataset(file).map(lambda record: (folder, record))


def _numbers(folders):
    return tf.constant(folders, tf.int64)
