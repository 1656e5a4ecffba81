"""The data sets that can be converted. A new one is one reader file and one line in `SOURCES`.

A reader is a function `read_people(folder)` that yields a `Person` for everybody it is told of,
also where the picture is missing: the conversion counts those.
"""

import concurrent.futures
import functools
import multiprocessing
import os

from cpm.data import lsp, lspet
from cpm.data.records import write_records
from cpm.data.splits import RULES, TRAIN, VALIDATION, is_near_duplicate
from cpm.errors import UsageError

SOURCES = {
    "lsp": lsp.read_people,
    "lspet": lspet.read_people,
}
SYNTHETIC = (
    "synthetic"  # drawn, not read: it has a count and a seed instead of a folder
)
NAMES = (*SOURCES, SYNTHETIC)
SYNTHETIC_VALIDATION = 10  # one synthetic person of so many is for validation


def convert(
    dataset,
    out_dir,
    *,
    src=None,
    split_rule="development",
    count=2000,
    seed=0,
    shards=0,
    keep_near_duplicates=False,
):
    """Converts a data set to a folder that the pipeline reads.

    Args:
      dataset: one of `NAMES`.
      out_dir: folder to make; see `records.write_records`.
      src: folder of the data set; not for `synthetic`.
      split_rule: key of `splits.RULES`.
      count: synthetic people, of which a tenth is for validation.
      seed: of the order, and of the synthetic people.
      shards: files per split; 0 = automatic.
      keep_near_duplicates: keep LSP's training pictures that nearly repeat a test picture.

    Returns:
      `Manifest`.

    Raises:
      UsageError: if the source is missing or broken, or `out_dir` holds something else.
    """
    if dataset not in NAMES:
        raise UsageError(
            f"unknown data set {dataset!r}; expected one of {', '.join(NAMES)}"
        )
    options = f"--split_rule={split_rule} --seed={seed} --shards={shards}"
    if dataset == SYNTHETIC:
        people = draw_people(count, seed)
        options += f" --count={count}"
    else:
        if not src or not os.path.isdir(src):
            raise UsageError(
                f"--src={src or ''} is not a folder; expected the unpacked data set {dataset!r}"
            )
        people = SOURCES[dataset](src)
        options += " --src=DIR" + (" --keep_near_duplicates" * keep_near_duplicates)
    return write_records(
        people,
        out_dir,
        source=dataset,
        rule=RULES[split_rule],
        seed=seed,
        shards=shards,
        leave_out=(lambda _: False) if keep_near_duplicates else is_near_duplicate,
        remake=f"python bin/convert.py --dataset={dataset} {options} --out={out_dir}",
    )


def draw_people(count, seed, processes=None):
    """Yields `count` synthetic people, drawn on all cores; the order is that of their numbers.

    Args:
      count: how many, of which the last tenth is for validation.
      seed: of the people; each depends on (seed, its number) only.
      processes: None = one per core.
    """
    from cpm.data import synthetic

    if count < 2:
        raise UsageError(f"--count={count}: expected at least 2 people to draw")
    held_out = max(1, count // SYNTHETIC_VALIDATION)
    splits = [(TRAIN, count - held_out), (VALIDATION, held_out)]
    numbers = [(split, i) for split, people in splits for i in range(people)]
    processes = processes or os.cpu_count()
    # Spawned, not forked: a fork would copy TensorFlow's threads in mid-air.
    with concurrent.futures.ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        yield from pool.map(
            functools.partial(_draw, synthetic, seed), numbers, chunksize=16
        )
