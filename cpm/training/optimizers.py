"""Optimizers: a pure update rule and the slots it needs.

An optimizer is a `tf.Module` that owns one slot per variable and rule, made in the constructor,
and changes variables in one call, `apply`. It is plain TensorFlow, so it runs eagerly, in a graph
and under XLA. What a layer's learning rate is multiplied with, and which variables decay, is
decided once, in the constructor.

References:
  Qian 1999 (momentum as Caffe writes it); Kingma and Ba 2015 (Adam); Loshchilov and Hutter 2019
  (decoupled weight decay); Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
  networks"; Pascanu et al. 2013 (clipping by global norm).
"""

import collections
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from cpm.config import OptimizerConfig
from cpm.network.model import ConvolutionalPoseMachine
from cpm.training.orthogonalize import orthogonalize

# The angle of a step of `Muon` at a rate of 1, radians as long as it is small.
TURN = 6.0


def global_norm(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    """sqrt(sum_v ||g_v||²) of a list of tensors; not finite if one number of them is not."""
    return tf.sqrt(2 * tf.add_n([tf.nn.l2_loss(g) for g in gradients]))


def clipping_factor(norm: tf.Tensor, limit: float) -> tf.Tensor | None:
    """What gradients are multiplied by so that their joint norm is at most `limit`.

    Args:
      norm: scalar, `global_norm` of them.
      limit: > 0, or 0 to leave them as they are.

    Returns:
      min(1, limit / norm), or None for a limit of 0.
    """
    return limit / tf.maximum(norm, limit) if limit else None


class Optimizer(tf.Module):
    """What the rules share: the variables, their multipliers and their weight decay.

    Attributes:
      gains_by_xla: whether XLA makes the update so much faster on a CPU that compiling it pays.

    Args:
      variables: the trainable variables; `apply` takes gradients in this order.
      multipliers: learning-rate factor of each variable; None = 1.
      weight_decay: λ; applies to kernels (rank ≥ 2), never to biases and norms.
    """

    gains_by_xla = True

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        *,
        multipliers: Sequence[float] | None = None,
        weight_decay: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        # A tuple in a dict would be tracked as children; the network owns its variables.
        self._targets = _Untracked(variables)
        self._multipliers = list(multipliers or [1.0] * len(variables))
        if len(self._multipliers) != len(variables):
            raise ValueError(
                f"{len(variables)} variables need as many learning-rate multipliers, "
                f"not {len(self._multipliers)}"
            )
        self._decays = [weight_decay if len(v.shape) >= 2 else 0.0 for v in variables]

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        learning_rate: float | tf.Tensor,
        factor: float | tf.Tensor | None = None,
        *,
        at_once: int | None = None,
    ) -> None:
        """Changes every variable by one step.

        Args:
          gradients: one per variable, in the constructor's order.
          learning_rate: scalar tensor or float.
          factor: scalar that all gradients are multiplied by; None = 1.
          at_once: how many variables are changed at the same time; None = all that can be. Then a
            graph has the intermediate results of all in memory, several times the weights.

        Raises:
          ValueError: if there are not as many gradients as variables.
        """
        variables = self._targets.items
        if len(gradients) != len(variables):
            raise ValueError(f"{len(variables)} variables, but {len(gradients)} gradients")
        running: collections.deque[tf.Tensor] = collections.deque(maxlen=at_once or len(variables))
        for i, (gradient, variable) in enumerate(zip(gradients, variables, strict=True)):
            rate = tf.cast(learning_rate, variable.dtype) * self._multipliers[i]
            oldest = [running[0]] if len(running) == running.maxlen else []
            with tf.control_dependencies(oldest):
                if factor is not None:
                    gradient = factor * gradient
                change = self._update(i, variable, gradient, rate, self._decays[i])
            if change is not None:
                running.append(change)

    def _update(self, i, variable, gradient, rate, decay):
        """Changes variable i; returns the last change, or None if there is none."""
        raise NotImplementedError

    def _slots(self, kind):
        """One zero variable per target; named after it, so that checkpoints read well."""
        return [_slot(kind, v) for v in self._targets.items]


