"""Averaged weights: a second network that follows the trained one slowly.

The weights of a late step are the best ones plus the noise of the last steps' batches. An average
over many steps keeps the first and loses most of the second, and costs no gradient.

The averages are a whole network of the same configuration, so they are evaluated, saved and loaded
as one. Everything is averaged, the moving statistics of batch norms too: those describe the maps
that the raw weights made on the last ten batches, and their average over the same steps as the
weights' describes what the averaged weights meet, without the noise of ten batches.

References:
  Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; Tarvainen and
  Valpola 2017, "Mean teachers"; the warm-up of the decay is that of TensorFlow's
  `ExponentialMovingAverage(num_updates)`.
"""

import tensorflow as tf

from cpm.network import ConvolutionalPoseMachine

# k0 of the warm-up: after k updates no decay is above (1 + k) / (k0 + k).
WARM_UP = 10.0


def decay_at(decay: float, updates: tf.Tensor) -> tf.Tensor:
    """The decay of update k, counted from 0: an average of few steps is not held by its start.

        d_k = min(decay, (1 + k) / (10 + k))

    >>> [round(float(decay_at(0.99, k)), 2) for k in (0, 10, 1000)]
    [0.1, 0.55, 0.99]
    """
    updates = tf.convert_to_tensor(updates, tf.float64)
    # As a constant: a Python number that is cast is a float32 first.
    decay = tf.constant(decay, tf.float64)
    return tf.minimum(decay, (1 + updates) / (WARM_UP + updates))


def averaged(average: tf.Tensor, value: tf.Tensor, decay: tf.Tensor) -> tf.Tensor:
    """One update: a + (1 - d) (w - a), which leaves a as it is where it equals w."""
    return average + tf.cast(1 - decay, average.dtype) * (value - average)


class ExponentialMovingAverage(tf.Module):
    """The average over a network's past.

        a ← a + (1 - d_k) (w - a)

    Attributes:
      network: a `ConvolutionalPoseMachine` of the averaged variables.
      updates: k, how many there were, a float64 variable.
    """

    def __init__(
        self, network: ConvolutionalPoseMachine, decay: float, name: str | None = None
    ) -> None:
        """Starts from the network's present variables.

        Args:
          network: `ConvolutionalPoseMachine`, float32 or float64.
          decay: 0 < d < 1; the average remembers about 1 / (1 - d) steps.
        """
        super().__init__(name=name)
        self._decay = decay
        with self.name_scope:
            self.updates = tf.Variable(0.0, trainable=False, name="updates", dtype=tf.float64)
            self.network = ConvolutionalPoseMachine(network.config, dtype=network.dtype)
        self.restart(network)

    def restart(self, network: ConvolutionalPoseMachine) -> None:
        """Forgets the past: the average is the network's present variables."""
        self.updates.assign(0.0)
        for average, variable in self._pairs(network):
            average.assign(variable)

    def update(self, network: ConvolutionalPoseMachine) -> None:
        """Moves every average towards the network's variable; eager, in graphs and under XLA."""
        decay = decay_at(self._decay, self.updates)
        for average, variable in self._pairs(network):
            average.assign(averaged(average, variable, decay))
        self.updates.assign_add(1.0)

    def _pairs(self, network):
        return zip(self.network.variables, network.variables, strict=True)
