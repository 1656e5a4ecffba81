"""Predictor as programs use it: one image or many, boxes, mirror images, mistakes."""

import copy
import os
import pickle
import threading
import time
import types
import warnings

import numpy as np
import pytest
from PIL import Image

from cpm.config import NetworkConfig
from cpm.data.images import ImageError
from cpm.errors import UsageError
from cpm.inference import predictor as predictor_module
from cpm.inference import search
from cpm.inference.predictor import Predictor
from cpm.network import ConvolutionalPoseMachine
from cpm.plots.drawing_files import DrawingFolder
from tests.helpers.blob_networks import POINTS, BlobFinder, blobs
from tests.helpers.plain_images import save_plain


def test_predictor_mirrored_image_gives_mirrored_joints(seeded):
    """With flip averaging, the mirrored image's prediction is the mirrored prediction."""
    config = NetworkConfig(stages=1, width=0.25, background=True, image_size=(64, 64))
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(5).integers(0, 256, [64, 64, 3], np.uint8)
    # The windows of `middle` are not mirrored, so the image itself may lead to another one.
    predictor = Predictor(network, flip=True, crop="whole")
    (here,), (there,) = (predictor(pixels, maps=True) for pixels in (image, image[:, ::-1]))
    channels = [*network.skeleton.mirror, 16]
    # 64 px fill the crop of 64 exactly, so even the warp is the identity.
    mirrored = there.maps.beliefs[0][:, ::-1][..., channels]
    np.testing.assert_allclose(mirrored, here.maps.beliefs[0], atol=1e-6)
    mirrored = there.joints_px[network.skeleton.mirror] * (-1, 1) + (63, 0)
    np.testing.assert_allclose(mirrored, here.joints_px, atol=0.01)


@pytest.mark.parametrize("grid, mirrored", [("center", True), ("corner", False)])
def test_predictor_flips_where_it_can(seeded, grid, mirrored):
    """`None` is as `True` on a grid with a mirror image, and as `False` on the blog's."""
    config = NetworkConfig(stages=1, width=0.25, image_size=(48, 64), grid=grid)
    network = ConvolutionalPoseMachine(config, seed=2)
    image = seeded(5).integers(0, 256, [50, 70, 3], np.uint8)

    def beliefs(flip):
        return Predictor(network, flip=flip)(image, maps=True)[0].maps.beliefs[0]

    either, once = beliefs(None), beliefs(False)
    assert (either != once).any() == mirrored
    if mirrored:
        np.testing.assert_array_equal(either, beliefs(True))


@pytest.mark.parametrize("height, width", [(500, 12), (9, 640), (1, 1), (2, 2)])
def test_predictor_takes_extreme_images(height, width, seeded):
    """Slits and single pixels: joints are finite and near the image."""
    image = seeded(height).integers(0, 256, [height, width, 3], np.uint8)
    (person,) = Predictor(BlobFinder(), flip=False)(image)
    reach = 1.5 * max(height, width)
    middle = (width - 1) / 2, (height - 1) / 2  # pixel centers are at integers
    assert (np.abs(person.joints_px - middle) < reach).all()


BOXES = [(30, 12, 110, 90), (35, 10, 100, 100, 0.25), (0, 0, 170, 110)]


@pytest.mark.parametrize(
    "options, expected",
    [({}, {True: 10, False: 30}), ({"crop": "whole", "passes": 3}, {True: 30})],
)
def test_predictor_expects_the_crops_of_its_passes(options, expected):
    """Three windows that are not mirrored, then the pass around the joints."""
    predict = Predictor(BlobFinder(), flip=True, **options)
    crops = {}
    predict._reader.expect = lambda count, decoding: crops.update({decoding.flip: count})
    predict.expect(10)
    assert crops == expected


def test_predictor_expects_the_windows_of_its_searches():
    """They are many at once, so that a folder of a few images is worth a traced function."""
    predict = Predictor(BlobFinder(), flip=True)
    crops = {}
    predict._reader.expect = lambda count, decoding: crops.update({decoding.flip: count})
    predict.expect(10, "all")
    assert crops == {False: 10 * 59}


