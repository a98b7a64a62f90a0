"""Damaged or missing files of a results folder are reported and computed again, with the same numbers."""

from __future__ import annotations

import io
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rnnbench import figures
from rnnbench.benchmark.cells import Cell, cells_of
from rnnbench.cli.run_display import LiveDisplay
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.execution.executors import pool
from rnnbench.execution.prepare import prepare
from rnnbench.execution.run import compute as compute_missing, run
from rnnbench.plugin.executor import Report
from rnnbench.results.records import Result
from rnnbench.results.store import Store

TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
CONTENT = {
    "name": "tiny",
    "tasks": [TASK, {**TASK, "label": "driven", "drive": 0.5}],
    "architectures": [{"use": "vanilla_rnn", "units": 8}],
    "seeds": 1,
    "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
}
FIRST = ("fixed_points",)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished")
    compute(root)
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished results folder."""
    return Path(shutil.copytree(finished, tmp_path / "results"))


def compute(root: Path) -> int:
    """Compute the missing cells and return their number."""
    return len(compute_missing(prepare(CONTENT, root, workers=1, device="cpu")))


class Listener:
    """A watcher that passes on reports."""

    def __init__(self, heard: Callable[[Report], Any]) -> None:
        self.heard = heard

    def planned(self, prepared: object) -> None: ...
    def finished(self) -> None: ...
    def analysed(self, done: int, total: int) -> None: ...


def cells(root: Path) -> dict[tuple[str, ...], Cell]:
    return {cell.history: cell for cell in cells_of(prepare(CONTENT, root, workers=1, device="cpu").plan.benchmark)}


def results(root: Path) -> dict[tuple[str, ...], Result | None]:
    store = Store(root / "tiny")
    records = {history: store.get(cell.identity) for history, cell in cells(root).items()}
    return {history: record.result if record else None for history, record in records.items()}


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def weights_of(store: Store, cell: Cell) -> Path:
    """The file with the weights of a finished cell."""
    record = store.get(cell.identity)
    assert record is not None and record.result.arrays_sha256 is not None
    return store.arrays_path(cell.identity, record.result.arrays_sha256)


def test_nothing_is_computed_twice(root) -> None:
    before = files(root)
    assert compute(root) == 0
    assert files(root) == before


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda p: p.write_bytes(p.read_bytes()[:-1]), lambda p: p.write_bytes(b"")],
    ids=["missing", "truncated", "empty"],
)
@pytest.mark.parametrize("stage", [FIRST, (*FIRST, "driven")], ids=["first", "second"])
def test_a_cell_is_computed_again_with_the_same_result(root, finished, spoil: Callable, stage) -> None:
    spoil(Store(root / "tiny").path(cells(root)[stage].identity))
    compute(root)
    assert results(root) == results(finished)


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda p: p.write_bytes(p.read_bytes()[:-1]), lambda p: p.write_bytes(b"")],
    ids=["missing", "truncated", "empty"],
)
def test_weights_that_a_later_stage_needs_are_computed_again(root, finished, spoil: Callable) -> None:
    store, here = Store(root / "tiny"), cells(root)
    spoil(weights_of(store, here[FIRST]))
    store.path(here[*FIRST, "driven"].identity).unlink()
    # The worker that finds the damage may leave the second stage to the next run.
    compute(root)
    compute(root)
    assert results(root) == results(finished)


def test_a_damaged_cell_is_reported(root, monkeypatch) -> None:
    monkeypatch.setattr(figures, "draw_all", lambda *args: None)
    path = Store(root / "tiny").path(cells(root)[FIRST].identity)
    path.write_bytes(b"junk")
    written = io.StringIO()
    run(CONTENT, root, workers=1, device="cpu", watcher=LiveDisplay(Console(file=written, width=1000)))
    assert f"{path}: damaged" in written.getvalue()


def test_preparing_a_run_changes_no_file_even_where_one_is_damaged(root) -> None:
    Store(root / "tiny").path(cells(root)[FIRST].identity).write_bytes(b"junk")
    before = files(root)
    prepared = prepare(CONTENT, root, workers=1, device="cpu")
    assert len(prepared.plan.missing) == 1
    assert files(root) == before


def test_a_cell_of_a_newer_rnnbench_is_refused_before_anything_is_computed(root) -> None:
    path = Store(root / "tiny").path(cells(root)[FIRST].identity)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    before = files(root)
    with pytest.raises(StoreError, match=f"{path.name}: made by a newer rnnbench"):
        prepare(CONTENT, root, workers=1, device="cpu")
    assert files(root) == before


def test_a_killed_worker_ends_the_run_with_one_line_and_all_other_workers(tmp_path) -> None:
    """The system kills a worker for example when memory runs out."""
    content = {**CONTENT, "training": {**CONTENT["training"], "max_updates": 10_000, "criterion": {"loss": 1e-12}}}
    prepared = prepare(content, tmp_path, workers=2, device="cpu")

    def kill(report: Report) -> None:
        for worker in multiprocessing.active_children()[:1]:
            with suppress(ProcessLookupError):  # Several reports may arrive before the end of the worker is noticed.
                os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(RnnbenchError, match="worker") as caught:
        compute_missing(prepared, Listener(kill))
    assert len(str(caught.value).splitlines()) == 1
    assert multiprocessing.active_children() == []


def test_a_finished_cell_is_reported_even_if_the_reports_of_workers_are_late(tmp_path, monkeypatch) -> None:
    """Reports go through a queue between processes, so that the result of a job may arrive before them."""
    prepared = prepare(CONTENT, tmp_path, workers=2, device="cpu")
    monkeypatch.setattr(pool.Channel, "drain", lambda channel: None)
    assert compute_missing(prepared) == dict.fromkeys(prepared.plan.missing, "done")
