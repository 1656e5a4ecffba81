"""The readers of foreign bytes that are fuzzed: for each whole files to begin with, and a call.

A reader may return or raise `cpm.errors.UsageError`. Anything else is a finding.
"""

import collections
import io
import itertools
import json
import os
import tempfile
import typing
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import scipy.io
import tensorflow as tf
from PIL import Image

from cpm.checkpoints import listing, seals, weights_file
from cpm.config import NetworkConfig, TrainConfig
from cpm.config_json import to_dict
from cpm.data import (
    annotations,
    coco,
    examples,
    flic,
    id_list,
    images,
    lsp,
    lspet,
    manifest,
    mpii,
    records,
    stored_people,
    verification,
)
from cpm.data.scenes import folder as scene_folder
from cpm.errors import UsageError
from cpm.execution import Execution
from cpm.inference import animations, boxes, image_frames, video_reader
from cpm.interchange import caffemodel, vgg19
from cpm.network import ConvolutionalPoseMachine
from cpm.prediction_files import published
from cpm.prediction_files.truth import Truth
from cpm.runtimes import load_exported, metadata, opening, siblings
from cpm.scoring import people_file, run_settings
from cpm.skeleton import SKELETONS
from cpm.training.metrics_file import read_metrics
from tests.helpers import caffe_files
from tests.helpers.fuzzing.mutations import as_archive, as_bytes, as_json, as_lines
from tests.helpers.matlab_files import EMPTY, save_matlab_73, struct_array
from tests.helpers.small_data_sets import make_people, smooth_image
from tests.helpers.tiny_networks import tiny_config, tiny_weights

LSP14 = SKELETONS["lsp14"]


class Reader(typing.NamedTuple):
    """One reader.

    Attributes:
      file: path of the fuzzed file in a folder of its own.
      seeds: function without arguments → list of bytes, whole files.
      read: function of the file's path.
      mutate: of mutations.py.
      around: function of the folder that makes what the reader needs beside the file, or None.
    """

    file: str
    seeds: typing.Callable
    read: typing.Callable
    mutate: typing.Callable = as_bytes
    around: typing.Callable | None = None


def _json(*values):
    return lambda: [json.dumps(value).encode() for value in values]


def _written(*writers, suffix=""):
    """Seeds that need a path to be written."""

    def seeds():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for n, write in enumerate(writers):
                path = os.path.join(folder, f"{n}{suffix}")
                write(path)
                found.append(Path(path).read_bytes())
        return found

    return seeds


def _npz(**arrays):
    def seeds():
        file = io.BytesIO()
        np.savez(file, **arrays)
        return [file.getvalue()]

    return seeds


def _mat(**arrays):
    # Not compressed: a changed byte is a changed value, not a broken stream.
    return _written(lambda path: scipy.io.savemat(path, arrays, appendmat=False))


def _h5(arrays):
    def write(path):
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array

    return _written(write)


def _above(count=1):
    """A function of a file's path: its folder, or one above it."""
    return lambda path: str(Path(path).parents[count - 1])


# --- data sets ---------------------------------------------------------------------------------

_ANNOTATION = {
    **{"id": 7, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [2.0, 3, 30, 40]},
    "keypoints": [5.5, 6, 2, 10, 12, 1, 0, 0, 0],
}
_COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 50}],
    "categories": [
        {"id": 1, "name": "cat", "keypoints": ["nose", "left_ear", "right_ear"]}
        | {"skeleton": [[1, 2], [1, 3]]}
    ],
    "annotations": [_ANNOTATION, _ANNOTATION | {"id": 8, "keypoints": [], "iscrowd": 1}],
}
_LABELME = {
    **{"version": "5.0.1", "imagePath": "a.jpg", "imageWidth": 60, "imageHeight": 50},
    "shapes": [
        {"label": "nose", "points": [[5, 6.5]], "shape_type": "point", "group_id": 1},
        {"label": "tail", "points": [[9, 7]], "shape_type": "point", "group_id": None},
        {"label": "cat", "points": [[1, 2], [30, 40]], "shape_type": "rectangle", "group_id": 1},
    ],
}
_DEEPLABCUT = [
    b"scorer,,,me,me,me,me\nbodyparts,,,nose,nose,tail,tail\ncoords,,,x,y,x,y\n"
    b"labeled-data,v,a.jpg,12.5,40,,\nlabeled-data,v,b.jpg,1,2,3,4\n",
    b"scorer,me,me,me,me\nindividuals,m1,m1,m2,m2\nbodyparts,nose,nose,nose,nose\n"
    b"coords,x,y,x,y\nlabeled-data/v/a.jpg,12.5,40,,nan\n",
]


