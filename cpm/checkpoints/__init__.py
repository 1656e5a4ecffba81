"""Checkpoints and files of weights: what is trained, kept on disk and found again.

saving.py            all of a run, to go on from
listing.py           checkpoints.json: which ones are complete, latest, best
resolving.py         what --ckpt means
loading.py           a network from one
starting.py          the start of another network's training: joints go by their names
weights_file.py      one small file without the optimizer, to be handed on
pretrained/          the project's own: --ckpt=pretrained
tensorflow_files.py  the files of one checkpoint
"""

from cpm.checkpoints.listing import LIST_NAME, read_list
from cpm.checkpoints.loading import (
    load_network,
    read_description,
    read_network_variables,
)
from cpm.checkpoints.resolving import resolve
from cpm.checkpoints.saving import Checkpoints, describe, step_of
from cpm.checkpoints.starting import Start, check_start, start_from

__all__ = [
    "LIST_NAME",
    "Checkpoints",
    "Start",
    "check_start",
    "describe",
    "load_network",
    "read_description",
    "read_list",
    "read_network_variables",
    "resolve",
    "start_from",
    "step_of",
]
