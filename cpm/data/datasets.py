"""The data sets that can be converted. What a new one needs: docs/howto/add_a_data_set.md.

A reader is a function `read_people(folder, follow_links)` that yields a `Person` for everybody it
is told of, also where the image is missing: the conversion counts those. It finds images by
`cpm.data.images.inside`, which refuses those outside of the folder.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cpm import machine, synthetic
from cpm.data import coco, flic, lsp, lspet, manifest, mpii
from cpm.data.manifest import Manifest
from cpm.data.person import Person
from cpm.data.records import USUAL, Storage, write_records
from cpm.data.report import Report
from cpm.data.splits import RULES, TRAIN, VALIDATION, reason_to_leave_out, whole
from cpm.errors import UsageError

SOURCES: dict[str, Callable[..., Iterator[Person]]] = {
    "lsp": lsp.read_people,
    "lspet": lspet.read_people,
    "mpii": mpii.read_people,
    "coco": coco.read_people,
    "flic": flic.read_people,
}
# (data set, split rule) -> how many people others found there.
KNOWN_PEOPLE = {("mpii", rule): known for rule, known in mpii.KNOWN_PEOPLE.items()}
HELD_OUT = 512  # synthetic people kept for validation, of many
FEW = 600  # synthetic people that one process draws before others have started
SYNTHETIC = "synthetic"  # drawn, not read: a count and a seed instead of a folder
NAMES = (*SOURCES, SYNTHETIC)
# Everything else is read for people's own photographs, COCO's format first of all.
PUBLISHED = ("lsp", "lspet", "mpii", "flic", SYNTHETIC)


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How a data set is converted.

    Attributes:
      split_rule: key of `splits.RULES`.
      count, held_out: synthetic people to train on, and to validate on.
      seed: of the order, and of the synthetic people.
      storage: `Storage` of the records.
      keep_near_duplicates: keep LSP's training images that nearly repeat a test image.
      leave_out: ids of people who are left out of training.
      single_person: of MPII, convert only the people who stand apart from others.
      split: that everybody is in, instead of the rule's; None = by the rule.
      own: `coco.Options` of a data set of one's own.
      follow_links: whether links may lead out of the data set's folder.
    """

    split_rule: str = "development"
    count: int = 2000
    held_out: int = HELD_OUT
    seed: int = 0
    storage: Storage = USUAL
    keep_near_duplicates: bool = False
    leave_out: frozenset[str] = frozenset()
    single_person: bool = False
    split: str | None = None
    own: coco.Options = coco.USUAL
    follow_links: bool = False


def convert(
    dataset: str,
    out_dir: str | os.PathLike,
    src: str | os.PathLike | None = None,
    options: Conversion | None = None,
) -> Manifest:
    """Converts a data set to a folder that the pipeline reads.

    Args:
      dataset: one of `NAMES`.
      out_dir: folder to make; see `records.write_records`.
      src: folder of the data set; not for `synthetic`.
      options: `Conversion`; None = as it is by default.

    Returns:
      `Manifest`.

    Raises:
      UsageError: if the source is missing or broken, or `out_dir` holds something else.
    """
    options = options or Conversion()
    if dataset not in NAMES:
        raise UsageError(f"unknown data set {dataset!r}; expected one of {', '.join(NAMES)}")
    if options.split_rule not in RULES:
        raise UsageError(
            f"unknown split rule {options.split_rule!r}; expected one of {', '.join(RULES)}"
        )
    if options.single_person and dataset != "mpii":
        raise UsageError(f"--single_person is MPII's own list, {dataset!r} has none; leave it out")
    if options.own != coco.USUAL and dataset != "coco":
        raise UsageError(
            f"--pairs, --flip_pairs and --strict are for --dataset=coco, not for {dataset!r}; "
            "leave them out"
        )
    if options.split and dataset == SYNTHETIC:
        raise UsageError("--split is not for synthetic people; leave it out")
    report = Report()
    if dataset == SYNTHETIC:
        people = draw_people(options.count, options.held_out, options.seed)
    else:
        if not src or not os.path.isdir(src):
            raise UsageError(
                (f"--src={src} is not a folder" if src else "--src=DIR is missing")
                + f"; expected the folder of the unpacked data set {dataset!r}"
            )
        reader_options: dict[str, Any] = {"follow_links": options.follow_links}
        if options.single_person:
            reader_options["single_person"] = True
        if dataset == "coco":
            reader_options |= {"options": options.own, "report": report}
        people = SOURCES[dataset](src, **reader_options)
    return write_records(
        people,
        out_dir,
        source=dataset,
        rule=whole(options.split) if options.split else RULES[options.split_rule],
        seed=options.seed,
        storage=options.storage,
        leave_out=functools.partial(
            reason_to_leave_out,
            listed=options.leave_out,
            near_duplicates=not options.keep_near_duplicates,
        ),
        remake=_command(dataset, out_dir, options),
        report=report,
    )


