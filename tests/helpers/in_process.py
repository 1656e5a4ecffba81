"""A script of cpm/cli called in this process, for tests of many of its arguments."""

from absl import flags

from cpm.cli import command_line


def exit_status(script, *arguments):
    """The exit status of a script's `main`; its flags are gone afterwards.

    Args:
      script: module of cpm/cli.
      arguments: of the command line.
    """
    before = {*flags.FLAGS}
    script.define_flags()
    try:
        remaining = flags.FLAGS([script.__name__, *map(str, arguments)])
        positional = getattr(script, "POSITIONAL", 0)
        return command_line.exit_status(script.main, remaining, positional) or 0
    finally:
        flags.FLAGS.remove_flag_values([name for name in flags.FLAGS if name not in before])


def caller(script, capfd):
    """A function of arguments → (exit status, what the script printed, its errors).

    Args:
      script: module of cpm/cli.
      capfd: pytest's fixture.
    """

    def call(*arguments):
        status = exit_status(script, *arguments)
        said = capfd.readouterr()
        return status, said.out, said.err

    return call
