"""Scores a trained network on annotated people, joint by joint and stage by stage.

    python bin/eval.py --ckpt=runs/mini
    python bin/eval.py --ckpt=runs/mini --data=data/lsp,data/lspet --flip --plots=figures
    python bin/eval.py --ckpt=runs/mini --flip --scales=0.9,1,1.1 --refinement=dark
    python bin/eval.py --ckpt=runs/wild --crop=middle --passes=2 --flip
    python bin/eval.py --ckpt=pretrained --data=data/lsp
    python bin/eval.py --ckpt=pretrained --data=data/lsp --people=all

Without --data the run's own data folders are used. Tables go to the terminal and, with a JSON
file of the same numbers, into the run folder's eval/. The score depends on how the crop is placed:
--crop=joints uses the true joints' box, person the annotated center and scale. Others know nothing
of the person: with image the image's height fills 80 % of the crop (LSP's test), with whole all
of the image is in it, with middle windows of three sizes are tried. With --passes=2 a second pass
sees a crop around the joints found by the first. bin/predict.py --people=1 does --crop=middle
--passes=2 --flip. Own data is scored in this way unless a flag says
otherwise; the score with the true boxes stands below.

With --people=all every image is searched as by bin/predict.py without that flag, and the person of
the highest score counts, so the images should show one person each. Where nobody is found, all
joints are missed; how many images that are, and in how many somebody else is found, is said below.

Scenes (bin/make_scenes.py) of several people, of people cut off and of nobody are searched as in
bin/predict.py. Scored are how many people are found, how well, and how often a person is found
where there is none, at the confidence that loses 3 % of the people of --data:

    python bin/eval.py --ckpt=pretrained --scenes=data/scenes/groups
    python bin/eval.py --ckpt=pretrained --scenes=data/scenes/nobody --data=data/lsp,data/lspet

Predictions in files, of any method, are scored by the same code without any network:

    python bin/eval.py --protocol=mpii --predictions=preds.mat \\
        --ground_truth=detections_our_format.mat
    python bin/eval.py --predictions=preds.json --ground_truth=data/lsp --split=validation
    python bin/eval.py --protocol=lsp --predictions=ours.h5,theirs.mat --ground_truth=joints.mat

The last one compares two files joint by joint. Read are .mat (also 7.3, cells and structs), .h5,
.npz and .json, with axes in any order; the report says what was read, and another order of joints
or people is refused. --ground_truth is a data set's own file: LSP's joints.mat, MPII's
detections_our_format.mat or valid.h5, FLIC's examples.mat (its test half); or a converted folder,
whose people are then found by their ids. .mat and .h5 count pixels from 1, as those files do, .npz
and .json from 0; --origin says otherwise. --write_predictions makes such a file:

    python bin/eval.py --ckpt=runs/lsp --data=data/lsp --split=test --write_predictions=ours.h5

People whose annotations the network almost never matches can be listed, so that their images can be
checked; what is wrong is left out when the data is converted again (bin/convert.py --leave_out):

    python bin/eval.py --ckpt=pretrained --data=data/lspet --split=train --flip \\
        --write_suspects=suspects.txt

JSON is {"people": [{"id": "lsp/im1001", "joints": {"left_wrist": [x, y, confidence], ...}}, ...]},
or what bin/predict.py writes; of several people whom a search found in an image, the surest counts.
"""

import os
from collections.abc import Sequence

from absl import flags

from cpm.cli import eval_network
from cpm import files, output_files
from cpm.cli.flags import define_decoding_flags, define_speed_flags, people_from_flags
from cpm.config import CROP_RULES
from cpm.data import pipeline
from cpm.errors import UsageError
from cpm.prediction_files import scoring
from cpm.prediction_files.published import PROTOCOLS
from cpm.provenance import provenance
from cpm.scoring import scenes
from cpm.scoring.result_files import beside

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt",
        None,
        "Network to score: run folder (its best checkpoint), checkpoint, .npz or exported file, "
        "pretrained or pretrained-small. Default: none, with --predictions.",
    )
    flags.DEFINE_string(
        "data", None, "Converted data folders, separated by commas. Default: those of the run."
    )
    flags.DEFINE_list(
        "scenes",
        None,
        "Folders of images of bin/make_scenes.py to score instead. Default: none.",
    )
    flags.DEFINE_enum(
        "split", "validation", ["train", "validation", "test"], "Split whose people are scored."
    )
    flags.DEFINE_enum(
        "crop", None, (*CROP_RULES, "middle"), "Rule that places the crop. Default: as trained."
    )
    flags.DEFINE_integer(
        "passes",
        None,
        "Number of passes, each around the joints of the one before. Default: 1.",
        lower_bound=1,
    )
    flags.DEFINE_string(
        "people",
        "1",
        "How many people to search for in each image: all, or a number from 2 on, of whom the "
        "surest is scored. 1 is no search but the person in the crop.",
    )
    define_decoding_flags()
    define_speed_flags()
    flags.DEFINE_string("json", None, "File for the numbers. Default: a file in eval/ of the run.")
    flags.DEFINE_string("plots", None, "Folder for drawings of people and curves. Default: none.")
    flags.DEFINE_integer(
        "plot_people", 8, "Number of people on each sheet of --plots.", lower_bound=1
    )
    flags.DEFINE_alias("pictures", "plot_people")  # its older name
    flags.DEFINE_integer("seed", 0, "Seed of the bootstrap intervals.", lower_bound=0)
    flags.DEFINE_list(
        "predictions", None, "Prediction file to score, or two to compare, as A,B. Default: none."
    )
    flags.DEFINE_string(
        "ground_truth",
        None,
        "True joints for --predictions: a data set's file or a converted folder. Default: none.",
    )
    flags.DEFINE_enum(
        "protocol",
        None,
        sorted(PROTOCOLS),
        "Protocol that scores --predictions. Default: the joints of a converted folder.",
    )
    flags.DEFINE_enum(
        "origin",
        None,
        ["0", "1"],
        "Number of the first pixel in --predictions. Default: 1 in .mat and .h5, else 0.",
    )
    flags.DEFINE_string(
        "write_predictions",
        None,
        "File for the network's joints, .mat, .h5, .npz or .json. Default: none.",
    )
    flags.DEFINE_string(
        "write_suspects",
        None,
        "Text file for the ids of people whose annotations the network almost never matches. "
        "Default: none.",
    )


