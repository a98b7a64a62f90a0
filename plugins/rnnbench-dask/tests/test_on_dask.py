"""A real scheduler with two worker processes gives the numbers of a serial run, even if a worker is killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rnnbench
from rnnbench.benchmark.schema import digest

pytest.importorskip("distributed", reason="an optional extra: pip install -e plugins/rnnbench-dask")

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
CONTENT = {
    "name": "small",
    "tasks": [TASK, {**TASK, "label": "driven", "drive": 0.5}],
    "architectures": [{"use": "vanilla_rnn", "units": 24, "sweep": {"g": [0.5, 1.0]}}],
    "seeds": 2,
    "training": {
        "batch": 16,
        "max_updates": 200,
        "evaluate_every": 100,
        "evaluation_trials": 32,
        "criterion": {"loss": 1e-12},
    },
}


class Cluster:
    """A scheduler and two workers with one thread each; none of them is restarted."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.folder = folder
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        self.workers = [self._start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in "12"]

    def _start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self.file), *options]
        with open(self.folder / f"{program}.log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    here = Cluster(tmp_path)
    until(here.file.exists)
    yield here
    here.stop()


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rnnbench.run(CONTENT, tmp_path_factory.mktemp("serial"), workers=1, device="cpu", figures=False).folder


def results(folder: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_bytes())["result"] for path in folder.glob("cells/??/*.json")}


def assert_same(folder: Path, serial: Path) -> None:
    assert results(folder) == results(serial) and len(results(serial)) == 8 + 16
    for name in ("interference.csv", "stages.csv"):
        assert (folder / name).read_bytes() == (serial / name).read_bytes()


@pytest.mark.parametrize("shared", [True, False], ids=["shared folder", "cells sent"])
def test_the_numbers_of_a_serial_run_though_a_worker_is_killed(cluster, tmp_path, serial, shared):
    victim = cluster.workers[0]

    class Killer:
        """Kills a worker when the first cells are finished."""

        def planned(self, prepared: object) -> None: ...
        def finished(self) -> None: ...
        def heard(self, report: rnnbench.Report) -> None:
            if report.finished and victim.poll() is None:
                victim.kill()

    executor = {"use": "dask", "scheduler": str(cluster.file), "shared": shared}
    found = rnnbench.run(CONTENT, tmp_path, device="cpu", executor=executor, watcher=Killer(), figures=False)
    assert victim.poll() is not None
    assert found.computed == 24
    assert_same(found.folder, serial)
    records = [json.loads(path.read_bytes()) for path in found.folder.glob("cells/??/*.json")]
    assert all(record["provenance"]["threads"] == 1 for record in records)


def test_a_run_goes_on_from_what_is_there_though_workers_cannot_see_it(cluster, tmp_path, serial):
    first = rnnbench.run(CONTENT, tmp_path, workers=1, device="cpu", figures=False)
    for path in first.folder.glob("cells/??/*.json"):
        if len(json.loads(path.read_bytes())["description"]["history"]) == 2:
            path.unlink()
    executor = {"use": "dask", "scheduler": str(cluster.file), "shared": False}
    again = rnnbench.run(CONTENT, tmp_path, device="cpu", executor=executor, figures=False)
    assert again.computed == 16
    assert_same(again.folder, serial)


def copied(serial: Path, home: Path) -> Path:
    return Path(shutil.copytree(serial, home / "small"))


def first_tasks(folder: Path) -> list[Path]:
    """The files of the networks after the first task of CONTENT; they belong to one population."""
    cells = {path: json.loads(path.read_bytes()) for path in sorted(folder.glob("cells/??/*.json"))}
    labels = {path: [stage["task"] for stage in cell["description"]["history"]] for path, cell in cells.items()}
    seeds = {path: cell["description"]["seed"] for path, cell in cells.items()}
    return [path for path in cells if labels[path] == ["fixed_points"] and seeds[path] == 0]


def test_a_worker_does_not_train_stored_cells_again_because_it_cannot_see_them(cluster, tmp_path, serial):
    folder = copied(serial, tmp_path)
    first_tasks(folder)[0].unlink()
    updates = []

    class Counter:
        def planned(self, prepared: object) -> None: ...
        def finished(self) -> None: ...
        def heard(self, report: rnnbench.Report) -> None:
            updates.append(report.updates)

    executor = {"use": "dask", "scheduler": str(cluster.file), "shared": False}
    again = rnnbench.run(CONTENT, tmp_path, device="cpu", executor=executor, watcher=Counter(), figures=False)
    assert (again.computed, sum(updates)) == (1, 200)
    assert_same(folder, serial)


@pytest.mark.parametrize("shared", [True, False], ids=["shared folder", "cells sent"])
def test_a_network_of_another_machine_is_not_replaced(cluster, tmp_path, serial, shared):
    """Its weights are missing, and an added task needs them; what a worker raises reaches the user as it is."""
    folder = copied(serial, tmp_path)
    path = first_tasks(folder)[0]
    cell = json.loads(path.read_bytes())
    cell["result"]["after"]["fixed_points"]["loss"] *= 1 + 1e-6
    cell["checksum"] = digest({"description": cell["description"], "result": cell["result"]})
    path.write_text(json.dumps(cell))
    for weights in folder.glob("cells/??/*.safetensors"):
        weights.unlink()
    before = results(folder)
    executor = {"use": "dask", "scheduler": str(cluster.file), "shared": shared}
    more = CONTENT | {"tasks": [*CONTENT["tasks"], {**TASK, "label": "third"}]}
    with pytest.raises(rnnbench.RnnbenchError, match=r"^fixed_points, g = .*, seed 0: its weights") as raised:
        rnnbench.run(more, tmp_path, device="cpu", executor=executor, figures=False)
    assert "\n" not in str(raised.value) and "same command" not in str(raised.value)
    after = results(folder)
    assert {identity: after[identity] for identity in before} == before


def test_a_plugin_that_breaks_fails_its_cells_alone(cluster, tmp_path):
    content = CONTENT | {"architectures": [{"use": "vanilla_rnn", "units": 4, "g": 1e300}], "seeds": 1}
    executor = {"use": "dask", "scheduler": str(cluster.file)}
    found = rnnbench.run(content, tmp_path, device="cpu", executor=executor, figures=False)
    assert found.failures == {"failed": 6}


@pytest.mark.parametrize("where", ["tcp://127.0.0.1:1", "no-such.json", "nonsense"])
def test_a_scheduler_that_is_not_there_is_told_in_a_line(tmp_path, where):
    executor = {"use": "dask", "scheduler": where, "timeout": 2}
    with pytest.raises(rnnbench.RnnbenchError) as raised:
        rnnbench.run(CONTENT, tmp_path, device="cpu", executor=executor, figures=False)
    assert where in str(raised.value) and "\n" not in str(raised.value)


def test_the_command_line_knows_a_scheduler_by_its_option(tmp_path):
    (tmp_path / "small.yaml").write_text(json.dumps(CONTENT))
    options = ["--executor", "dask", "--scheduler", "no-such.json"]
    done = subprocess.run(
        [sys.executable, "-m", "rnnbench", "run", "small.yaml", "--device", "cpu", *options],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "300"},
        capture_output=True,
        text=True,
    )
    message = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and message.startswith("error: ") and "no-such.json" in message
    assert "Traceback" not in done.stderr
