"""Devices: the replicas of several GPUs or several hosts, joined by `tf.distribute`.

    none          this process and one device
    mirrored      this process and its GPUs; without a GPU, logical devices of the CPU
    multiworker   one process on each host of TF_CONFIG, each with all of its GPUs

Every device has a copy of each variable and computes the core of a step (cpm/training/step.py) for
its part of the batch. Then

    counts        are summed over all devices before the core runs
    gradients     are summed after it, and so are the losses and the moments of batch norms
    the update    is made on every device, from the same sums, so the copies stay equal

That is plain `tf.distribute`, used without its data sets, its loss scaling and its loops. The class
below is the whole of it for one device; `Distributed` is the same for many. Who computes asks for
these few operations and does not know how many devices there are.

A process is called a host here, whether it has a machine to itself or not. Host 0 is the chief: it
alone reads and writes the run folder.

References: docs/decisions/0052-one-step-on-many-devices.md; docs/howto/many_devices.md.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from cpm.errors import RunStopped, UsageError
from cpm.execution.cluster import read_cluster
from cpm.execution.processor import on_gpu, usable_cores
from cpm.execution.settings import Execution

# What TensorFlow raises where another process of the cluster does not answer any more. Which one
# depends on who notices first: the connection, the heartbeat, or the operation that waits.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)


class Devices:
    """One device, which computes whole batches.

    Attributes:
      count: devices of all hosts together.
      hosts: how many there are.
      host: the number of this one.
    """

    count, hosts, host = 1, 1, 0

    @property
    def chief(self) -> bool:
        """Whether this host reads and writes the run folder."""
        return self.host == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Context in which variables are made that every device has a copy of."""
        return contextlib.nullcontext()

    def cut(self, batch: Any) -> Any:
        """The parts of this host's batch, one for each of its devices, as `run` takes them."""
        return batch

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls `function` on every device; `index`, `sum` and `gather` work inside of it."""
        return function(*arguments)

    def index(self) -> int | tf.Tensor:
        """Inside of `run`: the number of the device, from 0."""
        return 0

    def sum(self, tensors: Any) -> Any:
        """Inside of `run`: the sums over all devices; differentiable. Any structure, one type."""
        return tensors

    def gather(self, tensor: tf.Tensor) -> tf.Tensor:
        """Inside of `run`: `[count, …]`, the tensors of all devices; differentiable."""
        return tensor[tf.newaxis]

    def first(self, values: Any) -> Any:
        """What `run` returned on this host's first device."""
        return values

    def numbers(self, number: int) -> list[int]:
        """The int of every host, in order; every host has to call it."""
        return [number]

    def share(self, variables: Sequence[tf.Variable]) -> None:
        """Gives the variables of all hosts the chief's values; every host has to call it."""

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true on any host; every host has to call it."""
        return any(self.numbers(int(flag)))

    def require_equal(self, what: str, text: str) -> None:
        """Checks that every host has the same text; every host has to call it.

        Raises:
          UsageError: on all hosts, if one has another; the message calls the text `what`.
        """
        numbers = self.numbers(zlib.crc32(text.encode()))
        for host, number in enumerate(numbers):
            if number != numbers[0]:
                raise UsageError(
                    f"host {host} has other {what} than host 0; start the same command, with the "
                    "same data, on every host"
                )

    def wait(self) -> None:
        """Returns when every host has called it."""
        self.numbers(0)

    def losing_one_is_a_sentence(self) -> contextlib.AbstractContextManager:
        """Context in which the loss of another host raises `RunStopped`."""
        return contextlib.nullcontext()


class Distributed(Devices):
    """All devices of a `tf.distribute` strategy.

    Args:
      strategy: `MirroredStrategy` or `MultiWorkerMirroredStrategy`, without a scope around it.
      hosts, host: how many processes there are, and the number of this one.
    """

    def __init__(self, strategy: tf.distribute.Strategy, *, hosts: int = 1, host: int = 0) -> None:
        self._strategy = strategy
        self.count = strategy.num_replicas_in_sync
        self.hosts, self.host = hosts, host
        self._here = self.count // hosts
        self._total = tf.function(lambda vector: self.run(self.sum, vector), autograph=False)

    def scope(self) -> contextlib.AbstractContextManager:
        return self._strategy.scope()

    def cut(self, batch: Any) -> Any:
        rows = len(tf.nest.flatten(batch)[0])
        if rows % self._here:
            raise ValueError(f"a batch of {rows} does not divide among {self._here} devices")
        parts = [tf.split(tensor, self._here) for tensor in tf.nest.flatten(batch)]
        first = self.host * self._here

        def part(context):
            number = context.replica_id_in_sync_group - first
            return tf.nest.pack_sequence_as(batch, [tensor[number] for tensor in parts])

        return self._strategy.experimental_distribute_values_from_function(part)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._strategy.run(function, args=arguments)

    def index(self) -> tf.Tensor:
        return tf.distribute.get_replica_context().replica_id_in_sync_group

    def sum(self, tensors: Any) -> Any:
        # TensorFlow sums on the device of a tensor; what was not computed there has none.
        tensors = tf.nest.map_structure(tf.identity, tensors)
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    def gather(self, tensor: tf.Tensor) -> tf.Tensor:
        # A sum of rows: TensorFlow's own all_gather forgets shapes and gathers them once more for
        # its gradient. Here both directions are one sum of small tensors.
        row = tf.one_hot(self.index(), self.count, dtype=tensor.dtype)  # [count]
        return self.sum(tf.tensordot(row, tensor, axes=0))

    def first(self, values: Any) -> Any:
        return tf.nest.map_structure(
            lambda value: self._strategy.experimental_local_results(value)[0], values
        )

    def numbers(self, number: int) -> list[int]:
        if self.hosts == 1:
            return [number]
        own = tf.one_hot(self.host, self.hosts, on_value=number, off_value=0, dtype=tf.int64)
        total = self.first(self._total(own)).numpy()  # every device of a host adds the same
        return [int(n) // self._here for n in total]

    def share(self, variables: Sequence[tf.Variable]) -> None:
        if self.hosts == 1:
            return

        @tf.function(autograph=False)
        def share():
            self.run(self._share, variables)

        share()

    def _share(self, variables):
        """One sum in which only the chief's first device has other numbers than 0."""
        speaks = tf.equal(self.index(), 0)
        values = [tf.cast(v, tf.float64) for v in variables]  # one type, which holds all of them
        values = self.sum([tf.where(speaks, v, tf.zeros_like(v)) for v in values])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(tf.cast(value, variable.dtype))

    @contextlib.contextmanager
    def losing_one_is_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except LOST as error:
            if self.hosts == 1:
                raise
            raise RunStopped(
                f"host {self.host} of {self.hosts} stops: another host of TF_CONFIG does not "
                "answer any more. The same command on every host goes on from the last save. "
                f"TensorFlow says: {str(error).strip().splitlines()[0][:200]}"
            ) from error


