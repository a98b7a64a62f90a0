"""The stored results of later stages that start from a cell: they must have started from the network that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from rnnbench.benchmark.cells import Cell
from rnnbench.results.agreement import check_start
from rnnbench.results.records import Record, Result
from rnnbench.results.store import Store


def check_descendants(cell: Cell, result: Result, store: Store) -> None:
    """Check that the stored results of the next stages started from the network that a cell is about to get.

    They can differ only if the cell's own result was lost, or had failed, while theirs stayed. A finished result of the
    cell is compared by `Store.put`.

    Args:
        cell: the cell.
        result: its result, which has not been stored yet.
        store: the results.

    Raises:
        AnotherNetwork: a stored result started from another network.
    """
    if result.failure is not None and result.failure.kind != "diverged":
        return  # A plugin is broken; the cell is computed again when it has been repaired.
    present = store.get(cell.identity)
    if present is not None and present.result.status == "done":
        return
    for record in _next_stages(cell, store):
        check_start(cell.description, result, record)


def _next_stages(cell: Cell, store: Store) -> Iterator[Record]:
    """The records of the stages after a cell, whatever the budget of their own last stage."""
    n = len(cell.history)
    budgets = _budgets(cell.description, n)
    for history in cell.benchmark.stages:
        if len(history) == n + 1 and history[:n] == cell.history:
            later = Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, history)
            own = store.peek(later.identity)
            for record in (*([own] if own else []), *store.with_other_budgets(later.identity)):
                if _budgets(record.description, n) == budgets:
                    yield record


def _budgets(description: dict, n: int) -> list[int]:
    return [stage["training"]["max_updates"] for stage in description["history"][:n]]
