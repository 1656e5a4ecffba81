"""--case=scaling of bin/benchmark.py: a step on several devices, and a model of many GPUs."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from absl import flags

from cpm import files
from cpm.benchmark import scaling
from cpm.cli.benchmark_settings import network_settings
from cpm.cli.flags import seed_from_flags
from cpm.errors import UsageError
from cpm.provenance import provenance

FLAGS = flags.FLAGS


def run_scaling() -> None:
    """Times a step on several devices of this machine and predicts it on many GPUs."""
    machines, settings = assumed(FLAGS.assume), network_settings()
    batch_size, work = settings.config.data.batch_size, scaling.work_of(settings)
    found = {}
    if FLAGS.rounds:
        found = scaling.measure_ways(settings, rounds=FLAGS.rounds, say=print)
        print(
            f"\n{scaling.format_ways(found, batch_size)}\n\nThe ways share the cores of this "
            "machine: that proves results, not speed."
        )
    said = ", ".join(f"{key}={value:g}" for key, value in vars(machines).items())
    print(
        f"\n{work.exchanged_bytes / 1e6:.1f} MB are summed over all devices in a step. Predicted "
        f"with {batch_size} people a GPU and {said} (assumed, not measured on a GPU):\n\n"
        f"{scaling.format_model(work, machines)}"
    )
    if FLAGS.json:
        predictions = {
            str(n): scaling.predict(work, machines, n)._asdict() for n in scaling.DEVICES
        }
        record = {"ways": found, "batch_size": batch_size, "work": work._asdict()}
        record |= {"assumed": dataclasses.asdict(machines), "predicted": predictions}
        files.write_json(FLAGS.json, record | provenance(seed_from_flags()))
        print(f"\nwrote {FLAGS.json}")


def assumed(assignments: Iterable[str]) -> scaling.Machines:
    """The `scaling.Machines` with the values of --assume.

    Raises:
      UsageError: for a name that it has not, or a value that is no number above 0.
    """
    kinds: dict[str, Any] = {f.name: f.type for f in dataclasses.fields(scaling.Machines)}
    values = {}
    for text in assignments:
        name, _, value = text.partition("=")
        try:
            values[name] = kinds[name](value)
        except (KeyError, ValueError):
            values[name] = 0
        if not 0 < values[name] < math.inf:
            raise UsageError(
                f"--assume has {text!r}; expected KEY=NUMBER above 0, separated by commas, of the "
                f"keys {', '.join(kinds)}"
            )
    return scaling.Machines(**values)
