"""A real Slurm of one node gives the numbers of a serial run, even if jobs are cancelled, killed or interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rnnbench

pytestmark = pytest.mark.cluster

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
CONTENT = {
    "name": "small",
    "tasks": [TASK, {**TASK, "label": "driven", "drive": 0.5}, {**TASK, "label": "longer", "duration": 8}],
    "architectures": [{"use": "vanilla_rnn", "units": 24, "sweep": {"g": [0.5, 1.0]}}],
    "seeds": 2,
    # The whole budget is always spent: about two seconds for each population of two networks.
    "training": {
        "batch": 16,
        "max_updates": 600,
        "evaluate_every": 100,
        "evaluation_trials": 32,
        "criterion": {"loss": 1e-12},
    },
}
CELLS = 12 + 36
"""Cells after first tasks and after pairs, for 3 tasks, 2 connectivities and 2 seeds."""


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a serial run."""
    return rnnbench.run(CONTENT, tmp_path_factory.mktemp("serial"), workers=1, device="cpu", figures=False).folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(json.dumps(CONTENT))
    return tmp_path


class Command:
    """`rnnbench run --executor slurm` as a process; an element computes one population or two."""

    def __init__(self, cluster, home: Path, *more: str) -> None:
        command = [sys.executable, "-m", "rnnbench", "run", "small.yaml", "--executor", "slurm", "--device", "cpu"]
        settings = [word for text in ("minutes=0.05", "poll=0.5", *more) for word in ("--set", text)]
        self.process = subprocess.Popen(
            [*command, *settings],
            cwd=home,
            env=os.environ | cluster.environment | {"COLUMNS": "300"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=480)
        return self.process.returncode, out, err


def cells(home: Path) -> dict[str, bytes]:
    """Return the records in the results folder by identity."""
    return {path.stem: path.read_bytes() for path in (home / "results" / "small" / "cells").glob("??/*.json")}


def until(condition, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def assert_same(home: Path, serial: Path) -> None:
    """Compare the tables byte for byte, and the result of every cell."""
    folder = home / "results" / "small"
    for name in ("interference.csv", "stages.csv", "continual.csv"):
        assert (folder / name).read_bytes() == (serial / name).read_bytes()
    results = {path.stem: json.loads(path.read_bytes())["result"] for path in serial.glob("cells/??/*.json")}
    assert {identity: json.loads(content)["result"] for identity, content in cells(home).items()} == results
    assert len(results) == CELLS


def test_arrays_give_the_numbers_of_a_serial_run(cluster, home, serial):
    code, out, err = Command(cluster, home, "minutes=0.02").ended()
    assert code == 0, err
    # MaxArraySize of this cluster is 3, so that more bundles than that become several arrays.
    scripts = {path.name for path in (home / "results" / "small" / "slurm" / "001").glob("*.sbatch")}
    assert {"stage-1-0.sbatch", "stage-2-0.sbatch", "stage-2-3.sbatch"} <= scripts
    assert f"{CELLS} of {CELLS} cells computed" in out
    assert_same(home, serial)


@pytest.mark.slow
def test_several_cores_an_element_are_several_workers(cluster, home, serial):
    code, _, err = Command(cluster, home, "cores=2", "minutes=30").ended()
    assert code == 0, err
    assert_same(home, serial)


def test_what_was_cancelled_is_not_submitted_behind_the_users_back_and_lost_nothing(cluster, home, serial):
    command = Command(cluster, home)
    until(lambda: cells(home))
    cluster.run("scancel", "--user", str(os.getuid()))
    code, _, err = command.ended()
    assert code == 2 and "cancelled" in err and len(err.splitlines()) == 1
    there = cells(home)
    assert 0 < len(there) < CELLS
    code, out, err = Command(cluster, home).ended()
    assert code == 0, err
    assert f"{CELLS - len(there)} of {CELLS - len(there)} cells computed" in out
    assert {identity: cells(home)[identity] for identity in there} == there  # not computed again
    assert_same(home, serial)


def test_what_a_killed_worker_did_not_do_is_submitted_again(cluster, home, serial):
    command = Command(cluster, home, "minutes=30")  # one element does all
    until(lambda: cells(home))
    workers = subprocess.run(["pgrep", "-f", f"rnnbench worker {home}"], capture_output=True, text=True).stdout.split()
    for pid in workers:
        os.kill(int(pid), signal.SIGKILL)
    code, out, err = command.ended()
    assert workers and code == 0, err
    assert "are not done (elements: " in out and "submitting them" in out
    assert_same(home, serial)


def test_a_command_that_was_interrupted_joins_its_jobs(cluster, home, serial):
    command = Command(cluster, home)
    until(lambda: cells(home))
    command.process.send_signal(signal.SIGINT)
    code, out, _ = command.ended()
    jobs = re.search(r"slurm: jobs ([\d ]+) continue", out)
    assert code == 130 and jobs
    code, out, err = Command(cluster, home).ended()
    assert code == 0, err
    assert re.search(r"slurm: joining jobs [\d ]+, which were submitted before", out)
    assert "submitted as jobs" not in out
    assert_same(home, serial)


@pytest.mark.slow
def test_a_command_need_not_wait(cluster, home, serial):
    code, out, err = Command(cluster, home, "wait=false").ended()
    assert code == 0 and not err and "submitted: jobs" in out
    assert not (home / "results" / "small" / "interference.csv").exists()
    status = [sys.executable, "-m", "rnnbench", "status", "results/small"]
    printed = subprocess.run(status, cwd=home, capture_output=True, text=True, check=True).stdout
    assert "missing" in printed
    code, out, err = Command(cluster, home).ended()
    assert code == 0, err
    assert "submitted as jobs" not in out
    assert_same(home, serial)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["partition=nowhere"], "invalid partition"),
        (["python=/no/such/python"], "/no/such/python"),
        (["template=no-such.sbatch"], "template no-such.sbatch: cannot be read"),
    ],
    ids=["partition", "interpreter", "template"],
)
def test_what_cannot_work_is_told_in_a_line(cluster, home, settings, message):
    code, _, err = Command(cluster, home, *settings).ended()
    assert code == 2 and message in err and len(err.splitlines()) == 1


def test_a_plugin_that_breaks_on_the_nodes_fails_its_cells_alone(cluster, home):
    """Its cells have a record, so that they are not submitted again and again."""
    content = {**CONTENT, "architectures": [{"use": "vanilla_rnn", "units": 4, "g": 1e300}, *CONTENT["architectures"]]}
    (home / "small.yaml").write_text(json.dumps(content | {"seeds": 1, "tasks": CONTENT["tasks"][:2]}))
    code, out, err = Command(cluster, home).ended()
    assert code == 1 and "failed: " in out and not err
    statuses = [json.loads(content)["result"]["status"] for content in cells(home).values()]
    assert statuses.count("failed") == 2 + 4 and statuses.count("done") == 2 * (2 + 4)
