"""The files of docs/howto/many_devices/ name the right cluster on every host.

The programs of a cluster are stood in for: `srun` starts two tasks, `scontrol` names two nodes,
`python` prints what bin/train.py would read.
"""

import json
import os
import subprocess

import pytest

from cpm.execution.cluster import read_cluster
from tests.helpers.scripts import ROOT

FOLDER = ROOT / "docs" / "howto" / "many_devices"
PROGRAMS = {
    "python": 'echo "$(echo $TF_CONFIG) $*"',
    "srun": 'shift; for i in 0 1; do SLURM_PROCID=$i "$@"; done; exit ${STATUS:-0}',
    "scontrol": '[ $1 = requeue ] && echo "requeued $2" || printf "node-a\\nnode-b\\n"',
}
FLAGS = ["--recipe=paper", "--data=data/my people"]


@pytest.fixture
def run(tmp_path):
    """`run(command, **environment)` with the programs: exit status and lines of output."""
    for name, body in PROGRAMS.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    def call(command, **environment):
        environment = {"PATH": path, "HOME": str(tmp_path)} | environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return call


def cluster_and_flags(line):
    record, end = json.JSONDecoder().raw_decode(line)
    return read_cluster({"TF_CONFIG": json.dumps(record)}), line[end:].strip()


def test_by_hand(run):
    for index in (0, 1):
        environment = {"HOSTS": "a:12,b:34", "INDEX": str(index)}
        status, [line] = run(["bash", FOLDER / "by_hand.sh", *FLAGS], **environment)
        cluster, flags = cluster_and_flags(line)
        assert status == 0 and cluster == (("a:12", "b:34"), index)
        assert flags == "bin/train.py --distribute=multiworker " + " ".join(FLAGS)


def test_slurm(run):
    environment = {"SLURM_JOB_NODELIST": "node-[a-b]", "SLURM_JOB_ID": "40007"}
    status, lines = run(["bash", FOLDER / "train.slurm", *FLAGS], **environment)
    assert status == 0 and len(lines) == 2
    for index, line in enumerate(lines):
        cluster, flags = cluster_and_flags(line)
        assert cluster == (("node-a:20008", "node-b:20009"), index)
        assert flags.endswith(" ".join(FLAGS))


@pytest.mark.parametrize(
    "status, restarts, requeued", [(1, 0, True), (143, 3, True), (1, 20, False), (2, 0, False)]
)
def test_slurm_queues_again_what_was_stopped(run, status, restarts, requeued):
    environment = {"SLURM_JOB_NODELIST": "node-[a-b]", "SLURM_JOB_ID": "7"}
    environment |= {"STATUS": str(status), "SLURM_RESTART_COUNT": str(restarts)}
    found, lines = run(["bash", FOLDER / "train.slurm"], **environment)
    assert found == status and ("requeued 7" in lines) == requeued


def test_kubernetes(run):
    """The shell lines of the pod, cut out of the file by their indentation."""
    text = (FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    script = text.partition("args:\n            - |\n")[2].partition("          resources:")[0]
    for index in (0, 3):
        environment = {"HOSTS": "4", "JOB_COMPLETION_INDEX": str(index)}
        status, [line] = run(["bash", "-c", script], **environment)
        cluster, flags = cluster_and_flags(line)
        assert status == 0 and cluster.host == index
        assert cluster.addresses == tuple(f"cpm-{n}.cpm:12345" for n in range(4))
        assert flags.startswith("bin/train.py --distribute=multiworker --recipe=paper")
