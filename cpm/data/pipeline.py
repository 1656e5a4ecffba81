"""From converted folders to batches: order -> parse -> decode -> augment -> crop -> batch.

A batch is a dict (B examples, M = `max_people` poses each, P joints of the model's skeleton):

    image          [B, H, W, 3] float32, RGB, 0..255
    joints_px      [B, M, P, 2] float32, crop pixels; pose 0 is the primary person's
    state          [B, M, P] int32: 0 absent, 1 occluded, 2 visible
    center_px      [B, 2] float32, crop pixels: the person's center
    head_size_px   [B] float32, image pixels; 0 = unknown
    crop_to_image  [B, 2, 3] float32
    valid          [B] float32; 0 marks a row that only fills the last batch
    id             [B] string
    nobody         [B] float32; 1: nobody is at the center, pose 0 is absent and the later stages'
                   maps are empty; only where `AugmentConfig.nobody` is above 0
    pyramid        [B, S, H, W, 3] like image, the person larger by each of S factors; only where
                   evaluation asks for other scales than 1

Joints are mapped by name, so folders of different skeletons mix; a joint that a data set does not
know is absent. The example at (seed, epoch, position) is a function: a resumed run sees exactly
the batches of an unbroken one.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from cpm.config import AugmentConfig, TrainConfig
from cpm.data import shuffling
from cpm.data.decoding import DecodedImages, decode
from cpm.data.examples import parse_size
from cpm.data.manifest import read_manifest
from cpm.data.prepare import example_maker
from cpm.data.records import decoded
from cpm.data.splits import TRAIN
from cpm.errors import UsageError
from cpm.geometry import CropRegion
from cpm.machine import usable_cores
from cpm.skeleton import ABSENT, Skeleton, get_skeleton

WINDOW_BYTES = 256_000_000  # of records that are held in memory to shuffle among
WORKERS = min(16, usable_cores())


@dataclasses.dataclass(frozen=True)
class Folder:
    """One split of one converted folder."""

    skeleton: Skeleton
    files: tuple[str, ...]
    people: int
    bytes: int


def training_batches(
    data_dirs: str | Sequence[str],
    config: TrainConfig,
    *,
    start_step: int = 0,
    part: tuple[int, int] = (0, 1),
    cache_bytes: int = 0,
) -> tf.data.Dataset:
    """Endless batches of augmented training people.

    Args:
      data_dirs: converted folders: a list, or one string with commas between them. They are
        shuffled together. The people of a folder that is named twice come twice an epoch.
      config: `TrainConfig`; its `seed`, `data` and `network` are used.
      start_step: steps that were already taken; the stream goes on behind them.
      part: (host, hosts): only this host's rows of each batch. All hosts together have the batches
        of one, however many they are.
      cache_bytes: of decoded images to keep in memory; 0 = none. The batches are the same.

    Returns:
      `tf.data.Dataset` of batch dicts, all of `config.data.batch_size` rows or of this host's part
      of them.

    Raises:
      UsageError: if a folder is missing, incomplete or has no training people.
    """
    folders = open_folders(data_dirs, TRAIN, config.data.crop)
    records = training_records(folders, config, start_step=start_step, part=part)
    kept = {"decode": DecodedImages(cache_bytes)} if cache_bytes else {}
    make = _maker(folders, config, config.data.crop, config.data.augment, **kept)
    first, last = _rows_of(part, config.data.batch_size)
    return tuned(
        records.map(make, num_parallel_calls=WORKERS, deterministic=True)
        .batch(last - first, drop_remainder=True)
        .prefetch(2)
    )


def training_records(
    folders: Sequence[Folder],
    config: TrainConfig,
    *,
    start_step: int = 0,
    part: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """What `training_batches` makes batches of: the serialized training people in their order.

    Args:
      folders: of `open_folders`.
      config, start_step, part: as in `training_batches`.

    Returns:
      Endless `tf.data.Dataset` of what `shuffling.endless_order` gives; pairs where people are
      pasted in.
    """
    files, numbers = _files(folders)
    records = shuffling.endless_order(
        files,
        numbers,
        sum(folder.people for folder in folders),
        seed=config.seed,
        buffer=_window(folders, config.data.shuffle_buffer),
        start=start_step * config.data.batch_size,
        pairs=config.data.augment.company > 0,
    )
    if part[1] == 1:
        return records
    rows = _rows_of(part, config.data.batch_size)
    return shuffling.rows_of_batches(records, config.data.batch_size, *rows)


def evaluation_batches(
    data_dirs: str | Sequence[str],
    config: TrainConfig,
    *,
    split: str,
    crop: str | None = None,
    batch_size: int | None = None,
    scales: Sequence[float] = (1.0,),
    regions: Mapping[str, CropRegion] | None = None,
) -> tf.data.Dataset:
    """Every person of a split once, in fixed order, unchanged.

    Args:
      data_dirs: as in `training_batches`; one folder after the other, each once.
      config: `TrainConfig`.
      split: `train`, `validation` or `test`.
      crop: rule that places the crop, instead of `config.data.crop`.
      batch_size: instead of `config.data.batch_size`.
      scales: of the `pyramid`; there is none for (1.0,).
      regions: {id: `CropRegion`} of people whose crop lies there, not where the rule says; or None.

    Returns:
      Finite `tf.data.Dataset` of full batches; the last is filled with rows of `valid` 0 whose
      joints are absent.

    Raises:
      UsageError: if a folder is missing or incomplete, or none holds this split.
    """
    batch_size = batch_size or config.data.batch_size
    folders = open_folders(each_once(data_dirs), split, crop or config.data.crop)
    scales = () if tuple(scales) == (1.0,) else tuple(scales)
    crop = crop or config.data.crop
    make = _maker(folders, config, crop, AugmentConfig(), scales, regions)
    examples = shuffling.fixed_order(*_files(folders)).map(
        make, num_parallel_calls=WORKERS, deterministic=True
    )
    missing = -sum(folder.people for folder in folders) % batch_size
    if missing:
        row = _filler(config, scales)
        filler = tf.data.Dataset.from_tensors(row).repeat(missing)
        examples = examples.concatenate(filler)
    return tuned(examples.batch(batch_size, drop_remainder=True).prefetch(2))


def open_folders(data_dirs: str | Sequence[str], split: str, crop: str = "joints") -> list[Folder]:
    """The parts of the converted folders that hold the split.

    Warns where the rule `person` meets people without an annotated scale.

    Returns:
      List of `Folder`, at least one with people.

    Raises:
      UsageError: if a folder is not a complete conversion, or nobody is in the split.
    """
    paths = split_names(data_dirs)
    manifests = [read_manifest(path) for path in paths]
    folders = [
        Folder(
            manifest.skeleton,
            tuple(os.path.join(path, s.file) for s in manifest.splits.get(split, ())),
            manifest.people(split),
            sum(shard.bytes for shard in manifest.splits.get(split, ())),
        )
        for path, manifest in zip(paths, manifests, strict=True)
    ]
    for path, manifest in zip(paths, manifests, strict=True):
        scaled = manifest.report["splits"].get(split, {}).get("scaled", 0)
        if crop == "person" and scaled < manifest.people(split):
            logging.warning(
                "%s: %d of %d records have an annotated scale; the others are cut by their joints",
                path,
                scaled,
                manifest.people(split),
            )
    folders = [folder for folder in folders if folder.people]
    if not folders:
        known = sorted({name for manifest in manifests for name in manifest.splits})
        raise UsageError(
            f"nothing of split {split!r} in {', '.join(map(repr, paths))}; "
            f"there are: {', '.join(known) or 'none'}; name a folder that has it, too, with --data "
            f"(bin/convert.py --split={split} converts a folder as such, --split_rule says "
            "which part of a data set is), or evaluate another --split"
        )
    return folders


def image_sizes(data_dirs: str | Sequence[str], split: str) -> dict[str, tuple[int, int]]:
    """The (height, width) of everybody's image in a split, by the person's id.

    Raises:
      UsageError: as of `open_folders`; if a record is damaged.
    """
    files, _ = _files(open_folders(each_once(data_dirs), split))
    return dict(pair for file in files for pair in decoded(file, parse_size))


def largest_skeleton(folders: Sequence[Folder]) -> str:
    """Name of the folders' skeleton; where they differ, of the one with the most joints."""
    return max((folder.skeleton for folder in folders), key=len).name