def _slot(kind, variable):
    name = f"{kind}_{variable.name[:-2]}"
    return tf.Variable(tf.zeros_like(variable), trainable=False, name=name)


class _Untracked:
    """Holds the targets where tf.Module and checkpoints do not look."""

    def __init__(self, items):
        self.items = list(items)


class Momentum(Optimizer):
    """Stochastic gradient descent with momentum, as Caffe writes it.

        m ← mu · m + rate · (g + lambda · w),   w ← w - m

    The rate stands inside the velocity, so a change of rate takes effect gradually.
    """

    # XLA would save half a percent of a step, for two seconds and 50 MB of compiling.
    gains_by_xla = False

    def __init__(
        self, variables: Sequence[tf.Variable], *, momentum: float = 0.9, **options: Any
    ) -> None:
        super().__init__(variables, **options)
        self._momentum = momentum
        with self.name_scope:
            self.velocities = self._slots("velocity")

    def _update(self, i, variable, gradient, rate, decay):
        velocity = self.velocities[i]
        velocity.assign(self._momentum * velocity + rate * (gradient + decay * variable))
        return variable.assign_sub(velocity)


class Adam(Optimizer):
    """Adam with decoupled weight decay (AdamW).

    m ← b1 m + (1 - b1) g,   v ← b2 v + (1 - b2) g²
    w ← w - rate · (m̂ / (sqrt(v̂) + eps) + lambda · w),   m̂ = m / (1 - b1^k),  v̂ = v / (1 - b2^k)
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Any,
    ) -> None:
        super().__init__(variables, **options)
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon
        with self.name_scope:
            self.updates = tf.Variable(0.0, trainable=False, name="updates", dtype=tf.float64)
            self.means = self._slots("mean")
            self.squares = self._slots("square")

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        learning_rate: float | tf.Tensor,
        factor: float | tf.Tensor | None = None,
        *,
        at_once: int | None = None,
    ) -> None:
        self.updates.assign_add(1.0)
        super().apply(gradients, learning_rate, factor, at_once=at_once)

    def _update(self, i, variable, gradient, rate, decay):
        b1, b2, k = self._beta_1, self._beta_2, self.updates
        m, v = self.means[i], self.squares[i]
        m.assign(b1 * m + (1.0 - b1) * gradient)
        v.assign(b2 * v + (1.0 - b2) * tf.square(gradient))
        # b2^k is close to 1 at first: 1 - b2^k keeps its digits only in float64.
        m_hat = m / tf.cast(1.0 - b1**k, variable.dtype)
        v_hat = v / tf.cast(1.0 - b2**k, variable.dtype)
        change = m_hat / (tf.sqrt(v_hat) + self._epsilon) + decay * variable
        return variable.assign_sub(rate * change)


class Muon(Optimizer):
    """Momentum made orthogonal turns hidden kernels; Adam moves everything else.

    m ← b m + (1 - b) g,   O = orthogonalize(b m + (1 - b) g as `[kh · kw · Cin, Cout]`)
    w ← ||w|| · u / ||u||,   u = w / ||w|| - TURN · rate · O / ||O||

    The gradient of a kernel has a few large singular values; made orthogonal, the step moves as far
    in every direction. It turns the kernel by about TURN · rate and leaves its length alone: where
    a norm follows, the length means nothing, but left to itself it grows with the root of the
    number of steps, and the angle of a step shrinks with it. So the schedule decides, and there is
    nothing for weight decay to do. Both parts share one learning rate. Kernels that see the image
    or draw the beliefs keep Adam, as norms and biases do: the directions of their inputs or outputs
    have a meaning of their own.

    Args:
      variables, options: as of `Optimizer`.
      hidden: the kernels among `variables` that lie between two hidden layers; none all zero.
      momentum: b.
    """

    gains_by_xla = False  # its products are faster in TensorFlow's own library

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        *,
        hidden: Sequence[tf.Variable],
        momentum: float = 0.95,
        **options: Any,
    ) -> None:
        super().__init__(variables, **options)
        self._momentum = momentum
        known = {v.ref() for v in hidden}
        self._others = [i for i, v in enumerate(variables) if v.ref() not in known]
        with self.name_scope:
            self.momenta = {
                str(i): _slot("momentum", v) for i, v in enumerate(variables) if v.ref() in known
            }
            self.adam = Adam(
                [variables[i] for i in self._others],
                multipliers=[self._multipliers[i] for i in self._others],
                weight_decay=options.get("weight_decay", 0.0),
            )

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        learning_rate: float | tf.Tensor,
        factor: float | tf.Tensor | None = None,
        *,
        at_once: int | None = None,
    ) -> None:
        super().apply(gradients, learning_rate, factor, at_once=at_once)
        others = [gradients[i] for i in self._others]
        self.adam.apply(others, learning_rate, factor, at_once=at_once)

    def _update(self, i, variable, gradient, rate, decay):
        if str(i) not in self.momenta:
            return None  # one of Adam's
        b, m = self._momentum, self.momenta[str(i)]
        moved = b * m + (1.0 - b) * gradient
        m.assign(moved)
        ahead = b * moved + (1.0 - b) * gradient  # Nesterov's
        step = orthogonalize(tf.reshape(ahead, [-1, variable.shape[-1]]))
        step = tf.reshape(step, variable.shape)
        # w - s O has the length of this triangle's third side: the kernel is written once.
        square, across = _inner(variable, variable), _inner(variable, step)
        step_square = _inner(step, step)
        s = TURN * rate * tf.sqrt(tf.math.divide_no_nan(square, step_square))
        turned_square = square - 2.0 * s * across + s * s * step_square
        return variable.assign((variable - s * step) * tf.sqrt(square / turned_square))


def _inner(x, y):
    """⟨x, y⟩, down the columns first: on a CPU faster than the product of two long rows."""
    columns = tf.reshape(x * y, [-1, x.shape[-1]])
    return tf.reduce_sum(tf.reduce_sum(columns, axis=0))


def trained_variables(
    config: OptimizerConfig, network: ConvolutionalPoseMachine
) -> list[tf.Variable]:
    """The variables that an `OptimizerConfig` changes, in the network's order."""
    if not config.only_stage:
        return list(network.trainable_variables)
    wanted = {v.ref() for v in network.stage_variables(config.only_stage)}
    return [v for v in network.trainable_variables if v.ref() in wanted]


