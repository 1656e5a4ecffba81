"""One network → one exported file that runs, and how far its answers are from ours.

The file is written beside its place, opened in its runtime and compared; only then it is moved
there. So a file that exists has run at least once.
"""

import contextlib
import dataclasses
import errno
import importlib
import importlib.metadata
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from cpm import output_files
from cpm.checkpoints import describe, load_network, pretrained
from cpm.config import DecodingConfig
from cpm.errors import UsageError
from cpm.inference import Predictor, crop_regions
from cpm.inference.beliefs import has_mirror_image
from cpm.interchange import deviations
from cpm.interchange.own_answers import OwnAnswers
from cpm.interchange.portable import FUNCTIONS, Portable
from cpm.provenance import provenance
from cpm.runtimes import metadata as exported_metadata
from cpm.runtimes import open_exported
from cpm.runtimes.siblings import file_of
from cpm.synthetic.people import make_person

# name: (what writes it in cpm/interchange, what runs it in cpm/runtimes, packages that both need)
FORMATS = {
    "savedmodel": ("to_savedmodel", "savedmodel", "tensorflow"),
    "litert": ("to_litert", "litert", "ai-edge-litert"),
    "onnx": ("to_onnx", "onnx_file", "tf2onnx, onnx and onnxruntime"),
    "openvino": ("to_openvino", "openvino_file", "openvino"),
    "stablehlo": ("to_stablehlo", "stablehlo_file", "jax"),
}
PRECISIONS = ("float32", "float16", "int8")
SUFFIXES = {  # of each format's file; a SavedModel is a folder
    "savedmodel": "",
    "litert": ".tflite",
    "onnx": ".onnx",
    "openvino": ".xml",
    "stablehlo": ".stablehlo",
}
# What requirements-export.txt adds to TensorFlow.
PACKAGES = ("ai-edge-litert", "tf2onnx", "onnx", "onnxruntime", "jax", "openvino")
# Why a format has float32 alone, as the end of a sentence.
FLOAT32_ALONE = {
    "savedmodel": "TensorFlow computes with variables as they are stored, and this network "
    "computes in float32",
    "stablehlo": "its weights are constants as XLA computes with them, and this network computes "
    "in float32",
}
# What a full disk or a limit of file sizes leads to, in the words of any library.
_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
NO_TERMS = "not stated; ask whoever trained these weights"


# What TensorFlow writes into the folder of a SavedModel.
OF_SAVED_MODELS = {"saved_model.pb", "fingerprint.pb", "variables", "assets", "assets.extra"}


@dataclasses.dataclass(frozen=True)
class Target:
    """What is written.

    Attributes:
      path: file, or folder of a SavedModel.
      name: one of `FORMATS`.
      precision: one of `PRECISIONS`, of the weights.
      functions: some of `cpm.interchange.portable.FUNCTIONS`.
    """

    path: str
    name: str
    precision: str = "float32"
    functions: tuple[str, ...] = FUNCTIONS

    def writer(self) -> ModuleType:
        """The module that writes this format.

        Raises:
          UsageError: if its packages are missing, it has no such precision, the path's end is
            another format's, or something else lies there.
        """
        module, runtime, packages = FORMATS[self.name]
        try:
            writer = importlib.import_module(f"cpm.interchange.{module}")
            importlib.import_module(f"cpm.runtimes.{runtime}")  # what is written is run at once
        except ImportError as error:
            raise UsageError(
                f"--format={self.name} needs {packages} ({error}); install it with: "
                "pip install -r requirements-export.txt"
            ) from None
        if self.precision not in writer.PRECISIONS:
            raise UsageError(
                f"--precision={self.precision} is not there for --format={self.name}: "
                f"{FLOAT32_ALONE[self.name]}; use --precision=float32"
            )
        if os.path.splitext(self.path)[1] != writer.SUFFIX:
            expected = (
                f"end in {writer.SUFFIX}" if writer.SUFFIX else "be a folder without a suffix"
            )
            raise UsageError(f"--out={self.path} should {expected} for --format={self.name}")
        if writer.SUFFIX:
            output_files.check_target(self.path, "out")
        else:
            check_replaceable(self.path)
        return writer


