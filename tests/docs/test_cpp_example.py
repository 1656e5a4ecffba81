"""The C++ program of docs/howto compiles and gives the joints of `Predictor`."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cpm.interchange import to_savedmodel
from cpm.interchange.exporting import Exporter, Target
from tests.helpers.tiny_networks import tiny_config, tiny_weights

SOURCE = Path(__file__).parents[2] / "docs" / "howto" / "pose.cc"


@pytest.mark.slow
def test_the_program_gives_our_joints(tmp_path):
    if shutil.which("g++") is None:
        pytest.skip("no g++ on this machine")
    folder = os.path.dirname(tf.__file__)
    libraries = [os.path.join(folder, f"libtensorflow_{name}.so.2") for name in ("cc", "framework")]
    if not all(map(os.path.isfile, libraries)):
        pytest.skip("this build of TensorFlow has no library for C++")
    program = tmp_path / "pose"
    include = ["-isystem", f"{folder}/include"]  # warnings there are not ours
    options = ["-std=c++17", "-Wall", "-Werror", f"-Wl,-rpath,{folder}"]
    subprocess.run(["g++", *include, *options, SOURCE, *libraries, "-o", program], check=True)

    image = np.random.default_rng(0).integers(0, 256, [61, 44, 3]).astype(np.uint8)
    (tmp_path / "photo.ppm").write_bytes(b"P6 44 61 255\n" + image.tobytes())
    exporter = Exporter(tiny_weights(tmp_path / "tiny.npz", tiny_config(stages=1)))
    target = Target(str(tmp_path / "model"), "savedmodel")
    # Without the comparison of `Exporter.export`, which other tests make.
    to_savedmodel.write(exporter.portable, target.path, exporter.metadata(target))
    done = subprocess.run(
        [program, tmp_path / "model", tmp_path / "photo.ppm"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = np.array([line.split() for line in done.stdout.splitlines()], float)
    joints_px, confidence = exporter.find_joints(image)
    # Three digits are printed, four of the confidence.
    np.testing.assert_allclose(found[:, :2], joints_px, atol=0.01)
    np.testing.assert_allclose(found[:, 2], confidence, atol=2e-4)

    done = subprocess.run([program, "model", "no.ppm"], capture_output=True, text=True)
    assert done.returncode == 2 and "the image cannot be opened" in done.stderr
