"""The program `cpm`: each script of bin/ as one of its commands.

    cpm train --stages=6 --xla
    cpm train --help

`pip install` makes it; `python -m cpm` is the same. Commands:
"""

import importlib
import pathlib
import sys

COMMANDS = (
    *("train", "eval", "predict", "report", "convert", "make_scenes"),
    *("describe", "inspect_batch", "import_weights", "export_weights", "export"),
    *("demo", "experiment", "benchmark", "memory", "figures"),
)


def main() -> int:
    """Runs the command that the first argument names; returns only where there is none."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help"):
        print(f"{__doc__}\n{table()}")
        return 0
    if name not in COMMANDS:
        print(f"error: {name!r} is no command; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    script = importlib.import_module(f"cpm.cli.{name}")
    from cpm.cli.command_line import run  # starts TensorFlow

    sys.argv = [f"cpm {name}", *sys.argv[2:]]
    run(script)  # ends the process
    return 0


def table() -> str:
    """A line per command: its name and the first sentence of its --help."""
    folder = pathlib.Path(__file__).parent / "cli"
    return "\n".join(
        f"    {name:<15} {first_line((folder / f'{name}.py').read_text(encoding='utf-8'))}"
        for name in COMMANDS
    )


def first_line(source: str) -> str:
    """The first line of a module's docstring, without importing it."""
    return source.split("\n", 1)[0].strip('"')


if __name__ == "__main__":
    sys.exit(main())
