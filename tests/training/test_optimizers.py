"""Update rules against their formulas in NumPy, several steps long, in float64."""

import numpy as np
import pytest
import tensorflow as tf

from cpm.config import NetworkConfig, OptimizerConfig
from cpm.network import ConvolutionalPoseMachine
from cpm.training import optimizers
from tests.helpers.newton_schulz import newton_schulz

SEED = 11
TINY = NetworkConfig(stages=2, width=0.1, image_size=(16, 24))


def variables_and_gradients(steps=5):
    """A kernel and a bias, and their gradients at each step."""
    rng = np.random.default_rng(SEED)
    start = [rng.normal(size=(2, 3)), rng.normal(size=(3,))]
    gradients = [[rng.normal(size=w.shape) for w in start] for _ in range(steps)]
    return start, gradients


def run(make, start, gradients, rates, compiled):
    variables = [tf.Variable(w, name=f"v{i}") for i, w in enumerate(start)]
    optimizer = make(variables)
    apply = tf.function(optimizer.apply, jit_compile=True) if compiled else optimizer.apply
    for step, rate in zip(gradients, rates, strict=True):
        apply([tf.constant(g) for g in step], tf.constant(rate, tf.float64))
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("compiled", [False, True])
def test_momentum(compiled):
    start, gradients = variables_and_gradients()
    rates = [0.1, 0.1, 0.02, 0.02, 0.02]  # a drop enters the velocity gradually
    expected = [w.copy() for w in start]
    velocity = [np.zeros_like(w) for w in start]
    for step, rate in zip(gradients, rates, strict=True):
        for i, (factor, decay) in enumerate([(1.0, 0.5), (2.0, 0.0)]):
            velocity[i] = 0.9 * velocity[i] + rate * factor * (step[i] + decay * expected[i])
            expected[i] = expected[i] - velocity[i]

    def make(v):
        return optimizers.Momentum(v, multipliers=[1.0, 2.0], weight_decay=0.5)

    found = run(make, start, gradients, rates, compiled)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_adam(compiled):
    start, gradients = variables_and_gradients()
    rates = [0.1, 0.2, 0.3, 0.2, 0.1]
    expected = [w.copy() for w in start]
    m = [np.zeros_like(w) for w in start]
    v = [np.zeros_like(w) for w in start]
    for k, (step, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        for i, decay in enumerate([0.01, 0.0]):  # the bias does not decay
            m[i] = 0.9 * m[i] + 0.1 * step[i]
            v[i] = 0.999 * v[i] + 0.001 * step[i] ** 2
            m_hat, v_hat = m[i] / (1 - 0.9**k), v[i] / (1 - 0.999**k)
            change = m_hat / (np.sqrt(v_hat) + 1e-8) + decay * expected[i]
            expected[i] = expected[i] - rate * change

    def make(v):
        return optimizers.Adam(v, weight_decay=0.01)

    found = run(make, start, gradients, rates, compiled)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_adam_first_step_is_the_rate():
    """m̂/sqrt(v̂) = ±1 at the first step, whatever the gradient's size (Kingma and Ba, 2.1)."""
    variable = tf.Variable([1.0, 1.0, 1.0])
    optimizers.Adam([variable]).apply([tf.constant([1e-3, -5.0, 1e4])], 0.25)
    # eps = 1e-8 beside 1e-3 and float32 rounding of 1.0 ± 0.25: 1e-5 relative.
    np.testing.assert_allclose(variable.numpy(), [0.75, 1.25, 0.75], rtol=2e-5)


def test_clipping():
    gradients = [tf.constant([3.0, 0.0]), tf.constant([[4.0]])]
    norm = optimizers.global_norm(gradients)
    assert float(norm) == 5.0
    # Of 5 to 1; not reached; off.
    assert float(optimizers.clipping_factor(norm, 1.0)) == pytest.approx(0.2)
    assert float(optimizers.clipping_factor(norm, 6.0)) == 1.0
    assert optimizers.clipping_factor(norm, 0) is None


@pytest.mark.parametrize(
    "make",
    [
        optimizers.Momentum,
        optimizers.Adam,
        lambda v: optimizers.Muon(v, hidden=v[:1]),
    ],
)
def test_apply_multiplies_gradients_by_the_factor(make):
    """As gradients multiplied beforehand, to the bit."""
    start, gradients = variables_and_gradients(steps=2)
    results = []
    for inside in (True, False):
        variables = [tf.Variable(v) for v in start]
        optimizer = make(variables)
        # Another each step: Muon and Adam hardly feel one that stays.
        for step, factor in zip(gradients, (0.25, 0.7), strict=True):
            if inside:
                optimizer.apply(step, 0.1, tf.constant(factor, step[0].dtype))
            else:
                optimizer.apply([factor * g for g in step], 0.1)
        results.append([v.numpy() for v in variables])
    for inside, outside in zip(*results, strict=True):
        np.testing.assert_array_equal(inside, outside)


@pytest.mark.parametrize("at_once", [1, 2])
def test_graph_changes_so_many_variables_at_once(ops_before, at_once):
    """Variable i waits for the change of variable i - at_once, and for what that has waited for."""
    variables = [tf.Variable(tf.ones([2, 3])) for _ in range(5)]
    optimizer = optimizers.Momentum(variables)
    gradients = [tf.ones([2, 3])] * 5
    graph = tf.function(
        lambda: optimizer.apply(gradients, 0.1, tf.constant(0.5), at_once=at_once)
    ).get_concrete_function()
    changes = [op for op in graph.graph.get_operations() if op.type == "AssignSubVariableOp"]
    assert len(changes) == 5
    for i, change in enumerate(changes):
        before = ops_before(change) & {*changes}
        assert before == {changes[j] for j in range(i - at_once, -1, -at_once)}


def test_learning_rate_multipliers():
    """The release's `vgg` file: trunk and stage 1 have 1/2, later stages 4/8."""
    network = ConvolutionalPoseMachine(TINY)
    config = OptimizerConfig(later_stage_multiplier=4.0, bias_multiplier=2.0)
    factors = optimizers.learning_rate_multipliers(config, network)
    by_kind = {}
    for variable, factor in zip(network.trainable_variables, factors, strict=True):
        later = "stage_2" in variable.name
        by_kind.setdefault((later, len(variable.shape) == 1), set()).add(factor)
    assert by_kind == {
        (False, False): {1.0},
        (False, True): {2.0},
        (True, False): {4.0},
        (True, True): {8.0},
    }


@pytest.mark.parametrize("compiled", [False, True])
def test_muon(compiled):
    """A hidden kernel takes orthogonal steps; a kernel that is not, and a bias, take Adam's."""
    rng = np.random.default_rng(SEED)
    shapes = [(3, 2, 2, 5), (1, 1, 2, 6), (3, 3, 1, 2), (4,)]
    start = [rng.normal(size=shape) for shape in shapes]
    gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(3)]
    rates, factors, decay = [0.01, 0.02, 0.01], [1.0, 2.0, 3.0, 0.5], 0.01

    def make(v):
        options = dict(multipliers=factors, weight_decay=decay)
        return optimizers.Muon(v, hidden=v[:2], **options)

    def make_adam(v):
        return optimizers.Adam(v, multipliers=factors[2:], weight_decay=decay)

    expected = [w.copy() for w in start[:2]]
    m = [np.zeros_like(w) for w in expected]
    for step, rate in zip(gradients, rates, strict=True):
        for i in range(2):
            m[i] = 0.95 * m[i] + 0.05 * step[i]
            ahead = (0.95 * m[i] + 0.05 * step[i]).reshape(-1, shapes[i][-1])
            turn = newton_schulz(ahead).reshape(shapes[i])  # 12 × 5 and 2 × 6
            turn = optimizers.TURN * rate * factors[i] * turn / np.linalg.norm(turn)
            length = np.linalg.norm(expected[i])
            turned = expected[i] / length - turn
            expected[i] = length * turned / np.linalg.norm(turned)
    of_adam = [step[2:] for step in gradients]
    expected += run(make_adam, start[2:], of_adam, rates, compiled)

    for a, b in zip(run(make, start, gradients, rates, compiled), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_muon_turns_a_kernel_and_keeps_its_length():
    """Whatever the size of the kernel and of the gradient; at a gradient of 0 nothing moves."""
    rng = np.random.default_rng(SEED)
    for size, slope in [(1e-3, 1e8), (10.0, 1e-8), (1.0, 0.0)]:
        start = rng.normal(size=(3, 3, 8, 16)) * size
        kernel = tf.Variable(start, dtype=tf.float64)
        gradient = tf.constant(slope * rng.normal(size=start.shape))
        optimizers.Muon([kernel], hidden=[kernel]).apply([gradient], 0.1 / optimizers.TURN)
        length = np.linalg.norm(start)
        np.testing.assert_allclose(np.linalg.norm(kernel), length, rtol=1e-12)
        cosine = np.sum(kernel * start) / length**2
        # A step across the kernel turns it by atan(0.1); a random one is nearly across.
        expected = np.arctan(0.1) if slope else 0.0
        np.testing.assert_allclose(np.arccos(min(1.0, cosine)), expected, atol=5e-3)


def test_optimizer_raises():
    variable = tf.Variable([1.0])
    with pytest.raises(ValueError, match="1 variables, but 2 gradients"):
        optimizers.Adam([variable]).apply([tf.zeros([1])] * 2, 0.1)
    with pytest.raises(ValueError, match="multipliers, not 3"):
        optimizers.Momentum([variable], multipliers=[1.0] * 3)
    with pytest.raises(ValueError, match="known: adam, muon, sgd"):
        network = ConvolutionalPoseMachine(TINY)
        optimizers.make_optimizer(OptimizerConfig(optimizer="adamm"), network)


def test_muon_owns_one_slot_a_kernel():
    kernel, bias = tf.Variable(tf.ones([1, 1, 2, 2]), name="w"), tf.Variable([1.0])
    optimizer = optimizers.Muon([kernel, bias], hidden=[kernel])
    assert sorted(v.name.split("/")[-1] for v in optimizer.variables) == [
        "mean_Variable:0",
        "momentum_w:0",
        "square_Variable:0",
        "updates:0",
    ]


def test_optimizer_owns_slots_not_variables():
    """A checkpoint of the optimizer must not hold the network's variables a second time."""
    variable = tf.Variable([1.0, 2.0], name="w")
    optimizer = optimizers.Adam([variable])
    assert [v.name.split("/")[-1] for v in optimizer.variables] == [
        "mean_w:0",
        "square_w:0",
        "updates:0",
    ]