def make_optimizer(config: OptimizerConfig, network: ConvolutionalPoseMachine) -> Optimizer:
    """The optimizer of an `OptimizerConfig` for the `trained_variables` of a network.

    Raises:
      ValueError: unknown optimizer.
    """
    variables = trained_variables(config, network)
    options: dict[str, Any] = dict(
        multipliers=learning_rate_multipliers(config, network),
        weight_decay=config.weight_decay,
    )
    if config.optimizer == "sgd":
        return Momentum(variables, momentum=config.momentum, **options)
    if config.optimizer == "adam":
        return Adam(variables, **options)
    if config.optimizer == "muon":
        trained = {v.ref() for v in variables}
        hidden = [kernel for kernel in network.hidden_kernels if kernel.ref() in trained]
        return Muon(variables, hidden=hidden, **options)
    raise ValueError(f"unknown optimizer {config.optimizer!r}; known: adam, muon, sgd")


def learning_rate_multipliers(
    config: OptimizerConfig, network: ConvolutionalPoseMachine
) -> list[float]:
    """Learning-rate factor of each trained variable (the release's `lr_mult`).

    Stage 1 (with the trunk it sees) and the later stages have a factor each; biases have another
    on top.
    """
    later = {v.ref() for v in network.later_stage_variables}
    factors = []
    for v in trained_variables(config, network):
        stage = config.later_stage_multiplier if v.ref() in later else config.stage_1_multiplier
        factors.append(stage * (config.bias_multiplier if len(v.shape) == 1 else 1.0))
    return factors
