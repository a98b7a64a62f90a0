"""The networks of a benchmark as tables see them: in which order, under which names, and beside which others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.store import Record, Result, Store


class Records:
    """The records of a store, each read and verified once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, Record | None] = {}

    def of(self, cell: Cell) -> Record | None:
        """The record of a cell; None where there is none."""
        if cell.identity not in self._known:
            self._known[cell.identity] = self.store.get(cell.identity)
        return self._known[cell.identity]

    def result(self, cell: Cell) -> Result | None:
        """The result in a cell's record; None where there is no record."""
        record = self.of(cell)
        return record.result if record else None


class Relatives:
    """The results of networks of one architecture and rule, each looked up once by its seed and history."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[tuple[int, tuple[str, ...]], Record | None] = {}

    def record(self, cell: Cell) -> Record | None:
        """The record of a cell; None where there is none."""
        key = cell.seed, cell.history
        if key not in self._known:
            self._known[key] = self.store.get(cell.identity)
        return self._known[key]

    def result(self, cell: Cell, history: tuple[str, ...]) -> Result | None:
        """The result of the network of the cell's kind and seed that has another history."""
        if (cell.seed, history) not in self._known:
            self.record(Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, history))
        record = self._known[cell.seed, history]
        return record.result if record else None


def kinds_of(benchmark: Benchmark) -> Iterator[Iterator[Cell]]:
    """All cells in the order of the description, those of each architecture and rule together, earlier stages first."""
    for setting in benchmark.settings:
        for architecture, rule in product(setting.architectures, setting.rules):
            yield (
                Cell(setting, architecture, rule, seed, history)
                for history, seed in product(benchmark.stages, setting.seeds)
            )


def pairs_of(benchmark: Benchmark) -> Iterator[Cell]:
    """Every cell after its second stage or a later one: the rows of the tables of pairs, in their order."""
    return (cell for cells in kinds_of(benchmark) for cell in cells if len(cell.history) > 1)


def names_of_kind(cell: Cell) -> dict[str, Any]:
    """Values of the columns that name the networks of one kind, in every table."""
    return {
        "condition": cell.benchmark.condition,
        "architecture": cell.architecture.label,
        "rule": cell.rule.label,
        "g": cell.architecture.g,
        "units": cell.architecture.units,
    }


def names_of_stage(cell: Cell) -> dict[str, Any]:
    """Values of the columns that name a network and all that it has learnt, in the tables of stages and of times."""
    return {**names_of_kind(cell), "history": joined(cell.history), "seed": cell.seed}


def names_of_pair(cell: Cell) -> dict[str, Any]:
    """Values of the columns NETWORK: what names a network and the last two stages of its history."""
    *earlier, first, second = cell.history
    return {
        **names_of_kind(cell),
        "earlier_tasks": joined(earlier),
        "first_task": first,
        "second_task": second,
        "seed": cell.seed,
    }


def condition_columns(benchmark: Benchmark) -> list[str]:
    """The columns that hold the values of the conditions, named after what is varied."""
    varied = benchmark.conditions[0].values if benchmark.conditions else {}
    return [f"condition_{name}" if name in INTERFERENCE.names else name for name in varied]


def condition_values(cell: Cell) -> dict[str, Any]:
    """What the columns of the conditions hold for a cell."""
    conditions = cell.benchmark.conditions
    values = conditions[0].values.values() if conditions else ()
    return dict(zip(condition_columns(cell.benchmark), values, strict=True))


def learns_first(cell: Cell, task: str) -> bool:
    """Whether the cell's benchmark has networks that learn a task first of all."""
    return cell.benchmark.protocol == "pairs" or any(history[0] == task for history in cell.benchmark.histories)


def alone_of(cell: Cell) -> Cell | None:
    """The network that learns the last task first of all; None where the benchmark has none."""
    last = cell.history[-1]
    if learns_first(cell, last):
        return Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, (last,))
    return None
