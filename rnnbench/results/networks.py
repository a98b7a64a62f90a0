"""The networks of a benchmark as the tables list them: their order, the columns that name them, related networks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.records import Record, Result
from rnnbench.results.store import Store


class Records:
    """The records of a store; each is read and verified once.

    Attributes:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, Record | None] = {}

    def of(self, cell: Cell) -> Record | None:
        """Return the record of a cell; None if there is none."""
        if cell.identity not in self._known:
            self._known[cell.identity] = self.store.get(cell.identity)
        return self._known[cell.identity]

    def result(self, cell: Cell) -> Result | None:
        """Return the result of a cell; None if it has no record."""
        record = self.of(cell)
        return record.result if record else None


class Relatives:
    """The records of the networks of one condition, architecture and rule; each is read once.

    Records are found by seed and history, which is faster than by identity.

    Attributes:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[tuple[int, tuple[str, ...]], Record | None] = {}

    def record(self, cell: Cell) -> Record | None:
        """Return the record of a cell; None if there is none."""
        key = cell.seed, cell.history
        if key not in self._known:
            self._known[key] = self.store.get(cell.identity)
        return self._known[key]

    def result(self, cell: Cell, history: tuple[str, ...]) -> Result | None:
        """Return the result of a network like the cell's with another history; None if there is none.

        Args:
            cell: the cell that gives architecture, rule and seed.
            history: the history of the network whose result is returned.
        """
        if (cell.seed, history) not in self._known:
            self.record(Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, history))
        record = self._known[cell.seed, history]
        return record.result if record else None


def kinds_of(benchmark: Benchmark) -> Iterator[Iterator[Cell]]:
    """Yield all cells in the order of the description, grouped by condition, architecture and rule.

    Yields:
        An iterator over the cells of each group, earlier stages first.
    """
    for setting in benchmark.settings:
        for architecture, rule in product(setting.architectures, setting.rules):
            yield (
                Cell(setting, architecture, rule, seed, history)
                for history, seed in product(benchmark.stages, setting.seeds)
            )


def pairs_of(benchmark: Benchmark) -> Iterator[Cell]:
    """Return all cells after a second or later stage, in the order of the rows of the tables of pairs."""
    return (cell for cells in kinds_of(benchmark) for cell in cells if len(cell.history) > 1)


def names_of_kind(cell: Cell) -> dict[str, Any]:
    """Return the values of the columns SETTING."""
    return {
        "condition": cell.benchmark.condition,
        "architecture": cell.architecture.label,
        "rule": cell.rule.label,
        "g": cell.architecture.g,
        "units": cell.architecture.units,
    }


def names_of_stage(cell: Cell) -> dict[str, Any]:
    """Return the values of the columns that name a network and its history, in stages.csv and timing.csv."""
    return {**names_of_kind(cell), "history": joined(cell.history), "seed": cell.seed}


def names_of_pair(cell: Cell) -> dict[str, Any]:
    """Return the values of the columns NETWORK for a cell after a second or later stage."""
    *earlier, first, second = cell.history
    return {
        **names_of_kind(cell),
        "earlier_tasks": joined(earlier),
        "first_task": first,
        "second_task": second,
        "seed": cell.seed,
    }


def condition_columns(benchmark: Benchmark) -> list[str]:
    """Return the names of the columns that hold the values of the conditions, named after what they vary."""
    varied = benchmark.conditions[0].values if benchmark.conditions else {}
    return [f"condition_{name}" if name in INTERFERENCE.names else name for name in varied]


def condition_values(cell: Cell) -> dict[str, Any]:
    """Return the values of the columns of the conditions for a cell."""
    conditions = cell.benchmark.conditions
    values = conditions[0].values.values() if conditions else ()
    return dict(zip(condition_columns(cell.benchmark), values, strict=True))


def learns_first(cell: Cell, task: str) -> bool:
    """Return whether the cell's benchmark has networks whose first task is `task`."""
    return cell.benchmark.protocol == "pairs" or any(history[0] == task for history in cell.benchmark.histories)


def alone_of(cell: Cell) -> Cell | None:
    """Return the cell of the same kind and seed that learns the last task first; None if the benchmark has none."""
    last = cell.history[-1]
    if learns_first(cell, last):
        return Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, (last,))
    return None
