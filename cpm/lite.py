"""Joints of people in images from a `.tflite` file, without TensorFlow: `cpm-lite`.

    python cpm/lite.py pose.tflite photo.jpg                  a table of joints
    python cpm/lite.py pose.tflite photo.jpg --out=pose.png   and a drawing
    python cpm/lite.py pose.tflite photo.jpg --json=pose.json
    python cpm/lite.py pose.tflite group.jpg --box=120,40,180,420

It needs NumPy, Pillow and ai-edge-litert, and nothing else of this project: copy this one file to
where it is needed. `pip install --no-deps` of the project gives it as the command `cpm-lite`. The
`.tflite` file is written by bin/export.py --format=litert and says itself which joints it finds.

    from lite import Pose
    pose = Pose("pose.tflite")
    joints_px, confidence = pose(image)                      # [H, W, 3] uint8, RGB
    joints_px, confidence = pose(image, box=(120, 40, 180, 420))
    joints_px[pose.joints.index("left_wrist")]
"""

import argparse
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")  # Pillow runs a program for some others, such as EPS
MOST_PIXELS = 64_000_000  # of an image, as in the rest of the project
MOST_METADATA = 1 << 24  # bytes
FARTHEST_PX = 1e9  # of a box, as in the rest of the project
BACKDROP = (128, 128, 128, 255)  # behind transparent pixels, as in the rest of the project
# What Pillow's decoders raise of files that are cut, forged or no images at all.
DECODER_ERRORS = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError),
    *(MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)


def _lzma_errors() -> tuple[type[Exception], ...]:
    """What a damaged LZMA stream raises; nothing where Python was built without LZMA."""
    try:
        from lzma import LZMAError
    except ImportError:
        return ()
    return (LZMAError,)


# What a `.tflite` file that is none of ours leads to, in zipfile, json and LiteRT.
MODEL_ERRORS: tuple[type[Exception], ...] = (
    *(OSError, ValueError, LookupError, TypeError, EOFError, RuntimeError, MemoryError),
    *(NotImplementedError, RecursionError, zlib.error, zipfile.BadZipFile),
    *_lzma_errors(),
)
# The colors of the project's other drawings (cpm/plots/pose_drawing.py), which a test compares.
SIDES = {"left": (42, 140, 255), "right": (255, 127, 14)}
MIDDLE = (255, 225, 77)
WITHOUT_SIDES = (
    *((44, 200, 90), (230, 60, 200), (0, 210, 210), (255, 80, 70), (150, 110, 255)),
    *((190, 220, 40), (255, 160, 200), (120, 75, 30)),
)


