"""The data folders of a run as flags name them: those of `--data`, else synthetic people.

Synthetic people are drawn with the run's seed, whether `--seed` or `--set seed=` names it.
"""

from collections.abc import Sequence

from absl import flags

from cpm.cli.flags import seed_from_flags
from cpm.data import datasets, pipeline
from cpm.errors import UsageError


def define_synthetic_people(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines `--synthetic_people`; `--data` is of `cpm.cli.flags.define_run_flags`."""
    flags.DEFINE_integer(
        "synthetic_people",
        8000,
        "Number of synthetic people to draw where there is no --data.",
        lower_bound=1,
        flag_values=values,
    )


def data_folders_from_flags(values: flags.FlagValues = flags.FLAGS) -> Sequence[str]:
    """List of the converted folders to learn from; synthetic people are drawn if need be.

    Raises:
      UsageError: if folders are named, and a number of synthetic people, too.
    """
    if values.data:
        if values["synthetic_people"].present:
            raise UsageError(
                "--synthetic_people is for where there is no --data; leave one of them out"
            )
        return pipeline.split_names(values.data)
    folder = datasets.synthetic_folder(values.synthetic_people, seed_from_flags(values))
    return pipeline.split_names([folder])
