"""One network → one exported file that runs, and how far its answers are from ours.

The file is written beside its place, opened in its runtime and compared; only then it is moved
there. So a file that exists has run at least once.
"""

import contextlib
import dataclasses
import importlib
import os
import shutil
import tempfile

from cpm.checkpoints import describe
from cpm.config import DecodingConfig
from cpm.errors import UsageError
from cpm.inference import crop_regions
from cpm.inference.beliefs import has_mirror_image
from cpm.interchange import deviations
from cpm.interchange.portable import FUNCTIONS, Portable
from cpm.runtimes import metadata as exported_metadata
from cpm.runtimes import open_exported
from cpm.runtimes.siblings import file_of

# name: (module that writes it, package that module needs)
FORMATS = {
    "savedmodel": ("cpm.interchange.to_savedmodel", "tensorflow"),
    "litert": ("cpm.interchange.to_litert", "ai-edge-litert"),
    "onnx": ("cpm.interchange.to_onnx", "tf2onnx, onnx and onnxruntime"),
    "openvino": ("cpm.interchange.to_openvino", "openvino"),
    "stablehlo": ("cpm.interchange.to_stablehlo", "jax"),
}
PRECISIONS = ("float32", "float16", "int8")


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

    def writer(self):
        """The module that writes this format.

        Raises:
          UsageError: if its packages are missing, it has no such precision, or the path's end is
            another format's.
        """
        module, packages = FORMATS[self.name]
        try:
            writer = importlib.import_module(module)
        except ImportError as error:
            raise UsageError(
                f"--format={self.name} needs {packages} ({error}); install it with: "
                "pip install -r requirements-export.txt"
            ) from None
        if self.precision not in writer.PRECISIONS:
            raise UsageError(
                f"--precision={self.precision} is not there for --format={self.name}; expected "
                + " or ".join(writer.PRECISIONS)
            )
        if os.path.splitext(self.path)[1] != writer.SUFFIX:
            expected = (
                f"end in {writer.SUFFIX}" if writer.SUFFIX else "be a folder without a suffix"
            )
            raise UsageError(f"--out={self.path} should {expected} for --format={self.name}")
        return writer


def portable_of(network, config, *, flip=None, refinement="taylor", crop=None):
    """The portable functions of a network, with the choices of `Predictor`.

    Args:
      network: plain `ConvolutionalPoseMachine`.
      config: its `TrainConfig`.
      flip, refinement, crop: as of `Predictor`.
    """
    flip = has_mirror_image(network) if flip is None else flip
    return Portable(
        network,
        DecodingConfig(flip, (1.0,), refinement, config.target.sigma_px),
        crop_rule=crop or config.data.crop,
        margin=crop_regions.box_margin(config.data),
        border=config.data.border,
    )


def metadata_of(portable, config, target, origin):
    """The metadata of an exported file (cpm/runtimes/metadata.py).

    Args:
      portable: `Portable`.
      config: the network's `TrainConfig`.
      target: `Target`.
      origin: dict of `terms`, `threshold` and where the weights come from.
    """
    network = portable.network
    height, width = network.config.image_size
    return {
        "format": exported_metadata.FORMAT,
        "version": exported_metadata.VERSION,
        "functions": list(target.functions),
        "mirror": network.skeleton.mirror.tolist(),
        "threshold": 0.0,
        "crop": {
            "rule": portable.crop_rule,
            "margin": portable.margin,
            "border": portable.border,
            "size": [height, width],
        },
        "passes": 2,
        "flip": portable.flip,
        "stride": network.stride,
        "origin_px": network.origin_px,
        "sigma_px": portable.decoding.sigma_px,
        "stages": network.config.stages,
        "target": target.name,
        "precision": target.precision,
        **describe(config, network),
        **origin,
    }


def export(portable, find_joints, metadata, target, images):
    """Writes, opens and compares; leaves the file only if all of that works.

    Args:
      portable: `Portable`.
      find_joints: function image → (joints `[P, 2]` in image pixels, confidence `[P]`): what
        `Predictor` answers with the same network and choices.
      metadata: of `metadata_of`.
      target: `Target`.
      images: list of `[H, W, 3]` uint8 to compare on.

    Returns:
      The row of `deviations.measure`, with `mb`; that alone if no function of images is written.

    Raises:
      UsageError: if the file does not run, or one in float32 gives other joints.
    """
    writer = target.writer()
    folder, name = os.path.split(os.path.abspath(target.path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
        path = os.path.join(scratch, name)
        try:
            with _quiet():
                writer.write(portable, path, metadata)
            row = _checked(path, find_joints, target, images)
        except UsageError:
            raise
        except Exception as error:  # every converter and runtime has errors of its own
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UsageError(
                f"--format={target.name} --precision={target.precision}: what was written does "
                f"not run, so nothing is left: {line[:300]}; try another format"
            ) from error
        row["mb"] = _size(scratch) / 1e6
        for part in os.listdir(scratch):
            _move(os.path.join(scratch, part), os.path.join(folder, part))
    return row


def _checked(path, find_joints, target, images):
    """The row of a file that was just written.

    Raises:
      UsageError: if a function is missing or the joints in float32 are others than ours.
    """
    opened = open_exported(path)
    if missing := set(target.functions) - set(opened.functions):
        raise UsageError(f"what was written lacks {', '.join(sorted(missing))}; nothing is left")
    row = {} if "image" not in target.functions else deviations.measure(opened, find_joints, images)
    if target.precision == "float32" and row and row["px"] > deviations.LIMIT_PX:
        raise UsageError(
            f"what was written as --format={target.name} moves joints by {row['px']:.3f} px, more "
            f"than {deviations.LIMIT_PX}; nothing is left; try another format"
        )
    return row


def _move(source, target):
    """Puts a file or a folder in its place, over an older one of the kind."""
    if os.path.isdir(source) and os.path.isdir(target):
        shutil.rmtree(target)
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
    """Keeps what converters print off the screen; what they raise stays."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def paths_of(target):
    """All files that a target writes, for messages."""
    if target.name in ("savedmodel", "litert"):
        return [target.path]
    return [file_of(target.path, name, target.functions) for name in target.functions]