def test_predictor_several_boxes():
    """As many people, in order, each as with the box alone; a fifth number is a score."""
    image = blobs(110, 170, POINTS, 12.0)
    predictor = Predictor(BlobFinder(), margin=1.0)
    result = predictor(image, boxes=BOXES)
    assert [person.box for person in result.people] == [box[:4] for box in BOXES]
    assert [person.score for person in result.people] == [None, 0.25, None]
    for person, box in zip(result.people, BOXES, strict=True):
        (alone,) = predictor(image, box[:4])
        np.testing.assert_allclose(person.joints_px, alone.joints_px, atol=1e-4)
    assert not predictor(image, boxes=[])  # nobody


def test_nobody_is_found_where_no_joint_is_certain():
    """One certain joint is enough; a box, and whoever asks for maps, has a person in any case."""
    image = blobs(110, 170, POINTS, 12.0)
    predictor = Predictor(BlobFinder(), margin=1.0)
    (person,) = predictor(image)
    predictor.least = float(person.confidence.max())
    assert len(predictor(image)) == 1
    predictor.least += 1e-3
    assert len(predictor(image)) == 0 and predictor(image).summary() == "nothing found"
    boxed = predictor(image, BOXES[2])
    results = list(predictor.predict_many([image] * 3, boxes=[None, [BOXES[2]], None]))
    assert [len(result) for result in results] == [0, 1, 0] and results[1] == boxed
    (unsure,) = predictor(image, maps=True)
    np.testing.assert_allclose(unsure.joints_px, person.joints_px, atol=1e-4)


def test_predict_many_is_as_one_after_the_other(tmp_path):
    """Images of any size, of any kind; more than a batch of them, compiled on the way."""
    predictor = Predictor(BlobFinder(), margin=1.2)
    predictor._reader._pays_after = 1
    sizes = [(110 + 7 * n, 170 - 5 * n) for n in range(22)]
    images = [blobs(*size, POINTS * 0.8, 9.0) for size in sizes]
    path = tmp_path / "a.png"
    Image.fromarray(images[3]).save(path)
    given = [*images[:3], path, *map(Image.fromarray, images[4:])]
    results = list(predictor.predict_many(iter(given)))
    assert [result.image_size for result in results] == sizes
    assert results[3].file == str(path) and results[2].file is None
    assert all(result.image is None for result in results)
    for result, image in zip(results, images, strict=True):
        (person,), (alone,) = result, predictor(image)
        np.testing.assert_allclose(person.joints_px, alone.joints_px, atol=1e-3)
        np.testing.assert_allclose(person.confidence, alone.confidence, atol=1e-5)


def test_predict_many_of_a_path_is_as_the_command_line(tmp_path):
    """A folder, a pattern and a TIFF of several pages, not the letters of their names."""
    predictor = Predictor(BlobFinder())
    pages = [Image.new("RGB", (30, 20 + n)) for n in range(3)]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "a.png")
    results = list(predictor.predict_many(tmp_path))
    names = [(os.path.basename(result.file), result.frame) for result in results]
    assert names == [("a.png", None), ("b.tif", 0), ("b.tif", 1), ("b.tif", 2)]
    assert len(list(predictor.predict_many(f"{tmp_path}/*.png"))) == 1
    folder = DrawingFolder(tmp_path)
    drawing = folder.path("a.png")
    folder.write(drawing, np.zeros([20, 30, 3], np.uint8), "a.png")
    with pytest.warns(UserWarning, match="a drawing of an earlier run"):
        assert len(list(predictor.predict_many(str(tmp_path)))) == 4
    with pytest.raises(UsageError, match="gone does not exist"):
        list(predictor.predict_many("gone"))


def test_what_one_call_cannot_take_names_the_call_that_can(tmp_path):
    predictor = Predictor(BlobFinder())
    (tmp_path / "walk.mp4").write_bytes(b"whatever")
    with pytest.raises(ImageError, match=r"walk\.mp4 is a video.*video_poses\(predictor, '.*mp4'"):
        predictor(tmp_path / "walk.mp4")
    with pytest.raises(ImageError, match=r"is a folder, .*predict_many\('"):
        predictor(tmp_path)
    with pytest.raises(ImageError, match=r"camera:0 is a video"):
        predictor("camera:0")
    with pytest.raises(
        ImageError, match=r"\*\.jpg is no file: .*predict_many\('.*jpg'\) takes all"
    ):
        predictor(f"{tmp_path}/*.jpg")


