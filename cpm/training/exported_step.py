"""One training step as one StableHLO program: for machines with XLA and without TensorFlow.

    batch, seed, learning rate, variables -> loss, gradient norm, losses of stages, variables

It is `TrainStep` itself, traced once: targets, network, losses, gradients, update, averages. All
that a step changes goes in and comes out as arrays, so the program has no effects. A folder holds

    step.stablehlo   the program
    state.npz        its variables after the steps that are done, in the program's order
    batches.npz      some batches of the run's own people, augmented, to check and to begin with
    rates.npy        the learning rate of every step of the run
    plan.json        names, shapes and types of all that goes in and out, and what TensorFlow
                     computed of those batches

`export_step` writes it. Whoever trains elsewhere writes trained.npz beside these, made like
state.npz, and `import_step` makes that a checkpoint of the run. docs/howto/train_with_jax.md shows
the way, docs/howto/train_with_jax.py runs a folder in JAX.

References:
  The StableHLO specification, https://openxla.org/stablehlo: later versions read its artifacts.
"""

import itertools
import os
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from cpm import array_claims, files
from cpm.checkpoints import Checkpoints, find_whole, read_description
from cpm.config_json import to_dict
from cpm.data import pipeline
from cpm.data.splits import TRAIN
from cpm.data.verification import whole_batches
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.provenance import provenance
from cpm.training import run_lock, schedules
from cpm.training.run_config import read_config
from cpm.training.step import OPTIONAL_TENSORS, TENSORS, make_step

FORMAT = 1
PROGRAM, STATE, BATCHES, RATES = "step.stablehlo", "state.npz", "batches.npz", "rates.npy"
PLAN, TRAINED = "plan.json", "trained.npz"
_PLAN = {
    "format": int,
    "config": dict,
    "state": [{"name": str, "shape": [int], "dtype": str, "changes": bool}],
    "step": int,
}


def export_step(
    run_dir: str | os.PathLike,
    out: str | os.PathLike,
    *,
    data: Sequence[str] | None = None,
    batches: int = 2,
) -> dict[str, int]:
    """Writes the next step of a run as a program, with all that it needs.

    Args:
      run_dir: run folder with a checkpoint.
      out: folder to make.
      data: converted folders whose people are in the batches; None = the run's.
      batches: how many are written, at least 1.

    Returns:
      dict: `bytes` of the program, `variables`, `step`, the steps done.

    Raises:
      UsageError: if the run has no checkpoint, is over, or computes in float16.
    """
    config, record = read_config(run_dir)
    precision = record["execution"].get("precision", "float32")
    step, done = _step_to_export(run_dir, config, precision)
    samples = _batches(data or record["data"], config, done, batches)
    names = tuple(samples[0])
    specs = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in samples[0].items()}

    def one(tensors, seed, learning_rate):
        measurements, norm = step.whole(dict(zip(names, tensors, strict=True)), seed, learning_rate)
        return [measurements["loss"], norm, *(measurements[key] for key in _stage_losses(config))]

    program = tf.function(one, jit_compile=True, autograph=False)
    inputs = [tf.zeros(spec.shape, spec.dtype) for spec in specs.values()]
    last = tf.constant([config.seed % 2**31, done], tf.int32), tf.constant(0.0)
    traced = program.get_concrete_function(inputs, *last)
    captured = _captured(traced, step.state)
    state = [np.asarray(value) for _, value in captured]  # before a step changes it
    compiled = program.experimental_get_compiler_ir(inputs, *last)
    changed = _changed(compiled(stage="hlo"), len(inputs) + len(last), 2 + config.network.stages)
    artifact = compiled(stage="stablehlo_serialized")
    rates = [
        schedules.learning_rate(config.optimizer, n, config.steps) for n in range(config.steps)
    ]
    run = tf.function(one, autograph=False)  # TensorFlow's own way, which need not be compiled
    expected = []
    for number, sample in enumerate(samples):
        seed = tf.constant([config.seed % 2**31, done + number], tf.int32)
        rate = tf.constant(rates[min(done + number, config.steps - 1)], tf.float32)
        expected.append([float(v) for v in run([*sample.values()], seed, rate)])

    os.makedirs(out, exist_ok=True)
    with files.replacing(os.path.join(out, PROGRAM)) as path, open(path, "wb") as file:
        file.write(artifact)
    _write_arrays(os.path.join(out, STATE), {_key(i): value for i, value in enumerate(state)})
    stacked = {name: np.stack([sample[name] for sample in samples]) for name in names}
    _write_arrays(os.path.join(out, BATCHES), stacked)
    with files.replacing(os.path.join(out, RATES)) as path, open(path, "wb") as file:
        np.save(file, np.array(rates, np.float32))
    plan = {
        "format": FORMAT,
        "inputs": [
            *(_described(name, spec.shape.as_list(), spec.dtype) for name, spec in specs.items()),
            _described("seed", [2], tf.int32),
            _described("learning_rate", [], tf.float32),
        ],
        "state": [
            _described(name, list(value.shape), value.dtype) | {"changes": number in changed}
            for number, (name, value) in enumerate(captured)
        ],
        "results": ["loss", "gradient_norm", *_stage_losses(config)],
        "step": done,
        "steps": config.steps,
        "seed": config.seed % 2**31,
        "precision": precision,
        "expected": expected,
        "config": to_dict(config),
    }
    files.write_json(os.path.join(out, PLAN), plan | provenance(config.seed))
    return {"bytes": len(artifact), "variables": len(state), "step": done}