def split_names(data_dirs: str | Sequence[str]) -> Sequence[str]:
    """The folders of `--data`: a list as it is, a string cut at its commas.

    A folder whose own name has a comma is found if it is the only one.

    >>> split_names("data/lsp,data/lspet")
    ['data/lsp', 'data/lspet']
    """
    if isinstance(data_dirs, (str, os.PathLike)):
        text = str(data_dirs)
        data_dirs = [text] if os.path.isdir(text) else text.split(",")
    paths = [str(path).strip() for path in data_dirs if str(path).strip()]
    if not paths:
        raise UsageError("no data folder was named; expected --data=DIR or --data=DIR,DIR")
    return paths


def each_once(data_dirs: str | Sequence[str]) -> list[str]:
    """The folders of `--data`, each once: what is evaluated of a folder that weighs double.

    >>> each_once("data/lsp,data/lspet,data/lsp/")
    ['data/lsp', 'data/lspet']
    """
    found: dict[str, str] = {}
    for path in split_names(data_dirs):
        found.setdefault(os.path.normpath(path), path)
    return list(found.values())


def _files(folders):
    """(all shard paths, for each the number of its folder)."""
    pairs = [(file, n) for n, folder in enumerate(folders) for file in folder.files]
    return [file for file, _ in pairs], [n for _, n in pairs]


