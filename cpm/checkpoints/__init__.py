"""Checkpoints and files of weights: what is trained, kept on disk and found again.

saving.py            all of a run, to go on from
listing.py           checkpoints.json: which ones are complete, latest, best; the newest whole one
seals.py             checksums of one checkpoint's files
resolving.py         what --ckpt means
loading.py           a network from one
starting.py          the start of another network's training: joints go by their names
weights_file.py      one small file without the optimizer, to be handed on
pretrained/          the project's own: --ckpt=pretrained and --ckpt=pretrained-small
tensorflow_files.py  the files of one checkpoint
thresholds.py        from which confidence on its joints are drawn
"""

from cpm.checkpoints.listing import (
    LIST_NAME,
    begin,
    find_whole,
    read_list,
    require_whole,
    step_of,
)
from cpm.checkpoints.loading import (
    load_network,
    read_description,
    read_network_variables,
)
from cpm.checkpoints.resolving import resolve
from cpm.checkpoints.saving import Checkpoints, describe
from cpm.checkpoints.starting import Start, check_start, start_from
from cpm.checkpoints.thresholds import record_threshold

__all__ = [
    "LIST_NAME",
    "Checkpoints",
    "Start",
    "begin",
    "check_start",
    "describe",
    "find_whole",
    "load_network",
    "read_description",
    "read_list",
    "read_network_variables",
    "record_threshold",
    "require_whole",
    "resolve",
    "start_from",
    "step_of",
]
