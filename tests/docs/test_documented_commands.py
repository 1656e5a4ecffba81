"""Every command in the documents is one that the scripts take; flags and defaults are theirs."""

import ast
import functools
import pathlib
import re
import shlex

import pytest

from cpm.experiments.variants import EXPERIMENTS
from cpm.training.recipes import RECIPES, recipe
from tests.helpers.markdown_files import commands as commands_of
from tests.helpers.markdown_files import documents, read, tables
from tests.helpers.script_flags import ROOT, ask

# What is run as it stands must be complete; elsewhere a command may be a part of one.
WHOLE = ("README.md", "docs/howto/", "cpm/checkpoints/pretrained/MODEL_CARD.md")
COMMAND = re.compile(r"(?:^|[\s/])python (bin/[\w.-]+\.py)((?: [^|;&]*)?)$")
# Words that stand for a value of the reader's.
STANDS_FOR = re.compile(r"^(…|\.\.\.|NAME|DIR)$")


def scripts_in(text):
    """[script, argument, …] of every command of a document that runs a script of bin/."""
    for command in commands_of(text):
        if match := COMMAND.search(command):
            yield [match[1], *shlex.split(match[2])]


# What a command of a document must not be: asked with the others, since asking loads every script.
INCOMPLETE = [["bin/export_weights.py", "--ckpt=runs/lsp"], ["bin/train.py", "--stages=two"]]


@functools.cache
def answers():
    """The flags of all scripts, and the problems of the commands that should be complete."""
    whole = [name for name in documents() if name.startswith(WHOLE)]
    commands = [command for name in whole for command in scripts_in(read(name))]
    return ask(commands + INCOMPLETE)


def is_of_incomplete(problem):
    return problem.startswith(tuple(f"{' '.join(command)}: " for command in INCOMPLETE))


def problems_of_flag(word, script=None):
    """Of `--name` or `--name=value`: does the script (or any, if none is named) define it?"""
    name, has_value, value = word.rstrip(",;:.").removeprefix("--").partition("=")
    defined = []
    for flags in [answers()[0][script]] if script else answers()[0].values():
        if name in flags:
            defined.append(flags[name]["choices"])
        elif flags.get(name.removeprefix("no"), {}).get("type") == "bool" and not has_value:
            defined.append(None)
    if name == "help":
        return []
    if not defined:
        return [f"{script or 'no script'} has {'no ' * bool(script)}flag --{name}"]
    choices = [c for c in defined if c]
    if STANDS_FOR.match(value):
        return []
    if has_value and len(choices) == len(defined) and not any(value in c for c in choices):
        return [f"--{name} cannot be {value!r}"]
    return []


def takes_paths(script):
    """Whether arguments without a flag are files or folders."""
    body = ROOT / "cpm" / "cli" / pathlib.Path(script).name
    return "experiment" not in script and body.exists() and "POSITIONAL = " in body.read_text()


def problems(text):
    """Everything that a document says wrongly of scripts and flags, as sentences."""
    found = []
    for script, *arguments in scripts_in(text):
        if script not in answers()[0]:
            found.append(f"{script} does not exist")
            continue
        for word in arguments:
            if word.startswith("--"):
                found += problems_of_flag(word, script)
            elif not (STANDS_FOR.match(word) or word in EXPERIMENTS or takes_paths(script)):
                found.append(f"{script} takes no argument {word!r}")
    for span in commands_of(text):
        if span.startswith("--") and not span.startswith("--…"):
            words = [word for word in span.split() if word.startswith("--")]
            found += [p for word in words for p in problems_of_flag(word)]
    return found


def test_commands_of_readme_and_howtos_parse():
    """By absl itself: types, choices, bounds, flags that are required or exclude one another."""
    assert [problem for problem in answers()[1] if not is_of_incomplete(problem)] == []


def test_there_is_something_to_check():
    commands = [c for name in documents() for c in scripts_in(read(name))]
    assert len(commands) > 80
    assert {script for script, *_ in commands} >= {*answers()[0]} - {"bin/figures.py"}


@pytest.mark.parametrize("name", documents())
def test_scripts_and_flags_exist(name):
    assert problems(read(name)) == []


