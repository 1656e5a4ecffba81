"""The battery that every `tf.Module` of cpm.network goes through; a module left out fails a test.

Each `Case` makes one small module and its inputs. For each: a checkpoint is consumed in full and
restores equal results; variables have the expected names in the expected order; eager = graph =
XLA with an unknown batch size; one trace and one compilation serve all calls of one shape; and in
float64 the gradient by every variable and by the input agrees with central differences, in
inference and in training, where a batch norm differentiates through the batch's statistics.
"""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import cpm.network
from cpm.execution import Execution
from cpm.execution.training import Training
from cpm.network import ConvolutionalPoseMachine, layers, preset, specs

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Case:
    """One module under test.

    Attributes:
      id: name of the case.
      make: `make(seed, dtype)` builds the module.
      inputs: shapes of its arguments, batch first.
      names: of its variables in their order, `:0` left out.
    """

    id: str
    make: Callable
    inputs: tuple
    names: list


def _config(arch, **changes):
    """A tiny machine's. 24 × 32 pixels are 3 × 4 cells: H ≠ W, and one size odd at each pool."""
    config = dataclasses.replace(
        preset(arch), width=0.01, stages=2, image_size=(24, 32), skeleton="lsp14"
    )
    return dataclasses.replace(config, **changes)


def _network(arch, **changes):
    """Makes the machine of `_config`."""
    config = _config(arch, **changes)
    return lambda seed, dtype: ConvolutionalPoseMachine(config, seed=seed, dtype=dtype)


class _Recomputed(ConvolutionalPoseMachine):
    """A machine whose training passes keep little and compute the rest again."""

    def __call__(self, *inputs, training=False, **options):
        if training:
            options["apply"] = Training(Execution(recompute=True))
        return super().__call__(*inputs, training=training, **options)


def _recomputed_mini(seed, dtype):
    return _Recomputed(_config("mini"), seed=seed, dtype=dtype)


def _mini_names(arch="mini", **changes):
    """Names of the variables of `_network("mini", …)` or `deep`, from its description."""
    plan = cpm.network.architecture(_config(arch, **changes))
    blocks = {
        "stage_1": plan.first_head,
        "stage_2": plan.later_stages[0].head,
        "trunk": plan.trunk,
    }
    return [name for block in blocks for name in _names_of(blocks[block], f"cpm/{block}")]


def _names_of(layers, scope):
    """Names of the variables of `specs.Conv` and `specs.Residual` in a row."""
    names = []
    for layer in layers:
        path = f"{scope}/{layer.name}"
        if isinstance(layer, specs.Residual):
            names += _names_of(layer.layers, path)
            continue
        names += [f"{path}/kernel"] if layer.norm else [f"{path}/bias", f"{path}/kernel"]
        if layer.norm:
            norm = ("moving_mean", "moving_variance", "offset", "scale")
            names += [f"{path}_norm/{variable}" for variable in norm]
    return names


def _block(seed, dtype):
    description = [
        specs.Conv("a", 3, 4, norm=True),
        specs.MaxPool("pool", 2, 2),
        specs.Dropout("drop", 0.5),
        specs.Conv("b", 1, 2, relu=False),
    ]
    return layers.Block("block", 3, description, seed=seed, dtype=dtype)


RESIDUAL = (specs.Conv("a", 3, 3, norm=True), specs.Conv("b", 3, 3, relu=False))


def _residual(seed, dtype):
    return layers.Residual("residual", 3, RESIDUAL, seed=seed, dtype=dtype)


def _conv2d(seed, dtype):
    spec = specs.Conv("conv", 3, 4, stride=2)
    return layers.Conv2D("conv", 3, spec, seed=seed, dtype=dtype)


_MAPS = ((2, 6, 8, 3),)
_PEOPLE = ((2, 24, 32, 3), (2, 2))
_WEIGHTS = ("bias", "kernel")

