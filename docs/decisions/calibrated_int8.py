"""LiteRT in 8 bits with and without calibration: the table of decision 0047.

    PYTHONPATH=. python docs/decisions/calibrated_int8.py pretrained data/lsp

Calibration sees 200 crops of training people. Joints are those of the validation people in their
boxes, one pass, and are compared with this project's own.
"""

import itertools
import json
import os
import sys
import tempfile
import zipfile

import numpy as np
import tensorflow as tf

from cpm.data.pipeline import evaluation_batches
from cpm.evaluation import report
from cpm.inference.batches import find_joints
from cpm.interchange import deviations
from cpm.interchange.exporting import Exporter, Target
from cpm.runtimes import load_exported, open_exported
from cpm.runtimes.metadata import FILE
from cpm.scoring.evaluate import evaluate_folders
from cpm.text_table import format_table

CALIBRATED_ON = 200
ALL = "everything calibrated, decoder included"
KINDS = ("float32", "float16", "dynamic range", "maps calibrated, decoder in float32", ALL)


def write(exporter, path, kind, crops):
    """The function `crops` as a `.tflite` file, of maps alone unless `kind` is `ALL`."""
    portable = exporter.portable
    height, width = portable.network.config.image_size

    def find(crops, center_px):
        found = portable.find_in_crops(crops, center_px)
        return found if kind == ALL else {"beliefs": found["beliefs"]}

    function = tf.function(find, autograph=False).get_concrete_function(
        tf.TensorSpec([None, height, width, 3], tf.float32, "crops"),
        tf.TensorSpec([None, 2], tf.float32, "center_px"),
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(portable, folder, {"crops": function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["crops"])
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if "calibrated" in kind:
            converter.representative_dataset = lambda: iter(crops)
        content = converter.convert()
    with open(path, "wb") as file:
        file.write(content)
    with zipfile.ZipFile(path, "a") as archive:
        metadata = exporter.metadata(Target(path, "litert", functions=("crops",)))
        archive.writestr(FILE, json.dumps(metadata))


def inputs_of(exporter, data, split):
    """What `crops` is asked of each person of a split."""
    batches = evaluation_batches(data, exporter.config, split=split, batch_size=1)
    for batch in batches.as_numpy_iterator():
        yield {"crops": batch["image"].astype(np.float32), "center_px": batch["center_px"]}


def decoded(exporter, found):
    """A file's answer with joints, which this project reads in float32 where the file has none."""
    if "joints_px" in found:
        return found
    maps = found["beliefs"][-1]
    joints_px, confidence = find_joints(exporter.network, maps, exporter.portable.decoding)
    return found | {"joints_px": joints_px.numpy(), "confidence": confidence.numpy()}


def row(exporter, kind, crops, people, data):
    """A line of the table: moved joints, PCK@0.2 of maps that we decode, milliseconds a crop."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pose.tflite")
        write(exporter, path, kind, crops)
        opened = open_exported(path)

        def ask(person):
            return decoded(exporter, opened.run("crops", person))

        try:
            found = [ask(person) for person in people]
        except RuntimeError as error:  # as of a division by what was rounded to 0
            print(f"{kind}: {error}")
            return [kind, "does not run", "", ""]
        moved = deviations.compare([exporter.own.answer(person) for person in people], found)
        one = people[0]
        ms = deviations.times(lambda: opened.run("crops", one), lambda: exporter.own.answer(one), 9)
        pck = ""
        if kind != ALL:
            score = evaluate_folders(*load_exported(path)[:2], [data])
            pck = f"{report.main_score(score.metrics):.2f}"
    return [kind, f"{moved['moved_percent']:.2f} %", pck, f"{ms['ms']:.1f}"]


def main(ckpt, data):
    """Prints the table."""
    exporter = Exporter(ckpt)
    crops = list(itertools.islice(inputs_of(exporter, data, "train"), CALIBRATED_ON))
    people = list(inputs_of(exporter, data, "validation"))
    rows = [row(exporter, kind, crops, people, data) for kind in KINDS]
    print(format_table(["", "moved", "PCK@0.2", "ms a crop"], rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
