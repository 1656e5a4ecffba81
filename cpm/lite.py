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
import sys
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

COLORS = {"left": (230, 85, 13), "right": (33, 113, 181), "": (120, 120, 120)}


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

        with zipfile.ZipFile(path) as archive:
            self.metadata = json.loads(archive.read("cpm.json"))
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


def draw(
    image: np.ndarray, pose: Pose, joints_px: np.ndarray, confidence: np.ndarray
) -> Image.Image:
    """The skeleton over the image, joints of at least the threshold's confidence; a new image."""
    drawing = Image.fromarray(image)
    pen = ImageDraw.Draw(drawing)
    width = max(2, round(max(image.shape[:2]) / 160))
    shown = confidence >= pose.threshold
    for names in pose.limbs:
        a, b = (pose.joints.index(name) for name in names)
        if shown[a] and shown[b]:
            pen.line([*joints_px[a], *joints_px[b]], fill=color(names[1]), width=width)
    for name, (x, y), visible in zip(pose.joints, joints_px, shown, strict=True):
        if visible:
            pen.ellipse([x - width, y - width, x + width, y + width], fill=color(name))
    return drawing


def color(joint: str) -> tuple[int, int, int]:
    """Color of a joint by its side.

    >>> color("left_wrist") == color("left_hip") != color("neck")
    True
    """
    return COLORS.get(joint.split("_")[0], COLORS[""])


def parse_box(text: str) -> tuple[float, ...]:
    """Four numbers of a positive size.

    >>> parse_box("1,2,30,40.5")
    (1.0, 2.0, 30.0, 40.5)
    """
    try:
        box = tuple(float(part) for part in text.split(","))
    except ValueError:
        box = ()
    if len(box) != 4 or not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not x,y,width,height in pixels with a positive size"
        )
    return box


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="cpm-lite", description="Finds the joints of the person in an image."
    )
    parser.add_argument("model", help="file of bin/export.py --format=litert")
    parser.add_argument("image", help="photograph of one person")
    parser.add_argument("--box", type=parse_box, help="x,y,width,height of the person, pixels")
    parser.add_argument("--out", help="file for a drawing")
    parser.add_argument("--json", help="file for the joints")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence for what cannot be read."""
    options = parse_arguments(arguments)
    try:
        pose = Pose(options.model)
    except ImportError as error:
        return fail(f"{error}; install it with: pip install ai-edge-litert")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        return fail(
            f"{options.model} cannot be used ({error}); write it with bin/export.py --format=litert"
        )
    if os.path.exists(options.image) and not os.path.isfile(options.image):
        return fail(f"{options.image} is no regular file; name another file")
    try:
        with Image.open(options.image) as opened:
            image = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return fail(f"{options.image} cannot be read as an image ({error}); name another file")
    joints_px, confidence = pose(image, options.box)
    for name, (x, y), sure in zip(pose.joints, joints_px, confidence, strict=True):
        print(f"{name:<16} {x:8.1f} {y:8.1f}  {sure:.2f}{' ?' * (sure < pose.threshold)}")
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
    print(f"error: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
