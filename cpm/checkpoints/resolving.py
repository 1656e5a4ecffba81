"""Which checkpoint `--ckpt` means: a run, a checkpoint, a file of weights or the project's own."""

import os

from cpm.checkpoints import pretrained, weights_file
from cpm.checkpoints.listing import read_list
from cpm.checkpoints.tensorflow_files import require_complete
from cpm.errors import UsageError


def resolve(ckpt):
    """The checkpoint prefix that `--ckpt` means.

    Args:
      ckpt: a run folder (its best checkpoint, else its latest), its checkpoints folder, one
        checkpoint's prefix or `.index` file, a `.npz` file of cpm/checkpoints/weights_file.py
        (which is its own prefix), or `pretrained`, the one of cpm/checkpoints/pretrained.

    Raises:
      UsageError: if nothing of the kind is there.
    """
    if ckpt == pretrained.NAME:
        return pretrained.path()
    if weights_file.is_weights_file(ckpt):
        if not os.path.isfile(ckpt):
            raise UsageError(f"{ckpt} does not exist; name another file with --ckpt")
        return ckpt
    if os.path.isdir(ckpt):
        inner = os.path.join(ckpt, "checkpoints")
        folder = inner if os.path.isdir(inner) else ckpt
        listed = read_list(folder)
        if listed["latest"] is None:
            raise UsageError(
                f"{ckpt} holds no checkpoint; train one with: python bin/train.py --run_dir={ckpt}"
            )
        name = listed["best"]["name"] if listed["best"] else listed["latest"]
        return require_complete(os.path.join(folder, name))
    return require_complete(ckpt.removesuffix(".index"))
