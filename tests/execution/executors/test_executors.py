"""Executors: how they are chosen, their workers and threads, and that all give the same numbers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

import rnnbench
from rnnbench.errors import RnnbenchError
from rnnbench.execution.executors.process import Process
from rnnbench.execution.executors.serial import Serial
from rnnbench.execution.machine import cores
from rnnbench.execution.run import compute
from rnnbench.execution.worker import Worker
from rnnbench.loading.executor_choice import executor_of
from rnnbench.plugin.executor import Executor, Work
from rnnbench.plugin.registry import installed
from rnnbench.results.heartbeat import GONE, Heartbeat, cells_in_progress, sweep

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
CONTENT = {
    "name": "tiny",
    "tasks": [TASK, {**TASK, "label": "driven", "drive": 0.5}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "seeds": 2,
    "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
}


def results(folder: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_bytes())["result"] for path in folder.glob("cells/??/*.json")}


class Backwards(Executor):
    """Computes the jobs of each stage in the opposite order, each by a new worker, and passes on no reports."""

    name = "backwards"

    def where(self, workers: int, threads: int) -> str:
        return "no hurry"

    def run(self, work: Work) -> None:
        for stage in (1, 2):
            for job in reversed([job for job in work.jobs if job.stage == stage]):
                assert job in work.left(work.jobs)
                Worker(work.folder).compute(job.order, lambda report: None)
                assert job not in work.left(work.jobs)
                work.look()


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> rnnbench.Results:
    return rnnbench.run(CONTENT, tmp_path_factory.mktemp("serial"), executor="serial", device="cpu", figures=False)


@pytest.mark.parametrize("executor", ["process", Backwards()], ids=["process", "backwards"])
def test_every_executor_gives_the_same_numbers(serial, tmp_path, executor):
    found = rnnbench.run(CONTENT, tmp_path, workers=2, device="cpu", executor=executor, figures=False)
    assert results(found.folder) == results(serial.folder) and len(results(serial.folder)) == 12
    assert (found.folder / "interference.csv").read_bytes() == (serial.folder / "interference.csv").read_bytes()
    assert found.computed == 12  # Each cell was reported.
    assert not (found.folder / "running").exists()


def test_by_default_one_worker_is_serial_and_several_are_processes(tmp_path):
    one, two = (rnnbench.prepare(CONTENT, tmp_path, workers=n, device="cpu") for n in (1, 2))
    assert isinstance(one.executor, Serial) and isinstance(two.executor, Process)


def test_a_file_and_settings_on_top_of_it(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump({"use": "process"}))
    assert executor_of(str(path), installed()) == Process()
    with pytest.raises(RnnbenchError, match=r"ours\.yaml: process\.speed: unknown") as caught:
        executor_of(path, installed(), {"speed": 2})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("proces", "did you mean process"),
        ("flip_flop", "unknown executor"),
        ({"use": 3}, "expected {use: name, parameters}"),
        ("no-such.yaml", "no-such.yaml: no such file"),
    ],
)
def test_the_error_for_a_wrong_executor_is_one_line(choice, message):
    with pytest.raises(RnnbenchError) as caught:
        executor_of(choice, installed())
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers: 0 is below 1"),
        ({"threads": 0}, "threads: 0 is below 1"),
        ({"threads": 10_000}, f"more than the {cores()} cores"),
        ({"workers": 4, "executor": "serial"}, "workers: the executor serial has one"),
    ],
)
def test_impossible_numbers_of_workers_and_threads_are_refused(tmp_path, options, message):
    with pytest.raises(RnnbenchError, match=message):
        rnnbench.prepare(CONTENT, tmp_path, device="cpu", **options)


@pytest.mark.skipif(cores() < 2, reason="one core")
def test_workers_and_threads_are_never_more_than_cores(tmp_path):
    content = CONTENT | {"seeds": 4 * cores()}
    assert rnnbench.prepare(content, tmp_path, device="cpu", threads=2).workers == cores() // 2
    with pytest.raises(RnnbenchError, match="they would slow each other down"):
        rnnbench.prepare(content, tmp_path, device="cpu", threads=2, workers=cores())


@pytest.mark.skipif(cores() < 2, reason="one core")
def test_threads_are_set_for_the_work_and_recorded_in_every_cell(tmp_path):
    before = torch.get_num_threads()
    found = rnnbench.run(CONTENT | {"seeds": 1}, tmp_path, device="cpu", threads=2, executor="serial", figures=False)
    cells = [json.loads(path.read_bytes()) for path in found.folder.glob("cells/??/*.json")]
    assert {cell["provenance"]["threads"] for cell in cells} == {2}
    assert torch.get_num_threads() == before


def test_an_order_of_another_benchmark_is_refused(serial, tmp_path):
    """This happens if the description, a plugin or rnnbench has changed since the job was submitted."""
    prepared = rnnbench.prepare(CONTENT | {"dtype": "float64"}, tmp_path, workers=1, device="cpu")
    from rnnbench.execution.jobs import jobs_of

    job = jobs_of(prepared.plan.to_do, prepared.seconds)[0]
    with pytest.raises(RnnbenchError, match="the benchmark has changed since this job was submitted"):
        Worker(serial.folder).compute(job, lambda report: None)
    with pytest.raises(RnnbenchError, match="not a job of this benchmark"):
        Worker(serial.folder).compute("[[1, 2]]", lambda report: None)


def test_a_job_whose_parent_cells_are_missing_is_left_for_later_and_not_failed(tmp_path):
    from rnnbench.execution.jobs import jobs_of
    from rnnbench.execution.outputs import describe

    prepared = rnnbench.prepare(CONTENT, tmp_path, workers=1, device="cpu")
    describe(prepared, renew=True)
    last = jobs_of(prepared.plan.to_do, prepared.seconds)[-1]
    report = Worker(prepared.folder).compute(last, lambda report: None)
    assert report.finished == () and "left for later" in report.news[0]
    assert results(prepared.folder) == {}


def test_a_failed_cell_that_is_computed_again_is_waited_for(tmp_path, monkeypatch):
    """It has a record before, so it counts as computed only when its file has changed."""
    content = CONTENT | {"seeds": 1}
    with monkeypatch.context() as broken:
        broken.setattr("rnnbench.training.cell_trainer.CellTrainer.trainer", lambda *_: 1 / 0)
        first = rnnbench.run(content, tmp_path, executor="serial", device="cpu", figures=False)
    assert {result["status"] for result in results(first.folder).values()} == {"failed"}
    repaired = rnnbench.run(content, tmp_path, executor=Backwards(), device="cpu", figures=False)
    assert {result["status"] for result in results(repaired.folder).values()} == {"done"}


def test_a_cell_that_another_process_writes_after_the_plan_is_not_waited_for(tmp_path, serial):
    """Jobs that are already running may write a cell between the plan of a run and its start."""
    import shutil

    prepared = rnnbench.prepare(CONTENT, tmp_path, device="cpu", executor=Backwards())
    shutil.copytree(serial.folder / "cells", prepared.folder / "cells")

    class Looks(Executor):
        """Computes nothing."""

        name = "looks"

        def where(self, workers: int, threads: int) -> str:
            return "nowhere"

        def run(self, work: Work) -> None:
            assert work.left(work.jobs) == []
            work.look()

    statuses = compute(replace(prepared, executor=Looks()))
    assert set(statuses) == set(prepared.plan.missing)


def test_heartbeats_are_seen_while_a_worker_computes_and_not_after_it_was_killed(tmp_path):
    now = 1e9
    with Heartbeat(tmp_path, ["a", "b"]) as heartbeat:
        import os

        os.utime(heartbeat.path, (now, now))
        assert cells_in_progress(tmp_path, now + 1) == {"a", "b"}
        assert cells_in_progress(tmp_path, now + GONE + 1) == frozenset()
        sweep(tmp_path, now + 1)
        assert heartbeat.path.exists()  # It may belong to another run.
    assert cells_in_progress(tmp_path, now) == frozenset()
    abandoned = Heartbeat(tmp_path, ["c"]).__enter__()
    os.utime(abandoned.path, (now, now))
    sweep(tmp_path, now + GONE + 1)
    assert not abandoned.path.parent.exists()


def test_a_heartbeat_of_a_local_process_that_has_exited_is_ignored(tmp_path):
    exited = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    here = socket.gethostname()
    for host, process, seen in ((here, int(exited.stdout), False), ("elsewhere", 1, True), (here, 10**30, True)):
        heartbeat = Heartbeat(tmp_path, ["a"])
        with heartbeat:
            heartbeat.path.write_text(json.dumps({"cells": ["a"], "host": host, "process": process}))
            assert cells_in_progress(tmp_path, time.time()) == ({"a"} if seen else set())
            sweep(tmp_path, time.time())
            assert heartbeat.path.exists() == seen


class Unreachable(Executor):
    """Cannot compute anything."""

    name = "unreachable"

    def where(self, workers: int, threads: int) -> str:
        return "nowhere"

    def run(self, work: Work) -> None:
        raise RnnbenchError("unreachable: nobody is there")


def test_a_run_that_cannot_begin_leaves_the_folder_as_it_was(tmp_path):
    done = rnnbench.run(CONTENT, tmp_path, executor="serial", device="cpu", figures=False).folder
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    prepared = replace(
        rnnbench.prepare({**CONTENT, "seeds": 3}, tmp_path, workers=1, device="cpu"), executor=Unreachable()
    )
    with pytest.raises(RnnbenchError, match="nobody is there"):
        rnnbench.run(prepared, figures=False)
    assert {path: path.read_bytes() for path in done.rglob("*") if path.is_file()} == before
    after = rnnbench.run({**CONTENT, "seeds": 3}, tmp_path, executor="serial", device="cpu", figures=False)
    assert after.computed == 6 and not list(done.glob("*.before")) and set(after.interference.seed) == {0, 1, 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--executor", "slrum"], "unknown executor 'slrum'"),
        (["--set", "partition=short"], "--set: sets a parameter of an executor; name the executor with --executor"),
        (["--executor", "process", "--set", "speed"], "--set speed: expected parameter=value"),
        (["--executor", "process", "--set", "speed=2"], "process.speed: unknown"),
        (["--executor", "process", "--set", "a=1"], "process.a: unknown; no names are defined here"),
        (["--threads", "0"], "threads: 0 is below 1"),
        (["--workers", "abc"], "Invalid value for '--workers'"),
    ],
)
def test_an_error_on_the_command_line_is_one_line(options, message, cli, tmp_path):
    (tmp_path / "b.yaml").write_text(json.dumps(CONTENT))
    ran = cli("run", "b.yaml", *options)
    assert ran.code == 2 and message in ran.err and len(ran.err.splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_worker_on_the_command_line_computes_a_bundle_once(serial, cli, tmp_path):
    from rnnbench.execution.jobs import bundled, jobs_of, write_bundles
    from rnnbench.execution.outputs import describe

    prepared = rnnbench.prepare(CONTENT, tmp_path / "results", workers=1, device="cpu")
    describe(prepared, renew=True)
    firsts = [job for job in jobs_of(prepared.plan.to_do, prepared.seconds) if job.stage == 1]
    write_bundles(tmp_path / "first.jobs", bundled(firsts, 1e9, 1))
    ran = cli("worker", "results/tiny", "first.jobs")
    assert ran.code == 0 and ran.out.count(" done") == 4
    assert cli("worker", "results/tiny", "first.jobs").out == ""
    assert results(prepared.folder).items() <= results(serial.folder).items()
    wrong = cli("worker", "results/tiny", "first.jobs", "--element", "7")
    assert wrong.code == 2 and "first.jobs: has no bundle 7" in wrong.err
    for option, value, message in (
        ("--device", "gpu", "device: 'gpu' is not auto, cpu or cuda"),
        ("--workers", "0", "workers: 0 is below 1"),
        ("--threads", "0", "threads: 0 is below 1"),
    ):
        wrong = cli("worker", "results/tiny", "first.jobs", option, value)
        assert wrong.code == 2 and message in wrong.err and len(wrong.err.splitlines()) == 1


def test_a_worker_imports_no_library_for_tables_or_figures():
    """Workers are started many times, on machines that share a disk, so that imports are expensive."""
    program = """
import sys
from rnnbench import cli
sys.argv = ["rnnbench", "worker", "nowhere", "none.jobs"]
try:
    cli.main()
except SystemExit as error:
    print(error.code, "torch" in sys.modules, *({"pandas", "scipy", "matplotlib", "distributed"} & {*sys.modules}))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.split() == ["2", "True"], ran.stderr


def test_an_order_without_cells_is_refused(serial):
    with pytest.raises(RnnbenchError, match="not a job of this benchmark"):
        Worker(serial.folder).compute("[]", lambda report: None)
