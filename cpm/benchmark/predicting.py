"""bin/predict.py as a user runs it: seconds to the first result, then images a second.

    one image    from the launch of Python to the line that tells the result: imports, weights, both
                 passes; what a single image costs
    json         many images of 640 × 480 to a JSON file: mean time of an image between the first
                 result and the last, tracing and compiling included
    drawings     the same, each image drawn as well

The script runs in a process of its own with the project's weights, or with `ckpt`. Peak memory is
that of the whole process; where it stays the same for twice the images, it is flat.
"""

import dataclasses
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from cpm.benchmark.processes import Failed
from cpm.benchmark.startup import flags_of
from cpm.benchmark.timing import summarize
from cpm.process_memory import peak_mb
from cpm.synthetic.people import read_people

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bin", "predict.py")
SIZE = (640, 480)
DIFFERENT = 16  # people drawn; more images repeat them
# In the line of every image, and in no other.
RESULT = re.compile(r"\d+ of \d+ joints|nobody found")


def measure_predicting(
    images: int, rounds: int, variant: str | None = None, say: Callable[[str], object] = print
) -> list[dict[str, Any]]:
    """Times the script on one image, on many, and on many with drawings.

    Args:
      images: how many.
      rounds: how often each.
      variant: key of `ours.VARIANTS`; None = the script as it is.
      say: where a line of progress goes.

    Returns:
      Entries as of `measure.measure`, without peers; `ours` has `images_per_s`, too.
    """
    entries, flags = [], flags_of(variant) if variant else []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(os.path.join(folder, "images"), images)
        outputs = {
            "one image": (paths[0], []),
            "json": (os.path.dirname(paths[0]), [f"--json={folder}/a.json"]),
            "drawings": (os.path.dirname(paths[0]), [f"--out={folder}/drawings"]),
        }
        for name, (source, more) in outputs.items():
            runs = []
            for _ in range(rounds):
                runs.append(one_run([f"--input={source}", *more, *flags]))
                seconds = runs[-1][0]
                speed = f"{1 / seconds:.2f} images a second"
                say(f"  {name}: {speed if more else f'{seconds:.2f} s'}")
            summary = summarize([seconds for seconds, _ in runs])
            numbers = dataclasses.asdict(summary) | {"peak_mb": max(peak for _, peak in runs)}
            item = f"predict, {name}, two passes" + (f", {images} images" if more else "")
            item += f", {variant}" if variant else ""
            entries.append(
                {
                    "name": item,
                    "case": "predict",
                    "item": item,
                    "variant": name,
                    "flop": 0,
                    "ours": numbers | {"images_per_s": 1 / summary.median_s},
                    "peers": {},
                    "ratio": {},
                }
            )
    return entries


def write_images(folder: str, count: int) -> list[str]:
    """JPEG files of synthetic people; returns their paths."""
    os.makedirs(folder)
    contents = []
    for person in read_people(min(count, DIFFERENT), 0):
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(person.image)).resize(SIZE).save(buffer, "JPEG", quality=90)
        contents.append(buffer.getvalue())
    paths = [os.path.join(folder, f"{n:06}.jpg") for n in range(count)]
    for n, path in enumerate(paths):
        with open(path, "wb") as file:
            file.write(contents[n % len(contents)])
    return paths


def one_run(flags: Sequence[str]) -> tuple[float, float]:
    """Runs the script once.

    Returns:
      (seconds from the launch to the result, of one image; else from the first result to the end,
      an image; peak memory, MB).

    Raises:
      Failed: if it ends without a result.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-u", SCRIPT, *flags],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout, "a pipe was asked for"
        times, peak = [], 0.0
        for line in process.stdout:
            if RESULT.search(line):
                times.append(time.perf_counter())
                peak = max(peak, peak_mb(process.pid))
        process.stdout.close()
        if process.wait() or not times:
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise Failed("bin/predict.py found nothing\n" + "\n".join(tail))
    if len(times) == 1:
        return times[0] - start, peak
    return (times[-1] - times[0]) / (len(times) - 1), peak