@pytest.mark.parametrize(
    "text, problem",
    [
        ("`python bin/trian.py --xla`", "bin/trian.py does not exist"),
        ("`python bin/train.py --flip`", "bin/train.py has no flag --flip"),
        ("```sh\npython bin/eval.py \\\n --flips\n```", "bin/eval.py has no flag --flips"),
        ("```sh\n.venv/bin/python bin/x.py\n```", "bin/x.py does not exist"),
        ("```sh\npython bin/train.py --xla runs\n```", "bin/train.py takes no argument 'runs'"),
        ("`python bin/eval.py --crop=box`", "--crop cannot be 'box'"),
        ("`python bin/train.py --recipe=old`", "--recipe cannot be 'old'"),
        ("`python bin/experiment.py depth`", "bin/experiment.py takes no argument 'depth'"),
        ("`--cropp`", "no script has flag --cropp"),
        ("`--noxxla`", "no script has flag --noxxla"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_caught(text, problem):
    assert problem in problems(text)


def test_right_commands_pass():
    text = """`--nobackground`, `--arch=paper`, `python bin/train.py …`, `--batch_size=8`

```sh
.venv/bin/python bin/train.py --stages=6 --noxla --data=data/lsp,data/lspet \\
    --steps=9  # a comment with bin/nothing.py
```
"""
    assert problems(text) == []


def test_a_command_that_is_not_complete_is_caught():
    assert len([problem for problem in answers()[1] if is_of_incomplete(problem)]) == 2


@pytest.mark.parametrize(
    "script, flag, default",
    [
        ("bin/train.py", "synthetic_people", 8000),  # README.md, synthetic_people.md
        ("bin/predict.py", "ckpt", "pretrained"),  # own_pictures.md
        ("bin/predict.py", "refinement", "taylor"),
        ("bin/predict.py", "flip", None),  # on where the network has a mirror image
        ("bin/eval.py", "flip", False),  # deviations.md
        ("bin/eval.py", "split", "validation"),
        ("bin/convert.py", "split_rule", "development"),  # lsp.md
    ],
)
def test_defaults_are_those_that_the_documents_say(script, flag, default):
    assert answers()[0][script][flag]["default"] == default


def test_help_says_of_every_flag_in_a_sentence_what_it_is_and_its_default():
    """absl shows defaults that are not None; the text says the others, or that there is none."""
    for script, flags in answers()[0].items():
        for name, flag in flags.items():
            text = flag["help"].split(";\n")[0]  # absl ends a flag that may be repeated so
            assert re.fullmatch(r"(<\S+>: )?[A-Z].{14,}\.", text, re.DOTALL), (script, name, text)
            assert flag["default"] is not None or re.search("Default: |Required", text), (
                script,
                name,
            )


def helps_of_argparse(source):
    """[(first argument, help)] of the calls of a parser's `add_argument`, also named `add`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and re.search(
            r"^add$|\.add_argument$", ast.unparse(node.func)
        ):
            helps = [word.value for word in node.keywords if word.arg == "help"]
            yield ast.literal_eval(node.args[0]), ast.literal_eval(helps[0]) if helps else ""


def test_help_of_programs_beside_bin_says_it_too():
    """They have parsers of argparse, which shows no defaults by itself."""
    paths = [ROOT / "bin/minimal.py", ROOT / "cpm/lite.py"]
    paths += [*(ROOT / "tests").glob("*.py"), *(ROOT / "docs/howto").glob("*.py")]
    sources = {path.name: path.read_text() for path in paths}
    found = {name: text for name, text in sources.items() if "ArgumentParser(" in text}
    assert {*found} >= {"minimal.py", "lite.py", "soak.py", "fuzz.py", "train_with_jax.py"}
    for name, text in found.items():
        helps = [*helps_of_argparse(text)]
        assert len(helps) > 1, name
        for flag, said in helps:
            assert re.fullmatch(r"[A-Z].{5,}\. (Default: .+|Required)\.", said), (name, flag, said)


def test_recipes_defaults_are_those_that_the_documents_say():
    """A flag that is a shorthand of a field has no default of its own."""
    flags = answers()[0]["bin/train.py"]
    assert flags["conv"]["default"] is flags["xla"]["default"] is None
    for name in RECIPES:
        execution = recipe(name).execution
        assert (execution.conv, execution.xla) == ("auto", False)  # speed_and_memory.md


def test_the_tables_of_recipes_and_experiments_are_complete():
    (recipes,) = [t for t in tables(read("docs/howto/paper_networks.md")) if "`--recipe`" in t[0]]
    assert [row[0].strip("`") for row in recipes[1:]] == list(RECIPES)
    (experiments,) = tables(read("docs/howto/experiments.md"))
    assert sorted(row[0].strip("`") for row in experiments[1:]) == sorted(EXPERIMENTS)
