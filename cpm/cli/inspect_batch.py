"""Draws one batch exactly as training sees it, its ideal belief maps beside it.

    python bin/inspect_batch.py --data=data/lsp --out=batch.png
    python bin/inspect_batch.py --data=data/lsp,data/lspet --split=validation --out=batch.png

Look at it before every training run on new data: are the joints on the bodies, is the person's own
left side blue, does the person fill the crop? Discs are visible joints, rings occluded ones, white
dots other people; the map in the middle is the target of stage 1, the right one of later stages.
"""

import itertools
from collections.abc import Sequence

from absl import flags

from cpm.cli.flags import (
    define_run_flags,
    settings_from_flags,
)
from cpm.data import datasets, pipeline, verification
from cpm.errors import UsageError
from cpm.geometry import cell_origin
from cpm.plots.batch import draw_batch
from cpm.plots.image_files import check_image_name, write_image
from cpm.skeleton import get_skeleton
from cpm.training.targets import make_targets

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    define_run_flags()
    flags.DEFINE_string("out", None, "PNG file to write. Required.", required=True)
    flags.DEFINE_enum(
        "split",
        "train",
        ["train", "validation", "test"],
        "Split to draw a batch of; only train has augmentation.",
    )
    flags.DEFINE_integer("step", 0, "Number of the batch, from 0.", lower_bound=0)


def main(_: Sequence[str]) -> None:
    """Draws and writes one batch."""
    check_image_name(FLAGS.out)
    if not FLAGS.data:
        raise UsageError("say what to look at: --data=DIR, a folder that bin/convert.py made")
    folders = pipeline.split_names(FLAGS.data)
    people = pipeline.open_folders(folders, FLAGS.split)
    skeleton = pipeline.largest_skeleton(people)
    config = settings_from_flags(skeleton=skeleton, own=datasets.is_own(folders)).config
    if FLAGS.split == "train":
        batches = pipeline.training_batches(folders, config, start_step=FLAGS.step)
    else:
        batches = pipeline.evaluation_batches(folders, config, split=FLAGS.split)
        batches = itertools.islice(batches, FLAGS.step, None)
    batch = next(verification.whole_batches(batches, folders, FLAGS.split), None)
    if batch is None:
        raise UsageError(f"--step={FLAGS.step}: split {FLAGS.split!r} ends before it")
    targets = make_targets(
        batch,
        config.target,
        stride=config.network.stride,
        background=False,
        origin_px=cell_origin(config.network.grid, config.network.stride),
    )
    arrays = {key: value.numpy() for key, value in batch.items()}
    found = get_skeleton(config.network.skeleton)
    write_image(FLAGS.out, draw_batch(arrays, targets.first.numpy(), targets.later.numpy(), found))
    print(f"wrote {FLAGS.out}")
