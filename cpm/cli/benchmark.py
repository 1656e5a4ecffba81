"""Times this code beside others that compute the same, on this machine.

    python bin/benchmark.py --case=train_step --arch=vgg --peers=torch,torch_compile --json=vgg.json
    python bin/benchmark.py --case=forward --arch=paper --peers=torch,onnxruntime,openvino
    python bin/benchmark.py --case=pipeline --data=data/lsp,data/lspet
    python bin/benchmark.py --read=vgg.json,paper.json --plot=speed.png
    python bin/benchmark.py --case=scaling --arch=vgg --assume=device_tflops=60,network_gb_s=25
    python bin/benchmark.py --page=docs/benchmarks/many_devices.md

conv_layers: every distinct convolution of the network, forward and with both gradients. forward:
images to belief maps of all stages. train_step: the same, losses, gradients, clipping, SGD.
pipeline: batches from records and their parts, the training step, both. heatmap: our op, NumPy
loops, a memory write. startup: bin/train.py from launch to first step. predict: bin/predict.py on
one image, on many, and on many with drawings; forward has the network in other runtimes. scaling: a
step on one device, two devices and two hosts of this machine, and a model of many GPUs. Peers are
optional: pip install -r requirements-bench.txt. tf_direct is our own network, in graph mode with
direct convolutions. All sides get the same weights and images, their outputs are compared first,
and they take turns in processes of their own.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from absl import flags

from cpm import files, output_files, untrusted
from cpm.benchmark import (
    cases,
    machine,
    measure,
    ours,
    pages,
    predicting,
    report,
    scaling,
    sides,
    startup,
)
from cpm.cli.benchmark_scaling import run_scaling
from cpm.cli.benchmark_settings import in_replicas, network_settings, recipe_settings, threads
from cpm.cli.flags import define_run_flags, seed_from_flags
from cpm.cli.training_data import data_folders_from_flags, define_synthetic_people
from cpm.errors import UsageError
from cpm.plots import write_image
from cpm.plots.benchmark import time_plot
from cpm.provenance import provenance

FLAGS = flags.FLAGS
Entries = list[dict[str, Any]]  # of cpm/benchmark/measure.py: one for every item and variant


def define_flags() -> None:
    """Defines the flags of this script."""
    define_run_flags()
    flags.DEFINE_enum(
        "case",
        None,
        cases.CASES,
        "Case to measure; the text above says what each is. Default: none, with --page or --read.",
    )
    flags.DEFINE_list(
        "peers",
        ["torch", "tf_direct"],
        f"Peers to compare with, of {', '.join(sides.PEERS)}; of --case=predict "
        f"{', '.join(predicting.PEERS)}, by default none.",
    )
    flags.DEFINE_list(
        "ours", list(ours.USUAL), f"Variants of our network, of {', '.join(ours.VARIANTS)}."
    )
    flags.DEFINE_integer(
        "rounds",
        7,
        "Number of measurements of every side. 0 with --case=scaling computes the model alone.",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "threads", None, "Threads of each library. Default: all cores.", lower_bound=1
    )
    define_synthetic_people()
    flags.DEFINE_integer("images", 300, "Number of images of the case predict.", lower_bound=2)
    flags.DEFINE_string(
        "ckpt", predicting.WEIGHTS, "Network of the case predict: weights or a run folder."
    )
    flags.DEFINE_string("json", None, "File for the results. Default: none.")
    flags.DEFINE_string("plot", None, "PNG file for a diagram of the results. Default: none.")
    flags.DEFINE_list(
        "assume",
        [],
        "Assumptions of the model of --case=scaling on GPUs, hosts and networks, KEY=NUMBER. "
        f"Default: {', '.join(f'{k}={v:g}' for k, v in vars(scaling.Machines()).items())}.",
    )
    flags.DEFINE_list(
        "read", [], "Files of earlier --json for the diagram, alone without --case. Default: none."
    )
    flags.DEFINE_string(
        "page",
        None,
        "Page whose tables are made anew from the files that it names. Default: none.",
    )


# Cases that time a part of a network.
SINGLE = ("conv_layers", "heatmap")
# What a diagram takes of a case in a file; see cpm/untrusted.py.
_NUMBERS = {"median_s": float}
_CASE = {"item": str, "variant": str, "ours": _NUMBERS, "peers": dict}


def main(_: Sequence[str]) -> None:
    """Measures one case and shows it, or writes the tables of a page anew."""
    if FLAGS.page:
        pages.write(FLAGS.page)
        print(f"wrote {FLAGS.page}")
        return
    outputs = {flag: FLAGS[flag].value for flag in ("json", "plot")}
    for flag, path in outputs.items():
        output_files.check_target(path, flag)
    output_files.check_apart(outputs, {"read": FLAGS.read, "ckpt": FLAGS.ckpt})
    earlier = [entry for path in FLAGS.read for entry in read_entries(path)]
    if FLAGS.case is None and earlier and FLAGS.plot and not FLAGS.json:
        draw(earlier)
        return
    if FLAGS.case is None:
        raise UsageError(f"--case is missing; expected one of {', '.join(cases.CASES)}")
    for flag in ("ckpt", "images"):
        if FLAGS[flag].present and FLAGS.case != "predict":
            raise UsageError(f"--{flag} is of --case=predict; leave it out of --case={FLAGS.case}")
    if FLAGS.case == "scaling":
        run_scaling()
        return
    if not FLAGS.rounds:
        raise UsageError("--rounds=0 is of --case=scaling, whose model needs no measurement")
    variants = chosen("ours", FLAGS.ours, ours.VARIANTS)
    if FLAGS.case in SINGLE and "bfloat16" in variants:
        raise UsageError(
            f"--ours=bfloat16 is of whole networks, and --case={FLAGS.case} times a part of one in "
            "float32; leave it out, or ask for --case=train_step, forward or predict"
        )
    peers = peers_of_the_case()
    measured = prepared(variants, peers)  # before the limits, which take seconds to measure
    before = machine.measure_limits()
    entries = measured()
    limits = before.best_with(machine.measure_limits())
    measure.add_shares(entries, limits)
    print(f"\n{report.format_limits(limits)}\n\n{report.format_entries(entries)}")
    if FLAGS.json:
        record: dict[str, Any] = {"limits": dataclasses.asdict(limits), "cases": entries}
        record |= {"versions": sides.versions(peers, known_peers()), "threads": threads()}
        files.write_json(FLAGS.json, record | provenance(seed_from_flags()))
        print(f"\nwrote {FLAGS.json}")
    if FLAGS.plot:
        print()
        draw(earlier + entries)


def draw(entries: Entries) -> None:
    """Writes the diagram that --plot names."""
    write_image(FLAGS.plot, time_plot(entries))
    print(f"wrote {FLAGS.plot}")


def prepared(variants: Sequence[str], peers: Sequence[str]) -> Callable[[], Entries]:
    """A function that measures the case that was asked for and returns its entries."""
    case = FLAGS.case
    if case == "startup":
        return startup_of(variants)
    if case == "predict":
        # Each one takes minutes, so there is one unless more are asked for.
        return functools.partial(
            predicting.measure_predicting,
            FLAGS.images,
            FLAGS.rounds,
            variants if FLAGS["ours"].present else [None],
            peers,
            FLAGS.ckpt,
            say=lambda line: print(line, flush=True),
        )
    if case == "pipeline":
        settings = in_replicas(recipe_settings())
        items = cases.pipeline_items(settings, data_folders_from_flags(), variants)
    elif case == "heatmap":
        items = cases.heatmap_items(network_settings(), variants)
    elif case == "conv_layers":
        items = cases.convolution_items(network_settings(), variants, peers)
    else:
        settings = network_settings()
        settings = in_replicas(settings) if case == "train_step" else settings
        items = cases.network_items(case, settings, variants, peers)
    return functools.partial(
        measure.measure,
        case,
        items,
        rounds=FLAGS.rounds,
        threads=threads(),
        say=lambda line: print(line, flush=True),
    )


def startup_of(variants: Sequence[str]) -> Callable[[], Entries]:
    """A function that times the training script with the flags that were given to this one."""
    flags_of_train = [
        f"--data={','.join(data_folders_from_flags())}",
        f"--seed={seed_from_flags()}",
    ]
    for name in (
        "arch",
        "stages",
        "width",
        "norm",
        "image_size",
        "recipe",
        "batch_size",
    ):
        if getattr(FLAGS, name) is not None:
            flags_of_train.append(f"--{name}={getattr(FLAGS, name)}")
    flags_of_train += [f"--set={text}" for text in FLAGS.set]
    name = f"startup {FLAGS.arch or 'mini'}, launch to first step"
    return functools.partial(startup.measure_startup, name, flags_of_train, variants, FLAGS.rounds)


def chosen(flag: str, names: Sequence[str], known: Collection[str]) -> list[str]:
    """The names of a list flag, each once, checked."""
    for name in names:
        if name not in known:
            raise UsageError(
                f"--{flag} has {name!r}; expected any of {', '.join(known)}, separated by commas"
            )
    if flag == "ours" and not names:
        raise UsageError(f"--ours is empty; expected any of {', '.join(known)}")
    return list(dict.fromkeys(names))


def known_peers() -> dict[str, sides.Peer]:
    """{name: peer} of the case."""
    return predicting.PEERS if FLAGS.case == "predict" else sides.PEERS


def peers_of_the_case() -> list[str]:
    """The peers that take part; says of the others why not."""
    names = FLAGS.peers
    if FLAGS.case == "predict" and not FLAGS["peers"].present:
        names = []
    names = chosen("peers", names, known_peers())
    if FLAGS.case not in (*sides.OURS, "predict"):
        return []
    reasons = {name: sides.why_not(name, FLAGS.case, known_peers()) for name in names}
    for name, reason in reasons.items():
        if reason:
            print(f"{name} is skipped: {reason}")
    return [name for name, reason in reasons.items() if not reason]


def read_entries(path: str) -> Entries:
    """The cases of an earlier result."""
    record = files.read_json(path, "name files that --json wrote with --read")
    try:
        untrusted.check_schema(record, {"cases": [_CASE]}, "it")
        for case in record["cases"]:
            for side, numbers in case["peers"].items():
                untrusted.check_schema(numbers, _NUMBERS, f"the side {side}")
    except ValueError as error:
        raise UsageError(
            f'{path} has no "cases" of bin/benchmark.py ({error}); name files that --json wrote '
            "with --read"
        ) from error
    return record["cases"]