def _window(folders, wanted):
    """People to shuffle among: as many as wanted, if their records fit into `WINDOW_BYTES`."""
    people, size = (sum(getattr(f, k) for f in folders) for k in ("people", "bytes"))
    return max(1, min(wanted, WINDOW_BYTES * people // size))


def _maker(folders, config, crop, augment, scales=(), regions=None, decode=decode):
    """The function that `Dataset.map` applies to each (epoch, folder, serialized)."""
    return example_maker(
        [folder.skeleton for folder in folders],
        config.network,
        dataclasses.replace(config.data, crop=crop, augment=augment),
        seed=config.seed,
        scales=scales,
        regions=regions,
        decode=decode,
    )


def _filler(config, scales):
    """A row that only fills a batch: a gray crop without anybody."""
    height, width = config.network.image_size
    empty = np.full((height, width, 3), config.data.border, np.float32)
    pyramid = {"pyramid": np.stack([empty] * len(scales))} if scales else {}
    poses = (config.data.max_people, len(get_skeleton(config.network.skeleton)))
    return pyramid | {
        "image": empty,
        "joints_px": np.zeros((*poses, 2), np.float32),
        "state": np.full(poses, ABSENT, np.int32),
        "center_px": np.array([(width - 1) / 2, (height - 1) / 2], np.float32),
        "head_size_px": np.float32(0),
        "crop_to_image": np.eye(2, 3, dtype=np.float32),
        "valid": np.float32(0),
        "id": b"",
    }


def _rows_of(part, batch_size):
    """(first, behind the last) of a batch's rows that a host has; `part` is (host, hosts)."""
    host, hosts = part
    return tuple(n * batch_size // hosts for n in (host, host + 1))


def tuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Fixed order, and no more threads than there are cores: the network needs them too."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = WORKERS
    options.threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)