def connect(execution: Execution) -> Devices:
    """The `Devices` of an `Execution`; call it before TensorFlow computes anything.

    With `multiworker` it returns when all hosts of TF_CONFIG have called it.

    Args:
      execution: `Execution`; its `distribute` and `devices` count.
    Raises:
      UsageError: if there are fewer GPUs than asked for, a number of them that nothing would use,
        or no usable TF_CONFIG.
    """
    if execution.devices and execution.distribute != "mirrored":
        raise UsageError(
            f"--devices={execution.devices} is of --distribute=mirrored, but --distribute is "
            f"{execution.distribute}; add the one, or leave out the other"
        )
    if execution.distribute == "none":
        return Devices()
    if execution.distribute == "mirrored":
        return Distributed(tf.distribute.MirroredStrategy(_local_devices(execution.devices)))
    cluster = read_cluster()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Distributed(strategy, hosts=len(cluster.addresses), host=cluster.host)


def _local_devices(wanted):
    """Names of this host's GPUs; without a GPU, of logical devices of the CPU."""
    if on_gpu():
        present = len(tf.config.list_physical_devices("GPU"))
        if wanted > present:
            raise UsageError(f"--devices={wanted}, but this host has {present} GPUs")
        return [f"GPU:{n}" for n in range(wanted or present)]
    count = wanted or usable_cores()
    [cpu] = tf.config.list_physical_devices("CPU")
    logical = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, logical)
    return [f"CPU:{n}" for n in range(count)]


def require_equal_parts(batch_size: int, devices: Devices, replicas: int = 1) -> None:
    """Checks that every device gets as many people.

    Args:
      batch_size: of all devices together.
      devices: `Devices`.
      replicas: parts that each device cuts its part into.
    Raises:
      UsageError: if it does not divide.
    """
    parts = devices.count * replicas
    if devices.count > 1 and batch_size % parts:
        raise UsageError(
            f"--batch_size={batch_size} does not divide among {devices.count} devices"
            f"{f' with {replicas} replicas each' if replicas > 1 else ''}; it is the number of "
            f"people of all devices together: try --batch_size={-(-batch_size // parts) * parts}"
        )
