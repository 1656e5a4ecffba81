"""The flags of every script in bin/, asked of its parser: one process, one fork each.

    flags, problems = ask([["bin/train.py", "--steps=3"], ["bin/train.py", "--stepz=3"]])
    flags["bin/train.py"]["steps"]    {"type": "int", "default": None, "choices": None, "help": …}
    problems                          ["bin/train.py --stepz=3: Unknown command line flag …"]

A command is really parsed: types, choices, bounds and required flags. Scripts have absl's flags,
except for bin/minimal.py, which shows everything in one file and has a parser of argparse.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import pathlib
import runpy
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def ask(commands):
    """What the scripts of bin/ define, and what absl says of commands.

    Args:
      commands: lists [script, argument, …].

    Returns:
      flags: {script: {flag: its type, default, choices and help}}, of every script.
      problems: a sentence for each command that is not taken.
    """
    scripts = sorted(f"bin/{path.name}" for path in ROOT.glob("bin/*.py"))
    commands = [*commands, *([script] for script in scripts)]
    # This file as a program: a script defines its flags once, in the process's one register.
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    flags = {answer["script"]: answer["flags"] for answer in answers}
    return flags, [problem for answer in answers for problem in answer["problems"]]


def _answer(script, argument_lists):
    """One line of JSON about a script; runs in a process of its own."""
    from absl import flags

    values = flags.FLAGS
    before = {*values}
    defined = runpy.run_path(script, run_name="imported")
    for module in defined.values():
        getattr(module, "define_flags", lambda: None)()
    if "parse_arguments" in defined:
        answer = _argparse_answer(script, argument_lists, defined["parse_arguments"])
        print(json.dumps(answer, default=str), flush=True)
        return
    problems = []
    for arguments in filter(None, argument_lists):
        for name in values:
            values[name].unparse()
        try:
            values([script, *arguments])
        except flags.Error as error:
            problems.append(f"{script} {' '.join(arguments)}: {str(error).splitlines()[0]}")
    described = {
        name: {
            "type": values[name].flag_type(),
            "default": values[name].default,
            "choices": getattr(values[name].parser, "enum_values", None),
            "help": values[name].help,
        }
        for name in {*values} - before
    }
    answer = {"script": script, "flags": described, "problems": problems}
    print(json.dumps(answer, default=str), flush=True)


def _argparse_answer(script, argument_lists, parse_arguments):
    """The same of a script whose `parse_arguments` makes a parser of argparse and calls it."""
    problems, parsers = [], []
    parse = argparse.ArgumentParser.parse_args

    def parse_args(parser):
        parsers.append(parser)
        return parse(parser)

    argparse.ArgumentParser.parse_args = parse_args
    for arguments in [[], *filter(None, argument_lists)]:
        sys.argv = [script, *arguments]
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                parse_arguments()
        except SystemExit:
            problems.append(f"{script} {' '.join(arguments)}: {said.getvalue().strip()}")
    described = {
        option.removeprefix("--"): {
            "type": action.type.__name__ if action.type else "string",
            "default": action.default,
            "choices": action.choices,
            "help": action.help,
        }
        for action in parsers[0]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    return {"script": script, "flags": described, "problems": problems}


def _main():
    # What most scripts import, once for all.
    for module in ("cpm.cli.command_line", "matplotlib.figure", "scipy.io", "imageio.v3"):
        importlib.import_module(module)
    by_script = {}
    for script, *arguments in json.load(sys.stdin):
        by_script.setdefault(script, []).append(arguments)
    for script, argument_lists in by_script.items():
        child = os.fork()
        if not child:
            status = 1
            try:
                _answer(script, argument_lists)
                status = 0
            finally:
                os._exit(status)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            sys.exit(f"{script} cannot be imported")


if __name__ == "__main__":
    _main()
