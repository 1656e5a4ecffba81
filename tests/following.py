"""How many people of a synthetic walk are followed, beside how many are to be seen.

    python -m tests.following --ckpt=pretrained
    python -m tests.following --ckpt=pretrained-small --people=2 --rate=12 --seeds=1,2,3,4
    python -m tests.following --ckpt=stand-in

Walks are rendered with known joints (cpm/synthetic/walk.py). A person counts as visible if half of
the joints are. One who is followed is right if half of the joints are within a tenth of the height.
"Passed on" counts how often a number stands for another person than before. `stand-in` takes no
network: tests/helpers/stand_in_network.py knows the truth, and errs. So it compares rules of
cpm/inference/tracking.py, quickly.
"""

import argparse
import time

import numpy as np

from cpm.inference.tracking import Tracker
from cpm.skeleton import VISIBLE
from cpm.synthetic.walk import walk
from cpm.text_table import format_table
from tests.helpers.stand_in_network import StandIn
from tests.helpers.truth_reader import MPII
from tests.helpers.walk_videos import stamp

SIZE = (480, 640)
SMALL = 5  # of the stand-in, which sees no image, frames are rendered so many times smaller


def rendered(arguments, seed):
    """Images, joints `[F, N, 16, 2]` and states `[F, N, 16]` of one walk."""
    small = SMALL if arguments.ckpt == "stand-in" else 1
    times = np.arange(arguments.frames) / arguments.rate
    size = (SIZE[0] // small, SIZE[1] // small)
    frames = list(walk(times, people=arguments.people, size=size, seed=seed))
    joints_px = small * np.stack([frame.joints_px for frame in frames])
    return [f.image for f in frames], joints_px, np.stack([f.state for f in frames])


def tracker_of(arguments, joints_px, state, seed):
    """A `Tracker` over the weights, or over the stand-in, and the skeleton."""
    if arguments.ckpt == "stand-in":
        network = StandIn(joints_px, state, seed)
        find = network.find
    else:
        from cpm.inference import Predictor

        network = Predictor(arguments.ckpt, flip=False)

        def find(image):
            return list(network(image, people="all").people)

    options = {"margin": network.margin, "threshold": network.threshold}
    return Tracker(network.poses, find, network.skeleton, **options), network.skeleton


def follow(arguments, seed):
    """A row of the table: what is seen, followed, right, searched and mistaken in one walk."""
    images, joints_px, state = rendered(arguments, seed)
    if arguments.ckpt == "stand-in":
        blank = np.zeros([16, 96, 3], np.uint8)
        images = [stamp(blank, number) for number in range(len(images))]
    tracker, skeleton = tracker_of(arguments, joints_px, state, seed)
    channels = skeleton.channels_from(MPII)
    began, meaning, followed, right, passed_on = time.perf_counter(), {}, 0, 0, 0
    times = np.arange(len(images)) / arguments.rate
    for number, image in enumerate(images):
        later = list(zip(images, times, strict=True))[number + 1 : number + 4]
        people = tracker(image, times[number], later if arguments.ahead else ())
        taken = set()
        for person in people:
            n, near = nearest(person, joints_px[number][:, channels], skeleton)
            right += near and n not in taken
            taken.add(n)
            passed_on += meaning.get(person.id, n) != n
            meaning[person.id] = n
        followed += len(people)
    count = len(images)
    visible = ((state == VISIBLE).mean(-1) >= 0.5).sum() / count
    seconds = (time.perf_counter() - began) / count
    numbers = (visible, followed / count, right / count)
    counts = (tracker.searches, tracker.passes, passed_on, len(meaning))
    return [*numbers, *counts, 1000 * seconds]


def nearest(person, truth, skeleton):
    """(the true person who is most like this one, whether the pose is right); sides may differ."""
    heights = np.ptp(truth, axis=1).max(-1)[:, np.newaxis]
    errors = [
        np.median(np.linalg.norm(t - person.joints_px, axis=-1) / heights, axis=1)
        for t in (truth, truth[:, skeleton.mirror])
    ]
    error = np.minimum(*errors)
    return int(error.argmin()), bool(error.min() < 0.1)


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ckpt", default="pretrained", help="Weights, or stand-in. Default: %(default)s.")
    add("--people", type=int, default=3, help="Number of people. Default: %(default)s.")
    add("--frames", type=int, default=150, help="Number of frames. Default: %(default)s.")
    add("--rate", type=float, default=25.0, help="Frames a second. Default: %(default)s.")
    add("--seeds", default="1,2,3", help="Seeds of the walks, one each. Default: %(default)s.")
    add(
        "--one_by_one",
        dest="ahead",
        action="store_false",
        help="Follows without frames to come. Default: with three of them.",
    )
    arguments = parser.parse_args(argv)
    rows = []
    for seed in map(int, arguments.seeds.split(",")):
        rows.append(follow(arguments, seed))
        print(f"seed {seed} done", flush=True)
    heads = ["seed", "visible", "followed", "right", "searches", "crops", "passed on", "numbers"]
    names = [*arguments.seeds.split(","), "mean"]
    cells = [
        [name, *(f"{value:.2f}" for value in row)]
        for name, row in zip(names, [*rows, np.mean(rows, axis=0)], strict=True)
    ]
    print(format_table([*heads, "ms a frame"], cells))
    return rows


if __name__ == "__main__":
    main()
