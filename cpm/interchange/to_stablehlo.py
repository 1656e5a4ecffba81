"""StableHLO: the function `crops` for one crop, as XLA reads it; for JAX and other compilers.

XLA knows fixed shapes only, so the crop has a fixed size and images stay outside. The weights are
constants of the module. It takes crops `[1, h, w, 3]` and center_px `[1, 2]`. It gives, in this
order, beliefs `[T, 1, h', w', P(+1)]`, confidence `[1, P]` and joints_px `[1, P, 2]`, crop pixels.
The artifact is versioned: later versions of StableHLO read it. Its metadata lies beside it.
"""

from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from cpm import files
from cpm.interchange.portable import Portable

PRECISIONS = ("float32",)
FUNCTIONS = ("crops",)
SUFFIX = ".stablehlo"


def write(portable: Portable, path: str, metadata: dict[str, Any]) -> None:
    """Writes the artifact and FILE.json beside it; arguments as of `to_savedmodel.write`."""
    height, width = portable.network.config.image_size
    crops = tf.zeros([1, height, width, 3])
    center_px = tf.zeros([1, 2])
    traced = tf.function(portable.find_in_crops, autograph=False).get_concrete_function(
        tf.TensorSpec(crops.shape, name="crops"), tf.TensorSpec(center_px.shape, name="center_px")
    )
    frozen = convert_variables_to_constants_v2(traced)
    compiled = tf.function(lambda a, b: frozen(a, b), jit_compile=True, autograph=False)
    read = compiled.experimental_get_compiler_ir(crops, center_px)
    with open(path, "wb") as file:
        file.write(read(stage="stablehlo_serialized"))
    files.write_json(f"{path}.json", metadata | {"function": "crops"})
