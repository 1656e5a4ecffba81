"""The loop on a tiny data set: resuming exactly, stopping cleanly, warning in time.

Most runs here compute operation by operation. Tracing a step takes longer than its eight steps, and
a run folder, a checkpoint or a signal is handled alike. Resumed runs are also compared traced.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

from cpm.cli import command_line
from cpm import checkpoints, files
from cpm.config import OptimizerConfig, changed
from cpm.data import manifest, pipeline, records, splits
from cpm.data.person import Person, Pose
from cpm.errors import RunStopped, UsageError
from cpm.evaluation import report
from cpm.evaluation.gathering import gather_predictions
from cpm.inference import predict_batch
from cpm.network import ConvolutionalPoseMachine
from cpm.skeleton import get_skeleton
from cpm.training import loop
from cpm.training.metrics_file import read_metrics
from cpm.training.run_config import read_config
from cpm.training.validation import Validation
from tests.helpers.noise_training import (
    AVERAGED,
    CONFIG,
    EXECUTION,
    FLOAT16,
    HONEST,
    start,
    weights,
)
from tests.helpers.tracing import untraced

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("operation_by_operation", "batches_made_once"),
]


@pytest.mark.parametrize(
    "config, execution, traced",
    [
        pytest.param(CONFIG, EXECUTION, True, marks=pytest.mark.thorough),
        (changed(AVERAGED, {"network": {"stages": 1}}), EXECUTION, True),
        pytest.param(CONFIG, FLOAT16, True, marks=pytest.mark.thorough),
        (AVERAGED, dataclasses.replace(EXECUTION, replicas=2), False),
    ],
    ids=["plain", "average, one stage", "float16", "replicas, untraced"],
)
def test_resumed_run_equals_an_unbroken_one(tmp_path, data, request, config, execution, traced):
    """Cut by a signal in step 5, started again: weights, averages, slots, records to the bit.

    The loss scale of float16 doubles after three steps, within the part and across the cut.
    """
    if traced:
        request.getfixturevalue("own_batches")
    with untraced(not traced):
        check_resumed(tmp_path, data, config, execution)


def check_resumed(tmp_path, data, config, execution):
    narrow = execution.precision == "float16"

    def begin(folder):
        run = start(config, data, folder, execution)
        if narrow:
            run.step.loss_scale.every = 3
            if not run.start:
                run.step.loss_scale.scale.assign(8.0)
        return run

    whole = begin(tmp_path / "whole")
    whole.train()
    if narrow:
        recorded = [r.get("loss_scale") for r in read_metrics(tmp_path / "whole")]
        assert recorded == [8, 8, 8, 16, 16, 16, 32, 32, None]

    cut = begin(tmp_path / "cut")
    honest = cut.one_step

    def interrupted(step, batch):
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return honest(step, batch)

    cut.one_step = interrupted
    with pytest.raises(loop.Interrupted, match="stopped after step 5 of 8, which is saved"):
        cut.train()
    resumed = begin(tmp_path / "cut")
    assert resumed.start == 5
    resumed.train()

    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    timeless = [
        [
            {k: v for k, v in record.items() if k not in ("images_per_second", "seconds")}
            for record in read_metrics(tmp_path / name)
        ]
        for name in ("whole", "cut")
    ]
    assert timeless[0] == timeless[1]
    assert [r["step"] for r in timeless[0]] == [*range(1, 9), 8]


@pytest.mark.parametrize(
    "step, words", [(4, "stopped after step 4 of 8, which is saved"), (8, "after the last step")]
)
def test_a_signal_while_it_is_evaluated_ends_it_after_that(step, words, tmp_path, data):
    """Not a step later, and not after the tables of all people."""
    run = start(CONFIG, data, tmp_path, dataclasses.replace(EXECUTION, eval_every=4))
    evaluate = run.evaluate

    def interrupted(done, seconds):
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(done, seconds)

    run.evaluate = interrupted
    with pytest.raises(loop.Interrupted, match=words):
        run.train()
    assert read_metrics(tmp_path)[-1]["step"] == step
    again = start(CONFIG, data, tmp_path, dataclasses.replace(EXECUTION, eval_every=4))
    assert again.start == step
    assert (again.train() is None) == (step == 8)


@pytest.mark.parametrize("phase", ["step", "evaluation"])
def test_a_second_signal_does_not_wait(phase, tmp_path, data):
    """It ends the run within the step or the evaluation; what was saved before is whole."""
    run = start(CONFIG, data, tmp_path)
    name = {"step": "one_step", "evaluation": "evaluate"}[phase]
    honest, twice = getattr(run, name), {"step": 4, "evaluation": CONFIG.steps}[phase]

    def interrupted(step, *rest):
        if step == twice:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
            signal.sigtimedwait([], 0.1)
        return honest(step, *rest)

    setattr(run, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert start(CONFIG, data, tmp_path).start == (3 if phase == "step" else 6)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.thorough
def test_a_signal_while_the_first_step_is_compiled(times, tmp_path, data, monkeypatch):
    """The first waits for the step, which is saved; the second leaves a folder to begin in."""
    honest, sent = ConvolutionalPoseMachine.__call__, []

    def traced(network, *arguments, **options):
        if tf.inside_function() and len(sent) < times:
            sent.append(signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 0.1)
        return honest(network, *arguments, **options)

    monkeypatch.setattr(ConvolutionalPoseMachine, "__call__", traced)
    config = changed(CONFIG, {"network": {"stages": 1}})
    run = start(config, data, tmp_path)
    if times == 2:
        sent.append(signal.SIGINT)  # the first one came just before
        honest_step = run.one_step

        def first(step, batch):
            os.kill(os.getpid(), signal.SIGINT)
            return honest_step(step, batch)

        run.one_step = first
    ends = pytest.raises(loop.Interrupted, match="stopped after step 1 of 8, which is saved")
    with untraced(False), ends if times == 1 else pytest.raises(KeyboardInterrupt):
        run.train()
    assert len(sent) == times
    assert start(config, data, tmp_path).start == (1 if times == 1 else 0)


def test_another_skeleton_is_refused(tmp_path, unfinished, data):
    other = changed(CONFIG, {"network": {"skeleton": "mpii16"}})
    with pytest.raises(UsageError, match=r"network\.skeleton = 'lsp14'.*'mpii16'"):
        start(other, data, unfinished)
    assert start(CONFIG, data, unfinished).start == 6


@pytest.mark.parametrize("precisions", [("float32", "float16"), ("float16", "float32")])
def test_run_goes_on_with_another_execution(tmp_path, data, precisions, capsys):
    """Said in a line. A loss scale that is not needed is dropped; a new one starts afresh."""
    first, second = (dataclasses.replace(EXECUTION, precision=name) for name in precisions)
    run = start(CONFIG, data, tmp_path, first)
    honest = run.one_step

    def interrupted(step, batch):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return honest(step, batch)

    run.one_step = interrupted
    with pytest.raises(loop.Interrupted):
        run.train()
    saved = [v.numpy() for v in run.network.variables]
    changed = dataclasses.replace(second, recompute=True, replicas=2)
    again = start(CONFIG, data, tmp_path, changed)
    line = f"precision {precisions[0]} → {precisions[1]}, recompute False → True, replicas 1 → 2"
    assert f"after step 3, computed in another way: {line}" in capsys.readouterr().out
    for a, b in zip(saved, again.network.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    if again.step.loss_scale is not None:
        assert float(again.step.loss_scale.scale) == 2.0**16
    again.train()
    assert [r["step"] for r in read_metrics(tmp_path)] == [*range(1, 9), 8]
    start(CONFIG, data, tmp_path, changed)
    assert "in another way" not in capsys.readouterr().out
    with pytest.raises(UsageError, match="holds a run with seed = 3"):
        start(dataclasses.replace(CONFIG, seed=4), data, tmp_path, changed)


def test_killed_run_goes_on_from_the_last_save(tmp_path, data):
    """A kill between saves loses the steps since, not more, and leaves no double records."""
    run = start(CONFIG, data, tmp_path)
    honest = run.one_step

    def killed(step, batch):
        if step == 4:
            raise MemoryError  # no handler: as abrupt as it gets inside one process
        return honest(step, batch)

    run.one_step = killed
    with pytest.raises(MemoryError):
        run.train()
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3, 4]
    again = start(CONFIG, data, tmp_path)
    assert again.start == 3
    assert [r["step"] for r in read_metrics(tmp_path)] == [1, 2, 3]


def test_finished_run_is_left_alone(tmp_path, data):
    start(CONFIG, data, tmp_path).train()
    records = read_metrics(tmp_path)
    again = start(CONFIG, data, tmp_path)
    assert again.start == CONFIG.steps
    assert again.train() is None
    assert read_metrics(tmp_path) == records


def test_split_that_is_missing_is_said_before_the_first_step(tmp_path, data):
    broken = tmp_path / "only_train"
    person = Person(
        id="noise/train-1",
        image=np.zeros((48, 64, 3), np.uint8),
        skeleton=get_skeleton("lsp14"),
        pose=Pose(np.full((14, 2), 9.0), np.full(14, 2)),
    )
    rule = splits.RULES["development"]
    records.write_records([person], str(broken), source="noise", rule=rule)
    with pytest.raises(UsageError, match="nothing of split 'validation'"):
        start(CONFIG, [str(broken)], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def stopped_after_6(tmp_path_factory, data):
    """A run of 8 steps that was killed after step 6: checkpoints of 3 and 6."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    run = start(CONFIG, data, folder)
    honest = run.one_step

    def killed(step, batch):
        if step == 6:
            raise MemoryError
        return honest(step, batch)

    run.one_step = killed
    with pytest.raises(MemoryError):
        run.train()
    return folder


