"""TensorFlow's threads on a CPU, as an `Execution` wants them.

TensorFlow has two numbers, fixed before it computes anything: among how many threads it shares out
one operation, and how many operations run at the same time.

    replicas = 1              all cores an operation    as many operations as cores
    replicas = 1, serial      all cores an operation    one operation
    replicas = R > 1          one thread an operation   R operations

The numbers follow from the `Execution` alone and are never read back from TensorFlow.
"""

import tensorflow as tf

from cpm.execution.processor import on_gpu, usable_cores
from cpm.execution.settings import Execution


def threads_of_operation(execution: Execution) -> int:
    """Among how many threads one operation is shared out."""
    return 1 if execution.replicas > 1 else usable_cores()


def operations_at_once(execution: Execution) -> int:
    """How many operations run at the same time."""
    if execution.replicas > 1:
        return execution.replicas
    return 1 if execution.serial else usable_cores()


def configure_threads(execution: Execution) -> None:
    """Sets TensorFlow's thread pools; a script calls it once, before TensorFlow computes anything.

    Later calls change nothing: results are the same, the replicas only share their threads.
    """
    if on_gpu():
        return
    try:
        if execution.replicas > 1:
            tf.config.threading.set_intra_op_parallelism_threads(threads_of_operation(execution))
        if execution.replicas > 1 or execution.serial:
            tf.config.threading.set_inter_op_parallelism_threads(operations_at_once(execution))
    except RuntimeError:
        pass  # TensorFlow has begun
