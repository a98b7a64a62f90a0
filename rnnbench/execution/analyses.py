"""Measures the stored weights of many pairs of tasks, in processes on this machine.

The measures are linear algebra in float64 on the CPU, whatever executor trained the networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch

from rnnbench.analysis.stored_pairs import measures
from rnnbench.benchmark.cells import Cell
from rnnbench.errors import RnnbenchError
from rnnbench.execution.executors.pool import KILLED, kept, pool_of, submit
from rnnbench.execution.worker import threads
from rnnbench.plugin.registry import installed
from rnnbench.results.store import Store
from rnnbench.training.cell_trainer import CellTrainers
from rnnbench.training.setting import Settings


def measure(
    cells: Sequence[Cell], folder: Path, workers: int, tell: Callable[[int], Any] = lambda done: None
) -> list[dict[str, Any]]:
    """Measure pairs of tasks from their stored weights.

    Args:
        cells: the cells after the second task of each pair.
        folder: the results folder.
        workers: number of processes.
        tell: called with the number of pairs that are done.

    Returns:
        The measures of each pair, by column, in the order of `cells`.

    Raises:
        RnnbenchError: a worker process was killed.
    """
    found: dict[int, dict[str, Any]] = {}
    if workers <= 1 or len(cells) < 2:
        trainers, store = CellTrainers(Settings(installed()), torch.device("cpu")), Store(folder)
        with threads():
            for position, cell in enumerate(cells):
                found[position] = measures(cell, trainers.of(cell.benchmark), store)
                tell(len(found))
        return [found[position] for position in range(len(cells))]
    with pool_of(workers, (folder, "cpu", 1)) as pool:
        jobs = {submit(pool, _measured, cell, folder): position for position, cell in enumerate(cells)}
        for job in as_completed(jobs):
            try:
                found[jobs[job]] = job.result()
            except BrokenProcessPool:
                raise RnnbenchError(KILLED) from None
            tell(len(found))
    return [found[position] for position in range(len(cells))]


def _measured(cell: Cell, folder: Path) -> dict[str, Any]:
    """Measure one pair in a worker process, on the CPU whatever device the run used."""
    trainers = kept.setdefault("analysts", CellTrainers(Settings(installed()), torch.device("cpu")))
    return measures(cell, trainers.of(cell.benchmark), Store(folder))
