"""Conformance checks of executors: correct ones pass, and planted faults are found by their check."""

from __future__ import annotations

import pytest

from rnnbench.execution.executors.process import Process
from rnnbench.execution.executors.serial import Serial
from rnnbench.execution.worker import Worker
from rnnbench.plugin.executor import Executor, Work
from rnnbench.testing import checks_of
from rnnbench.testing.check import judge


def outcomes(executor: Executor) -> dict[str, str]:
    return {check.__name__: judge(check, executor).outcome for check in checks_of(executor)}


@pytest.mark.parametrize("executor", [Serial(), Process()], ids=["serial", "process"])
def test_a_correct_executor_passes_every_check(executor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(outcomes(executor).values()) <= {"passed", "note"}
    assert list(tmp_path.iterdir()) == []


class Faulty(Executor):
    """Computes one job after the other, with one fault."""

    name = "faulty"
    fault: str = ""

    def where(self, workers: int, threads: int) -> str:
        return "here\nand there" if self.fault == "where" else "here"

    def run(self, work: Work) -> None:
        worker = Worker(work.folder)
        for job in work.jobs[: -1 if self.fault == "forgets" else None]:
            if self.fault == "tampers":
                path = work.folder / "benchmark.json"
                path.write_text(path.read_text().replace('"max_updates": 2', '"max_updates": 3'))
                worker = Worker(work.folder)
            report = worker.compute(job, work.tell)
            if self.fault != "silent":
                work.tell(report)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("", set()),
        ("where", {"where"}),
        ("forgets", {"same_numbers", "goes_on"}),
        ("silent", {"same_numbers", "goes_on"}),
        ("tampers", {"same_numbers", "goes_on"}),
    ],
)
def test_a_planted_fault_is_found_by_its_check(fault, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {name for name, outcome in outcomes(Faulty(fault=fault)).items() if outcome == "failed"} == found
