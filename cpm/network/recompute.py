"""Time for memory: a segment of layers whose backward pass computes the insides again.

Reverse differentiation of y = f_n(… f_1(x)) needs what entered every f_i, so the forward pass
keeps n maps. Here it keeps x alone; when dy arrives, the segment is run again under a tape of its
own and that tape is played back:

    forward    y = f(x, w)                 keep x
    backward   (dx, dw) = (∂f/∂x, ∂f/∂w)ᵀ dy,  at the f that is computed again

Of k segments of equal size one at a time has its insides in memory, beside the k maps between
them; the price is a second forward pass, about a third more arithmetic (a backward pass is two).

The second pass must be the first one again: dropout masks are functions of seed and name, batch
norms take the statistics of the same batch. It must not be one in its effects: moving averages
move in the first pass alone (`BatchNorm.again`). `tf.recompute_grad` would move them twice.

And it must not come too early. Both passes are equal, and any compiler is glad to compute equal
things once, and keep them: all would be as before. So the second pass starts from x + 0 · dy, which
no compiler may simplify, for 0 times infinity is no number, and nobody can compute before dy is
there. A control dependency would do in a graph, but not under XLA, which knows none.

References:
  Griewank and Walther 2000, "Algorithm 799: revolve"; Chen et al. 2016, "Training deep nets with
  sublinear memory cost".
"""

import tensorflow as tf


def recomputed(layers, xs, seed):
    """Applies layers in training mode, keeping only `xs` for the backward pass.

    Args:
      layers: list of the modules of cpm/network/layers.py.
      xs: list of `[B_s, H, W, Cin]`, the slices of a batch.
      seed: `[2]` int32 for dropout, or None.

    Returns:
      list of `[B_s, h, w, Cout]`; their gradients by `xs` and by the layers' variables are the
      ordinary ones.
    """

    @tf.custom_gradient
    def segment(*xs):
        ys = list(xs)
        for layer in layers:
            ys = layer.slices(ys, training=True, seed=seed)

        def gradient(*d_ys, variables=None):
            variables = list(variables or [])
            nothing = 0 * tf.reshape(d_ys[0], [-1])[0]
            start = [x + tf.cast(nothing, x.dtype) for x in xs]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([*start, *variables])
                again = start
                for layer in layers:
                    again = _again(layer, again, seed)
            found = tape.gradient(again, [*start, *variables], output_gradients=d_ys)
            d_xs, d_variables = found[: len(xs)], found[len(xs) :]
            return (d_xs, d_variables) if variables else d_xs

        return ys, gradient

    return segment(*xs)


def _again(layer, xs, seed):
    """One layer of the second pass: the same values, no effects."""
    if hasattr(layer, "again"):
        return layer.again(xs)
    return layer.slices(xs, training=True, seed=seed)
