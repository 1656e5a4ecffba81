"""Time for memory: a segment of layers whose backward pass computes the insides again.

Reverse differentiation of y = f_n(… f_1(x)) needs what entered every f_i, so the forward pass
keeps n maps. Here it keeps x alone; when dy arrives, the segment is run again under a tape of its
own and that tape is played back:

    forward    y = f(x, w)                 keep x
    backward   (dx, dw) = (∂f/∂x, ∂f/∂w)ᵀ dy,  at the f that is computed again

Of k segments of equal size one at a time has its insides in memory, beside the k maps between
them; the price is a second forward pass, about a third more arithmetic (a backward pass is two).

The second pass must be the first one again: dropout masks are functions of seed and name, batch
norms take the moments of the same batch. It must have no effects: so a segment is a pure function,
which returns the moments that batch norms remember instead of storing them.

And it must not come too early. Both passes are equal, and any compiler is glad to compute equal
things once, and keep them: all would be as before. So the second pass starts from x + 0 · dy, which
no compiler may simplify, for 0 times infinity is no number, and nobody can compute before dy is
there. A control dependency would do in a graph, but not under XLA, which knows none.

References:
  Griewank and Walther 2000, "Algorithm 799: revolve"; Chen et al. 2016, "Training deep nets with
  sublinear memory cost".
"""

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

from cpm.network.layers import BatchNorm, Relu


def recomputed(
    segment: Callable[[tf.Tensor], tuple[tf.Tensor, dict[str, Any]]], x: tf.Tensor
) -> tuple[tf.Tensor, dict[str, Any]]:
    """`segment(x)`, keeping only `x` for the backward pass.

    Args:
      segment: pure function of a tensor, and of variables, that returns (tensor, {name: tensors});
        gradients flow through the first alone.
      x: tensor.

    Returns:
      What `segment` returns; the gradients by `x` and by the variables are the ordinary ones.
    """
    structure = {}

    @tf.custom_gradient
    def run(x):
        y, moments = segment(x)
        structure.update(moments)

        def gradient(d_y, *_, variables=None):
            variables = list(variables or [])
            start = x + tf.cast(0 * tf.reshape(d_y, [-1])[0], x.dtype)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([start, *variables])
                again = segment(start)[0]
            d_x, *d_variables = tape.gradient(again, [start, *variables], output_gradients=d_y)
            return (d_x, d_variables) if variables else d_x

        return (y, *tf.nest.flatten(moments)), gradient

    y, *moments = run(x)
    return y, tf.nest.pack_sequence_as(structure, moments)


def segments(layers: Iterable[tf.Module]) -> list[list[tf.Module]]:
    """The layers of a block in segments that end where the map gets smaller: little is kept there.

    Args:
      layers: list of the modules of cpm/network/layers.py.
    Returns:
      List of lists, none empty. A norm and a ReLU belong to the convolution before them.
    """
    found: list[list[tf.Module]] = []
    smaller = False
    for layer in layers:
        if not found or (smaller and not isinstance(layer, (BatchNorm, Relu))):
            found.append([])
            smaller = False
        found[-1].append(layer)
        smaller = smaller or getattr(layer, "stride", 1) > 1
    return found