CASES = [
    Case("Conv2D", _conv2d, _MAPS, ["conv/bias", "conv/kernel"]),
    Case(
        "BatchNorm",
        lambda seed, dtype: layers.BatchNorm("norm", 3, dtype=dtype),
        _MAPS,
        ["norm/moving_mean", "norm/moving_variance", "norm/offset", "norm/scale"],
    ),
    Case("Relu", lambda seed, dtype: layers.Relu("relu"), _MAPS, []),
    Case("MaxPool", lambda seed, dtype: layers.MaxPool("pool", 3, 2), _MAPS, []),
    Case("Dropout", lambda seed, dtype: layers.Dropout("drop", 0.5), _MAPS, []),
    Case(
        "Block",
        _block,
        _MAPS,
        [
            "block/a/kernel",
            "block/a_norm/moving_mean",
            "block/a_norm/moving_variance",
            "block/a_norm/offset",
            "block/a_norm/scale",
            "block/b/bias",
            "block/b/kernel",
        ],
    ),
    Case("Residual", _residual, _MAPS, _names_of(RESIDUAL, "residual")),
    Case("mini", _network("mini"), _PEOPLE, _mini_names()),
    Case("deep", _network("deep"), _PEOPLE, _mini_names("deep")),
    Case("mini-deeper", _network("mini", trunk_blocks=1), _PEOPLE, _mini_names(trunk_blocks=1)),
    Case("mini-recomputed", _recomputed_mini, _PEOPLE, _mini_names()),
    Case(
        "mini-plain",
        _network("mini", norm="none", center_map=False),
        _PEOPLE,
        _mini_names(norm="none", center_map=False),
    ),
    Case(
        "vgg",
        _network("vgg", stages=1),
        _PEOPLE,
        [
            f"cpm/{layer}/{weight}"
            for layer in (
                *(f"stage_1/conv5_{i}_CPM" for i in (1, 2)),
                *(f"trunk/conv1_{i}" for i in (1, 2)),
                *(f"trunk/conv2_{i}" for i in (1, 2)),
                *(f"trunk/conv3_{i}" for i in range(1, 5)),
                *(f"trunk/conv4_{i}" for i in (1, 2)),
                *(f"trunk/conv4_{i}_CPM" for i in range(3, 8)),
            )
            for weight in _WEIGHTS
        ],
    ),
    Case(
        "paper",
        _network("paper"),
        _PEOPLE,
        [
            f"cpm/{layer}/{weight}"
            for layer in (
                "features_2/conv4_stage2",
                *(f"second_trunk/conv{i}_stage2" for i in (1, 2, 3)),
                *(f"stage_1/conv{i}_stage1" for i in (4, 5, 6, 7)),
                *(f"stage_2/Mconv{i}_stage2" for i in range(1, 6)),
                *(f"trunk/conv{i}_stage1" for i in (1, 2, 3)),
            )
            for weight in _WEIGHTS
        ],
    ),
]
CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["infer", "train"])
SEED = (3, 4)  # of dropout


def _inputs(case, rng, dtype=tf.float32):
    """Images of 0 … 255 and centers for a machine, unit normal maps for a layer."""
    if case.inputs is _PEOPLE:
        values = [rng.uniform(0, 255, _PEOPLE[0]), rng.uniform(0, 24, _PEOPLE[1])]
    else:
        values = [rng.normal(size=shape) for shape in case.inputs]
    return [tf.constant(value, dtype) for value in values]


def _randomize(module, rng):
    """Gives every variable a value at which no gradient is too small to be checked."""
    for variable in module.variables:
        shape = variable.shape
        value = rng.normal(size=shape) * np.sqrt(2 / max(np.prod(shape[:-1]), 2))
        if "variance" in variable.name or "scale" in variable.name:
            value = rng.uniform(0.5, 1.5, size=shape)
        variable.assign(tf.cast(value, variable.dtype))


def test_every_module_of_the_package_has_a_case():
    found = set()
    for info in pkgutil.walk_packages(cpm.network.__path__, "cpm.network."):
        module = importlib.import_module(info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, tf.Module) and cls.__module__ == info.name:
                found.add(cls)
    covered = {type(case.make(0, tf.float32)) for case in CASES}
    missing = sorted(cls.__name__ for cls in found - covered)
    assert found and not missing, f"add cases to CASES for {missing}"


