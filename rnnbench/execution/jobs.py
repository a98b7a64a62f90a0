"""Turns populations into jobs, and a job's order back into the cells that it names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import RnnbenchError
from rnnbench.execution.plan import Population
from rnnbench.plugin.executor import Job


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
        told = "the benchmark has changed since, or this is another version of rnnbench; submit the run again"
        raise RnnbenchError(f"{' > '.join(history)}, seed {seed}: not the cell that was asked for: {told}")
    return cell
