"""The weights that come with the project: `--ckpt=pretrained` and `--ckpt=pretrained-small`.

Files of cpm/checkpoints/weights_file.py, trained on photographs and installed with the package. How
they were made, how good they are and what they must not be used for: the model cards beside them.

pretrained         weights.npz, MODEL_CARD.md: the accurate one
pretrained-small   small.npz, MODEL_CARD_SMALL.md: a third of the work, for videos and browsers
"""

import os

from cpm.errors import UsageError

NAME, SMALL = "pretrained", "pretrained-small"
FILES = {NAME: "weights.npz", SMALL: "small.npz"}
TERMS = (
    "Non-commercial research only, citing Leeds Sports Pose (BMVC 2010) and its extension (CVPR "
    "2011), on whose photographs the weights were trained. No surveillance, no identification, "
    "nothing that matters to anybody's safety, health, rights or income."
)
FOLDER = os.path.dirname(os.path.abspath(__file__))


def path(name: str = NAME) -> str:
    """Where the file of one of `FILES` lies.

    Raises:
      UsageError: if this copy of the project does not hold it.
    """
    path = os.path.join(FOLDER, FILES[name])
    if not os.path.isfile(path):
        raise UsageError(
            f"--ckpt={name}: this copy of the project does not hold these weights "
            f"({path} is missing); "
            "train a network with: python bin/train.py --run_dir=runs/mine, and name it with "
            "--ckpt=runs/mine"
        )
    return path
