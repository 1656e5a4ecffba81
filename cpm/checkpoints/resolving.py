"""Which checkpoint `--ckpt` means: a run, a checkpoint, a file of weights or the project's own."""

import os

from cpm import untrusted
from cpm.checkpoints import pretrained, weights_file
from cpm.checkpoints.listing import require_whole
from cpm.checkpoints.seals import problem_of, require_readable
from cpm.checkpoints.tensorflow_files import require_complete
from cpm.errors import UsageError
from cpm.untrusted import no_file

_INSTEAD = "or name other weights with --ckpt or --init_from"


def resolve(ckpt: str) -> str:
    """The checkpoint prefix that `--ckpt` means.

    Args:
      ckpt: a run folder (its best checkpoint, else its latest), its checkpoints folder, one
        checkpoint's prefix or `.index` file, a `.npz` file of cpm/checkpoints/weights_file.py
        (which is its own prefix), or `pretrained` or `pretrained-small`, the project's own of
        cpm/checkpoints/pretrained.

    Raises:
      UsageError: if nothing of the kind is there.
    """
    if ckpt in pretrained.FILES:
        return pretrained.path(ckpt)
    if os.path.isdir(ckpt):
        return _of_folder(ckpt)
    if weights_file.is_weights_file(ckpt):
        if not os.path.isfile(ckpt):
            raise UsageError(f"{ckpt} {no_file(ckpt)}; name another with --ckpt or --init_from")
        return ckpt
    own = ckpt.lower().replace("_", "-")
    if own in pretrained.FILES and not os.path.exists(f"{ckpt}.index"):
        raise UsageError(f"--ckpt={ckpt} is not there; did you mean --ckpt={own}?")
    prefix = require_complete(ckpt.removesuffix(".index"))
    require_readable(prefix)
    if problem := problem_of(prefix):
        raise UsageError(
            f"checkpoint {prefix} is not whole: {problem}; restore its files from a copy, "
            f"{_INSTEAD}"
        )
    return prefix


def _of_folder(ckpt):
    """The best whole checkpoint of a run folder, else the newest, with a warning."""
    inner = os.path.join(ckpt, "checkpoints")
    untrusted.require_readable(ckpt)
    folder = inner if os.path.isdir(inner) else ckpt
    search = require_whole(folder, prefer_best=True, instead=_INSTEAD)
    if search.prefix is None:
        raise UsageError(
            f"{ckpt} holds no checkpoint; train one with: python bin/train.py --run_dir={ckpt}"
        )
    return search.prefix
