"""An exported file as a network: called and described like a `ConvolutionalPoseMachine`.

So an exported file is scored and used by the same code as a checkpoint: crops, passes, mirror
image and decoding are this project's, and the file answers with belief maps.
"""

import os
import threading
from typing import Any

import numpy as np

from cpm.config import TrainConfig
from cpm.config_json import from_dict
from cpm.config_upgrade import upgraded
from cpm.errors import UsageError
from cpm.runtimes.opening import OpenedFile, open_exported
from cpm.skeleton import get_skeleton


class ExportedNetwork:
    """Belief maps by an exported file.

    Attributes:
      eager: True: it takes arrays, not the tensors of a graph.
      config, skeleton, stride, origin_px: as of the network that was exported.

    Args:
      opened: a file of cpm/runtimes/opening.py that holds the function `crops`.
      config: `TrainConfig`.
    """

    eager = True

    def __init__(self, opened: OpenedFile, config: TrainConfig) -> None:
        self.config = config.network
        self.skeleton = get_skeleton(config.network.skeleton)
        self.stride = opened.metadata["stride"]
        self.origin_px = opened.metadata["origin_px"]
        self._opened = opened
        # LiteRT and OpenVINO keep a call's arrays in the file that was opened: two calls at once
        # would read each other's. Each call has all cores anyway.
        self._one_call = threading.Lock()

    def __call__(
        self, images: np.ndarray, center_px: np.ndarray, *, training: bool = False
    ) -> tuple[np.ndarray, ...]:
        """Belief maps of every stage; threads may share the network.

        Args:
          images: `[B, H, W, 3]`, of the size that the network was exported for.
          center_px: `[B, 2]`.
          training: False.

        Returns:
          Tuple of T arrays `[B, h, w, P(+1)]`.
        """
        if training:
            raise ValueError("an exported network is not trained; train the one it was made from")
        crops = np.ascontiguousarray(images, np.float32)
        expected = tuple(self.config.image_size)
        if crops.shape[1:3] != expected:
            raise UsageError(
                f"crops are {crops.shape[1:3]}; this file was exported for {expected} pixels"
            )
        inputs = {"crops": crops, "center_px": np.asarray(center_px, np.float32)}
        with self._one_call:
            return tuple(self._opened.run("crops", inputs)["beliefs"])


def load_exported(path: str | os.PathLike) -> tuple[ExportedNetwork, TrainConfig, dict[str, Any]]:
    """An exported file as `cpm.checkpoints.load_network` gives a checkpoint.

    Args:
      path: a file of bin/export.py, or a SavedModel's folder.

    Returns:
      (`ExportedNetwork`, `TrainConfig`, description dict with `prefix` added).

    Raises:
      UsageError: if it cannot be opened, does not hold the function `crops`, or says of itself
        what no network is.
    """
    path = str(path)
    opened = open_exported(path)
    if "crops" not in opened.functions:
        raise UsageError(
            f"{path} holds {', '.join(opened.functions)} but not crops, or the file for it is not "
            "beside it; export it with --what=image,box,crops"
        )
    description = opened.metadata
    try:
        config = from_dict(TrainConfig, upgraded(description)["config"], path)
        network = ExportedNetwork(opened, config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} is damaged, since its configuration is none ({error}); export the network "
            "again with bin/export.py"
        ) from error
    return network, config, description | {"prefix": path}
