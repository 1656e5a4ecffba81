"""The program `cpm`: the scripts of bin/ as commands of one program."""

import subprocess
import sys

import pytest

from cpm import __main__ as program
from tests.helpers.scripts import ROOT, call

PROGRAM = ROOT / "cpm" / "__main__.py"  # `python -m cpm` runs it
# minimal.py is a lesson of one file that needs nothing of cpm but the synthetic people.
SCRIPTS = {path.stem for path in (ROOT / "bin").glob("*.py")} - {"minimal"}


def test_every_script_is_a_command():
    assert set(program.COMMANDS) == SCRIPTS
    assert len(program.COMMANDS) == len(SCRIPTS)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_scripts_are_one_call(script):
    """What bin/ has is the docstring that a reader opens first; the rest is the package's."""
    source = (ROOT / "bin" / f"{script}.py").read_text()
    code = source.split('"""')[2].strip().splitlines()
    module = f"from cpm.cli import {script}"
    assert code[0] in (module, f"{module} as evaluate")
    assert code[1:-1] == [
        "from cpm.cli.command_line import run",
        "",
        'if __name__ == "__main__":',
    ]
    first = (ROOT / "cpm" / "cli" / f"{script}.py").read_text().splitlines()[0]
    assert source.splitlines()[0].rstrip(".") == first.rstrip(".:")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_help_lists_the_commands(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cpm", *arguments])
    assert program.main() == 0
    lines = capsys.readouterr().out.splitlines()
    for command in program.COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"    {command} ")]
        assert line.endswith(".")


def test_an_unknown_command_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cpm", "trian"])
    assert program.main() == 2
    assert capsys.readouterr().err.startswith("error: 'trian' is no command; there are: train, ")


def test_listing_commands_starts_no_tensorflow():
    code = "import sys, cpm.__main__ as p; p.table(); assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, status", [(["--arch=mini", "--stages=2"], 0), (["--arch=max"], 2), (["--help"], 0)]
)
def test_a_command_is_the_script(flags, status):
    """Flags, output and exit status, and --help with the flags of the script itself."""
    script = str(ROOT / "bin" / "describe.py")
    a, b = call(script, *flags), call(PROGRAM, "describe", *flags)
    assert a.returncode == b.returncode == status
    assert a.stdout.replace(script, "cpm describe") == b.stdout
    assert a.stderr.replace(script, "cpm describe") == b.stderr