def import_step(folder: str | os.PathLike, run_dir: str | os.PathLike) -> int:
    """Makes what was trained elsewhere a checkpoint of the run that was exported.

    Args:
      folder: of `export_step`, with trained.npz: the arrays of state.npz after more steps, and
        `step`, how many are done in all.
      run_dir: the run folder.

    Returns:
      The steps done.

    Raises:
      UsageError: if a file is missing or damaged, or the run is another one.
    """
    config, record = read_config(run_dir)
    plan = _read_plan(folder)
    if plan["config"] != to_dict(config):
        raise UsageError(
            f"{folder} was exported from another run than {run_dir}: their configurations differ; "
            "name the run folder it came from"
        )
    run_lock.hold(os.fspath(run_dir))
    path = os.path.join(folder, TRAINED)
    precision = record["execution"].get("precision", "float32")
    step = make_step(config, Execution(conv="direct", precision=precision))
    checkpoints = _checkpoints(run_dir, step, config)
    before = checkpoints.restore()
    arrays = _read_arrays(path)
    done = _steps_done(arrays.pop("step", np.array(0)), path)
    if not before < done <= config.steps:
        raise UsageError(
            f"{path} is of step {done}, the run is at step {before} of {config.steps}; nothing of "
            "it would be new, or the run is over"
        )
    if set(arrays) != {_key(i) for i in range(len(plan["state"]))}:
        raise UsageError(f"{path} has not the {len(plan['state'])} arrays of {STATE}; train again")
    variables = {v.name: v for v in step.state}
    for i, entry in enumerate(plan["state"]):
        value = arrays[_key(i)]
        if list(value.shape) != entry["shape"] or value.dtype.name != entry["dtype"]:
            raise UsageError(
                f"{path}: {entry['name']} has shape {list(value.shape)} of {value.dtype.name}, "
                f"expected {entry['shape']} of {entry['dtype']}; train again"
            )
        if not np.isfinite(value).all():
            raise UsageError(f"{path}: {entry['name']} is not finite; train at a lower rate")
        if entry["name"] in variables:
            variables[entry["name"]].assign(value)
    checkpoints.save(done)
    return done


