"""An exported file as a network, whatever its runtime."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cpm.config import TrainConfig
from cpm.runtimes import ExportedNetwork


class OneCallAtATime:
    """A file whose answer is its input, if no other call began meanwhile."""

    functions = ("crops",)

    def __init__(self):
        self.metadata = {"stride": 8, "origin_px": 3.5}
        self.inside = threading.Semaphore(1)
        self._crops = None

    def run(self, function, inputs):
        assert self.inside.acquire(blocking=False), "two calls at once"
        self._crops = inputs["crops"]
        time.sleep(0.002)
        answer = self._crops.mean((1, 2))[np.newaxis, :, np.newaxis, np.newaxis]
        self.inside.release()
        return {"beliefs": answer}


def test_threads_that_share_a_file_get_their_own_answers():
    """LiteRT ended a folder of images with "gather index out of bounds", or mixed them up."""
    config = TrainConfig()
    network = ExportedNetwork(OneCallAtATime(), config)
    crops = [np.full([1, *config.network.image_size, 3], n, np.float32) for n in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda crop: network(crop, [[20, 20]])[-1], crops))
    assert [round(float(maps.mean())) for maps in found] == list(range(12))