@pytest.fixture
def unfinished(tmp_path, stopped_after_6):
    """A copy of it to be damaged."""
    return shutil.copytree(stopped_after_6, tmp_path / "run")


@pytest.mark.thorough
def test_twenty_resumes_in_a_row(tmp_path, data, own_batches):
    """A run that is killed in every second step: it ends as one never cut, to the bit."""
    config = dataclasses.replace(CONFIG, steps=21)
    execution = dataclasses.replace(EXECUTION, save_every=1, eval_every=1000)
    validated = Validation({}, None, "", lambda: None)
    for n in range(21):
        run = start(config, data, tmp_path / "cut", execution)
        assert run.start == n
        run.validate = lambda network: validated
        honest = run.one_step

        def killed(step, batch, honest=honest, n=n):
            if step > n:
                raise MemoryError
            return honest(step, batch)

        run.one_step = killed
        with pytest.raises(MemoryError) if n < 20 else contextlib.nullcontext():
            run.train()
    whole = start(config, data, tmp_path / "whole", execution)
    whole.validate = lambda network: validated
    whole.train()
    for a, b in zip(weights(whole), weights(run), strict=True):
        np.testing.assert_array_equal(a, b)
    steps = [record["step"] for record in read_metrics(tmp_path / "cut") if "loss" in record]
    assert steps == [*range(1, 22)]


