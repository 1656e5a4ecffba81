"""The readers of foreign bytes that are fuzzed: for each whole files to begin with, and a call.

A reader may return or raise `cpm.errors.UsageError`. Anything else is a finding.
"""

import collections
import io
import itertools
import json
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from cpm import lite
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
from cpm.inference import animations, boxes, image_frames, video_sound
from cpm.inference.video_reader import VideoReader
from cpm.interchange import caffemodel, vgg19
from cpm.network import ConvolutionalPoseMachine
from cpm.plots import drawing_files
from cpm.prediction_files import published
from cpm.prediction_files.truth import Truth
from cpm.runtimes import load_exported, metadata, opening, siblings
from cpm.scoring import people_file, run_settings
from cpm.skeleton import SKELETONS
from cpm.training.metrics_file import read_metrics
from tests.helpers import caffe_files
from tests.helpers.fuzzing import readers_of_results
from tests.helpers.fuzzing.mutations import as_archive, as_array, as_json, as_lines
from tests.helpers.fuzzing.reader import (
    Reader,
    above,
    each,
    h5,
    json_values,
    mat,
    npy,
    npz,
    written,
)
from tests.helpers.matlab_files import EMPTY, save_matlab_73, struct_array
from tests.helpers.small_data_sets import make_people, smooth_image
from tests.helpers.tiny_networks import tiny_config, tiny_weights

LSP14 = SKELETONS["lsp14"]


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
    return mat(RELEASE=struct_array([release]))()


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
    return mat(examples=struct_array([example, test]))()


def _record():
    """A person as a record holds one."""
    (person,) = make_people(1)
    return [examples.encode_person(person)[0]]


def _old_records():
    """The same, of before records held an origin: the id says it all."""
    found = []
    for id in _OLD_IDS:
        example = tf.train.Example.FromString(_record()[0])
        del example.features.feature["origin"]
        example.features.feature["id"].bytes_list.value[0] = id
        found.append(example.SerializeToString())
    return found


_OLD_IDS = (
    *(b"lsp/im0001", b"lspet/im00001", b"mpii/000004812-1", b"mpii/test-000000001-2"),
    *(b"coco/cats/a.jpg#7", b"flic/12-oclock-high-00004151-1", b"synthetic/validation-0-000007"),
)


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


_read_converted = each(
    lambda folder: verification.verify([folder], ["train"]),
    lambda folder: annotations.read_annotations(folder, "train"),
    lambda folder: stored_people.read_people([folder], "train"),
    lambda folder: manifest.fingerprints([folder], ["train"]),
    lambda folder: verification.find_damage([folder], ["train"]),
)


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
    return npz(skeleton=np.array("lsp14"), **fields)()


# --- weights and runs --------------------------------------------------------------------------

_NETWORKS: dict = {}


def _tiny_weights(path):
    tiny_weights(path, tiny_config(stages=1, width=0.02))


def _old_weights():
    """The same file as earlier versions described it, and one that leaves out what they did."""
    (content,) = written(_tiny_weights, suffix=".npz")()
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    found = []
    for whole in (True, False):
        record = json.loads(arrays["description"].tobytes())
        config = record["config"] | {"xla": True, "conv": "direct", "side_by_side": True}
        if not whole:
            config = {"network": config["network"], "target": {}, "data": {}, "eval_every": 100}
        text = json.dumps(record | {"config": config}).encode()
        found += npz(**arrays | {"description": np.frombuffer(text, np.uint8)})()
    return found


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


def _heic(path):
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(smooth_image(12, 10))).save(path, quality=50)


_FRAMES = 3  # that are read: a frame of a video may have any size, and they come one at a time
_IMAGES = written(
    *(_image("JPEG"), _image("JPEG", progressive=True), _image("PNG"), _image("WEBP")),
    *(_image("BMP"), _image("GIF"), _image("TIFF"), _image("PNG", save_all=True)),
)


def _read_image(path):
    collections.deque(image_frames.read_pages(path), 0)


def _read_annotated(path):
    images.read_image(path)