def _smooth_image(name):
    def make(folder):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth_image(50, 60)).save(path)

    return make


def _lsp_joints(people=3):
    joints = np.random.default_rng(0).uniform(5, 45, (3, 14, people))
    joints[2] = joints[2] > 30
    return joints


def _mpii():
    point = {"x": 10.5, "y": 20, "id": np.uint8(0), "is_visible": np.uint8(1)}
    person = {
        **{"x1": 20.0, "y1": 5.0, "x2": 50.0, "y2": 45.0, "scale": 0.25},
        "objpos": struct_array([{"x": np.uint8(40), "y": np.uint8(50)}]),
        "annopoints": struct_array([{"point": struct_array([point, point | {"id": 9.0}])}]),
    }
    entry = {
        "image": struct_array([{"name": "a.jpg"}]),
        "annorect": struct_array([person, person | {"annopoints": EMPTY}]),
    }
    single = np.empty((1, 1), object)
    single[0, 0] = np.uint8(1)
    release = {
        "annolist": struct_array([entry]),
        "img_train": np.ones((1, 1), np.uint8),
        "single_person": single,
        "act": struct_array([{"cat_name": "sports", "act_name": "skiing", "act_id": np.uint16(1)}]),
    }
    return _mat(RELEASE=struct_array([release]))()


def _flic():
    example = {
        **{"moviename": "film", "coords": np.arange(58.0).reshape(2, 29) + 3},
        **{"filepath": "film-00000010.jpg", "imgdims": np.array([48, 72, 3], np.uint16)},
        **{"torsobox": np.array([10.0, 10, 20, 30]), "istrain": np.uint8(1), "istest": np.uint8(0)},
        "currframe": 10.0,
    }
    test = example | {
        "filepath": "film-00000020.jpg",
        "istrain": np.uint8(0),
        "istest": np.uint8(1),
    }
    return _mat(examples=struct_array([example, test]))()


def _record():
    """A person as a record holds one."""
    (person,) = make_people(1)
    return [examples.encode_person(person)[0]]