def test_a_run_hands_its_cache_to_the_pipeline(tmp_path, data, monkeypatch):
    """As many bytes as were asked for, and none unless they were."""
    asked = []

    def training_batches(*arguments, cache_bytes=0, **options):
        asked.append(cache_bytes)
        return HONEST["training_batches"](*arguments, cache_bytes=cache_bytes, **options)

    monkeypatch.setattr(pipeline, "training_batches", training_batches)
    for name, gigabytes in (("without", 0.0), ("with", 0.25)):
        execution = dataclasses.replace(EXECUTION, cache_gb=gigabytes)
        start(changed(CONFIG, {"steps": 1}), data, tmp_path / name, execution).train()
    assert asked == [0, 250_000_000]


@pytest.mark.parametrize(
    "limit, early, words",
    [
        pytest.param(0, True, "lock' cannot be used", marks=pytest.mark.thorough),
        pytest.param(1000, True, "config.json' cannot be used", marks=pytest.mark.thorough),
        (300, False, "metrics.jsonl cannot be written"),
        pytest.param(5000, False, "step-0000001 cannot be saved", marks=pytest.mark.thorough),
        pytest.param(50_000, False, "step-0000001 cannot be saved", marks=pytest.mark.thorough),
    ],
    ids=["lock", "config", "metrics", "index", "data"],
)
def test_a_limit_of_file_sizes_costs_no_step(tmp_path, data, capsys, limit, early, words):
    """Every file of a run becomes too large in turn: a sentence, and the same end without it."""
    resource = pytest.importorskip("resource")
    config = changed(CONFIG, {"network": {"stages": 1}, "steps": 4})
    execution = dataclasses.replace(EXECUTION, save_every=1, eval_every=1000)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    found = {}

    def train(name, limit=hard):
        def main(_):
            if early:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            found["run"] = start(config, data, tmp_path / name, execution)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            found["run"].train()

        try:
            return command_line.exit_status(main, ["train"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    assert train("limited", limit) in (1, 2)
    said = capsys.readouterr().err.splitlines()[-1]
    assert words in said and "File too large" in said
    assert train("limited") is None
    resumed = found["run"]
    assert train("whole") is None
    for a, b in zip(weights(found["run"]), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [r["step"] for r in read_metrics(tmp_path / "limited")] == [1, 2, 3, 4, 4]


LOSSES = {
    "config.json": lambda path: os.remove(path / "config.json"),
    "metrics.jsonl": lambda path: os.remove(path / "metrics.jsonl"),
    "both": lambda path: (os.remove(path / "config.json"), os.remove(path / "metrics.jsonl")),
    "config.json is a list": lambda path: (path / "config.json").write_text("[]"),
    "config.json is cut": lambda path: os.truncate(path / "config.json", 100),
    "config.json nests deep": lambda path: (path / "config.json").write_text("[" * 100_000),
    "config.json is no UTF-8": lambda path: (path / "config.json").write_bytes(b"\xff\xfe"),
    "config.json has steps of text": lambda path: edit(
        path, lambda c: c["config"].update(steps="x")
    ),
    "config.json has no data": lambda path: edit(path, lambda c: c.pop("data")),
    "config.json has data 5": lambda path: edit(path, lambda c: c.update(data=5)),
    "config.json has null": lambda path: edit(path, lambda c: c.update(config=None)),
}


def edit(run, change):
    """Changes the JSON of a run's config.json."""
    record = json.loads((run / "config.json").read_text())
    change(record)
    (run / "config.json").write_text(json.dumps(record))


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_the_checkpoint_decides_what_is_learned(unfinished, data, lose):
    """Another rate is refused whatever else was lost; the same goes on, and writes it anew."""
    lose(unfinished)
    other = dataclasses.replace(CONFIG, optimizer=OptimizerConfig(optimizer="adam", momentum=0.5))
    with pytest.raises(UsageError, match=r"optimizer\.momentum"):
        start(other, data, unfinished)
    assert start(CONFIG, data, unfinished).start == 6
    assert read_config(unfinished)[0] == CONFIG


def test_an_edited_config_is_put_right(unfinished, data):
    path = unfinished / "config.json"
    record = json.loads(path.read_text())
    record["config"]["optimizer"]["learning_rate"] = 0.5
    path.write_text(json.dumps(record))
    assert start(CONFIG, data, unfinished).start == 6
    assert read_config(unfinished)[0] == CONFIG


def test_a_damaged_checkpoint_costs_three_steps(unfinished, data, tmp_path):
    """It goes on from step 3, and ends as a run that was never cut, to the bit."""
    os.truncate(unfinished / "checkpoints" / "step-0000006.data-00000-of-00001", 1000)
    resumed = start(CONFIG, data, unfinished)
    assert resumed.start == 3
    resumed.train()
    whole = start(CONFIG, data, tmp_path / "whole")
    whole.train()
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [r["step"] for r in read_metrics(unfinished)] == [*range(1, 9), 8]


def test_restart_puts_a_run_aside(unfinished, data, capsys):
    other = dataclasses.replace(CONFIG, seed=4)
    assert start(other, data, unfinished, restart=True).start == 0
    assert "before-restart-1" in capsys.readouterr().out
    aside = unfinished / "before-restart-1"
    assert checkpoints.resolve(str(aside)).endswith("step-0000006")


def changed_data(folder, target, change, split="train"):
    """A copy of the data after `change` of a split's list of shards, checksums put right."""
    copy = str(shutil.copytree(folder, target))
    path = os.path.join(copy, manifest.NAME)
    with open(path) as file:
        record = json.load(file)
    change(copy, record["splits"][split]["shards"])
    for shard in record["splits"][split]["shards"]:
        file = os.path.join(copy, shard["file"])
        shard |= {"bytes": os.path.getsize(file), "sha256": files.sha256(file)}
    with open(path, "w") as file:
        json.dump(record, file)
    return [copy]


def test_data_that_changed_under_a_run_are_refused(tmp_path, unfinished, data):
    """The same people elsewhere are no change; the same folder with other people is."""
    moved = changed_data(data[0], tmp_path / "moved", lambda folder, shards: None)
    assert start(CONFIG, moved, unfinished).start == 6

    with pytest.raises(UsageError, match=r"are not those that .* began with"):
        start(CONFIG, changed_data(data[0], tmp_path / "others", reverse), unfinished)


def reverse(folder, shards):
    """The same people in another order."""
    path = os.path.join(folder, shards[0]["file"])
    people = list(records.read_shard(path))
    with tf.io.TFRecordWriter(path) as writer:
        for person in people[::-1]:
            writer.write(person)


@pytest.mark.parametrize("how", ["others", "under way"])
def test_data_that_change_while_a_run_learns(tmp_path, data, own_batches, how):
    """Whatever came after the last save is not kept: it may be of other people."""
    copy = changed_data(data[0], tmp_path / "data", lambda folder, shards: None)
    run = start(CONFIG, copy, tmp_path / "run")  # saves after steps 3, 6 and 8
    steps, folder = run.one_step, tmp_path / "data"

    def change(step, batch):
        measurements = steps(step, batch)
        if step == 4:
            if how == "under way":
                (folder / manifest.MARKER).touch()
                (folder / manifest.NAME).unlink()
            else:
                shutil.rmtree(folder)
                changed_data(data[0], folder, reverse)
        return measurements

    run.one_step = change
    with pytest.raises(RunStopped, match=r"the data in .*data changed while it learned.*as before"):
        run.train()
    assert checkpoints.read_list(str(tmp_path / "run/checkpoints"))["latest"] == "step-0000003"


def test_a_flipped_bit_in_the_data_is_found_before_the_first_step(tmp_path, data):
    copy = shutil.copytree(data[0], tmp_path / "data")
    for split in ("train", "validation"):
        path = next(copy.glob(f"{split}-*"))
        whole = path.read_bytes()
        path.write_bytes(whole[:3000] + bytes([whole[3000] ^ 4]) + whole[3001:])
        with pytest.raises(UsageError, match=rf"{path.name}' is damaged.*bin/convert.py"):
            start(CONFIG, [str(copy)], tmp_path / "run")
        path.write_bytes(whole)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_damaged_image_is_named(tmp_path, data, own_batches, split):
    """A whole record whose JPEG is cut: shard, record and person, and how to go on."""

    def cut(folder, shards):
        path = os.path.join(folder, shards[0]["file"])
        people = [tf.train.Example.FromString(record) for record in records.read_shard(path)]
        image = people[3].features.feature["picture"].bytes_list
        image.value[0] = image.value[0][:100]
        with tf.io.TFRecordWriter(path) as writer:
            for person in people:
                writer.write(person.SerializeToString())

    broken = changed_data(data[0], tmp_path / "data", cut, split)
    said = rf"{split}-00000.*record 4 \(noise/{split}-\d+\) cannot be"
    run = start(CONFIG, broken, tmp_path / "run")
    with pytest.raises(RunStopped, match=said):
        run.train() if split == "train" else run.evaluate(1, 0.0)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_data_that_are_gone_stop_a_training(tmp_path, data, own_batches, split):
    """As of a disk that was unmounted: it was called a wrong flag, to be converted anew."""
    gone = shutil.copytree(data[0], tmp_path / "data")
    run = start(CONFIG, [str(gone)], tmp_path / "run")
    shutil.rmtree(gone)
    with pytest.raises(RunStopped, match=r"the training stopped: .* is missing .*are there again"):
        run.train() if split == "train" else run.evaluate(1, 0.0)


def test_a_lock_that_was_removed_is_taken_again(tmp_path, data):
    """Without it a second training could begin beside the first."""
    run = start(CONFIG, data, tmp_path)
    os.remove(tmp_path / "lock")
    run.train()
    assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} on ")


def test_what_fails_in_an_evaluation_costs_no_step(tmp_path, data):
    run = start(CONFIG, data, tmp_path)

    def failing(network):
        raise ValueError("a figure that cannot be drawn")

    run.validate = failing
    with pytest.raises(ValueError, match="a figure"):
        run.train()
    assert checkpoints.read_list(str(tmp_path / "checkpoints"))["latest"] == "step-0000008"


def test_a_drawing_never_stops_a_training(tmp_path, data):
    run = start(CONFIG, data, tmp_path)
    honest = run.validate

    def draw():
        raise ValueError("$5 is no mathematics")

    run.validate = lambda network: dataclasses.replace(honest(network), draw=draw)
    assert run.train() is not None


def test_init_from_takes_the_network_only(tmp_path, data):
    first = start(CONFIG, data, tmp_path / "first")
    first.train()
    other = dataclasses.replace(CONFIG, seed=99)
    second = start(other, data, tmp_path / "second", init_from=tmp_path / "first")
    assert second.start == 0
    for a, b in zip(first.network.variables, second.network.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(not v.numpy().any() for v in second.optimizer.variables)


def test_averaged_weights_are_what_is_used(tmp_path, data):
    """What is scored, loaded and started from is the average; the last weights stand beside it."""
    config = AVERAGED
    run = start(config, data, tmp_path / "first")
    found = run.train()
    record = read_metrics(tmp_path / "first")[-1]
    predictions = gather_predictions(
        pipeline.evaluation_batches(data, config, split="validation"),
        functools.partial(predict_batch, run.average.network),
    )
    again = report.score(predictions, run.network.skeleton)
    assert found.totals["pcp25"] == again["pcp25"]["total"]
    assert record["evaluation"]["pcp25"] == again["pcp25"]["total"]
    assert record["evaluation_raw"].keys() == record["evaluation"].keys()

    used = [v.numpy() for v in run.average.network.variables]
    assert any((a != v.numpy()).any() for a, v in zip(used, run.network.variables, strict=True))
    loaded, _, _ = checkpoints.load_network(str(tmp_path / "first"))
    second = start(config, data, tmp_path / "second", init_from=tmp_path / "first")
    for network in (loaded, second.network, second.average.network):
        for a, v in zip(used, network.variables, strict=True):
            np.testing.assert_array_equal(a, v)
    assert float(second.average.updates) == 0


def test_run_writes_tensorboard_and_metrics(tmp_path, data):
    often = dataclasses.replace(EXECUTION, log_every=2)
    start(CONFIG, data, tmp_path, often, draw=True).train()
    events = [f for f in os.listdir(tmp_path) if f.startswith("events.out")]
    tags = set()
    for event in tf.data.TFRecordDataset([str(tmp_path / f) for f in events]):
        summary = tf.compat.v1.Event.FromString(event.numpy()).summary
        tags |= {value.tag for value in summary.value}
    assert {"train/loss", "train/loss_stage_2"} <= tags
    assert {"validation/pcp25", "validation/poses"} <= tags
    record = read_metrics(tmp_path)[0]
    assert {"step", "loss", "loss_stage_1", "gradient_norm", "learning_rate"} <= set(record)
    assert record["loss"] == pytest.approx(
        record["loss_stage_1"] + record["loss_stage_2"], rel=1e-5
    )
