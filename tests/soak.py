"""A long run with kills at random, and long predictions: same end to the bit, memory stays flat.

    python -m tests.soak                                     20,000 steps, 10,000 images, 10 minutes
    python -m tests.soak --steps=40 --kill_every=1 --save_every=5 --images=200 --frames=200

Three parts, of a tiny network on tiny images:

    training    is killed (SIGKILL) at random instants, `--kill_every` seconds after its first new
                step on average, and begun again by the same command until it ends; then the same
                run is trained without a kill. All tensors of both last checkpoints are compared.
    images      bin/predict.py reads a folder of that many
    video       and a video of that many frames

Of each process the resident memory and the number of open descriptors are read about ten times a
second, from its first step, image or frame on. What it has at its end is compared with what it had
after its first fifth. A training's end is its last step: the evaluation and the page that follow
are other work. That finds a jump, and a
leak of megabytes. A small leak is a slope. It is the median of those of five parts of the second
half, so that single jumps of an allocator do not count; of each part it is the median between any
two samples (Theil and Sen). A kilobyte for every step, image or frame is too much, in a process
that did at least 5,000 of them: in fewer a jump looks like a slope. The exit status is 1 if the
last checkpoints differ, or if something grew.

References: Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVERY_S = 0.1
MOST_GROWTH = 0.05  # of memory, beside `SLACK_BYTES`: allocators keep what they got
SLACK_BYTES = 64 << 20
MOST_LEAK_BYTES = 1000  # for every step, image or frame
LEAST_ITEMS = 5000  # of which a slope says something
PARTS, POINTS = 5, 200  # of the second half; samples of a part that are compared with each other
TAIL_BYTES = 1 << 16  # of metrics.jsonl; a line is shorter
NETWORK = (
    *("--stages=2", "--width=0.125", "--image_size=32", "--batch_size=2", "--replicas=1"),
    "--optimizer=adam",
)


class Watched:
    """A script of bin/ in a process of its own, and what it held while it ran.

    Attributes:
      samples: list of (resident bytes, open descriptors).
      items: steps, images or frames that it does while it is sampled.
    """

    def __init__(self, script, arguments, log, items):
        self.samples, self.items = [], items
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "bin" / script), *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=log,
            stderr=log,
        )

    def wait(self, stop=lambda: False, has_begun=lambda: True, is_over=lambda: False):
        """Waits until the process ends, or until `stop()`, and kills it then.

        Args:
          stop: says whether to kill it now.
          has_begun: says whether its work has begun; imports and loading are not sampled.
          is_over: says whether its work is done and only its end is left, which is not sampled.

        Returns:
          Its exit status.
        """
        try:
            while self._process.poll() is None and not stop():
                if has_begun() and not is_over():
                    self._sample()
                time.sleep(EVERY_S)
        finally:  # also if this program is stopped: nothing stays behind
            self._process.kill()
        return self._process.wait()

    def _sample(self):
        folder = Path(f"/proc/{self._process.pid}")
        try:
            pages = int((folder / "statm").read_text().split()[1])
            count = len(os.listdir(folder / "fd"))
        except (OSError, IndexError, ValueError):  # it ended just now
            return
        self.samples.append((pages * os.sysconf("SC_PAGE_SIZE"), count))

    def growth(self):
        """(bytes, descriptors) after the first fifth and at the end, each a median."""
        part = max(1, len(self.samples) // 20)
        first = self.samples[len(self.samples) // 5 :][:part]
        return tuple(
            tuple(sorted(column)[len(column) // 2] for column in zip(*samples, strict=True))
            for samples in (first, self.samples[-part:])
        )

    def leak(self):
        """Bytes that every item adds to memory, in the second half."""
        held = [bytes_held for bytes_held, _ in self.samples[len(self.samples) // 2 :]]
        size = max(1, len(held) // PARTS)
        slopes = [slope(held[n * size : (n + 1) * size]) for n in range(PARTS)]
        return statistics.median(slopes) * len(self.samples) / self.items

    def is_flat(self):
        """Whether neither memory nor descriptors grew."""
        (bytes_then, files_then), (bytes_now, files_now) = self.growth()
        return (
            bytes_now < bytes_then * (1 + MOST_GROWTH) + SLACK_BYTES
            and files_now <= files_then + 4
            and (self.items < LEAST_ITEMS or self.leak() < MOST_LEAK_BYTES)
        )


def slope(values):
    """The median of the slopes between any two of the values, in a unit a sample.

    >>> slope([5, 7, 9, 1000, 13, 15])
    2.0
    """
    step = max(1, len(values) // POINTS)
    points = list(enumerate(values))[::step]
    slopes = [(b - a) / (j - i) for n, (i, a) in enumerate(points) for j, b in points[n + 1 :]]
    return statistics.median(slopes) if slopes else 0.0


def train(folder, name, options, log, kills=None):
    """Trains until the end; returns (number of kills, the last process that trained).

    Args:
      folder: that holds data/, and the run.
      name: of the run.
      options: of the command line.
      log: file.
      kills: `random.Random` that says when to kill; None = never.
    """
    count, metrics = 0, folder / name / "metrics.jsonl"
    trained = None
    arguments = [f"--data={folder / 'data'}", f"--run_dir={folder / name}", *NETWORK]
    arguments += [f"--steps={options.steps}", f"--save_every={options.save_every}"]
    arguments += [f"--eval_every={options.steps}"]
    while True:
        begun = last_step(metrics)
        wait_s = kills.uniform(0, 2 * options.kill_every) if kills else 0
        deadline = []

        def is_due(begun=begun, wait_s=wait_s, deadline=deadline):
            if not deadline and last_step(metrics) > begun:
                deadline.append(time.monotonic() + wait_s)
            return bool(deadline) and time.monotonic() > deadline[0]

        process = Watched("train.py", arguments, log, options.steps - begun)
        status = process.wait(
            is_due if kills else lambda: False,
            lambda begun=begun: last_step(metrics) > begun,
            lambda: last_step(metrics) >= options.steps,
        )
        if process.samples:  # one that was killed after the last step leaves nothing to train
            trained = process
        if status == 0:
            return count, trained
        if status != -signal.SIGKILL:
            sys.exit(f"the training ended with status {status}; see {log.name}")
        count += 1


def last_step(metrics):
    """The step of the last whole line of a metrics.jsonl; 0 where there is none."""
    try:
        with open(metrics, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            *whole, _ = file.read().split(b"\n")  # the last piece is empty, or half a line
    except OSError:
        return 0
    return json.loads(whole[-1])["step"] if whole else 0


def difference(first, second):
    """(names of the tensors in which two runs' last checkpoints differ, how many there are)."""
    import numpy as np
    import tensorflow as tf

    from cpm import checkpoints

    readers = [
        tf.train.load_checkpoint(checkpoints.find_whole(str(run / "checkpoints")).prefix)
        for run in (first, second)
    ]
    kinds = [reader.get_variable_to_dtype_map() for reader in readers]
    # Texts are the objects' graph and the description, which holds the runs' own paths.
    names = {n for kind in kinds for n in kind if kind[n] != tf.string}
    return [
        name
        for name in sorted(names)
        if not all(name in kind for kind in kinds)
        or np.asarray(readers[0].get_tensor(name)).tobytes()
        != np.asarray(readers[1].get_tensor(name)).tobytes()
    ], len(names)


def predict(folder, kind, source, items, log):
    """Predicts so many images or frames in a folder or file; returns the process."""
    written = folder / f"{kind}.jsonl"
    arguments = [f"--input={source}", f"--ckpt={folder / 'tiny.npz'}", f"--json={written}"]
    process = Watched("predict.py", arguments, log, items)
    status = process.wait(has_begun=lambda: written.exists() and written.stat().st_size > 0)
    if status:
        sys.exit(f"predicting {kind} ended with status {status}; see {log.name}")
    return process


def make_images(folder, count):
    """A folder of `count` small JPEG files, links to eight different ones."""
    from PIL import Image

    from tests.helpers.small_data_sets import smooth_image

    folder.mkdir()
    for n in range(count):
        path = folder / f"{n:06d}.jpg"
        if n < 8:
            Image.fromarray(smooth_image(48, 64, seed=n)).save(path)
        else:
            os.link(folder / f"{n % 8:06d}.jpg", path)
    return folder


def make_video(path, count):
    """A video of `count` small frames."""
    import av

    from tests.helpers.small_data_sets import smooth_image

    images = [smooth_image(48, 64, seed=n) for n in range(8)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(count):
            frame = av.VideoFrame.from_ndarray(images[n % 8], format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def show(what, process):
    """Prints a row; whether memory and descriptors stayed as they were."""
    (bytes_then, files_then), (bytes_now, files_now) = process.growth()
    flat = process.is_flat()
    cells = [
        *(what, f"{bytes_then / 1e6:.0f} → {bytes_now / 1e6:.0f}", f"{process.leak() / 1e3:.2f}"),
        *(f"{files_then} → {files_now}", "yes" if flat else "**no**"),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return flat


def main():
    """Runs the three parts; 1 if one of them is not as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--steps", type=int, default=20_000, help="Steps to train. Default: %(default)s.")
    add(
        "--kill_every",
        type=float,
        default=30.0,
        help="Mean seconds between kills. Default: %(default)s.",
    )
    add(
        "--save_every",
        type=int,
        default=100,
        help="Steps between checkpoints. Default: %(default)s.",
    )
    add("--images", type=int, default=10_000, help="Images in the folder. Default: %(default)s.")
    add("--frames", type=int, default=15_000, help="Frames of the video. Default: %(default)s.")
    add("--seed", type=int, default=1, help="Seed of the kills' times. Default: %(default)s.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cpm-soak-"))
    from tests.helpers.small_runs import write_data
    from tests.helpers.tiny_networks import tiny_weights

    write_data(folder / "data")
    tiny_weights(folder / "tiny.npz")
    with open(folder / "log.txt", "wb") as log:
        kills, killed = train(folder, "killed", options, log, random.Random(options.seed))
        _, whole = train(folder, "whole", options, log)
        different, tensors = difference(folder / "killed", folder / "whole")
        print(
            f"{options.steps} steps, {kills} kills: "
            + (
                f"{', '.join(different[:3])} differ"
                if different
                else f"all {tensors} tensors equal"
            ),
            flush=True,
        )
        print("\n| what | resident MB | kB an item | descriptors | flat |", flush=True)
        print("|---|---:|---:|---:|---|", flush=True)
        flat = [
            show("training after the last kill", killed),
            show("training without a kill", whole),
            show(
                f"{options.images} images",
                predict(
                    folder,
                    "images",
                    make_images(folder / "images", options.images),
                    options.images,
                    log,
                ),
            ),
            show(
                f"a video of {options.frames} frames",
                predict(
                    folder,
                    "video",
                    make_video(folder / "walk.mp4", options.frames),
                    options.frames,
                    log,
                ),
            ),
        ]
    if different or not all(flat):
        print(f"the runs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
