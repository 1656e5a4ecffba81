"""One training step: a pure, compiled core with the update around it.

    (variables, batch) → losses, gradients, measurements      `losses_and_gradients`
    (gradients, learning rate) → variables                    `update`

The core is one function of its inputs, under `jit_compile` with `--xla`. Averaging over replicas
and the update stand around it, because XLA on a CPU cannot cross a collective.
"""

import tensorflow as tf

from cpm.training import loss, optimizers, targets

# What the compiled core needs of a batch; strings (ids) cannot enter XLA.
TENSORS = ("image", "joints_px", "state", "center_px", "valid")


class TrainStep:
    """The compiled functions of a run.

    Args:
      network: `ConvolutionalPoseMachine`.
      optimizer: made for `network.trainable_variables`.
      config: `TrainConfig`.
    """

    def __init__(self, network, optimizer, config):
        self._network, self._optimizer, self._config = network, optimizer, config
        self._core = tf.function(self._losses_and_gradients, jit_compile=config.xla)
        self._update = tf.function(self._clip_and_apply, jit_compile=config.xla)

    def losses_and_gradients(self, batch, step):
        """The loss of every stage and the gradient of their sum.

        Args:
          batch: dict of cpm/data/pipeline.py.
          step: int, 0-based; keys the dropout masks.

        Returns:
          measurements: dict of scalars `loss`, `loss_stage_t` and `peak_stage_t`, t = 1 … T.
          gradients: one per trainable variable.
        """
        seed = tf.constant([self._config.seed % 2**31, step], tf.int32)
        measurements, gradients = self._core({k: batch[k] for k in TENSORS}, seed)
        # XLA returns a dict sorted by key; the stages belong in their order.
        stages = range(1, self._config.network.stages + 1)
        keys = ["loss", *(f"{k}_stage_{t}" for k in ("loss", "peak") for t in stages)]
        return {key: float(measurements[key]) for key in keys}, gradients

    def update(self, gradients, learning_rate):
        """Clips the gradients and changes the variables; returns the norm before clipping."""
        rate = tf.constant(learning_rate, tf.float32)
        return float(self._update(gradients, rate))

    def _losses_and_gradients(self, batch, seed):
        network = self._network
        with tf.GradientTape() as tape:
            beliefs = network(
                batch["image"], batch["center_px"], training=True, seed=seed
            )
            ideal = targets.make_targets(
                batch,
                self._config.target,
                stride=network.stride,
                background=network.config.background,
            )
            weight = self._config.target.foreground_weight
            stage_losses = loss.stage_losses(beliefs, ideal, weight)  # [T]
            total = tf.reduce_sum(stage_losses)
        gradients = tape.gradient(total, network.trainable_variables)
        measurements = {"loss": total}
        for t, belief in enumerate(beliefs):
            measurements[f"loss_stage_{t + 1}"] = stage_losses[t]
            joints = len(network.skeleton)
            measurements[f"peak_stage_{t + 1}"] = loss.mean_peak(
                belief[..., :joints], ideal.mask[:, :joints]
            )
        return measurements, gradients

    def _clip_and_apply(self, gradients, learning_rate):
        limit = self._config.optimizer.clip_norm
        clipped, norm = optimizers.clip_by_global_norm(gradients, limit)
        self._optimizer.apply(clipped, learning_rate)
        return norm
