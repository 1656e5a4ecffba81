"""What a training says before and after: ten lines at most, whatever the run is."""

import dataclasses

from cpm.checkpoints import Start, read_description, resolve
from cpm.cli.run_lines import closing_lines, opening_lines
from cpm.config import NetworkConfig, OptimizerConfig, TrainConfig
from cpm.execution import Execution
from tests.helpers.markdown_files import read
from tests.helpers.run_reports import metric

JOINTS = ("nose", "left_ear", "right_ear", "tail")


@dataclasses.dataclass
class Result:
    """The part of an `Evaluation` that is said."""

    metrics: dict


def test_opening_says_everything_in_ten_lines():
    network = NetworkConfig(stages=6, skeleton=f"joints:{','.join(JOINTS)}", image_size=(96, 128))
    lines = opening_lines(
        TrainConfig(network=network, steps=500),
        Execution(xla=True, replicas=2),
        data=["data/cats"],
        people={"train": 50, "validation": 10},
        not_learned=["left_eye", "right_eye", "chin", "withers"],
        recipe="own",
        taken=("pretrained", Start(6, 0, ("nose",), JOINTS[1:])),
        run_dir="runs/cats",
    )
    assert len(lines) < 10  # and one when a run is resumed
    text = "\n".join(lines)
    for words in (
        *(
            "50 to train, 10 to validate; 4 joints; not learned: left_eye",
            "6 stages",
            "crop 128 x 96 px",
        ),
        "pretrained: trunk and stages 1 to 6; map of nose; fresh: left_ear, right_ear, tail",
        *("500 of 16 objects, 160 epochs", "rate 0.002", "XLA, 2 replicas", "runs/cats/"),
    ):
        assert words in text
    assert text.isascii()


def test_closing_says_everything_in_ten_lines():
    boxes = Result({"pcp25": metric(95.0, JOINTS)})
    lines = closing_lines(
        Result({"pck@0.2": metric(80.0, JOINTS), "pcp25": metric(90.0, JOINTS)}),
        box=boxes,
        step=400,
        steps=500,
        seconds=372.0,
        run_dir="runs/my cats",
    )
    assert len(lines) <= 10
    text = "\n".join(lines)
    for words in (
        *("step 400 of 500; trained 6 min", "pck@0.2 80.0 % of 60 validation objects"),
        *(
            "without a box, as bin/predict.py --people=1",
            "77.0 to 82.0 (95 %)",
            "with box  pcp25 95.0 %",
        ),
        *("78.0 -> 79.0 -> 80.0", "tail 77.0 %", "--ckpt='runs/my cats' --input=IMAGE"),
    ):
        assert words in text


def test_the_howto_says_what_the_script_says():
    """docs/howto/fine_tune.md quotes the first lines of a training."""
    weights, _ = read_description(resolve("pretrained"))
    network = dataclasses.replace(weights.network, skeleton="joints:nose,left_ear,right_ear")
    config = TrainConfig(network=network, optimizer=OptimizerConfig(learning_rate=5e-4))
    start = Start(6, 0, (), ("nose", "left_ear", "right_ear"))
    lines = opening_lines(
        config,
        Execution(),
        data=["data/photos"],
        people={"train": 50, "validation": 10},
        recipe="own",
        taken=("pretrained", start),
        run_dir="runs/tuned",
    )
    quoted = read("docs/howto/fine_tune.md").split("```text\n")[1].split("```")[0]
    assert set(quoted.splitlines()) < set(lines)
