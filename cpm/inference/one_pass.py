"""One pass: squares of images → crops → joints in image pixels, with or without belief maps."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cpm import geometry
from cpm.config import DecodingConfig
from cpm.errors import UsageError
from cpm.inference.batches import check_finite, predict_with_beliefs
from cpm.inference.beliefs import Network, decoded_grid
from cpm.inference.chunks import submitted
from cpm.inference.joint_reader import JointReader
from cpm.inference.person_pose import PoseMaps
from cpm.inference.upright_crops import upright_crop


class OnePass:
    """Reads the joints in squares of images; threads may share it.

    Args:
      network: a `ConvolutionalPoseMachine`, or anything called and described like one.
      reader: `JointReader` of it.
      border: color outside the images, a number or `[3]`.
      threads: batches of a call that are computed at once. While one is in the network, whose
        operations share all cores, another is cut or decoded on a core that would be idle.
    """

    def __init__(
        self,
        network: Network,
        reader: JointReader,
        border: float | Sequence[float],
        threads: int = 1,
    ) -> None:
        self._network, self._reader, self._border = network, reader, border
        self._process = os.getpid()
        # One for the batches of all threads that call, so that no more of them are in memory.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")

    def __call__(
        self,
        images: Sequence[np.ndarray],
        regions: Sequence[geometry.CropRegion],
        decoding: DecodingConfig,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints in given squares of given images, in batches.

        Args:
          images: list of N arrays `[H, W, 3]` uint8; the same one may be in it many times.
          regions: list of N `geometry.CropRegion`.
          decoding: `DecodingConfig`.

        Returns:
          joints `[N, P, 2]` float64 in image pixels, confidence `[N, P]` float32.

        Raises:
          UsageError: in a fork of the process that loaded the network.
          UsageError: if the network's belief maps are not finite.
        """
        self._check_process()
        joints_px, confidence = self._empty(len(regions))

        def compute(rows):
            batch, matrices = self._batch(images[rows], regions[rows], decoding)
            joints_crop, confidence[rows] = self._reader(batch, decoding)
            check_finite(confidence[rows])
            joints_px[rows] = geometry.transform_points(matrices, joints_crop)

        batches = self._batches(len(regions), decoding)
        if len(batches) == 1:
            compute(*batches)
            return joints_px, confidence
        waiting = [submitted(self._pool, compute, rows) for rows in batches]
        try:
            for each in waiting:
                each.result()
        finally:  # after an error or Ctrl-C the others are in vain
            for each in waiting:
                each.cancel()
        return joints_px, confidence

    def _batches(self, count, decoding):
        """Slices of so many crops."""
        most = self._reader.most(decoding)
        return [slice(start, start + most) for start in range(0, count, most)]

    def with_maps(
        self,
        images: Sequence[np.ndarray],
        regions: Sequence[geometry.CropRegion],
        decoding: DecodingConfig,
    ) -> tuple[np.ndarray, np.ndarray, list[PoseMaps]]:
        """As a call, crop by crop, with a list of N `PoseMaps`."""
        self._check_process()
        kept = [self._one_crop(*pair, decoding) for pair in zip(images, regions, strict=True)]
        joints_px, confidence = self._empty(len(kept))
        for n, (pose_maps, own) in enumerate(kept):
            joints_px[n], confidence[n] = pose_maps.stage_joints_px[-1], own
        return joints_px, confidence, [pose_maps for pose_maps, _ in kept]

    def _check_process(self):
        """A fork has none of the threads that TensorFlow and ours compute in: it waited forever."""
        if os.getpid() != self._process:
            raise UsageError(
                "the network was loaded before this process was forked, and nothing is computed "
                "in a fork; load it in each process, which multiprocessing should start by "
                "'spawn', or use threads, which may share it"
            )

    def _empty(self, count):
        """Room for joints `[N, P, 2]` and confidence `[N, P]`."""
        joints = len(self._network.skeleton)
        return np.empty([count, joints, 2]), np.empty([count, joints], np.float32)

    def _one_crop(self, image, region, decoding):
        """The `PoseMaps` of one pass over this `CropRegion`, and the confidence `[P]`."""
        batch, matrices = self._batch([image], [region], decoding)
        beliefs, joints_crop, confidence = predict_with_beliefs(self._network, batch, decoding)
        check_finite(confidence.numpy())
        pose_maps = PoseMaps(
            stage_joints_px=geometry.transform_points(matrices[0], joints_crop[:, 0].numpy()),
            beliefs=tuple(np.asarray(b_t[0]) for b_t in beliefs),
            stride=decoded_grid(self._network, decoding)[0],
            crop=np.clip(np.rint(batch["image"][0]), 0, 255).astype(np.uint8),
            crop_to_image=matrices[0],
        )
        return pose_maps, confidence[-1, 0].numpy()

    def _batch(self, images, regions, decoding):
        """N crops, with their scaled copies if asked for, and their maps into images `[N, 2, 3]`.

        All are NumPy arrays, float32.
        """
        height, width = size = self._network.config.image_size
        pairs = list(zip(images, regions, strict=True))
        matrices = [geometry.crop_to_image(region, size) for region in regions]
        crops = [
            upright_crop(image, matrix, size, self._border)
            for (image, _), matrix in zip(pairs, matrices, strict=True)
        ]
        middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
        batch = {"image": np.stack(crops), "center_px": np.tile(middle, [len(crops), 1])}
        if decoding.scales != (1.0,):
            batch["pyramid"] = np.stack(
                [
                    [
                        upright_crop(
                            image, geometry.crop_to_image(region, size, s), size, self._border
                        )
                        for s in decoding.scales
                    ]
                    for image, region in pairs
                ]
            )  # [N, S, H, W, 3]
        return batch, np.stack(matrices)