def _read_lite_image(path):
    """As `cpm.lite.main`, which turns `DECODER_ERRORS` into a sentence."""
    try:
        lite.read_image(path)
    except lite.DECODER_ERRORS as error:
        raise UsageError(str(error)) from error


def _read_animation(path):
    if image_frames.is_image(path) and image_frames.is_animated(path):
        with animations.AnimationReader(path) as reader:
            collections.deque(itertools.islice(reader, _FRAMES), 0)


def _read_video(path):
    with VideoReader(path) as reader:
        collections.deque(itertools.islice(reader, _FRAMES), 0)


def _copy_sound(path):
    """The sound of a video, as a labeled video takes it; `VideoWriter` passes on FFmpeg's errors.

    A video without sound has none to copy.
    """
    import av

    with VideoReader(path) as reader:
        has_sound = reader.has_sound
    with av.open(io.BytesIO(), "w", format="mp4") as output:
        output.add_stream("mpeg4", 10)
        if has_sound:
            sound = video_sound.Sound(path, output)
            sound.copy_until(1.0)
            sound.close()


def _video_with_sound(kind, rate):
    def write(path):
        import av

        with av.open(path, "w", format=kind) as output:
            codec = "aac" if kind == "mp4" else "pcm_s16le"
            streams = output.add_stream("mpeg4", 10), output.add_stream(codec, rate, layout="mono")
            streams[0].width, streams[0].height, streams[0].pix_fmt = 32, 16, "yuv420p"
            for n in range(3):
                image = smooth_image(16, 32, seed=n)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                output.mux(streams[0].encode(frame))
            kind_of_sample = streams[1].format.name
            samples = np.zeros((1, 1024), "f4" if kind_of_sample == "fltp" else "i2")
            frame = av.AudioFrame.from_ndarray(samples, kind_of_sample, "mono")
            frame.sample_rate = rate
            output.mux(streams[1].encode(frame))
            for stream in streams:
                output.mux(stream.encode(None))

    return write


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
        json_values(_COCO),
        lambda path: list(coco.read_people(above()(path))),
        as_json,
        _smooth_image("images/a.jpg"),
    ),
    "labelme": Reader(
        "a.json",
        json_values(_LABELME),
        lambda path: list(coco.read_people(above()(path))),
        as_json,
        _smooth_image("a.jpg"),
    ),
    "deeplabcut": Reader(
        "labeled-data/v/CollectedData_me.csv",
        lambda: _DEEPLABCUT,
        lambda path: list(coco.read_people(above(3)(path))),
        as_lines,
        _smooth_image("labeled-data/v/a.jpg"),
    ),
    "scenes": Reader(
        "annotations.json",
        json_values(_SCENES),
        lambda path: scene_folder.read_scenes(above()(path)),
        as_json,
        _smooth_image("images/a.jpg"),
    ),
    "lsp": Reader(
        "joints.mat",
        lambda: mat(joints=_lsp_joints())(),
        lambda path: list(lsp.read_people(above()(path))),
    ),
    "lspet": Reader(
        "joints.mat",
        lambda: mat(joints=_lsp_joints().transpose(1, 0, 2))(),
        lambda path: list(lspet.read_people(above()(path))),
    ),
    "mpii": Reader(mpii.FILE, _mpii, lambda path: list(mpii.read_people(above()(path)))),
    "flic": Reader(flic.FILE, _flic, lambda path: list(flic.read_people(above()(path)))),
    "ids": Reader("ids.txt", lambda: [b"# list\nlsp/im0001\t0.5\n"], id_list.read_ids, as_lines),
    "manifest": Reader(
        manifest.NAME,
        json_values(_manifest(3, "0" * 64)),
        lambda path: _read_converted(above()(path)),
        as_json,
        lambda folder: (Path(folder) / "train-00000.tfrecord").write_bytes(b"abc"),
    ),
    "record": Reader("record", _record, _read_record),
    "old-record": Reader("record", _old_records, _read_record),
    "shard": Reader("shard", lambda: [_shard(content) for content in _record()], _read_shard),
    "predictions-json": Reader(
        "p.json", json_values(_BY_NAME, {"preds": _PREDS.tolist()}), _attach, as_json
    ),
    "results": Reader("p.json", json_values(_RESULTS), _attach, as_json),
    "predictions-npz": Reader("p.npz", npz(**_NAMED), _attach, as_archive),
    "predictions-npy": Reader(
        "p.npy",
        npy(_PREDS, _PREDS.transpose(1, 2, 0).astype(">f4")),
        _attach,
        as_array,
    ),
    "predictions-mat": Reader("p.mat", mat(preds=_PREDS, joints=np.array(LSP14.joints)), _attach),
    "predictions-h5": Reader("p.h5", h5({"preds": _PREDS, "index": np.arange(3)}), _attach),
    "predictions-mat73": Reader(
        "p.mat", written(lambda path: save_matlab_73(path, preds=_PREDS)), _attach
    ),
    "truth-lsp": Reader(
        "joints.mat",
        lambda: mat(joints=_lsp_joints())(),
        lambda path: published.read_truth("lsp", path),
    ),
    "truth-mpii": Reader(
        "valid.h5",
        h5({"part": np.ones((3, 16, 2)), "visible": np.ones((3, 16)), "normalize": np.ones(3)}),
        lambda path: published.read_truth("mpii", path),
    ),
    "truth-flic": Reader(flic.FILE, _flic, lambda path: published.read_truth("flic", path)),
    "people": Reader("people.npz", _people, people_file.read_people, as_archive),
    "weights": Reader("w.npz", written(_tiny_weights, suffix=".npz"), _read_weights, as_archive),
    "old-weights": Reader("w.npz", _old_weights, _read_weights, as_archive),
    "caffemodel": Reader("n.caffemodel", _caffe, caffemodel.read_caffemodel),
    "vgg19-npz": Reader("vgg19.npz", npz(**_VGG), vgg19.read_vgg19, as_archive),
    "vgg19-h5": Reader("vgg19.h5", h5(_VGG), vgg19.read_vgg19),
    "exported": Reader("cpm.note", json_values(_METADATA), _read_exported, as_json),
    "config": Reader("config.json", json_values(_CONFIG), _read_run, as_json),
    "metrics": Reader("metrics.jsonl", lambda: [_LINES], _read_metrics, as_lines),
    "checkpoints": Reader(
        listing.LIST_NAME,
        json_values(_LIST, listing.NOTHING),
        lambda path: listing.require_whole(above()(path)),
        as_json,
    ),
    "seal": Reader(
        f"step-0000001{seals.SUFFIX}",
        json_values(_SEAL),
        _read_seal,
        as_json,
        lambda folder: [
            (Path(folder) / f"step-0000001{end}").write_bytes(b"abc")
            for end in (".index", ".data-00000-of-00001")
        ],
    ),
    "boxes-json": Reader("boxes.json", json_values(*_BOXES), _read_boxes, as_json),
    "boxes-csv": Reader(
        "boxes.csv",
        lambda: [b"file,x,y,w,h,score\nx/a.jpg,1,2,3,4,0.5\nb.jpg,1,2,3,4\n"],
        _read_boxes,
        as_lines,
    ),
    "annotated-image": Reader("a.jpg", _IMAGES, _read_annotated),
    "image": Reader("a.jpg", _IMAGES, _read_image),
    "heic": Reader("a.heic", written(_heic), _read_image),
    "avif": Reader("a.avif", written(_image("AVIF"), _image("AVIF", save_all=True)), _read_image),
    "animation": Reader(
        "a.gif",
        written(*(_image(kind, save_all=True) for kind in ("GIF", "WEBP", "PNG"))),
        _read_animation,
    ),
    "video": Reader("a.mp4", written(_video), _read_video),
    "sound": Reader(
        "a.mp4",
        written(_video_with_sound("mp4", 16000), _video_with_sound("matroska", 8000)),
        _copy_sound,
    ),
    "drawing": Reader("a.png", _IMAGES, drawing_files.is_drawing),
    "labeled-video": Reader("a.mp4", written(_video), drawing_files.is_drawing),
    "lite-image": Reader("a.jpg", _IMAGES, _read_lite_image),
    **readers_of_results.READERS,
}
