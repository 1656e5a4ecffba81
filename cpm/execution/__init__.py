"""How a network is computed, apart from what it is: one `Execution` value, and what acts on it.

The plain network (cpm/network) runs one layer after the other. Everything here wraps it from
outside: the choice of convolutions (`convolution`), precision, recomputation and the moments of
batch norms in training (`training`, `recompute`), a network in use (`use`), batches cut into
replicas (`replicas`), and TensorFlow's threads (`threads`, `processor`).

Nothing here changes what is learned but for rounding, with one exception: batch norms take the
moments of a replica's part of the batch.
"""

from cpm.execution.settings import Execution, Settings

__all__ = ["Execution", "Settings"]
