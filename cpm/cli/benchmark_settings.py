"""The network and the training that the flags of bin/benchmark.py name."""

from absl import flags

from cpm.cli.flags import keys_given, network_config_from_flags, settings_from_flags
from cpm.cli.training_data import data_folders_from_flags
from cpm.config import OptimizerConfig
from cpm.data import pipeline
from cpm.execution import Settings
from cpm.execution.processor import usable_cores
from cpm.execution.replicas import replicas_that_pay, serial_pays
from cpm.network.architectures import preset

FLAGS = flags.FLAGS

# What a laptop's memory holds; of other presets the recipe's.
BATCH_SIZES = {"vgg": 2, "paper": 1}


def network_settings() -> Settings:
    """The preset as it is, with plain SGD: what every library can be asked to do.

    The targets are the recipe's: `mini` weighs the foreground.
    """
    network = network_config_from_flags(FLAGS, preset(FLAGS.arch or "mini"))
    settings = settings_from_flags(FLAGS).changed(
        {
            "network": network,
            "optimizer": OptimizerConfig(optimizer="sgd", weight_decay=5e-4),
        }
    )
    if network.arch in BATCH_SIZES and "data.batch_size" not in keys_given(FLAGS):
        settings = settings.changed({"data": {"batch_size": BATCH_SIZES[network.arch]}})
    return settings


def recipe_settings() -> Settings:
    """What bin/train.py would train."""
    skeleton = pipeline.largest_skeleton(pipeline.open_folders(data_folders_from_flags(), "train"))
    return settings_from_flags(FLAGS, skeleton=skeleton, synthetic=not FLAGS.data)


def in_replicas(settings: Settings) -> Settings:
    """The settings with their batches cut as bin/train.py cuts them: as many cores as threads."""
    execution = {
        "replicas": replicas_that_pay(settings.config, threads()),
        "serial": serial_pays(settings.config),
    }
    return settings.changed({"execution": execution})


def threads() -> int:
    """Threads of each library."""
    return FLAGS.threads or usable_cores()
