"""A `RunReport` of made-up values, with every part that a page can have."""

import numpy as np

from cpm.report import RunReport, Shown


def metric(total, joints, stages=3):
    """One metric as `cpm.evaluation.report.score` has it."""
    per_joint = {joint: total - p for p, joint in enumerate(joints)}
    return {
        "total": total,
        "per_joint": per_joint,
        "groups": {},
        "per_stage": [total - t for t in range(stages)][::-1],
        "per_stage_joints": [per_joint] * stages,
        "interval": [total - 3, total + 2],
        "per_joint_interval": {joint: [v - 5, v + 4] for joint, v in per_joint.items()},
        "people": 60,
        "joints": 240,
        "unit": "25 px of the 368 px crop",
    }


def shown(caption, height=120, width=160, seed=0):
    """An image of noise."""
    rng = np.random.default_rng(seed)
    return Shown(rng.integers(0, 256, [height, width, 3], np.uint8), caption)


def report(name="photos", **changes):
    """The report of a run called `name`, which every text of the page repeats."""
    joints = ("nose", "left_ear", "right_ear", f"tail_{name}")
    values = {
        "name": name,
        "path": f"runs/{name}",
        "record": {"command": f"python bin/train.py --run_dir={name}", "commit": "1234567"},
        "settings": {"steps": "500", "network.skeleton": f"joints:{','.join(joints)}"},
        "recipe": ("own", {"steps": "2800", "network.skeleton": "mpii16"}),
        "people": {f"data/{name}": {"train": 50, "validation": 60}},
        "steps": 500,
        "step": 400,
        "seconds": 250.0,
        "step_seconds": 0.5,
        "batch_size": 16,
        "metrics": {"pcp25": metric(90.0, joints)},
        "main": "pcp25",
        "box_metrics": {"pcp25": metric(95.0, joints)},
        "curves": (shown("losses", 380, 520), shown("scores", 380, 520)),
        "stages": shown("stages", 400, 640),
        "examples": {
            group: [shown(f"{name}/{n}: {n} of 4 joints are right.", seed=n) for n in range(4)]
            for group in ("typical", "best", "worst")
        },
        "beliefs": shown("beliefs", 300, 900),
        "augmentation": shown("augmentation", 900, 700),
        "joints": joints,
        "commands": (("Find joints with it", f"python bin/predict.py --ckpt=runs/{name}"),),
    }
    return RunReport(**values | changes)
