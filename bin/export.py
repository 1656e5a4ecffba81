"""Writes a network for other programs: TensorFlow Serving, LiteRT, ONNX, OpenVINO, StableHLO.

    python bin/export.py --ckpt=pretrained --format=litert --out=pose.tflite
    python bin/export.py --ckpt=runs/cats --format=onnx --precision=float16 --out=cats.onnx

The script itself is cpm/cli/export.py.
"""

from cpm.cli import export
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(export)
