"""Checks at the door of a public function: is this tensor what its docstring says?

Only what is known while Python runs is checked, so nothing is added to the graph; a dimension
that is still unknown (`None`, e.g. the batch of a `tf.function`) passes. Dimensions are named by
the letters of the docstrings, and one letter has one value across the arguments of a call.
"""

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

# Whatever `tf.convert_to_tensor` takes: tensors, variables, arrays, numbers, nested lists.
TensorLike: TypeAlias = tf.types.experimental.TensorLike


def check_shape(
    tensor: TensorLike,
    expected: Sequence[int | str | None] | tf.TensorShape,
    name: str,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Raises unless `tensor` has the shape `expected`.

    Args:
      tensor: tensor or array.
      expected: one entry per dimension: an int (exactly this), a letter (any size, but the same
        wherever the letter stands) or None (anything).
      name: how the message calls the tensor: the argument's name.
      sizes: dict letter -> int, of the arguments checked before.

    Returns:
      `sizes` and the letters newly learnt from this tensor, as a new dict.
    Raises:
      ValueError: names the tensor, its shape and the shape expected.

    Example:
      >>> sizes = check_shape(tf.zeros([2, 5, 2]), ["B", "P", 2], "joints_px")
      >>> sizes
      {'B': 2, 'P': 5}
      >>> check_shape(tf.zeros([2, 4]), ["B", "P"], "present", sizes)
      Traceback (most recent call last):
      ...
      ValueError: present has shape [2, 4], expected [B, P] with B = 2, P = 5
    """
    sizes = dict(sizes or {})
    known = dict(sizes)
    shape = tf.TensorShape(tensor.shape)
    if shape.rank is None:
        return sizes
    fits = shape.rank == len(expected)
    for size, entry in zip(shape.as_list(), expected, strict=False):
        if size is None or entry is None:
            continue
        if isinstance(entry, str):
            entry = sizes.setdefault(entry, size)
        fits = fits and size == entry
    if not fits:
        raise ValueError(
            f"{name} has shape {_written(shape.as_list())}, expected "
            f"{_written(expected)}{_where(expected, known)}"
        )
    return sizes


def check_rank(tensor: TensorLike, rank: int, name: str) -> None:
    """Raises unless `tensor` has `rank` dimensions, of whatever size.

    >>> check_rank(tf.zeros([8, 8, 3]), 4, "images")
    Traceback (most recent call last):
    ...
    ValueError: images has shape [8, 8, 3], expected 4 dimensions, not 3
    """
    shape = tf.TensorShape(tensor.shape)
    if shape.rank is not None and shape.rank != rank:
        raise ValueError(
            f"{name} has shape {_written(shape.as_list())}, expected {rank} dimensions, "
            f"not {shape.rank}"
        )


def check_floating(
    tensor: TensorLike, name: str, allowed: Sequence[tf.DType] | None = None
) -> None:
    """Raises unless `tensor` holds floating-point numbers, of one of the `allowed` types if given.

    >>> check_floating(tf.constant([1, 2]), "x")
    Traceback (most recent call last):
    ...
    ValueError: x has type int32, expected a floating-point type
    """
    dtype = tf.as_dtype(tensor.dtype)
    if allowed is None and not dtype.is_floating:
        raise ValueError(f"{name} has type {dtype.name}, expected a floating-point type")
    if allowed is not None and dtype not in allowed:
        kinds = " or ".join(tf.as_dtype(kind).name for kind in allowed)
        raise ValueError(f"{name} has type {dtype.name}, expected {kinds}")


def check_positive_int(value: object, name: str) -> None:
    """Raises unless `value` is a Python integer of at least 1.

    >>> check_positive_int(0, "stride")
    Traceback (most recent call last):
    ...
    ValueError: stride is 0, expected an integer of at least 1
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise ValueError(f"{name} is {value!r}, expected an integer of at least 1")


def check_finite(value: object, name: str) -> None:
    """Raises unless `value` is a finite Python number.

    >>> check_finite(float("nan"), "origin_px")
    Traceback (most recent call last):
    ...
    ValueError: origin_px is nan, expected a finite number
    """
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, expected a finite number")


def _written(entries):
    """`[2, ?, 3]`: sizes and letters as the docstrings write them, `?` for unknown."""
    return "[" + ", ".join("?" if e is None else str(e) for e in entries) + "]"


def _where(expected, known):
    """` with B = 2`: the letters of `expected` that earlier arguments have fixed."""
    fixed = [f"{e} = {known[e]}" for e in dict.fromkeys(expected) if e in known]
    return " with " + ", ".join(fixed) if fixed else ""