def check_replaceable(path: str | os.PathLike) -> None:
    """UsageError if a folder that an export would replace, all of it, is no earlier export.

    Args:
      path: folder of a SavedModel to be; it may not exist.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"--out={path} is a file; name a folder")
    strange = {*os.listdir(path)} - OF_SAVED_MODELS if os.path.isdir(path) else set()
    if strange:
        raise UsageError(
            f"--out={path} is a folder that holds {min(strange)}, which is of no export, and would "
            "be replaced; name a new folder"
        )


class Exporter:
    """A network on its way out: its portable functions, and its own answers to compare with.

    Attributes:
      config: the network's `TrainConfig`.
      network: the plain `ConvolutionalPoseMachine`.
      portable: `Portable`.
      own: `OwnAnswers`, what its functions should say.
      origin: what the metadata says beside the network: terms, threshold, provenance.
    """

    def __init__(
        self,
        ckpt: str,
        *,
        flip: bool | None = None,
        crop: str | None = None,
        refinement: str = "taylor",
        terms: str | None = None,
    ) -> None:
        """Loads the network.

        Args:
          ckpt: as of `cpm.checkpoints.load_network`.
          flip, crop, refinement: as of `cpm.inference.Predictor`.
          terms: what the weights may be used for; None = as they say themselves.
        """
        self.network, self.config, description = load_network(ckpt)
        predictor = Predictor(ckpt, flip=flip, crop=crop, refinement=refinement)
        flip = has_mirror_image(self.network) if flip is None else flip
        self.portable = Portable(
            self.network,
            DecodingConfig(flip, (1.0,), refinement, self.config.target.sigma_px),
            crop_rule=crop or crop_regions.usual_rule(self.config.data),
            margin=crop_regions.box_margin(self.config.data),
            border=self.config.data.border,
        )
        self.own = OwnAnswers(
            self.network, predictor, self.portable.decoding, self.config.data.border
        )
        usual = pretrained.TERMS if ckpt in pretrained.FILES else NO_TERMS
        self.origin: dict[str, Any] = {
            "terms": terms or description.get("terms", usual),
            "threshold": predictor.threshold,
            **{key: description[key] for key in ("data", "threshold_from") if key in description},
            **provenance(self.config.seed),
        }

    def find_joints(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `Predictor` answers: joints `[P, 2]` in image pixels, confidence `[P]`."""
        answer = self.own.answer({"image": image})
        return answer["joints_px"], answer["confidence"]

    def metadata(self, target: Target) -> dict[str, Any]:
        """What the file of a `Target` says of itself (cpm/runtimes/metadata.py)."""
        network, portable = self.network, self.portable
        return {
            "format": exported_metadata.FORMAT,
            "version": exported_metadata.VERSION,
            "functions": list(target.functions),
            "mirror": network.skeleton.mirror.tolist(),
            "crop": {
                "rule": portable.crop_rule,
                "margin": portable.margin,
                "border": portable.border,
                "size": list(network.config.image_size),
            },
            "passes": 2,
            "flip": portable.flip,
            "stride": network.stride,
            "origin_px": network.origin_px,
            "sigma_px": portable.decoding.sigma_px,
            "stages": network.config.stages,
            "target": target.name,
            "precision": target.precision,
            **describe(self.config, network),
            **self.origin,
        }

    def export(self, target: Target, images: Sequence[np.ndarray]) -> dict[str, Any]:
        """Writes, opens and compares; leaves the file only if all of that works.

        Args:
          target: `Target`.
          images: list of `[H, W, 3]` uint8 to compare on.

        Returns:
          The row of `deviations.measure`, with `mb`.

        Raises:
          UsageError: if a function does not run, or one in float32 gives other joints.
        """
        writer = target.writer()
        folder, name = os.path.split(os.path.abspath(target.path))
        os.makedirs(folder, exist_ok=True)
        with _scratch(folder) as scratch:
            path = os.path.join(scratch, name)
            try:
                with _quiet():
                    writer.write(self.portable, path, self.metadata(target))
                row = self._checked(path, target, images)
            except UsageError:
                raise
            except Exception as error:  # every converter and runtime has errors of its own
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                if full := next((reason for reason in _FULL if reason in str(error)), None):
                    raise UsageError(
                        f"{target.path} cannot be written: {full}; make room there, or name "
                        "another --out"
                    ) from error
                raise UsageError(
                    f"--format={target.name} --precision={target.precision}: what was written "
                    f"does not run, so nothing is left: {line[:300]}; try another format"
                ) from error
            row["mb"] = _size(scratch) / 1e6
            for part in os.listdir(scratch):
                _move(os.path.join(scratch, part), os.path.join(folder, part))
        return row

    def _checked(self, path, target, images):
        """The row of a file that was just written.

        Raises:
          UsageError: if a function is missing or the joints in float32 are others than ours.
        """
        opened = open_exported(path)
        if missing := set(target.functions) - set(opened.functions):
            raise UsageError(
                f"what was written lacks {', '.join(sorted(missing))}; nothing is left"
            )
        row = deviations.measure(opened, self.own, target.functions, images)
        if wrong := deviations.complaint(row, target.precision == "float32"):
            raise UsageError(
                f"what was written as --format={target.name} {wrong}; nothing is left; try "
                "another format"
            )
        return row


def versions() -> dict[str, str]:
    """{package: its version} of those of `PACKAGES` that are installed."""
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def comparison_images(sizes: Iterable[tuple[int, int]] = deviations.SIZES) -> list[np.ndarray]:
    """Synthetic people at these sizes, (height, width): nearest pixels of the renderer's images."""
    images = []
    for n, size in enumerate(sizes):
        image = np.asarray(make_person(0, n, split="test").image)
        rows, columns = (
            np.arange(new) * old // new for new, old in zip(size, image.shape, strict=False)
        )
        images.append(image[rows[:, np.newaxis], columns])
    return images


@contextlib.contextmanager
def _scratch(folder):
    """A new folder in a folder, that goes in the end; also if a signal comes while it is made.

    `tempfile.TemporaryDirectory` leaves it then: it knows the name only afterwards.
    """
    path = os.path.join(folder, f".partial-{secrets.token_hex(8)}")
    try:
        os.mkdir(path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _move(source, target):
    """Puts a file or a folder in its place; an older folder goes where this one came from."""
    if os.path.isdir(source) and os.path.isdir(target):
        os.rename(target, f"{source}.older")  # quicker than deleting: little time without a folder
    os.replace(source, target)


def _size(path):
    """Bytes of all files below a folder."""
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(path)
        for name in names
    )


@contextlib.contextmanager
def _quiet():
    """Keeps what converters print off the screen; what they raise stays.

    They write hundreds of lines to the file descriptors themselves.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        with open(os.devnull, "w") as nowhere:
            for descriptor in (1, 2):
                os.dup2(nowhere.fileno(), descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


def paths_of(target: Target) -> list[str]:
    """All files that a target writes, for messages."""
    if target.name in ("savedmodel", "litert"):
        return [target.path]
    paths = [file_of(target.path, name, target.functions) for name in target.functions]
    if target.name == "openvino":  # the weights lie beside the network
        return [f"{os.path.splitext(path)[0]}{end}" for path in paths for end in (".xml", ".bin")]
    if target.name == "stablehlo":  # and what it says of itself
        paths.append(f"{target.path}.json")
    return paths
