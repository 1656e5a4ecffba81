"""The machine's own limits: how fast it multiplies matrices and copies memory.

Every time of the benchmark is shown beside them: 300 GFLOP/s mean one thing on a machine that
reaches 350 in its best case and another on one that reaches 3000. A matrix product is the best
case: it is what all of these libraries are tuned for, and its operands fit into the caches.

Conventions: one multiply-add is two floating point operations (FLOP); a copy moves each byte twice,
once in and once out. The best of several calls counts here, since it is a limit.
"""

import concurrent.futures
import dataclasses
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cpm.execution.processor import usable_cores

MATRIX = 2048  # side: 16 MB each, 17 GFLOP a product
COPIED_BYTES = 256 * 2**20  # far more than the caches hold
SECONDS = 1.0  # for each number


@dataclasses.dataclass(frozen=True)
class Limits:
    """What the machine can do at best.

    Attributes:
      matmul_gflops: {library: float32 matrix products, billions of operations a second}.
      copy_gb_s: memory copied by all cores, read and written bytes together, 1e9 a second.
      write_gb_s: memory filled by all cores, 1e9 bytes a second.
      cores: that this process may use.
    """

    matmul_gflops: dict
    copy_gb_s: float
    write_gb_s: float
    cores: int

    @property
    def gflops(self) -> float:
        """The faster of the libraries."""
        return max(self.matmul_gflops.values())

    def best_with(self, other: "Limits") -> "Limits":
        """The larger of every number: a limit is what was reached when nobody else was busy."""
        products = {
            library: max(rate, other.matmul_gflops[library])
            for library, rate in self.matmul_gflops.items()
        }
        return Limits(
            products,
            max(self.copy_gb_s, other.copy_gb_s),
            max(self.write_gb_s, other.write_gb_s),
            self.cores,
        )


def measure_limits(
    matrix: int = MATRIX, copied_bytes: int = COPIED_BYTES, seconds: float = SECONDS
) -> Limits:
    """Measures them; takes about four times `seconds`.

    Returns:
      `Limits`.
    """
    a = np.random.default_rng(0).normal(size=[2, matrix, matrix]).astype(np.float32)
    b = tf.constant(a[0]), tf.constant(a[1])
    product = tf.function(tf.matmul, autograph=False)
    flop = 2 * matrix**3
    numpy_s = best(lambda: a[0] @ a[1], seconds)
    tensorflow_s = best(lambda: product(*b).numpy(), seconds)
    source = np.ones(copied_bytes // 4, np.float32)
    target = np.empty_like(source)
    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        pairs = list(
            zip(
                np.array_split(target, usable_cores()),
                np.array_split(source, usable_cores()),
                strict=True,
            )
        )
        # NumPy lets go of the interpreter's lock while it copies.
        copy_s = best(lambda: list(pool.map(lambda p: np.copyto(*p), pairs)), seconds)
        write_s = best(lambda: list(pool.map(lambda p: p[0].fill(1.0), pairs)), seconds)
    return Limits(
        matmul_gflops={
            "numpy": flop / numpy_s / 1e9,
            "tensorflow": flop / tensorflow_s / 1e9,
        },
        copy_gb_s=2 * source.nbytes / copy_s / 1e9,
        write_gb_s=source.nbytes / write_s / 1e9,
        cores=usable_cores(),
    )


def best(function: Callable[[], object], seconds: float) -> float:
    """Shortest time of a call, tried for about `seconds` after one call that isn't counted."""
    function()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
