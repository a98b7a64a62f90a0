"""Jobs: made from populations, written as text, read back as cells, and bundled in files for schedulers.

Each line of such a file is a bundle: the jobs that one worker computes from its start to its end, as a JSON array. All
jobs of a bundle belong to the same stage, so that they can be computed in any order.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import RnnbenchError
from rnnbench.execution.plan import Population
from rnnbench.plugin.executor import Executor, Job, Report, Work
from rnnbench.results.files import write_text


def jobs_of(populations: Iterable[Population], seconds: Mapping[str, float]) -> tuple[Job, ...]:
    """Make a job for each population.

    Args:
        populations: the populations to be computed.
        seconds: estimated time (s) of each population, by the identity of its first cell.

    Returns:
        The jobs in the order of the populations.
    """
    populations = list(populations)
    known = {cell.identity for population in populations for cell in population.cells}
    return tuple(
        Job(
            cells=tuple(cell.identity for cell in population.cells),
            after=frozenset({c.parent.identity for c in population.cells if c.parent is not None} & known),
            needs=frozenset(earlier.identity for cell in population.cells for earlier in _earlier(cell)),
            stage=len(population.first.history),
            seconds=seconds.get(population.first.identity, float("nan")),
            order=json.dumps([_as_json(cell) for cell in population.cells], ensure_ascii=False, separators=(",", ":")),
        )
        for population in populations
    )


def _earlier(cell: Cell) -> Iterator[Cell]:
    """The cells of the same network after its earlier stages, the last stage first."""
    while cell.parent is not None:
        cell = cell.parent
        yield cell


def _as_json(cell: Cell) -> list[Any]:
    """A cell as JSON: its identity, and what is needed to find it in the benchmark.

    The identity shows whether the cell is still the same when the job is read.
    """
    setting = cell.benchmark
    indices = [setting.architectures.index(cell.architecture), setting.rules.index(cell.rule)]
    return [cell.identity, setting.condition, *indices, cell.seed, list(cell.history)]


def ordered(order: str, settings: Mapping[str, Benchmark]) -> tuple[Cell, ...]:
    """The cells that the order of a job names.

    Args:
        order: `Job.order`.
        settings: the settings of the benchmark, by the label of their condition.

    Raises:
        RnnbenchError: the order does not name cells of this benchmark.
    """
    try:
        if cells := tuple(_from_json(fields, settings) for fields in json.loads(order)):
            return cells
    except (ValueError, TypeError, IndexError, KeyError):
        pass
    raise RnnbenchError(f"{order:.60}: not a job of this benchmark; submit the run again")


def _from_json(fields: list[Any], settings: Mapping[str, Benchmark]) -> Cell:
    """The cell that `_as_json` has written; raises RnnbenchError if its identity has changed."""
    identity, condition, architecture, rule, seed, history = fields
    setting = settings[condition]
    cell = Cell(setting, setting.architectures[architecture], setting.rules[rule], seed, tuple(history))
    if cell.identity != identity:
        raise RnnbenchError(
            f"{joined(history)}, seed {seed}: the benchmark has changed since this job was submitted, or it was "
            "submitted by another version of rnnbench; submit the run again"
        )
    return cell


def bundled(jobs: Sequence[Job], seconds: float, at_most: int) -> list[list[Job]]:
    """Divide jobs into bundles that take about the same time.

    Jobs are taken in the order of decreasing time, and each goes into the bundle that is shortest so far (Graham 1969,
    SIAM J. Appl. Math. 17, 416). A job of unknown time counts as the mean of the others.

    Args:
        jobs: the jobs.
        seconds: time that a bundle should take (s).
        at_most: largest number of bundles.

    Returns:
        The bundles, none of them empty.
    """
    known = [job.seconds for job in jobs if math.isfinite(job.seconds)]
    mean = sum(known) / len(known) if known else 0.0
    cost = [job.seconds if math.isfinite(job.seconds) else mean for job in jobs]
    n = min(len(jobs), at_most, max(1, math.ceil(sum(cost) / seconds)))
    bundles: list[list[Job]] = [[] for _ in range(n)]
    loads = [(0.0, k) for k in range(n)]
    for position in sorted(range(len(jobs)), key=lambda position: -cost[position]):
        load, k = heapq.heappop(loads)
        bundles[k].append(jobs[position])
        heapq.heappush(loads, (load + cost[position], k))
    return [bundle for bundle in bundles if bundle]


def write_bundles(path: Path, bundles: Iterable[Sequence[Job]]) -> None:
    """Write bundles to a file, one line for each."""
    lines = (json.dumps([{"cells": j.cells, "stage": j.stage, "order": j.order} for j in b]) for b in bundles)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_bundle(path: Path, element: int) -> tuple[Job, ...]:
    """Read one bundle from a file.

    Args:
        path: the file.
        element: number of the line, counted from 0.

    Returns:
        The jobs of the bundle, without the fields that only the run needs.

    Raises:
        RnnbenchError: the file cannot be read, or it has no bundle in this line.
    """
    try:
        with open(path, encoding="utf-8") as lines:
            line = next((line for k, line in enumerate(lines) if k == element), None)
        if line is None:
            raise RnnbenchError(f"{path}: has no bundle {element}")
        return tuple(
            Job(tuple(j["cells"]), frozenset(), frozenset(), j["stage"], math.nan, j["order"]) for j in json.loads(line)
        )
    except OSError as error:
        raise RnnbenchError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise RnnbenchError(f"{path}: line {element + 1} is not a bundle of jobs; submit the run again") from None


def compute_bundle(
    folder: Path,
    path: Path,
    element: int,
    executor: Executor,
    workers: int,
    device: str,
    threads: int,
    tell: Callable[[Report], None],
) -> None:
    """Compute the missing cells of a bundle with an executor of this machine.

    Args:
        folder: the results folder.
        path: file of bundles.
        element: line of the bundle, counted from 0.
        executor: the executor.
        workers: number of processes.
        device: "cpu" or "cuda".
        threads: number of threads of each process.
        tell: called with every report.

    Raises:
        RnnbenchError: the bundle cannot be read, or its jobs cannot be computed.
    """
    jobs = read_bundle(path, element)
    executor.run(Work(folder, jobs, device, workers, threads, tell, lambda jobs: [], lambda: None))