class Pose:
    """The network in a `.tflite` file.

    Attributes:
      joints: names, in the order of the answers.
      limbs: pairs of names.
      threshold: confidence below which a joint is more likely wrong than right.
      terms: what the weights may be used for.
    """

    def __init__(self, path: str, threads: int | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.metadata = read_metadata(path)
        self.joints = self.metadata["joints"]
        self.limbs = self.metadata["limbs"]
        self.threshold = self.metadata["threshold"]
        self.terms = self.metadata["terms"]
        # Kept: a signature's runner does not keep the interpreter alive.
        self._interpreter = Interpreter(path, num_threads=threads or os.cpu_count())
        self._runners: dict[str, Any] = {}

    def __call__(
        self, image: np.ndarray, box: Sequence[float] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints of one person.

        Args:
          image: `[H, W, 3]` uint8, RGB.
          box: (x, y, width, height) of the person in pixels; None = anywhere in the image.

        Returns:
          joints `[P, 2]`, (x, y) in 0-based pixels, and confidence `[P]`, 0 … 1.
        """
        image = np.ascontiguousarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"image should be [H, W, 3] uint8, not {image.shape} {image.dtype}")
        inputs = {"image": image}
        if box is not None:
            inputs["box"] = np.asarray(box, np.float32)
        function = "image" if box is None else "box"
        if function not in self._runners:
            self._runners[function] = self._interpreter.get_signature_runner(function)
        found = self._runners[function](**inputs)
        return found["joints_px"], found["confidence"]


def read_metadata(path: str) -> dict[str, Any]:
    """What a `.tflite` file says of itself.

    Raises:
      ValueError, KeyError, OSError, RuntimeError, zipfile.BadZipFile: if it is none of ours.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("it is no regular file")
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("cpm.json").file_size > MOST_METADATA:
            raise ValueError("it says too much of itself")
        found = json.loads(archive.read("cpm.json"))
    if not isinstance(found, dict):
        raise ValueError("what it says of itself is no object")
    joints, limbs = found["joints"], found["limbs"]
    if not _is_list(joints, str) or not joints:
        raise ValueError("its joints are no names")
    if not _is_list(limbs, list) or not all(len(a) == 2 and set(a) <= {*joints} for a in limbs):
        raise ValueError("its limbs are no pairs of joints")
    threshold = found["threshold"]
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise ValueError("its threshold is no number from 0 to 1")
    if not isinstance(found["terms"], str):
        raise ValueError("its terms are no text")
    return found


def _is_list(value, kind):
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def read_image(path: str) -> np.ndarray:
    """`[H, W, 3]` uint8, RGB, upright; one of `DECODER_ERRORS` if it cannot be read."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("it is no regular file")  # a pipe would be waited for
    with _open(path) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"it has more than {MOST_PIXELS:,} pixels")
        deep = any(";16" in str(tile[3]) for tile in opened.tile)
        if deep and (opened.mode[0] != "I" or "transparency" in opened.info):
            raise ValueError("it has 16 bits a color, of which 8 alone could be read")
        opened.load()  # so that damaged pixels are an error, and damaged EXIF data is none
        image = _upright(opened)
        if image.mode[0] in "IF":
            return np.repeat(stretch(np.asarray(image))[..., np.newaxis], 3, axis=-1)
        return np.asarray(_opaque(image))


def _open(path):
    """Pillow's image of a file, not decoded yet."""
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:  # its own text names no format
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from None


def _upright(image):
    try:
        return ImageOps.exif_transpose(image)
    except DECODER_ERRORS:
        return image


def _opaque(image):
    """A Pillow image of 8 bits as RGB, gray where it is transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKDROP), image)
    return image.convert("RGB")


def stretch(gray: np.ndarray) -> np.ndarray:
    """Gray of more than 8 bits as uint8: the range that is used counts, as in the project.

    >>> stretch(np.array([[7000, 7400, 8020]], np.uint16)).tolist()
    [[0, 100, 255]]
    """
    low, high = float(gray.min()), float(gray.max())
    return np.rint((gray - low) * (255 / max(high - low, 1e-300))).astype(np.uint8)


def draw(
    image: np.ndarray, pose: Pose, joints_px: np.ndarray, confidence: np.ndarray
) -> Image.Image:
    """The skeleton over the image, joints of at least the threshold's confidence; a new image."""
    drawing = Image.fromarray(image)
    pen = ImageDraw.Draw(drawing)
    width = max(2, round(max(image.shape[:2]) / 160))
    shown = confidence >= pose.threshold
    colors = joint_colors(pose.joints)
    for names in pose.limbs:
        a, b = (pose.joints.index(name) for name in names)
        if shown[a] and shown[b]:
            # A limb takes the color of its outer end; only midline ones are yellow.
            color = colors[a] if colors[b] == MIDDLE else colors[b]
            pen.line([*joints_px[a], *joints_px[b]], fill=color, width=width)
    for color, (x, y), visible in zip(colors, joints_px, shown, strict=True):
        if visible:
            pen.ellipse([x - width, y - width, x + width, y + width], fill=color)
    return drawing


def joint_colors(joints: Sequence[str]) -> list[tuple[int, int, int]]:
    """A color for each joint: by side, or one each where no joint has a side.

    >>> joint_colors(["left_hip", "right_hip", "neck"]) == [*SIDES.values(), MIDDLE]
    True
    >>> joint_colors(["nose", "tail"]) == [*WITHOUT_SIDES[:2]]
    True
    """
    colors = [SIDES.get(joint.split("_")[0], MIDDLE) for joint in joints]
    if {*colors} == {MIDDLE}:
        return [WITHOUT_SIDES[p % len(WITHOUT_SIDES)] for p in range(len(joints))]
    return colors


def parse_box(text: str) -> tuple[float, ...]:
    """Four numbers of a positive size.

    >>> parse_box("1,2,30,40.5")
    (1.0, 2.0, 30.0, 40.5)
    """
    try:
        box = tuple(float(part) for part in text.split(","))
    except ValueError:
        box = ()
    known = len(box) == 4 and np.isfinite(box).all()
    if not known or min(box[2:]) <= 0 or max(map(abs, box)) > FARTHEST_PX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not x,y,width,height in pixels with a positive size"
        )
    return box


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="cpm-lite", description="Finds the joints of the person in an image."
    )
    parser.add_argument("model", help="File of bin/export.py --format=litert. Required.")
    parser.add_argument("image", help="Image of one person. Required.")
    parser.add_argument(
        "--box",
        type=parse_box,
        help="The person's x,y,width,height in pixels. Default: the whole image.",
    )
    parser.add_argument("--out", help="File for a drawing. Default: no drawing.")
    parser.add_argument("--json", help="File for the joints. Default: no file.")
    return parser.parse_args(arguments)


