"""Makes test scenes with known truth from the people of converted folders.

    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=gray --out=data/scenes/gray
    python bin/make_scenes.py --data=data/lsp --kind=neighbors --out=data/scenes/neighbors
    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=groups --out=data/scenes/groups
    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=collages --out=data/scenes/collages
    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=nobody --out=data/scenes/nobody
    python bin/make_scenes.py --data=data/lsp --kind=truncated --out=data/scenes/truncated

gray: everybody without colors. neighbors: everybody with another person at the side. alone: the
images of neighbors before anybody was pasted in. These are converted folders like any other:

    python bin/eval.py --ckpt=pretrained --data=data/scenes/gray --crop=middle --passes=2 --flip

groups: wide images of two to six people. collages: whole photographs of one person each, side by
side. nobody: images without a person. truncated: upper bodies, heads and shoulders. These are
folders of images with COCO annotations:

    python bin/eval.py --ckpt=pretrained --scenes=data/scenes/groups
    python bin/eval.py --ckpt=pretrained --scenes=data/scenes/nobody --data=data/lsp,data/lspet

The same seed makes the same scenes. docs/howto/scenes.md says more.
"""

from collections.abc import Sequence

from absl import flags

from cpm.data import pipeline
from cpm.data.scenes import making

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "data", None, "Converted folders, separated by commas. Required.", required=True
    )
    flags.DEFINE_enum(
        "kind", None, making.KINDS, "Kind of scenes to make. Required.", required=True
    )
    flags.DEFINE_string("out", None, "Folder of scenes to make. Required.", required=True)
    flags.DEFINE_enum(
        "split",
        "validation",
        ["train", "validation", "test"],
        "Split whose people the scenes show.",
    )
    flags.DEFINE_integer(
        "count",
        None,
        "Number of people or images. Default: "
        + ", ".join(f"{count} {kind}" for kind, count in making.IMAGES.items())
        + ", else everybody.",
        lower_bound=1,
    )
    flags.DEFINE_integer("seed", 0, "Seed of all random choices.", lower_bound=0)


def main(_: Sequence[str]) -> None:
    """Makes the scenes and says how to score them."""
    images, people = making.make_scenes(
        FLAGS.kind,
        pipeline.split_names(FLAGS.data),
        FLAGS.out,
        split=FLAGS.split,
        count=FLAGS.count,
        seed=FLAGS.seed,
    )
    print(f"wrote {FLAGS.out}: {images} images, {people} people with known joints")
    scored = (
        f"--data={FLAGS.out} --crop=middle --passes=2 --flip"
        if FLAGS.kind in making.PEOPLE
        else f"--scenes={FLAGS.out}"
    )
    print(f"score it: python bin/eval.py --ckpt=pretrained {scored}")
