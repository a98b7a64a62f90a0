"""Jobs: made from populations, written as text, read back as cells, and bundled in a file for schedulers.

A line of such a file is a bundle, a JSON array of orders: what one worker computes from its start to its end. All jobs
of a bundle are of one stage, so that they can be computed in any order.
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
from rnnbench.results.store import write_text


def jobs_of(populations: Iterable[Population], seconds: Mapping[str, float]) -> tuple[Job, ...]:
    """A job for each population, in the same order; `seconds` by the identity of a population's first cell."""
    populations = list(populations)
    known = {cell.identity for population in populations for cell in population.cells}
    return tuple(
        Job(
            cells=tuple(cell.identity for cell in population.cells),
            after=frozenset({c.parent.identity for c in population.cells if c.parent is not None} & known),
            needs=frozenset(earlier.identity for cell in population.cells for earlier in _earlier(cell)),
            stage=len(population.first.history),
            seconds=seconds.get(population.first.identity, float("nan")),
            order=json.dumps([_named(cell) for cell in population.cells], ensure_ascii=False, separators=(",", ":")),
        )
        for population in populations
    )


def _earlier(cell: Cell) -> Iterator[Cell]:
    while cell.parent is not None:
        cell = cell.parent
        yield cell


def _named(cell: Cell) -> list[Any]:
    """A cell by its place in the benchmark, and its identity, which tells whether it is still the same."""
    setting = cell.benchmark
    where = [setting.condition, setting.architectures.index(cell.architecture), setting.rules.index(cell.rule)]
    return [cell.identity, *where, cell.seed, list(cell.history)]


def ordered(order: str, settings: Mapping[str, Benchmark]) -> tuple[Cell, ...]:
    """The cells that an order names; `settings` are the benchmark's by the label of their condition.

    Raises RnnbenchError if they are not the cells of this benchmark.
    """
    try:
        if cells := tuple(_found(named, settings) for named in json.loads(order)):
            return cells
    except (ValueError, TypeError, IndexError, KeyError):
        pass
    raise RnnbenchError(f"{order:.60}: not a job of this benchmark; submit the run again")


def _found(named: list[Any], settings: Mapping[str, Benchmark]) -> Cell:
    identity, condition, architecture, rule, seed, history = named
    setting = settings[condition]
    cell = Cell(setting, setting.architectures[architecture], setting.rules[rule], seed, tuple(history))
    if cell.identity != identity:
        raise RnnbenchError(
            f"{joined(history)}, seed {seed}: the benchmark has changed since this job was submitted, or this is "
            "another version of rnnbench; submit the run again"
        )
    return cell


def bundled(jobs: Sequence[Job], seconds: float, at_most: int) -> list[list[Job]]:
    """Jobs in bundles that take about equally long, about `seconds` each, in no more than `at_most` bundles.

    The longest job goes first into the bundle that is the shortest so far (Graham 1969, SIAM J. Appl. Math. 17, 416);
    a job whose time is not known counts as the mean of the others.
    """
    known = [job.seconds for job in jobs if math.isfinite(job.seconds)]
    usual = sum(known) / len(known) if known else 0.0
    cost = [job.seconds if math.isfinite(job.seconds) else usual for job in jobs]
    n = min(len(jobs), at_most, max(1, math.ceil(sum(cost) / seconds)))
    bundles: list[list[Job]] = [[] for _ in range(n)]
    loads = [(0.0, k) for k in range(n)]
    for place in sorted(range(len(jobs)), key=lambda place: -cost[place]):
        load, k = heapq.heappop(loads)
        bundles[k].append(jobs[place])
        heapq.heappush(loads, (load + cost[place], k))
    return [bundle for bundle in bundles if bundle]


def write_bundles(path: Path, bundles: Iterable[Sequence[Job]]) -> None:
    """One line for each bundle."""
    lines = (json.dumps([{"cells": j.cells, "stage": j.stage, "order": j.order} for j in b]) for b in bundles)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_bundle(path: Path, element: int) -> tuple[Job, ...]:
    """The bundle in line `element`, counted from 0. Raises RnnbenchError where there is none."""
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
        raise RnnbenchError(f"{path}: line {element + 1} is no bundle of jobs; submit the run again") from None


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
    """Compute what is missing of a bundle by an executor of this machine."""
    jobs = read_bundle(path, element)
    executor.run(Work(folder, jobs, device, workers, threads, tell, lambda some: [], lambda: None))
