"""bin/minimal.py and cpm-lite, given arguments that they cannot mean: status 2 and a reason.

Both use argparse, so that they need little; test_flags_out_of_range.py asks the other scripts.
"""

import argparse
import importlib.util
import sys

import pytest

from cpm import lite
from tests.helpers.scripts import ROOT

HUGE = "1" + "0" * 400
NO_NUMBERS = ("", "word", "nan", "inf", "-inf", "1e999", "1\n2", "\x1b[2J", "\uff11\uff12x", HUGE)
NUMBERS = (*NO_NUMBERS, f"-{HUGE}", "1.5", "-1", "1e39")
BOXES = (*NUMBERS, "1,2", "1,2,3,4,5", *(f"1,2,{n},4" for n in NUMBERS if n != "1.5"))
TEXTS = ("", "\x1b[2J\n", "x" * 1000, "/dev/null/x", "no/such/file.png", "/dev/null")


def actions_of(monkeypatch, parse):
    """The arguments that a function defines before it parses them, but for --help."""
    found = []

    def stop(parser, *_):
        found.extend(action for action in parser._actions if action.dest != "help")
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(SystemExit):
            parse()
    return found


def said_of(call, capsys):
    """(exit status or None, what stands on standard error) of a call."""
    try:
        status = call()
    except SystemExit as stopped:
        status = stopped.code
    return status, capsys.readouterr().err


def test_minimal(monkeypatch, capsys, tmp_path):
    spec = importlib.util.spec_from_file_location("minimal", ROOT / "bin" / "minimal.py")
    minimal = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(minimal)
    monkeypatch.chdir(tmp_path)
    actions = actions_of(monkeypatch, minimal.parse_arguments)
    assert len(actions) == 5
    for action in actions:
        (name,) = action.option_strings
        for value in NUMBERS if action.type is int else TEXTS:
            monkeypatch.setattr(sys, "argv", ["minimal.py", f"{name}={value}"])
            status, said = said_of(minimal.parse_arguments, capsys)
            assert status == 2 and said.startswith("error: "), (name, value[:30], said)
            assert said[:-1].isprintable() and len(said) < 1300, (name, value[:30], said)


def test_lite(monkeypatch, capsys, tmp_path):
    """A box that is none is refused before anything is read; names are tried when they are used."""
    monkeypatch.chdir(tmp_path)
    actions = {action.dest for action in actions_of(monkeypatch, lite.parse_arguments)}
    assert actions == {"model", "image", "box", "out", "json"}
    for value in BOXES:
        arguments = ["a.tflite", "a.jpg", f"--box={value}"]
        status, said = said_of(lambda given=arguments: lite.main(given), capsys)
        assert status == 2 and "error: " in said, (value[:30], said)
    for value in TEXTS:
        for arguments in ([value, "a.jpg"], ["a.tflite", value, f"--out={value}"]):
            status, said = said_of(lambda given=arguments: lite.main(given), capsys)
            assert status == 2 and "error: " in said, (arguments, said)