def test_the_first_of_several_pages_says_so(tmp_path):
    predictor = Predictor(BlobFinder())
    pages = [Image.new("RGB", (30, 20 + n), (n, n, n)) for n in range(3)]
    for name in ("a.tif", "a.gif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        with pytest.warns(UserWarning, match=r"holds 3 images, this is the first: .*predict_many"):
            assert predictor(tmp_path / name).image_size == (20, 30)
    pages[0].save(tmp_path / "one.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor(tmp_path / "one.tif")


def test_predict_many_takes_no_more_than_it_needs():
    """An endless source is read a few batches ahead, no further."""
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield np.zeros([20, 30, 3], np.uint8)

    results = Predictor(BlobFinder()).predict_many(endless())
    for _ in range(3):
        next(results)
    results.close()
    assert 3 <= len(taken) < 60


def test_predict_many_stops_at_what_is_no_image():
    image = np.zeros([20, 30, 3], np.uint8)
    results = Predictor(BlobFinder()).predict_many([image, image, image, "missing.jpg", image])
    assert len([next(results) for _ in range(3)]) == 3
    with pytest.raises(UsageError, match=r"missing\.jpg"):
        next(results)


def test_predict_many_gives_what_came_before_an_error_of_the_source():
    """Images are read ahead, but those that came are not lost."""

    def source():
        yield from [np.zeros([20, 30, 3], np.uint8)] * 3
        raise ConnectionError("the camera")

    results = Predictor(BlobFinder()).predict_many(source())
    assert len([next(results) for _ in range(3)]) == 3
    with pytest.raises(ConnectionError, match="the camera"):
        next(results)


def test_predict_many_of_one_image_is_no_iterable_of_its_rows(tmp_path):
    predictor = Predictor(BlobFinder())
    image = np.zeros([20, 30, 3], np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    for one in (image, image[..., 0], np.zeros([20, 30, 4]), Image.fromarray(image), content):
        (result,) = predictor.predict_many(one)
        assert result.image_size == (20, 30)
    for batch in (np.zeros([2, 20, 30, 3], np.uint8), np.zeros([2, 20, 30], np.uint8)):
        assert [r.image_size for r in predictor.predict_many(batch)] == [(20, 30)] * 2


def test_predict_many_may_be_closed_by_one_of_its_workers():
    """As the garbage collector does after an error of whoever asked for the results."""
    first_came, closed, errors = threading.Event(), threading.Event(), []

    class Late:
        @property
        def image(self):
            if not closed.is_set():
                first_came.wait(60)
                try:
                    results.close()
                except BaseException as error:
                    errors.append(error)
                closed.set()
            return np.zeros([20, 20, 3], np.uint8)

    results = Predictor(BlobFinder()).predict_many([np.zeros([20, 20, 3], np.uint8), Late()])
    next(results)
    first_came.set()
    assert closed.wait(60) and errors == []


def test_predict_many_that_is_closed_searches_no_further(monkeypatch):
    """After Ctrl-C a program waits for its threads: not for eight searches of each."""
    begun = []

    def slow(predictor, image, limit):
        begun.append(image)
        time.sleep(0.05)
        return []

    monkeypatch.setattr(search, "find_people", slow)
    predictor = Predictor(BlobFinder())
    results = predictor.predict_many([np.zeros([50, 60, 3], np.uint8)] * 99, people="all")
    for _ in range(9):  # by now there are chunks of eight
        next(results)
    results.close()
    at_close = len(begun)
    for thread in threading.enumerate():
        if thread.name.startswith("predict"):
            thread.join()
    assert len(begun) - at_close <= predictor_module.MOST_THREADS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no process")
def test_a_fork_says_that_it_cannot_compute():
    """It would wait for threads that it does not have, as of multiprocessing on Linux."""
    predictor = Predictor(BlobFinder())
    image = np.zeros([50, 60, 3], np.uint8)
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            for call in (predictor, lambda image: list(predictor.predict_many([image]))):
                try:
                    call(image)
                except UsageError as error:
                    os.write(writing, f"{error}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as said:
        assert said.read().count("the network was loaded before this process was forked") == 2
    assert predictor(image).image_size == (50, 60)


def test_a_predictor_is_copied_with_its_network_and_not_pickled():
    predictor = Predictor(BlobFinder())
    other = copy.copy(predictor)
    other.least = 0.5
    assert other.network is predictor.network and predictor.least == 0.0
    for deeply in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be pickled, nor copied deeply; load it in"):
            deeply(predictor)


def test_predict_many_boxes():
    image = blobs(110, 170, POINTS, 12.0)
    named = types.SimpleNamespace(image=image, file="b", frame=3, time=0.5, boxes=BOXES[:1])
    predictor = Predictor(BlobFinder(), margin=1.0)
    results = list(predictor.predict_many([image, image, named], boxes=[BOXES, None, None]))
    assert [len(result) for result in results] == [3, 1, 1]
    assert results[0].people == predictor(image, boxes=BOXES).people
    assert results[1].people[0].box != BOXES[0] == results[2].people[0].box
    assert (results[2].file, results[2].frame, results[2].time) == ("b", 3, 0.5)
    assert len(list(predictor.predict_many(iter([image]), boxes=iter([None])))) == 1
    with pytest.raises(ValueError, match="there are boxes for 1 images, but more images"):
        list(predictor.predict_many([image, image], boxes=[None]))
    with pytest.raises(ValueError, match="boxes for more images than there are"):
        list(predictor.predict_many([image], boxes=[None, None]))


def test_predict_many_warns_of_what_it_passes_over(tmp_path):
    save_plain(tmp_path / "a.png", (9, 9, 9))
    (tmp_path / "notes.txt").write_text("no image")
    predictor = Predictor(BlobFinder())
    with pytest.warns(UserWarning, match=r"1 skipped: notes\.txt \(neither image nor video\)"):
        assert len(list(predictor.predict_many(tmp_path))) == 1
    (tmp_path / "notes.txt").unlink()
    with warnings.catch_warnings(action="error"):
        list(predictor.predict_many(tmp_path))
    with pytest.raises(UsageError, match="images is 3; expected a path, or a list of images"):
        list(predictor.predict_many(3))


def test_predictor_raises():
    predictor = Predictor(BlobFinder())
    for image in (np.zeros([5, 5, 5], np.uint8), np.zeros([5]), None, [[1], [2, 3]]):
        with pytest.raises(UsageError, match=r"an image should be a path"):
            predictor(image)
    image = np.zeros([50, 60, 3], np.uint8)
    with pytest.raises(UsageError, match="use boxes alone"):
        predictor(image, (1, 2, 3, 4), boxes=[])
    for people in (0, "some", 1.5, True, np.int64(0)):
        with pytest.raises(UsageError, match="a number from 1 on, or 'all'"):
            predictor(image, people=people)
    with pytest.raises(UsageError, match="scales should be"):
        Predictor(BlobFinder(), scales=(1.0, 0.0))
    for wrong in (
        *({"passes": 0}, {"passes": 2.0}, {"passes": "2"}, {"passes": True}),
        *({"crop": "mid"}, {"refinement": "best"}, {"flip": "no"}, {"execution": "cpu"}),
        *({"margin": -1}, {"margin": 0}, {"margin": np.nan}, {"margin": "1"}),
        *({"scales": 1.0}, {"scales": None}, {"scales": "0.9,1"}),
    ):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))} is .*; expected "):
            Predictor(BlobFinder(), **wrong)
    for network in (None, 3, b"pretrained", ["pretrained"]):
        with pytest.raises(UsageError, match=r"the network is .*; expected 'pretrained', the path"):
            Predictor(network)
    usual = Predictor(BlobFinder(), passes=np.int64(2), margin=np.float32(1.5), scales=[1, 1.5])
    assert usual.decoding.scales == (1.0, 1.5) and usual.margin == 1.5
    for boxes in ((1, 2, 30, 40), ["1,2,30,40"], [[(1, 2, 30, 40)]]):
        with pytest.raises(UsageError, match="expected four numbers"):
            predictor(image, boxes=boxes)
    with pytest.raises(UsageError, match=r"box is 1.0; .* boxes is a list of such, and box is one"):
        predictor(image, boxes=np.array([1.0, 2.0, 30.0, 40.0]))
    with pytest.raises(UsageError, match="expected pixels, none above 1e"):
        predictor(image, box=(-1e308, 0, 1.7e308, 10))
    for score in (np.nan, "sure"):  # NaN is not JSON
        with pytest.raises(UsageError, match=r"the score of a box is .*; expected a number, or N"):
            predictor(image, boxes=[(1, 2, 30, 40, score)])
    assert predictor(image, boxes=[(1, 2, 30, 40, None)])[0].score is None
    assert repr(predictor) == f"Predictor(BlobFinder, {len(predictor.skeleton)} joints)"
    with pytest.raises(UsageError, match="is missing"):
        Predictor("runs/not_there/step-0000001")
