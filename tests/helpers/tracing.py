"""Functions of TensorFlow that are not traced: a step of a tiny network is computed sooner.

    with untraced():
        run.train()

For tests of what stands around a step: run folders, checkpoints, signals, records, scores. That a
traced step computes the same is what the tests of steps, replicas and resumed runs are for. Input
pipelines are traced all the same.
"""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def untraced(flag=True):
    """A context in which no `tf.function` is traced; with False, one in which they are again."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(flag)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