@CASE
def test_checkpoint_restores_everything(case, tmp_path, seeded):
    rng = seeded(1)
    saved, restored = case.make(0, tf.float32), case.make(1, tf.float32)
    _randomize(saved, rng)
    x = _inputs(case, rng)
    prefix = tf.train.Checkpoint(module=saved).write(str(tmp_path / "checkpoint"))
    status = tf.train.Checkpoint(module=restored).read(prefix)
    status.assert_consumed()
    status.assert_existing_objects_matched()
    for one, other in zip(saved.variables, restored.variables, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    expected, got = tf.nest.flatten(saved(*x)), tf.nest.flatten(restored(*x))
    for one, other in zip(expected, got, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@CASE
def test_variable_names_and_order(case):
    names = [v.name.removesuffix(":0") for v in case.make(0, tf.float32).variables]
    assert len(set(names)) == len(names)
    assert names == case.names


@CASE
@TRAINING
def test_eager_is_graph_is_xla(case, training, seeded, assert_same_everywhere):
    rng = seeded(2)
    module = case.make(0, tf.float32)
    _randomize(module, rng)

    def run(*x):
        return module(*x, training=training, seed=SEED)

    # Sums in other orders: up to 35 layers of relative error 1e-7 on values of order 1, and a batch
    # norm over few cells can magnify them.
    assert_same_everywhere(run, *_inputs(case, rng), rtol=1e-3, atol=2e-4)


@CASE
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_one_trace_serves_all_calls_of_one_shape(case, compiled, seeded):
    """Inputs and dropout seeds change from step to step, and must not be constants of the graph."""
    rng = seeded(3)
    module = case.make(0, tf.float32)

    @tf.function(jit_compile=compiled)
    def run(seed, *x):
        return module(*x, training=True, seed=seed)

    programs = set()
    for step in range(2):
        arguments = tf.constant([0, step]), *_inputs(case, rng)
        if compiled:
            programs.add(run.experimental_get_compiler_ir(*arguments)(stage="hlo"))
        else:
            run(*arguments)
    assert run.experimental_get_tracing_count() == 1
    # What XLA must know while it compiles is written into its program; another value of it, another
    # program, and another compilation.
    assert len(programs) == compiled, "compiles again for other values"


@CASE
@TRAINING
def test_gradient_by_every_variable_and_by_the_input(case, training, seeded):
    """L = sum(weights · outputs) along a random direction of each variable, central differences.

    A ReLU or a maximum that switches within the step spoils the difference, which at a step of 1e-6
    happens in every second such machine; at 1e-8 hardly ever, but there rounding (1e-15 of L over
    the step) takes all but seven digits. A right gradient agrees at one of the steps, a wrong one
    at none.
    """
    rng = seeded(4)
    module = case.make(0, tf.float64)
    _randomize(module, rng)
    x, *rest = _inputs(case, rng, tf.float64)
    x = tf.Variable(x)

    @tf.function
    def outputs():
        return tf.nest.flatten(module(x, *rest, training=training, seed=SEED))

    weights = [tf.constant(rng.normal(size=y.shape)) for y in outputs()]

    def objective():
        return tf.add_n([tf.reduce_sum(w * y) for w, y in zip(weights, outputs(), strict=True)])

    variables = [x, *module.trainable_variables]
    with tf.GradientTape() as tape:
        value = objective()
    gradients = tape.gradient(value, variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        assert gradient is not None, f"{variable.name} has no gradient"
        direction = rng.normal(size=variable.shape)
        theoretical = float(tf.reduce_sum(gradient * direction))
        numerical = [_slope(objective, variable, direction, step) for step in (1e-6, 1e-7, 1e-8)]
        error = min(abs(slope - theoretical) for slope in numerical)
        assert error < 1e-6 * max(1.0, abs(theoretical)), (
            f"{variable.name}: {theoretical} against {numerical}"
        )


def _slope(objective, variable, direction, step):
    """Central difference of `objective()` along `direction` from the variable's value."""
    start = variable.numpy()
    variable.assign(start + step * direction)
    above = objective()
    variable.assign(start - step * direction)
    below = objective()
    variable.assign(start)
    return float(above - below) / (2 * step)
