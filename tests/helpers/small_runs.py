"""Small runs on disk, as training leaves them: noise with joints, an untrained network, records."""

import numpy as np

from cpm.checkpoints import Checkpoints
from cpm.config import AUGMENTATIONS, DataConfig, NetworkConfig, TrainConfig
from cpm.data.person import Origin, Person, Pose
from cpm.data.records import write_records
from cpm.data.splits import RULES
from cpm.execution import Execution
from cpm.network import ConvolutionalPoseMachine
from cpm.skeleton import own_skeleton
from cpm.training.optimizers import make_optimizer
from cpm.training.run_folder import RunFolder

CAT = own_skeleton(("nose", "left_ear", "right_ear", "tail"), (("nose", "tail"),))
CONFIG = TrainConfig(
    network=NetworkConfig(skeleton=CAT.name, stages=2, width=0.1, image_size=(32, 32)),
    data=DataConfig(batch_size=2, max_people=1, augment=AUGMENTATIONS["wild"]),
    steps=4,
)


def cats(split, count, skeleton=CAT):
    """People of `split`: noise, with all joints in the middle part of the image."""
    rng = np.random.default_rng(len(split))
    for n in range(count):
        image = rng.integers(0, 256, (60, 80, 3), np.uint8)
        pose = Pose(rng.uniform(15, 45, (len(skeleton), 2)), np.full(len(skeleton), 2))
        origin = Origin("coco", f"{split}/{n}.png", n, official_split=split)
        yield Person(f"coco/{split}-{n}", image, skeleton, pose, origin=origin)


def write_data(folder, *, source="coco", train=6, validation=5, skeleton=CAT):
    """A converted folder; `coco` counts as somebody's own data. Returns its path."""
    people = [*cats("train", train, skeleton), *cats("validation", validation, skeleton)]
    write_records(people, str(folder), source=source, rule=RULES["development"])
    return str(folder)


def write_run(folder, data, *, config=CONFIG, seed=1, recipe="own"):
    """A run with one checkpoint and two recorded steps. Returns its path and the network."""
    record = RunFolder(str(folder))
    record.claim(config, Execution(), [data], recipe=recipe)
    network = ConvolutionalPoseMachine(config.network, seed=seed)
    optimizer = make_optimizer(config.optimizer, network)
    Checkpoints(record.checkpoints, network, optimizer, config).save(config.steps)
    for step in (1, 2):
        losses = {"loss": 3.0, "loss_stage_1": 2.0, "loss_stage_2": 1.0}
        record.metrics.append(
            {"step": step, "seconds": step / 2, "images_per_second": 4.0} | losses
        )
    record.metrics.append({"step": 2, "seconds": 1.0, "evaluation": {"pcp25": 10.0 * seed}})
    return str(folder), network


def write_unsaved_run(folder, steps):
    """A run of some recorded steps that saved nothing. Returns its `RunFolder`."""
    record = RunFolder(folder)
    record.claim(TrainConfig(), Execution(save_every=10, eval_every=100), ["a"])
    for step in range(1, steps + 1):
        record.metrics.append({"step": step})
    return record
