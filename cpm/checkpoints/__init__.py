"""Checkpoints and files of weights: what is trained, kept on disk and found again.

saving.py            all of a run, to go on from
listing.py           checkpoints.json: which ones are complete, latest, best; the newest whole one
seals.py             checksums of one checkpoint's files
resolving.py         what --ckpt means
loading.py           a network from one
weights_file.py      one small file without the optimizer, to be handed on
pretrained/          the project's own: --ckpt=pretrained
tensorflow_files.py  the files of one checkpoint
thresholds.py        from which confidence on its joints are drawn
"""

from cpm.checkpoints.listing import LIST_NAME, begin, find_whole, read_list, require_whole
from cpm.checkpoints.loading import (
    load_network,
    read_description,
    read_network_variables,
    read_stages,
)
from cpm.checkpoints.resolving import resolve
from cpm.checkpoints.saving import Checkpoints, describe
from cpm.checkpoints.thresholds import record_threshold

__all__ = [
    "LIST_NAME",
    "Checkpoints",
    "begin",
    "describe",
    "find_whole",
    "load_network",
    "read_description",
    "read_list",
    "read_network_variables",
    "read_stages",
    "record_threshold",
    "require_whole",
    "resolve",
]
