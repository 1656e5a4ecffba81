"""bin/predict.py --people=1 as a user runs it: seconds to a result, then images a second.

    one image    from the launch of Python to the line that tells the result: imports, weights, both
                 passes; what a single image costs
    json         many images of 640 × 480 to a JSON file: mean time of an image between the first
                 result and the last, tracing and compiling included
    drawings     the same, each image drawn as well

The script runs in a process of its own. Peak memory is that of the whole process; where it stays
the same for twice the images, it is flat.

Its peers are the same weights in a file of bin/export.py, which the same script reads: joints are
then computed by ONNX Runtime or LiteRT. `cpm_lite` is cpm/lite.py, which needs no TensorFlow and
takes one image; `cpm_lite_int8` is the same with weights of 8 bits.
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
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from cpm.benchmark.processes import Failed
from cpm.benchmark.sides import Peer
from cpm.benchmark.startup import flags_of
from cpm.benchmark.timing import summarize
from cpm.process_memory import peak_mb
from cpm.synthetic.people import read_people

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SCRIPT = os.path.join(ROOT, "bin", "predict.py")
LITE = os.path.join(ROOT, "cpm", "lite.py")
EXPORT = os.path.join(ROOT, "bin", "export.py")
WEIGHTS = "pretrained"
AS_IT_IS = "default"  # the script without flags of speed
SIZE = (640, 480)
DIFFERENT = 16  # people drawn; more images repeat them
# In the line of every image, and in no other.
RESULT = re.compile(r"\d+ of \d+ joints|no(?:body|thing) found")
# Files of bin/export.py: {kind: (name, --format, --precision)}.
FILES = {
    "onnx": ("pose.onnx", "onnx", "float32"),
    "litert": ("pose.tflite", "litert", "float32"),
    "litert_int8": ("pose_int8.tflite", "litert", "int8"),
}
# `predict` names the kind of the file that the peer reads.
LITERT = Peer(("ai_edge_litert",), {"predict": "litert"}, requirements="requirements-export.txt")
PEERS = {
    "onnxruntime": dataclasses.replace(
        LITERT, packages=("onnx", "tf2onnx", "onnxruntime"), makes={"predict": "onnx"}
    ),
    "litert": LITERT,
    "cpm_lite": LITERT,
    "cpm_lite_int8": dataclasses.replace(LITERT, makes={"predict": "litert_int8"}),
}
OF_LITE = ("cpm_lite", "cpm_lite_int8")  # those of cpm/lite.py


def measure_predicting(
    images: int,
    rounds: int,
    variants: Sequence[str | None] = (None,),
    peers: Sequence[str] = (),
    ckpt: str = WEIGHTS,
    say: Callable[[str], object] = print,
) -> list[dict[str, Any]]:
    """Times the script on one image, on many, and on many with drawings.

    Args:
      images: how many.
      rounds: how often each; all sides take turns.
      variants: keys of `ours.VARIANTS`; None = the script as it is.
      peers: keys of `PEERS` that take part.
      ckpt: weights that all sides use.
      say: where a line of progress goes.

    Returns:
      Entries as of `measure.measure`; ours and the peers also have `images_per_s`.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(os.path.join(folder, "images"), images)
        outputs = {
            "one image": (paths[0], []),
            "json": (os.path.dirname(paths[0]), [f"--json={folder}/a.json"]),
            "drawings": (os.path.dirname(paths[0]), [f"--out={folder}/drawings"]),
        }
        exported = write_exports(folder, peers, ckpt, say)
        entries = []
        for name, (source, more) in outputs.items():
            sides: dict[str | None, Callable[[], tuple[float, float]]] = {}
            one = ["--people=1", f"--input={source}", *more]
            for variant in variants:
                own = [f"--ckpt={ckpt}", *(flags_of(variant) if variant else [])]
                sides[variant] = partial(one_run, [*one, *own])
            for peer, path in exported.items():
                if peer not in OF_LITE:
                    sides[peer] = partial(one_run, [*one, f"--ckpt={path}"])
                elif not more:
                    sides[peer] = partial(one_run, [path, source], LITE)
            runs: dict[str | None, list[tuple[float, float]]] = {side: [] for side in sides}
            for _ in range(rounds):
                for side, run in sides.items():
                    runs[side].append(run())
                    seconds = runs[side][-1][0]
                    speed = f"{1 / seconds:.2f} images a second" if more else f"{seconds:.2f} s"
                    say(f"  {name}, {side or 'ours'}: {speed}")
            numbers = {side: _numbers(found) for side, found in runs.items()}
            item = f"predict, {name}, {ckpt}" + (f", {images} images" if more else "")
            entries += [_entry(item, variant, numbers, exported) for variant in variants]
        return entries


def _numbers(runs):
    """What a side's runs come to, `runs` as of `one_run`."""
    summary = summarize([seconds for seconds, _ in runs])
    rest = {"peak_mb": max(peak for _, peak in runs), "images_per_s": 1 / summary.median_s}
    return dataclasses.asdict(summary) | rest


def _entry(item, variant, numbers, peers):
    """One entry of the result: a variant of ours beside all peers that took part."""
    others = {peer: numbers[peer] for peer in peers if peer in numbers}
    return {
        "name": f"{item}, {variant or AS_IT_IS}",
        "case": "predict",
        "item": item,
        "variant": variant or AS_IT_IS,
        "flop": 0,
        "ours": numbers[variant],
        "peers": others,
        "ratio": {p: n["median_s"] / numbers[variant]["median_s"] for p, n in others.items()},
    }


def write_exports(
    folder: str, peers: Sequence[str], ckpt: str, say: Callable[[str], object]
) -> dict[str, str]:
    """The files that the peers read, each kind written once: {peer: path}.

    Raises:
      Failed: if bin/export.py writes none.
    """
    paths = {}
    for kind in dict.fromkeys(PEERS[peer].makes["predict"] for peer in peers):
        name, file_format, precision = FILES[kind]
        paths[kind] = os.path.join(folder, name)
        say(f"  writing {kind}")
        flags = [f"--ckpt={ckpt}", f"--format={file_format}", f"--precision={precision}"]
        flags.append(f"--out={paths[kind]}")
        done = subprocess.run([sys.executable, EXPORT, *flags], capture_output=True, text=True)
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-3:])
            raise Failed(f"bin/export.py wrote no {kind}\n{tail}")
    return {peer: paths[PEERS[peer].makes["predict"]] for peer in peers}


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


def one_run(arguments: Sequence[str], script: str = SCRIPT) -> tuple[float, float]:
    """Runs the script once.

    Args:
      arguments: of the script.
      script: its file; of `LITE`, which prints the joints of one image, the first line counts.

    Returns:
      (seconds from the launch to the result, of one image; else from the first result to the end,
      an image; peak memory, MB).

    Raises:
      Failed: if it ends without a result.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-u", script, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout, "a pipe was asked for"
        times: list[float] = []
        peak = 0.0
        for line in process.stdout:
            if not times if script == LITE else RESULT.search(line):
                times.append(time.perf_counter())
                peak = max(peak, peak_mb(process.pid))
        process.stdout.close()
        if process.wait() or not times:
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise Failed(f"{os.path.relpath(script, ROOT)} found nothing\n" + "\n".join(tail))
    if len(times) == 1:
        return times[0] - start, peak
    return (times[-1] - times[0]) / (len(times) - 1), peak
