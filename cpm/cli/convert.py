"""Converts a data set to TFRecords, or draws synthetic people.

    python bin/convert.py --dataset=coco --src=photos --out=data/photos
    python bin/convert.py --dataset=synthetic --count=2000 --seed=0 --out=data/synthetic

The first takes data of your own, as your labeling tool exports it: docs/howto/own_data.md. The
result is a folder with manifest.json for bin/train.py --data and bin/eval.py --data.
"""

import shlex
from collections.abc import Sequence

from absl import flags

from cpm.data import coco, datasets
from cpm.data.id_list import read_ids
from cpm.data.images import LONGEST_SIDE_PX, MAX_PIXELS, PILLOW_PIXELS
from cpm.data.manifest import read_manifest
from cpm.data.records import Storage
from cpm.data.report import compare, table
from cpm.data.splits import RULES, TEST, TRAIN, VALIDATION
from cpm.errors import UsageError
from cpm.humans import noun

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_enum(
        "dataset", None, datasets.NAMES, "Data set to convert. Required.", required=True
    )
    flags.DEFINE_string(
        "src", None, "Folder of the unpacked data set. Default: none, for synthetic."
    )
    flags.DEFINE_string("out", None, "Folder of records to make. Required.", required=True)
    flags.DEFINE_enum(
        "split",
        None,
        [TRAIN, VALIDATION, TEST],
        "Split of the whole folder. Default: as --split_rule says of each image.",
    )
    flags.DEFINE_enum(
        "split_rule",
        "development",
        sorted(RULES),
        "Rule that says which people are for training. "
        + " ".join(f"{r.name}: {r.text}" for r in RULES.values()),
    )
    flags.DEFINE_list(
        "pairs",
        None,
        "Keypoints that a mirror exchanges, as left_ear:right_ear,LPaw:RPaw. Default: by their "
        "names.",
    )
    flags.DEFINE_enum(
        "flip_pairs",
        "pairs",
        ["pairs", "none"],
        "What a mirrored image is: pairs exchanges the --pairs; none: the object has no mirror "
        "image, like a sign with writing, and no image is mirrored.",
    )
    flags.DEFINE_bool(
        "strict", False, "Refuse a COCO file with a wrong record, instead of leaving it out."
    )
    flags.DEFINE_bool(
        "follow_links",
        False,
        "Read images through links that lead out of the folder --src; trust them first.",
    )
    flags.DEFINE_bool(
        "keep_near_duplicates",
        False,
        "Keep the 12 LSP training images that nearly repeat a test image.",
    )
    flags.DEFINE_string(
        "leave_out",
        None,
        "Text file with ids of people not to train on, as bin/eval.py --write_suspects makes it. "
        "Default: none.",
    )
    flags.DEFINE_bool(
        "single_person",
        False,
        "Of MPII, convert only the people who stand apart from others, by its own list.",
    )
    flags.DEFINE_integer("count", 2000, "Number of synthetic people to train on.", lower_bound=1)
    flags.DEFINE_integer(
        "held_out", 512, "Number of synthetic people to validate on.", lower_bound=1
    )
    flags.DEFINE_integer(
        "seed", 0, "Seed of the order, and of the synthetic people.", lower_bound=0
    )
    flags.DEFINE_integer(
        "longest_side",
        LONGEST_SIDE_PX,
        "Longest side in pixels; larger images are cut to the person's neighborhood and shrunk "
        "to it. 0 is no limit.",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "max_pixels",
        MAX_PIXELS,
        "Most pixels of an image, each 3 bytes of memory; larger images are left out.",
        lower_bound=1,
        upper_bound=PILLOW_PIXELS,
    )
    flags.DEFINE_integer("shards", 0, "Number of files per split; 0 is by size.", lower_bound=0)


def main(_: Sequence[str]) -> None:
    """Converts what the flags say, and prints what was found."""
    for flag in ("src", "leave_out"):
        if FLAGS[flag].value and FLAGS.dataset == datasets.SYNTHETIC:
            raise UsageError(f"--{flag} is not for synthetic people; leave it out")
    for flag in ("count", "held_out"):
        if FLAGS[flag].present and FLAGS.dataset != datasets.SYNTHETIC:
            raise UsageError(
                f"--{flag} is for --dataset={datasets.SYNTHETIC}; of {FLAGS.dataset} everybody is "
                "converted: leave it out"
            )
    listed = read_ids(FLAGS.leave_out) if FLAGS.leave_out else frozenset()
    manifest = datasets.convert(FLAGS.dataset, FLAGS.out, FLAGS.src, conversion(listed))
    print(table(manifest.report, noun(manifest.skeleton.joints)))
    known = datasets.KNOWN_PEOPLE.get((FLAGS.dataset, FLAGS.split_rule))
    if known and not FLAGS.single_person and not FLAGS.split:
        print(compare(manifest.report, known))
    if strangers := listed.difference(*manifest.report["left_out"].values()):
        print(
            f"{len(strangers)} of {len(listed)} ids in {FLAGS.leave_out} are not among those to "
            f"train on, like {min(strangers)!r}"
        )
    read_manifest(FLAGS.out, verify=True)
    print(f"wrote {FLAGS.out}; split rule {manifest.split_rule['name']!r}")
    out = shlex.quote(FLAGS.out)
    print(f"look at it: python bin/inspect_batch.py --data={out} --out=batch.png")


def conversion(listed: frozenset[str]) -> datasets.Conversion:
    """The `Conversion` that the flags describe.

    Args:
      listed: ids of --leave_out.
    """
    return datasets.Conversion(
        split_rule=FLAGS.split_rule,
        count=FLAGS.count,
        held_out=FLAGS.held_out,
        seed=FLAGS.seed,
        storage=Storage(FLAGS.shards, FLAGS.longest_side, FLAGS.max_pixels),
        keep_near_duplicates=FLAGS.keep_near_duplicates,
        leave_out=listed,
        single_person=FLAGS.single_person,
        split=FLAGS.split,
        follow_links=FLAGS.follow_links,
        own=coco.Options(parse_pairs(FLAGS.pairs), FLAGS.flip_pairs != "none", FLAGS.strict),
    )


def parse_pairs(texts: Sequence[str] | None) -> tuple[tuple[str, str], ...] | None:
    """The pairs of --pairs, or None if it is not given.

    Raises:
      UsageError: if they are no pairs of names, or one name is in two.

    >>> parse_pairs(["LEar:REar", " paw l : paw r"])
    (('LEar', 'REar'), ('paw l', 'paw r'))
    """
    if texts is None:
        return None
    pairs = [tuple(name.strip() for name in text.split(":")) for text in texts]
    names = [name for pair in pairs for name in set(pair)]
    if not all(len(pair) == 2 and all(pair) for pair in pairs) or len(set(names)) < len(names):
        raise UsageError(
            f"--pairs={','.join(texts)}: expected two names for each pair, each name once, as in "
            "--pairs=left_ear:right_ear,LPaw:RPaw"
        )
    return tuple((a, b) for a, b in pairs)