def _command(dataset, out_dir, options):
    """The command that converts the same again; where the data set lies is left to its reader."""
    storage = options.storage
    words = [
        f"python bin/convert.py --dataset={dataset} --split_rule={options.split_rule}",
        f"--seed={options.seed} --shards={storage.shards}",
        f"--longest_side={storage.longest_side_px} --max_pixels={storage.max_pixels}",
    ]
    if dataset == SYNTHETIC:
        words.append(f"--count={options.count} --held_out={options.held_out}")
    else:
        words.append("--src=DIR")
        words += ["--keep_near_duplicates"] * options.keep_near_duplicates
        words += ["--leave_out=FILE"] * bool(options.leave_out)
        words += ["--follow_links"] * options.follow_links
        words += ["--single_person"] * options.single_person
        words += [f"--split={options.split}"] * bool(options.split)
        if options.own.pairs is not None:
            words.append("--pairs=" + ",".join(f"{a}:{b}" for a, b in options.own.pairs))
        words += ["--flip_pairs=none"] * (not options.own.mirrored)
        words += ["--strict"] * options.own.strict
    return " ".join([*words, f"--out={shlex.quote(str(out_dir))}"])


def is_own(folders: Iterable[str]) -> bool:
    """Whether any of some converted folders holds somebody's own data, no published data set."""
    sources = {manifest.read_manifest(folder).source for folder in folders}
    return any(source in NAMES and source not in PUBLISHED for source in sources)


def synthetic_folder(count: int, seed: int) -> str:
    """The data folder of some synthetic people, drawn once and used by every run of the same size.

    Args:
      count: to train on; an eighth as many more are for validation, at least 32 and at most
        `HELD_OUT`.
      seed: of the people.

    Returns:
      Its path, below `data/`.
    """
    folder = os.path.join("data", f"synthetic-{count}-seed{seed}")
    if not os.path.isfile(os.path.join(folder, manifest.NAME)):
        print(f"drawing {count} synthetic people into {folder} (once)", flush=True)
        held_out = min(HELD_OUT, max(32, count // 8))
        convert(SYNTHETIC, folder, options=Conversion(count=count, held_out=held_out, seed=seed))
    return folder


def draw_people(
    count: int, held_out: int, seed: int, processes: int | None = None
) -> Iterator[Person]:
    """Yields synthetic people, many of them drawn on all cores, always in the same order.

    Args:
      count, held_out: how many to train on and to validate on, >= 1.
      seed: of the people, >= 0; each depends on (seed, split, its number) only.
      processes: that draw; None = one for each core that may be used and has its memory, of few
        people none but this one.

    Raises:
      UsageError: for a count below 1 or a negative seed.
    """
    if min(count, held_out) < 1 or seed < 0:
        raise UsageError(
            f"--count={count} --held_out={held_out} --seed={seed}: expected at least one person "
            "of each kind and a seed >= 0"
        )
    if processes is None and count + held_out <= FEW:
        for split, people in ((TRAIN, count), (VALIDATION, held_out)):
            yield from (synthetic.make_person(seed, k, split=split) for k in range(people))
        return
    # Spawned, not forked: a fork would copy the locks of TensorFlow's threads, but not the threads.
    pool = concurrent.futures.ProcessPoolExecutor(
        processes or machine.workers(), mp_context=multiprocessing.get_context("spawn")
    )
    try:
        for split, people in ((TRAIN, count), (VALIDATION, held_out)):
            draw = functools.partial(synthetic.make_person, seed, split=split)
            with _deaf_children():
                drawn = pool.map(draw, range(people), chunksize=8)
            yield from drawn
    finally:  # also where Ctrl-C ends it: what was not begun is not drawn
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _deaf_children():
    """Processes that start in here ignore Ctrl-C: a terminal sends it to all, and one answer is
    enough."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so
        return
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
