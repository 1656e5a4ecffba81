"""The case `predict`: images that are there, a script that is run and timed."""

import pytest
from PIL import Image

from cpm.benchmark import predicting
from cpm.benchmark.processes import Failed


@pytest.mark.slow
def test_one_run_times_the_images_after_the_first(tmp_path):
    paths = predicting.write_images(str(tmp_path / "images"), 3)
    assert [Image.open(path).size for path in paths] == [predicting.SIZE] * 3
    seconds, peak = predicting.one_run([f"--input={tmp_path}/images"])
    assert 0 < seconds < 60 and peak > 100


@pytest.mark.slow
def test_one_image_counts_from_the_launch(tmp_path):
    """TensorFlow alone takes longer to import than half a second."""
    (path,) = predicting.write_images(str(tmp_path / "images"), 1)
    seconds, _ = predicting.one_run([f"--input={path}"])
    assert 0.5 < seconds < 120


@pytest.mark.slow
def test_one_run_says_why_there_is_no_result(tmp_path):
    with pytest.raises(Failed, match=r"missing\.jpg does not exist"):
        predicting.one_run([f"--input={tmp_path}/missing.jpg"])
