"""Who can take part in which case, and which of them this machine has.

A peer is an optional package (requirements-bench.txt). One that is absent, or that does not do what
a case asks for, is skipped with a word, never an error: the others are still compared.
"""

import dataclasses
import importlib.metadata
import importlib.util
import os
import shutil
from collections.abc import Iterable, Mapping

from cpm.benchmark import ours

OURS = {
    "conv_layers": "cpm.benchmark.ours:Convolution",
    "forward": "cpm.benchmark.ours:Forward",
    "train_step": "cpm.benchmark.ours:Training",
}
TORCH = {
    "conv_layers": "cpm.benchmark.torch_sides:Convolution",
    "forward": "cpm.benchmark.torch_sides:Forward",
    "train_step": "cpm.benchmark.torch_sides:Training",
}

TRAINING_ALONE = {"train_step": TORCH["train_step"]}


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another program that does the same work, and what it needs.

    Attributes:
      packages: that have to be installed.
      makes: {case: `module:class` of its side}.
      settings: what its side is told besides the number of threads.
      compiles: whether it needs a C++ compiler.
      reads_onnx: whether it needs the network as an ONNX file.
      requirements: file that lists the packages.
    """

    packages: tuple[str, ...]
    makes: dict
    settings: dict = dataclasses.field(default_factory=dict)
    compiles: bool = False
    reads_onnx: bool = False
    requirements: str = "requirements-bench.txt"


PEERS = {
    "torch": Peer(("torch",), TORCH, {"compile": False}),
    "torch_compile": Peer(
        ("torch",),
        # A convolution alone is the same library call, compiled or not.
        {case: make for case, make in TORCH.items() if case != "conv_layers"},
        {"compile": True},
        compiles=True,
    ),
    "torch_bfloat16": Peer(("torch",), TRAINING_ALONE, {"compile": False, "bfloat16": True}),
    "torch_compile_bfloat16": Peer(
        ("torch",), TRAINING_ALONE, {"compile": True, "bfloat16": True}, compiles=True
    ),
    "onnxruntime": Peer(
        ("onnxruntime", "torch", "onnx"),
        {"forward": "cpm.benchmark.runtimes:OnnxRuntime"},
        reads_onnx=True,
    ),
    "openvino": Peer(
        ("openvino", "torch", "onnx"),
        {"forward": "cpm.benchmark.runtimes:OpenVino"},
        reads_onnx=True,
    ),
    "tf_direct": Peer((), OURS, {"changes": ours.tf_direct()}),
}


def why_not(name: str, case: str, peers: Mapping[str, Peer] = PEERS) -> str | None:
    """Why one of these peers does not take part in a case, in a few words; None if it does.

    >>> why_not("onnxruntime", "train_step")
    'does not do train_step'
    """
    peer = peers[name]
    if case not in peer.makes:
        return f"does not do {case}"
    for package in peer.packages:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed ({peer.requirements})"
    if peer.compiles and not _compiler():
        return "there is no C++ compiler"
    return None


def versions(names: Iterable[str], peers: Mapping[str, Peer] = PEERS) -> dict[str, str]:
    """{package: its version} of what some of these peers need, as far as it was installed."""
    packages = dict.fromkeys(p for name in names for p in peers[name].packages)
    # Not every distribution is called like its package: onnxruntime-gpu has onnxruntime.
    distributions = importlib.metadata.packages_distributions()
    return {
        p: importlib.metadata.version(distributions[p][0]) for p in packages if p in distributions
    }


def _compiler():
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
