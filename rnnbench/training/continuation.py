"""Results of the same cell with another budget of updates: used as they are, or continued where they stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench.benchmark.cells import Cell, with_budgets
from rnnbench.benchmark.schema import Training
from rnnbench.results.agreement import same_numbers
from rnnbench.results.records import STATE, TRACKED, Arrays, Record, Result, split
from rnnbench.results.store import Store
from rnnbench.training.missing import keeps_weights
from rnnbench.training.stage import Paused, Score


@dataclass(frozen=True)
class Earlier:
    """A stored result of a cell that differs only in its budgets.

    Attributes:
        record: the record.
        complete: whether it is the result of the cell too. Otherwise training goes on where it stopped.
    """

    record: Record
    complete: bool


def earlier_result(cell: Cell, store: Store) -> Earlier | None:
    """Find a stored result with other budgets from which a cell's result follows, to the last digit.

    A network that met its criterion within the budget does not depend on the budget. A network that did not meet it
    goes on from the weights and the state that were stored, if the new budget is larger.

    Args:
        cell: a cell that must be computed; its parent has been computed.
        store: the results.

    Returns:
        The result with the largest number of updates that can be used; None if there is none.
    """
    found = [
        Earlier(record, complete)
        for record in store.with_other_budgets(cell.identity)
        if _starts_alike(cell, record, store) and (complete := _usable(cell, record, store)) is not None
    ]
    return max(found, key=lambda earlier: (earlier.complete, earlier.record.result.updates or 0), default=None)


def _starts_alike(cell: Cell, record: Record, store: Store) -> bool:
    """Whether the last stage begins with the same network, though an earlier stage may have had another budget.

    That the earlier stage ended within both budgets is not enough: it may have been trained again, because its weights
    were missing, on a machine that gives other numbers. So its results with both budgets must be the same.
    """
    stage, budgets = cell.parent, [each["training"]["max_updates"] for each in record.description["history"]]
    while stage is not None:
        identity = with_budgets(stage.identity, budgets[: len(stage.history)])
        if identity != stage.identity and not _same_result(stage.identity, identity, store):
            return False
        stage = stage.parent
    return True


def _same_result(identity: str, other: str, store: Store) -> bool:
    one, two = store.get(identity), store.peek(other)
    return one is not None and two is not None and same_numbers(one.result, two.result)


def _usable(cell: Cell, record: Record, store: Store) -> bool | None:
    """True if a record is the result of the cell, False if training can go on from it, None if it is of no use."""
    result, training = record.result, cell.task.training
    if keeps_weights(cell) and not store.has_arrays(record):
        return None
    if _within(result, training.max_updates, training):
        return True
    stopped = result.status == "done" and result.converged is False and result.updates is not None
    # A network that did not meet its criterion is always stored with its weights and the state of its rule.
    more = (result.updates or 0) < training.max_updates
    return False if stopped and more and store.has_arrays(record) else None


def _within(result: Result, budget: int, training: Training) -> bool:
    """Whether training ended by itself within a budget: the criterion was met, or the loss became infinite.

    It must have ended at a regular evaluation: the evaluation at the end of a budget is not made with another budget. A
    drift control always makes as many updates as learning the task took.
    """
    if result.status == "done" and result.converged is None:
        return True
    diverged = result.failure is not None and result.failure.kind == "diverged"
    if not (diverged or result.converged) or result.updates is None:
        return False
    return result.updates <= budget and training.evaluates_after(result.updates)


def paused(record: Record, arrays: Arrays, training: Training) -> Paused:
    """Where the training of a stored cell stopped, with what is needed to go on.

    Args:
        record: the record of the cell.
        arrays: its arrays.
        training: settings of the training, which say after which updates the networks are evaluated.
    """
    curve, updates = record.result.curve, record.result.updates
    assert curve is not None and updates is not None
    # The evaluation at the end of the budget is made again if it is a regular one, and is left out otherwise.
    rows = [i for i, u in enumerate(curve.updates) if u < updates and training.evaluates_after(u)]
    scores = {
        curve.updates[i]: {label: _score(curve.loss, curve.accuracy, label, i) for label in curve.loss} for i in rows
    }
    tracked = {name: array[rows] for name, array in split(arrays, TRACKED).items()}
    return Paused(updates, scores, split(arrays, STATE), tracked)


def _score(losses: Mapping[str, list[Any]], accuracies: Mapping[str, list[Any]], label: str, i: int) -> Score:
    loss = losses[label][i]
    return Score(math.nan if loss is None else loss, math.nan, accuracies[label][i])
