"""The order of people: complete epochs, shuffled by (seed, epoch), entered anywhere."""

import itertools
import os

import pytest
import tensorflow as tf

from cpm.data.shuffling import endless_order, fixed_order, rows_of_batches

SIZES = (7, 3, 1, 6, 6)  # people of each shard
PEOPLE = sum(SIZES)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """(paths, folder of each): shards of numbered records."""
    folder, numbers = tmp_path_factory.mktemp("shards"), itertools.count()
    paths = []
    for i, size in enumerate(SIZES):
        paths.append(os.path.join(folder, str(i)))
        with tf.io.TFRecordWriter(paths[-1]) as writer:
            for number in itertools.islice(numbers, size):
                writer.write(str(number))
    return paths, [0, 0, 0, 1, 1]


def numbers(dataset, count):
    return [
        (int(epoch), int(folder), int(record))
        for epoch, folder, record in dataset.take(count).as_numpy_iterator()
    ]


def order(shards, count, **options):
    options = {"seed": 0, "buffer": 8} | options
    return numbers(endless_order(*shards, PEOPLE, **options), count)


def test_fixed(shards):
    expected = [(0, int(n >= 11), n) for n in range(PEOPLE)]
    assert numbers(fixed_order(*shards), PEOPLE + 5) == expected


@pytest.mark.parametrize("buffer", [1, 8, 1000])
def test_every_epoch_has_everybody(shards, buffer):
    people = order(shards, 3 * PEOPLE, buffer=buffer)
    epochs = [people[i : i + PEOPLE] for i in range(0, len(people), PEOPLE)]
    for number, epoch in enumerate(epochs):
        assert sorted(record for _, _, record in epoch) == list(range(PEOPLE))
        assert all(e == number and f == int(r >= 11) for e, f, r in epoch)
    orders = {tuple(record for _, _, record in epoch) for epoch in epochs}
    # A window of one shuffles nothing but the 5 shards, which may come in the same order twice.
    assert len(orders - {tuple(range(PEOPLE))}) >= (2 if buffer == 1 else 3)


def test_seed(shards):
    one, other = (order(shards, PEOPLE, seed=seed) for seed in (1, 2))
    assert one == order(shards, PEOPLE, seed=1)
    assert one != other and sorted(one) == sorted(other)


@pytest.mark.parametrize("start", [1, PEOPLE, 2 * PEOPLE + 9])
def test_start(shards, start):
    unbroken = order(shards, 4 * PEOPLE)
    assert order(shards, PEOPLE, start=start) == unbroken[start : start + PEOPLE]


def test_large_buffer_shuffles_perfectly(shards):
    # Each of the 23 people is equally likely to come first: over 200 epochs the commonest comes
    # 8.7 times on average. Were the first shard always in front, its people would come 29 times.
    people = order(shards, 200 * PEOPLE, buffer=1000)
    first = [record for _, _, record in people[::PEOPLE]]
    counts = [first.count(n) for n in range(PEOPLE)]
    assert max(counts) < 25 and counts.count(0) <= 2


@pytest.mark.parametrize("hosts", [1, 2, 3])
@pytest.mark.parametrize("done", [0, 4])
def test_hosts_share_every_batch(shards, hosts, done):
    """Their rows, put together, are the batches of one host: nobody twice, nobody lost.

    `done` batches were taken before, by any number of hosts. Three hosts have 2, 3 and 3 of 8.
    """
    size, batches = 8, 9  # three epochs and a piece, of shards of 7, 3, 1, 6 and 6 people
    whole = order(shards, (done + batches) * size)[done * size :]
    start, columns = {"start": done * size}, []
    for host in range(hosts):
        first, last = host * size // hosts, (host + 1) * size // hosts
        records = endless_order(*shards, PEOPLE, seed=0, buffer=8, **start)
        part = numbers(rows_of_batches(records, size, first, last), batches * (last - first))
        columns.append([part[i : i + last - first] for i in range(0, len(part), last - first)])
    together = [row for parts in zip(*columns, strict=True) for rows in parts for row in rows]
    assert together == whole