def _step_to_export(run_dir, config, precision):
    """The `TrainStep` of a run after its newest checkpoint, and the number of steps done."""
    if precision == "float16":
        raise UsageError(
            f"{run_dir} computes in float16, whose updates are left out or not while it runs; a "
            "program of fixed steps cannot: go on in bfloat16 (--precision=bfloat16) first"
        )
    step = make_step(config, Execution(conv="direct", precision=precision))
    done = _checkpoints(run_dir, step, config).restore()
    if not done:
        raise UsageError(f"{run_dir} has no checkpoint; train a step with bin/train.py first")
    if done >= config.steps:
        raise UsageError(
            f"{run_dir} is over: all of its {config.steps} steps are done; begin another run with "
            f"bin/train.py --init_from={run_dir}, and export that"
        )
    return step, done


def _described(name, shape, dtype):
    """An entry of plan.json: what goes in, or is kept."""
    return {"name": name, "shape": shape, "dtype": dtype.name}


def _checkpoints(run_dir, step, config):
    folder = os.path.join(run_dir, "checkpoints")
    origin = None
    if (prefix := find_whole(folder).prefix) is not None:
        origin = read_description(prefix)[1].get("learned_from")
    return Checkpoints(
        folder, step.network, step.optimizer, config, average=step.average, origin=origin
    )


def _batches(data, config, done, count):
    """The next batches of the run: list of {name: array} of what a step needs."""
    batches = pipeline.training_batches(data, config, start_step=done)
    return [
        {key: batch[key].numpy() for key in (*TENSORS, *OPTIONAL_TENSORS) if key in batch}
        for batch in itertools.islice(whole_batches(batches, data, TRAIN), count)
    ]


def _stage_losses(config):
    return [f"release_loss_stage_{t}" for t in range(1, config.network.stages + 1)]


def _captured(traced, variables):
    """What the traced function takes besides its arguments: (name, value), in XLA's order."""
    owners = {id(variable.handle): variable for variable in variables}
    found = []
    for number, tensor in enumerate(traced.captured_inputs):
        variable = owners.get(id(tensor))
        if variable is None and tensor.dtype == tf.resource:
            raise ValueError(f"input {number} of the step is a variable that no part of it owns")
        name = f"constant_{number}" if variable is None else variable.name
        found.append((name, (tensor if variable is None else variable).numpy()))
    return found


def _changed(hlo, inputs, results):
    """Numbers of the variables that the program gives back, which it does in their order.

    Args:
      hlo: text of the module; its first line says which output takes the place of which input.
      inputs, results: how many come before the variables on either side.

    >>> _changed("HloModule m, input_output_alias={ {1}: (3, {}), {2}: (5, {}) }", 2, 1)
    [1, 3]
    """
    header = hlo.split("\n", 1)[0]
    pairs = [(int(o), int(i)) for o, i in re.findall(r"\{(\d+)\}: \((\d+), \{\}", header)]
    outputs = [output for output, _ in pairs]
    places = [place - inputs for _, place in pairs]
    if outputs != list(range(results, results + len(pairs))) or places != sorted(places):
        raise ValueError("this version of TensorFlow gives variables back in another order")
    return places


def _key(number):
    return f"{number:04d}"


def _write_arrays(path, arrays):
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def _steps_done(value, path):
    if value.shape or value.dtype.kind not in "iu":
        raise UsageError(
            f"{path}: step has shape {list(value.shape)} of {value.dtype.name}; expected a whole "
            "number, the steps done in all"
        )
    return int(value)


def _read_plan(folder):
    advice = "name a folder of bin/export.py --what=train_step"
    plan = files.read_json(os.path.join(folder, PLAN), advice, schema=_PLAN)
    if plan["format"] != FORMAT:
        raise UsageError(f"{folder} has format {plan['format']}, this version reads {FORMAT}")
    return plan


def _read_arrays(path):
    try:
        array_claims.check_numpy(path, most_bytes=1 << 33)
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; train there first, and bring it back") from None
    except array_claims.UNREADABLE as error:
        raise UsageError(f"{path} cannot be read: {error}; bring it again") from error