def wrong_name(options: argparse.Namespace) -> str | None:
    """A sentence if a file to write has no name, or that of another file; else None."""
    named: dict[str, str] = {}
    for what in ("model", "image", "out", "json"):
        path = getattr(options, what)
        if path == "":
            return f"{what} has no value; give it one, or leave it out"
        if path is None or (os.path.exists(path) and not os.path.isfile(path)):
            continue  # a device, like /dev/null, may be named twice
        other = named.setdefault(os.path.realpath(path), what)
        if other != what and what in ("out", "json"):
            return f"--{what}={path} is what {other} names, and would be lost; name another file"
    return None


def _is_outside(box, height, width):
    """Whether nothing of a box lies in a height × width image."""
    x, y, box_width, box_height = box
    return x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence for what cannot be read."""
    options = parse_arguments(arguments)
    if clash := wrong_name(options):
        return fail(clash)
    unusable = f"{options.model} cannot be used (%s); write it with bin/export.py --format=litert"
    try:
        pose = Pose(options.model)
    except ImportError as error:
        return fail(f"{error}; install it with: pip install ai-edge-litert")
    except MODEL_ERRORS as error:
        return fail(unusable.replace("%s", _reason(error)))
    try:
        image = read_image(options.image)
    except DECODER_ERRORS as error:
        return fail(
            f"{options.image} cannot be read as an image ({_reason(error)}); name another file"
        )
    if options.box is not None and _is_outside(options.box, *image.shape[:2]):
        size = f"{image.shape[1]} x {image.shape[0]}"
        return fail(f"box {options.box} lies outside the image, which is {size} pixels")
    try:
        joints_px, confidence = pose(image, options.box)
        rows = [
            f"{name:<16} {x:8.1f} {y:8.1f}  {sure:.2f}{' ?' if sure < pose.threshold else ''}"
            for name, (x, y), sure in zip(pose.joints, joints_px, confidence, strict=True)
        ]
    except MODEL_ERRORS as error:
        return fail(unusable.replace("%s", _reason(error)))
    status = write(options, pose, image, joints_px, confidence)
    return show("\n".join(map(plain, rows))) or status


def write(
    options: argparse.Namespace,
    pose: Pose,
    image: np.ndarray,
    joints_px: np.ndarray,
    confidence: np.ndarray,
) -> int:
    """The files of --out and --json; exit status."""
    try:
        if options.out:
            draw(image, pose, joints_px, confidence).save(options.out)
        if options.json:
            rows = np.column_stack([joints_px, confidence]).astype(float).tolist()
            record = {"file": options.image, "joints": dict(zip(pose.joints, rows, strict=True))}
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump(record | {"threshold": pose.threshold}, file, indent=2)
    except (OSError, ValueError) as error:
        return fail(f"the result cannot be written ({error}); name another file")
    return 0


def fail(sentence: str) -> int:
    """Status 2, the sentence on standard error."""
    if sys.stderr is not None:  # None where it was closed from the start
        show(f"error: {plain(sentence)}", sys.stderr)
    return 2


def show(text: str, stream: TextIO | None = None) -> int:
    """Prints a text on standard output or another stream, of any encoding; exit status.

    A pipe that its reader has closed, as of `| head -1`, is silence; a full device is said.
    """
    stream = sys.stdout if stream is None else stream
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        if stream is not sys.stderr:
            fail(f"standard output cannot be written ({_reason(error)}); free space there")
        return 1
    return 0


def _silence(stream):
    """Lets what is still to be written go nowhere: Python writes it at the end, and would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def plain(text: str) -> str:
    r"""A text without what could steer a terminal, line breaks among it.

    >>> print(plain("a\x1b[2Jb\nc"), plain("Müller"))
    a\x1b[2Jb\nc Müller
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _reason(error):
    """What an error says, or else its name, cut where it is long."""
    return (str(error).strip() or type(error).__name__)[:300]


if __name__ == "__main__":
    sys.exit(main())
