"""Settings that contradict each other: each value is in its range, but together they teach nothing.

`TrainConfig` itself allows them, since its fields are changed one after the other.
"""

from cpm.config import TrainConfig
from cpm.errors import UsageError


def refuse_contradictions(config: TrainConfig) -> None:
    """Checks a configuration whose fields all have their final values.

    Raises:
      UsageError: if two of them contradict each other; the message names them and a way out.
    """
    data, target = config.data, config.target
    # The answer for joints beyond the edge is an empty map, which these two keep out of the loss.
    if data.augment.truncate and target.drop_outside and target.mask_absent:
        raise UsageError(
            f"data.augment.truncate is {data.augment.truncate:g}, but target.drop_outside and "
            "target.mask_absent leave joints beyond the image out of the loss, so that crops "
            "that are cut off teach nothing about them; add --set=target.drop_outside=false"
        )
    if data.augment.company and data.max_people < 2:
        raise UsageError(
            f"data.augment.company is {data.augment.company:g}, but data.max_people is "
            f"{data.max_people}, so that none can be pasted in; add --set=data.max_people=2"
        )
    # Without norms the last kernel of such a block starts at zero: nothing to turn, and 0 / 0.
    network = config.network
    if network.trunk_blocks and network.norm == "none" and config.optimizer.optimizer == "muon":
        raise UsageError(
            f"optimizer.optimizer is muon, which turns kernels, but without norms each of the "
            f"{network.trunk_blocks} blocks of network.trunk_blocks starts with a kernel of zeros; "
            "add --norm=batch or --optimizer=adam"
        )