def _shard(content):
    """A shard of one record, with right checksums, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "shard")
        with tf.io.TFRecordWriter(path) as writer:
            writer.write(content)
        return Path(path).read_bytes()


def _manifest(size, sha256):
    shard = {"file": "train-00000.tfrecord", "people": 1, "bytes": size, "sha256": sha256}
    return {
        **{"format": manifest.FORMAT, "version": manifest.VERSION, "source": "lsp", "seed": 0},
        "skeleton": {"name": "lsp14", "joints": list(LSP14.joints)},
        "split_rule": {"name": "development", "text": "a tenth"},
        "splits": {"train": {"people": 1, "shards": [shard]}},
        **{"remake": "python bin/convert.py", "report": {"splits": {}}, "versions": {}},
        "picture": "JPEG",
    }


def _converted(folder, content):
    """Writes a converted folder of one shard that fits its manifest."""
    path = Path(folder) / "train-00000.tfrecord"
    path.write_bytes(content)
    record = _manifest(len(content), manifest.sha256(path))
    (Path(folder) / manifest.NAME).write_text(json.dumps(record))


def _read_converted(folder):
    """Everything that reads converted folders, each whatever the ones before said."""
    refused = None
    for read in (
        lambda: verification.verify([folder], ["train"]),
        lambda: annotations.read_annotations(folder, "train"),
        lambda: stored_people.read_people([folder], "train"),
        lambda: manifest.fingerprints([folder], ["train"]),
        lambda: verification.find_damage([folder], ["train"]),
    ):
        try:
            read()
        except UsageError as error:
            refused = error
    if refused:
        raise refused


def _read_record(path):
    """What is made of a record; `records.decoded` turns `DAMAGE` into a sentence.

    Without a shard around it, since TensorFlow takes a tenth of a second to open one.
    """
    content, refused = Path(path).read_bytes(), None
    for decode in (
        lambda: annotations._without_image(content, len(LSP14)),
        lambda: stored_people._person(content, LSP14),
    ):
        try:
            decode()
        except records.DAMAGE as error:
            refused = error
    if refused:
        raise UsageError(str(refused)) from refused


def _read_shard(path):
    folder = os.path.dirname(path)
    _converted(folder, Path(path).read_bytes() or b"\0")
    _read_converted(folder)


_SCENES = {
    "info": {"format": scene_folder.FORMAT, "kind": "groups", "remake": "bin/make_scenes.py"},
    "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 50, "shows": "two"}],
    "categories": [
        {"id": 1, "name": "person", "keypoints": list(LSP14.joints), "skeleton": [[1, 2]]}
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12.0}
        | {"keypoints": [9, 9, 2] * 14, "num_keypoints": 14}
    ],
}

# --- predictions -------------------------------------------------------------------------------

_PEOPLE = 3
_TRUTH = Truth(
    name="truth",
    skeleton=LSP14,
    ids=tuple(f"lsp/im{n:04d}" for n in range(1, _PEOPLE + 1)),
    joints_px=np.random.default_rng(1).uniform(5, 45, (_PEOPLE, 14, 2)),
    state=np.full((_PEOPLE, 14), 2),
    head_size_px=np.zeros(_PEOPLE),
    image_names=("a.jpg", "b.jpg", "c.jpg"),
    images=("1", "2", "3"),
)
_PREDS = np.random.default_rng(2).uniform(5, 45, (_PEOPLE, 14, 2))
_BY_NAME = {
    "joints": list(LSP14.joints),
    "people": [
        {"id": f"lsp/im{n:04d}", "joints": {j: [9.0, 8.5, 0.9] for j in LSP14.joints}}
        for n in range(1, _PEOPLE + 1)
    ],
}
_RESULTS = [
    {"image_id": n, "category_id": 1, "score": 0.5, "keypoints": [9.0, 8, 1] * 14}
    for n in range(1, _PEOPLE + 1)
]
_NAMED = {
    "preds": _PREDS,
    "confidence": np.full((_PEOPLE, 14), 0.5),
    "ids": np.array(_TRUTH.ids),
    "joints": np.array(LSP14.joints),
    "origin": np.array(0),
}


def _attach(path):
    published.attach(path, _TRUTH)


def _people():
    fields = {
        **{"ids": np.array(_TRUTH.ids), "joints_px": _PREDS[None], "truth_px": _TRUTH.joints_px},
        **{"confidence": np.ones((1, _PEOPLE, 14)), "state": _TRUTH.state},
        **{"head_size_px": _TRUTH.head_size_px, "crop_scale": np.ones(_PEOPLE)},
    }
    return _npz(skeleton=np.array("lsp14"), **fields)()


# --- weights and runs --------------------------------------------------------------------------

_NETWORKS: dict = {}


def _tiny_weights(path):
    tiny_weights(path, tiny_config(stages=1, width=0.02))


def _read_weights(path):
    config, _ = weights_file.read_description(path)
    # The seed's network; others would take long to build, and differ in nothing of the reader.
    if not _NETWORKS:
        _NETWORKS[config.network] = ConvolutionalPoseMachine(config.network)
    if config.network in _NETWORKS:
        weights_file.read_variables(_NETWORKS[config.network], path)


def _caffe():
    rng = np.random.default_rng(0)
    weights = {"conv1": [rng.random((2, 3, 1, 1)), rng.random(2)]}
    return [
        caffe_files.caffemodel(weights, old=old, **form)
        for old in (False, True)
        for form in ({}, {"legacy": True}, {"packed": False}, {"double": True})
    ]


_VGG = {"conv1_1/kernel": np.ones((3, 3, 3, 2), "f4"), "conv1_1/bias": np.ones(2, "f4")}
_CONFIG = {
    "config": to_dict(TrainConfig(network=NetworkConfig(stages=1))),
    "execution": to_dict(Execution()),
    **{"data": ["data/lsp"], "init_from": None, "recipe": "mini"},
}
_LINES = (
    b'{"step": 1, "seconds": 0.5, "loss": 3.0, "loss_stage_1": 2.0, "images_per_second": 4.0}\n'
    b'{"step": 2, "seconds": 1.0, "evaluation": {"pcp25": 10.0}}\n'
)
_LIST = {"latest": "step-0000002", "best": {"name": "step-0000001", "score": 0.5}} | {
    "all": ["step-0000001", "step-0000002"]
}
_SEAL = {"step": 1, "score": 0.5, "files": {"step-0000001.index": {"bytes": 3, "sha256": "0" * 64}}}


def _read_seal(path):
    seals.read_seal(path.removesuffix(seals.SUFFIX))
    listing.find_whole(os.path.dirname(path))


def _read_run(path):
    run_settings.read_settings(os.path.dirname(path))


def _read_metrics(path):
    run = read_metrics(os.path.dirname(path))
    json.dumps(run)


# --- images ------------------------------------------------------------------------------------


def _image(kind, **options):
    def write(path):
        image = Image.fromarray(smooth_image(12, 10))
        frames = [image.rotate(90 * n) for n in (1, 2)] if options.get("save_all") else []
        more = {"append_images": frames} if frames else {}
        image.save(path, format=kind, **options, **more)

    return write


_FRAMES = 3  # that are read: a frame of a video may have any size, and they come one at a time
_IMAGES = _written(
    *(_image("JPEG"), _image("JPEG", progressive=True), _image("PNG"), _image("WEBP")),
    *(_image("BMP"), _image("GIF"), _image("TIFF"), _image("PNG", save_all=True)),
)


def _read_image(path):
    collections.deque(image_frames.read_pages(path), 0)


def _read_annotated(path):
    images.read_image(path)


def _read_animation(path):
    if image_frames.is_image(path) and image_frames.is_animated(path):
        with animations.AnimationReader(path) as reader:
            collections.deque(itertools.islice(reader, _FRAMES), 0)


def _read_video(path):
    with video_reader.VideoReader(path) as reader:
        collections.deque(itertools.islice(reader, _FRAMES), 0)


def _video(path):
    import av

    with av.open(path, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", 10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for n in range(3):
            image = smooth_image(16, 32, seed=n)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode(None))


def _read_boxes(path):
    found = boxes.BoxFile(path, 0.1)
    found.of("x/a.jpg")
    found.id_of("000000000001.jpg")
    found.unused()


class _Exported:
    """An exported file of no runtime: only what it says of itself is read, as of every other."""

    def __init__(self, path):
        self.metadata = metadata.checked(metadata.read_note(path), path)
        self.functions = tuple(siblings.siblings(path, {"function": "crops"} | self.metadata))


def _read_exported(path):
    runtime = {".note": (__name__, _Exported.__name__, "none")}
    with mock.patch.dict(opening.RUNTIMES, runtime):
        load_exported(path)


_BOXES = [
    {"images": _COCO["images"], "annotations": [_ANNOTATION], "categories": _COCO["categories"]},
    [{"image_id": 1, "bbox": [1, 2, 3, 4.5], "score": 0.9, "category_id": 1}],
]
_METADATA = {
    "format": metadata.FORMAT,
    "version": metadata.VERSION,
    **{"joints": list(LSP14.joints), "limbs": [["neck", "head_top"]], "functions": ["crops"]},
    **{"stride": 8, "origin_px": 3.5, "function": "crops", "threshold": 0.5},
    "config": to_dict(TrainConfig(network=NetworkConfig(stages=1))),
}

READERS = {
    "coco": Reader(
        "annotations.json",
        _json(_COCO),
        lambda path: list(coco.read_people(_above()(path))),
        as_json,
        _smooth_image("images/a.jpg"),
    ),
    "labelme": Reader(
        "a.json",
        _json(_LABELME),
        lambda path: list(coco.read_people(_above()(path))),
        as_json,
        _smooth_image("a.jpg"),
    ),
    "deeplabcut": Reader(
        "labeled-data/v/CollectedData_me.csv",
        lambda: _DEEPLABCUT,
        lambda path: list(coco.read_people(_above(3)(path))),
        as_lines,
        _smooth_image("labeled-data/v/a.jpg"),
    ),
    "scenes": Reader(
        "annotations.json",
        _json(_SCENES),
        lambda path: scene_folder.read_scenes(_above()(path)),
        as_json,
        _smooth_image("images/a.jpg"),
    ),
    "lsp": Reader(
        "joints.mat",
        lambda: _mat(joints=_lsp_joints())(),
        lambda path: list(lsp.read_people(_above()(path))),
    ),
    "lspet": Reader(
        "joints.mat",
        lambda: _mat(joints=_lsp_joints().transpose(1, 0, 2))(),
        lambda path: list(lspet.read_people(_above()(path))),
    ),
    "mpii": Reader(mpii.FILE, _mpii, lambda path: list(mpii.read_people(_above()(path)))),
    "flic": Reader(flic.FILE, _flic, lambda path: list(flic.read_people(_above()(path)))),
    "ids": Reader("ids.txt", lambda: [b"# list\nlsp/im0001\t0.5\n"], id_list.read_ids, as_lines),
    "manifest": Reader(
        manifest.NAME,
        _json(_manifest(3, "0" * 64)),
        lambda path: _read_converted(_above()(path)),
        as_json,
        lambda folder: (Path(folder) / "train-00000.tfrecord").write_bytes(b"abc"),
    ),
    "record": Reader("record", _record, _read_record),
    "shard": Reader("shard", lambda: [_shard(content) for content in _record()], _read_shard),
    "predictions-json": Reader(
        "p.json", _json(_BY_NAME, {"preds": _PREDS.tolist()}), _attach, as_json
    ),
    "results": Reader("p.json", _json(_RESULTS), _attach, as_json),
    "predictions-npz": Reader("p.npz", _npz(**_NAMED), _attach, as_archive),
    "predictions-mat": Reader("p.mat", _mat(preds=_PREDS, joints=np.array(LSP14.joints)), _attach),
    "predictions-h5": Reader("p.h5", _h5({"preds": _PREDS, "index": np.arange(3)}), _attach),
    "predictions-mat73": Reader(
        "p.mat", _written(lambda path: save_matlab_73(path, preds=_PREDS)), _attach
    ),
    "truth-lsp": Reader(
        "joints.mat",
        lambda: _mat(joints=_lsp_joints())(),
        lambda path: published.read_truth("lsp", path),
    ),
    "truth-mpii": Reader(
        "valid.h5",
        _h5({"part": np.ones((3, 16, 2)), "visible": np.ones((3, 16)), "normalize": np.ones(3)}),
        lambda path: published.read_truth("mpii", path),
    ),
    "people": Reader("people.npz", _people, people_file.read_people, as_archive),
    "weights": Reader("w.npz", _written(_tiny_weights, suffix=".npz"), _read_weights, as_archive),
    "caffemodel": Reader("n.caffemodel", _caffe, caffemodel.read_caffemodel),
    "vgg19-npz": Reader("vgg19.npz", _npz(**_VGG), vgg19.read_vgg19, as_archive),
    "vgg19-h5": Reader("vgg19.h5", _h5(_VGG), vgg19.read_vgg19),
    "exported": Reader("cpm.note", _json(_METADATA), _read_exported, as_json),
    "config": Reader("config.json", _json(_CONFIG), _read_run, as_json),
    "metrics": Reader("metrics.jsonl", lambda: [_LINES], _read_metrics, as_lines),
    "checkpoints": Reader(
        listing.LIST_NAME,
        _json(_LIST, listing.NOTHING),
        lambda path: listing.require_whole(_above()(path)),
        as_json,
    ),
    "seal": Reader(
        f"step-0000001{seals.SUFFIX}",
        _json(_SEAL),
        _read_seal,
        as_json,
        lambda folder: [
            (Path(folder) / f"step-0000001{end}").write_bytes(b"abc")
            for end in (".index", ".data-00000-of-00001")
        ],
    ),
    "boxes-json": Reader("boxes.json", _json(*_BOXES), _read_boxes, as_json),
    "boxes-csv": Reader(
        "boxes.csv",
        lambda: [b"file,x,y,w,h,score\nx/a.jpg,1,2,3,4,0.5\nb.jpg,1,2,3,4\n"],
        _read_boxes,
        as_lines,
    ),
    "annotated-image": Reader("a.jpg", _IMAGES, _read_annotated),
    "image": Reader("a.jpg", _IMAGES, _read_image),
    "animation": Reader(
        "a.gif",
        _written(*(_image(kind, save_all=True) for kind in ("GIF", "WEBP", "PNG"))),
        _read_animation,
    ),
    "video": Reader("a.mp4", _written(_video), _read_video),
}
