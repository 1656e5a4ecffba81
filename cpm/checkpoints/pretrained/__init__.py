"""The weights that come with the project: `--ckpt=pretrained`.

One file of cpm/checkpoints/weights_file.py, trained on photographs and installed with the package.
How it was made, how good it is and what it must not be used for: MODEL_CARD.md beside it.
"""

import os

from cpm.errors import UsageError

NAME = "pretrained"
TERMS = (
    "Non-commercial research only, citing Leeds Sports Pose (BMVC 2010) and its extension (CVPR "
    "2011), on whose photographs the weights were trained. No surveillance, no identification, "
    "nothing that matters to anybody's safety, health, rights or income."
)
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights.npz")


def path() -> str:
    """Where the file lies.

    Raises:
      UsageError: if this copy of the project has none.
    """
    if not os.path.isfile(PATH):
        raise UsageError(
            f"--ckpt={NAME}: this copy of the project holds no trained weights "
            f"({PATH} is missing); "
            "train a network with: python bin/train.py --run_dir=runs/mine, and name it with "
            "--ckpt=runs/mine"
        )
    return PATH
