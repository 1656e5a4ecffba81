"""bin/train.py as a user runs it: ends with a result, resumes, refuses with a sentence."""

import json
import os
import shutil
import signal
import types

import pytest

from cpm.cli import eval_network, training_data
from cpm.cli import train as train_command
from cpm import checkpoints
from cpm.config_json import from_dict
from cpm.errors import RunStopped, UsageError
from cpm.execution import Execution, Settings
from cpm.skeleton import own_skeleton
from cpm.training import loop
from cpm.training.metrics_file import read_metrics
from tests.helpers.in_process import exit_status
from tests.helpers.scripts import call
from tests.helpers.small_runs import CONFIG, write_data, write_run

TINY = ["--stages=2", "--width=0.1", "--image_size=48x64", "--batch_size=4"]


def train(*flags, cwd):
    """Runs the script; returns the finished process."""
    return call("train.py", *flags, cwd=cwd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on synthetic people, in an empty folder, as a newcomer starts it."""
    folder = tmp_path_factory.mktemp("newcomer")
    flags = [*TINY, "--synthetic_people=16", "--steps=4", "--eval_every=2"]
    return folder, flags, train(*flags, cwd=folder)


@pytest.mark.slow
def test_ends_with_tables_and_figures(finished):
    folder, _, process = finished
    assert process.returncode == 0, process.stderr
    run = folder / "runs" / "mini-2stages-synthetic-16-seed0"
    with open(run / "eval" / "validation.md") as file:
        tables = file.read()
    assert "stage 2" in tables and "left_wrist" in tables
    with open(run / "report.html") as file:
        assert "How to go on" in file.read()
    with open(run / "eval" / "validation.json") as file:
        record = json.load(file)
    assert len(record["metrics"]["pckh@0.5"]["per_stage"]) == 2
    assert "command" in record and "commit" in record
    figures = [f for f in os.listdir(run / "eval") if f.endswith(".png")]
    assert len(figures) >= 4
    assert [r["step"] for r in read_metrics(run) if "loss" in r] == [1, 2, 3, 4]
    with open(run / "config.json") as file:
        record = json.load(file)
    settings = from_dict(Settings, {key: record[key] for key in ("config", "execution")})
    network = settings.config.network
    assert network.skeleton == "mpii16" and network.image_size == (48, 64)
    assert settings.execution == Execution(eval_every=2)


@pytest.mark.slow
def test_says_ten_lines_before_and_after(finished):
    """People, network, steps and folder before; score, interval, stages, files after."""
    _, _, process = finished
    lines = process.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("first step after"))
    last = max(n for n, line in enumerate(lines) if line.startswith("step 4: "))
    opening, closing = lines[:first], lines[last + 1 :]
    assert len(opening) <= 10 and len(closing) <= 10
    for text in ("16 to train, 32 to validate; 16 joints (mpii16)", "parameters", "4 of 4 people"):
        assert text in "\n".join(opening)
    for text in (
        "pckh@0.5",
        "(95 %)",
        "after stages 1 to 2: ",
        "report.html",
        "python bin/predict",
    ):
        assert text in "\n".join(closing)
    assert lines[first - 1].split() == ["writes", "to", "runs/mini-2stages-synthetic-16-seed0/"]


@pytest.mark.slow
def test_same_command_again_is_resumed_and_other_flags_refused(finished):
    folder, flags, _ = finished
    again = train(*flags, cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "resuming" in again.stdout and "drawing" not in again.stdout
    assert "in another way" not in again.stdout
    how = train(*flags, "--xla", "--set=execution.replicas=2", cwd=folder)
    assert how.returncode == 0, how.stderr
    assert "computed in another way: xla False → True, replicas 1 → 2" in how.stdout
    other = train(*flags, "--learning_rate=0.5", cwd=folder)
    assert other.returncode == 2
    assert "optimizer.learning_rate" in other.stderr and "--run_dir" in other.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, sentence",
    [
        (["--data=nowhere"], "'nowhere' is missing"),
        (["--image_size=100"], "multiples of 8"),
        (["--arch=hourglass"], "mini|paper|vgg"),
        (["--steps=0"], "steps"),
        (["--set=optimizer.momentun=1"], "known: optimizer.optimizer, optimizer.learning_rate"),
        (["stray"], "unexpected argument 'stray'"),
        (["--init_from=nowhere"], "nowhere"),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(finished, flags, sentence):
    folder, good, _ = finished
    if flags == ["--data=nowhere"]:
        good = [flag for flag in good if not flag.startswith("--synthetic_people")]
    process = train(*good, "--run_dir=other", *flags, cwd=folder)
    assert process.returncode == 2
    assert sentence in process.stderr and "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert not (folder / "other").exists()


BEFORE = """
import os, resource, signal, sys, threading, time
from cpm.cli import command_line, train
"""
# Programs that are the script, but for what happens at its end.
SIGNALED = (
    BEFORE
    + """
def stopped(*_, **__):
    os.kill(os.getpid(), int(os.environ["STOP"]))
    time.sleep(60)
train.write_groups = stopped
command_line.run(train)
"""
)
LIMITED = (
    BEFORE
    + """
place, name = {"eval": (train, "write_results"), "page": (train.run_page, "write_run_page")}[
    os.environ["LIMIT"]
]
honest = getattr(place, name)
def limited(*arguments, **options):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        return honest(*arguments, **options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
setattr(place, name, limited)
command_line.run(train)
"""
)
ONE_LINE = (
    BEFORE
    + """
reader, writer = os.pipe()
os.dup2(writer, 1)
os.close(writer)
def head():
    while os.read(reader, 1) != b"\\n":
        pass
    os.close(reader)
threading.Thread(target=head).start()
sys.stdout = open(1, "w", encoding="ascii", closefd=False)
command_line.run(train)
"""
)


@pytest.fixture
def ended(finished, tmp_path):
    """(a copy of the finished run without its tables and page, the run in it, its flags)."""
    folder, flags, _ = finished
    copy = shutil.copytree(folder, tmp_path / "copy")
    (run,) = (copy / "runs").iterdir()
    shutil.rmtree(run / "eval")
    os.remove(run / "report.html")
    return copy, run, flags


def run_program(program, flags, cwd, **env):
    (cwd / "program.py").write_text(program)
    return call(str(cwd / "program.py"), *flags, cwd=cwd, env=env)


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_report_is_written(ended, number):
    """It ends the script with a sentence; the same command writes the rest."""
    folder, run, flags = ended
    done = run_program(SIGNALED, flags, folder, STOP=str(int(number)))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1] == loop.FINISHED
    if number == signal.SIGINT:
        again = train(*flags, cwd=folder)
        assert again.returncode == 0, again.stderr
        assert (run / "report.html").exists() and (run / "eval" / "validation.md").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("limit, name", [("eval", "validation.json"), ("page", "report.html")])
def test_a_limit_of_file_sizes_met_by_results(ended, limit, name):
    """A sentence with the file's name; nothing half written is left, and the same goes on."""
    folder, run, flags = ended
    done = run_program(LIMITED, flags, folder, LIMIT=limit)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    said = done.stderr.splitlines()[-1]
    assert name in said and "File too large" in said and "make room there" in said
    assert not [path for path in run.rglob("*") if path.name.startswith(".partial")]
    assert not (run / "report.html").exists()
    again = train(*flags, cwd=folder)
    assert again.returncode == 0 and (run / "report.html").exists(), again.stderr


@pytest.mark.thorough
def test_a_whole_training_whose_reader_ends_after_a_line(ended):
    """`| head -1` on an ASCII terminal: steps, tables and page come all the same, in silence."""
    folder, run, flags = ended
    shutil.rmtree(run)
    done = run_program(ONE_LINE, flags, folder)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert "Broken pipe" not in done.stderr
    assert (run / "report.html").exists() and (run / "eval" / "validation.md").exists()
    assert [r["step"] for r in read_metrics(run) if "loss" in r] == [1, 2, 3, 4]


@pytest.mark.thorough
def test_starts_from_weights_of_other_joints(finished, tmp_path):
    """Its network is the file's; what was taken is said; a start that failed leaves no folder."""
    folder, _, _ = finished
    data, weights = write_data(tmp_path / "data"), tmp_path / "weights"
    shutil.copytree(folder / "runs" / "mini-2stages-synthetic-16-seed0", weights)
    start = [f"--data={data}", f"--init_from={weights}"]
    tuned = train(*start, "--steps=1", "--batch_size=2", "--run_dir=tuned", cwd=tmp_path)
    assert tuned.returncode == 0, tuned.stderr
    assert "trunk and stages 1 to 2; fresh: nose, left_ear, right_ear, tail" in tuned.stdout
    assert "recipe    own, muon, rate 0.0005" in tuned.stdout
    assert (
        "without a box, as bin/predict.py --people=1" in tuned.stdout and "with box" in tuned.stdout
    )
    with open(tmp_path / "tuned" / "config.json") as file:
        record = json.load(file)
    assert record["config"]["network"]["width"] == 0.1 and record["recipe"] == "own"
    wide = train(*start, "--width=0.3", "--run_dir=wide", cwd=tmp_path)
    assert wide.returncode == 2 and "width 0.1, this run's has width 0.3" in wide.stderr
    assert not (tmp_path / "wide").exists()
    shutil.rmtree(weights)
    again = train(*start, "--steps=1", "--batch_size=2", "--run_dir=tuned", cwd=tmp_path)
    assert again.returncode == 0 and "resuming tuned after step 1" in again.stdout


@pytest.mark.parametrize(
    "flags", [["--seed=3"], ["--set=seed=3"], ["--seed=1", "--set=seed=2", "--set=seed=3"]]
)
def test_a_seed_is_also_that_of_the_synthetic_people(flags, tmp_path, monkeypatch):
    """However it is named; drawing and training are left out."""
    drawn, runs = [], []

    def synthetic_folder(count, seed):
        drawn.append((count, seed))
        return write_data(tmp_path / f"synthetic-{count}-seed{seed}")

    def run(settings, data, run_dir, *_, **options):
        runs.append((settings.config.seed, run_dir))
        raise UsageError("far enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training_data.datasets, "synthetic_folder", synthetic_folder)
    monkeypatch.setattr(train_command.loop, "Run", run)
    monkeypatch.setattr(train_command, "configure_threads", lambda execution: None)
    assert exit_status(train_command, *TINY, "--synthetic_people=16", *flags) == 2
    assert drawn == [(16, 3)]
    assert runs == [(3, os.path.join("runs", "mini-2stages-synthetic-16-seed3"))]


def test_synthetic_people_beside_data_are_refused(tmp_path, capsys):
    data = write_data(tmp_path / "a")
    flags = [f"--data={data}", "--synthetic_people=16", f"--run_dir={tmp_path / 'run'}"]
    assert exit_status(train_command, *TINY, *flags) == 2
    assert "--synthetic_people is for where there is no --data" in capsys.readouterr().err


def test_joints_that_only_a_smaller_skeleton_has_are_named(tmp_path, monkeypatch):
    """Folders are combined by the names of joints, and the network has those of the larger."""
    monkeypatch.setattr(train_command, "FLAGS", types.SimpleNamespace(init_from=None))
    other = own_skeleton(["nose", "left_eye", "right_eye"])
    data = [write_data(tmp_path / "a"), write_data(tmp_path / "b", skeleton=other)]
    place = types.SimpleNamespace(path="runs/a")
    run = types.SimpleNamespace(
        data=data, config=CONFIG, execution=Execution(), taken=None, folder=place
    )
    text = "\n".join(train_command.describe(run, "own"))
    assert "12 to train, 10 to validate; 4 joints; not learned: left_eye, right_eye\n" in text


@pytest.mark.parametrize("restart, command", [(True, " without --restart"), (False, "")])
def test_a_run_that_was_begun_again_goes_on_without_restart(restart, command):
    """The same command was advised: it would have put what was learned aside, and begun again."""
    stopped = loop.Interrupted("stopped after step 5; the same command goes on. The same command.")
    with pytest.raises(RunStopped) as caught, train_command.going_on(restart):
        raise stopped
    expected = (
        f"stopped after step 5; the same command{command} goes on. The same command{command}."
    )
    assert str(caught.value) == expected


def test_a_run_that_goes_on_asks_neither_config_nor_the_first_weights(tmp_path, monkeypatch):
    """Both may be gone: its checkpoint says which network it is."""
    path, _ = write_run(tmp_path / "run", "data")
    given = types.SimpleNamespace(run_dir=path, init_from="gone.npz", restart=False)
    monkeypatch.setattr(train_command, "FLAGS", given)
    os.remove(tmp_path / "run" / "config.json")
    assert train_command.weights_config() == CONFIG
    given.restart = True
    with pytest.raises(UsageError, match=r"gone\.npz"):
        train_command.weights_config()
    given.restart = False
    os.remove(tmp_path / "run" / "checkpoints" / "step-0000004.index")
    with pytest.raises(UsageError, match=r"no checkpoint in .* is whole"):
        train_command.weights_config()


@pytest.mark.parametrize("moved", [False, True], ids=["in its run", "taken out of it"])
def test_an_evaluation_asks_the_checkpoint_for_the_data(tmp_path, monkeypatch, moved):
    monkeypatch.setattr(eval_network, "FLAGS", types.SimpleNamespace(data=None, ckpt="run"))
    path, _ = write_run(tmp_path / "run", "data")
    os.remove(tmp_path / "run" / "config.json")
    learned = {"learned_from": {"data": [{"folder": "data/lsp"}], "init_from": None}}
    monkeypatch.setattr(checkpoints, "read_description", lambda _: (CONFIG, learned))
    assert eval_network.data_folders(None if moved else path, learned) == ["data/lsp"]