OF_FILES = ("ground_truth", "protocol", "origin")
OF_NETWORKS = (
    *("data", "scenes", "crop", "passes", "people", "flip", "scales", "refinement", "plots"),
    *("write_predictions", "write_suspects"),
)
READ, WRITTEN = (
    ("ckpt", "predictions", "ground_truth"),
    ("json", "write_predictions", "write_suspects"),
)
NOT_OF_SCENES = ("crop", "people", "plots", "write_predictions", "write_suspects")


def main(_: Sequence[str]) -> None:
    """Scores a network or a file, whatever the flags name."""
    if bool(FLAGS.ckpt) == bool(FLAGS.predictions):
        raise UsageError(
            "give either --ckpt=RUN or --predictions=FILE --ground_truth=FILE --protocol=NAME"
        )
    for flag in OF_FILES if FLAGS.ckpt else OF_NETWORKS:
        if FLAGS[flag].value != FLAGS[flag].default:
            raise UsageError(
                f"--{flag} goes with --{'predictions' if FLAGS.ckpt else 'ckpt'}, not with "
                f"--{'ckpt' if FLAGS.ckpt else 'predictions'}; leave one of them out"
            )
    outputs = {flag: FLAGS[flag].value for flag in WRITTEN}
    for flag, path in outputs.items():
        output_files.check_target(path, flag)
    output_files.check_apart(outputs, {flag: FLAGS[flag].value for flag in READ})
    if FLAGS.json and FLAGS.ckpt and not FLAGS.scenes:
        check_beside(FLAGS.json)
    output_files.check_folder(FLAGS.plots, "plots")
    if FLAGS.predictions:
        score_predictions()
    elif FLAGS.scenes:
        score_scenes()
    elif people_from_flags() != 1:
        eval_network.score_search()
    else:
        eval_network.score_network()


def check_beside(path: str) -> None:
    """UsageError if what is written beside --json=`path` is that file, or another flag's."""
    if os.path.realpath(path) in map(os.path.realpath, beside(path)):
        raise UsageError(
            f"--json={path} would be replaced by what is written beside it; let it end in .json"
        )
    for flag in ("ckpt", "write_predictions", "write_suspects"):
        named = FLAGS[flag].value or ""
        for written in beside(path):
            if named and os.path.realpath(named) == os.path.realpath(written):
                raise UsageError(
                    f"--json={path} also writes {written}, which --{flag} names; name another"
                )


def score_scenes() -> None:
    """Scores a checkpoint on folders of groups and of nobody."""
    for flag in NOT_OF_SCENES:
        if FLAGS[flag].value != FLAGS[flag].default:
            raise UsageError(f"--{flag} is not for --scenes; leave one of them out")
    predictor = eval_network.predictor_from_flags()
    text, scores = scenes.score_scenes(
        FLAGS.scenes,
        predictor,
        data=pipeline.split_names(FLAGS.data) if FLAGS.data else (),
        split=FLAGS.split,
        seed=FLAGS.seed,
    )
    print(text)
    if FLAGS.json:
        record = {"scenes": scores, "checkpoint": FLAGS.ckpt, "data": FLAGS.data}
        files.write_json(FLAGS.json, record | predictor.settings() | provenance(FLAGS.seed))
        print(f"\nwrote {FLAGS.json}")


def score_predictions() -> None:
    """Scores a prediction file, or compares two."""
    paths = FLAGS.predictions
    if not FLAGS.ground_truth or len(paths) > 2:
        raise UsageError(
            f"--predictions={','.join(paths)}: expected one file, or two to compare, and "
            "--ground_truth=FILE --protocol=NAME or --ground_truth=FOLDER"
        )
    truth = scoring.read_truth(FLAGS.ground_truth, FLAGS.protocol, FLAGS.split)
    options = {
        "origin": None if FLAGS.origin is None else int(FLAGS.origin),
        "seed": FLAGS.seed,
    }
    if len(paths) == 1:
        text, record = scoring.score_file(paths[0], truth, FLAGS.protocol, **options)
    else:
        text, record = scoring.compare_files(paths, truth, FLAGS.protocol, **options)
    print(text)
    if FLAGS.json:
        scoring.write_record(FLAGS.json, record, FLAGS.seed)
