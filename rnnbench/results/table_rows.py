"""The rows of each table, computed from the stored results: one function for each table.

`rows_of` registers a function for its table; `rnnbench.results.tables` calls it for every cell that has a record. The
meaning of the columns is declared in `rnnbench.results.columns`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from rnnbench.benchmark.cells import Cell, joined, split_history
from rnnbench.results import columns
from rnnbench.results.column import Table
from rnnbench.results.interference import interference
from rnnbench.results.networks import (
    Relatives,
    condition_values,
    learns_first,
    names_of_pair,
    names_of_stage,
)
from rnnbench.results.progress import at_fraction, skill_lost
from rnnbench.results.records import TRACKED as TRACKED_ARRAY, Curve, Record, Result, Scores, split
from rnnbench.results.sequence_metrics import METRICS, Sequence

Row = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A cell with its record and the results of the other networks of its kind.

    Attributes:
        cell: the cell.
        record: its record.
        relatives: the results of networks of the same condition, architecture and rule.
    """

    cell: Cell
    record: Record
    relatives: Relatives

    @property
    def result(self) -> Result:
        """The result of the last stage."""
        return self.record.result

    @property
    def first(self) -> Result | None:
        """The result of the stage before the last; None at the first stage, or if it has no record."""
        if len(self.cell.history) == 1:
            return None
        return self.relatives.result(self.cell, self.cell.history[:-1])


ROWS: dict[str, Callable[[Stage], Iterator[Row]]] = {}
"""The function that yields the rows of a table for a cell, by the name of the table."""


def rows_of(table: Table) -> Callable[[Callable[[Stage], Iterator[Row]]], Callable[[Stage], Iterator[Row]]]:
    """Register a function as the one that yields the rows of a table.

    Each row is a dictionary of values by column name; columns that it lacks are NaN.
    """

    def register(rows: Callable[[Stage], Iterator[Row]]) -> Callable[[Stage], Iterator[Row]]:
        ROWS[table.name] = rows
        return rows

    return register


@rows_of(columns.INTERFERENCE)
def _interference(stage: Stage) -> Iterator[Row]:
    if (first := stage.first) is None:
        return
    yield (
        names_of_pair(stage.cell)
        | _measures(stage.cell, first, stage.result, stage.relatives)
        | condition_values(stage.cell)
    )


def _measures(cell: Cell, first: Result, second: Result, relatives: Relatives) -> Row:
    a, b = cell.history[-2:]
    learnt = relatives.result(cell, cell.history[: cell.history.index(a) + 1])  # the stage in which A was new
    alone = relatives.result(cell, (b,)) if learns_first(cell, b) else None
    untrained = _untrained(learnt, a, relatives, cell)
    after_a, after_b = _at_start(second, a) or first.after.get(a), second.after.get(a)
    losses = {
        "loss_untrained": _loss(untrained),
        "loss_first": _loss(after_a),
        "loss_after": _loss(after_b) if second.status == "done" else math.nan,
    }
    peak = (
        max((x for x in second.curve.loss.get(a, []) if x is not None), default=math.nan) if second.curve else math.nan
    )
    accuracies = {
        "accuracy_untrained": _accuracy(untrained),
        "accuracy_first": _accuracy(after_a),
        "accuracy_after": _accuracy(after_b),
    }
    own = {
        "own_loss_untrained": _own_loss(untrained),
        "own_loss_first": _own_loss(first.after.get(a)),
        "own_loss_after": _own_loss(after_b) if second.status == "done" else math.nan,
    }
    failure = second.failure or first.failure
    both = alone is not None and alone.converged and second.converged
    return {
        "idle_outputs": cell.benchmark.channels.idle_outputs,
        "status": second.status,
        "failure": failure.message if failure else None,
        "converged_first": first.converged,
        "converged_second": second.converged,
        "updates_first": first.updates,
        "updates_second": second.updates,
        **losses,
        "interference": interference(*losses.values()),
        "loss_peak": peak,
        "interference_peak": interference(losses["loss_untrained"], losses["loss_first"], peak),
        **_at_equal_loss(second, a, b, losses["loss_untrained"], losses["loss_first"]),
        "skill_lost": float(skill_lost(*losses.values())),
        **accuracies,
        "interference_accuracy": interference(*(1 - x for x in accuracies.values())),
        "accuracy_lost": accuracies["accuracy_first"] - accuracies["accuracy_after"],
        **own,
        "interference_own": interference(*own.values()),
        "second_loss_untrained": _loss(_untrained(second, b, relatives, cell)),
        "second_loss_before": _loss(second.scores_before[-1] if second.scores_before else first.after.get(b)),
        "second_loss_after": _loss(second.after.get(b)),
        "second_updates_alone": alone.updates if alone else None,
        "second_converged_alone": alone.converged if alone else None,
        "transfer": second.updates / alone.updates
        if both and alone and alone.updates and second.updates is not None
        else math.nan,
        "savings": _savings(cell, second, relatives),
    }


def _at_start(second: Result, a: str) -> Scores | None:
    """Return the scores on A at the start of the training on B, in the network that has the channels of both tasks.

    They are those after A up to rounding. If B leaves A alone, interference is then exactly 0.
    """
    curve = second.curve
    if curve is None or a not in curve.loss or curve.updates[:1] != [0] or curve.loss[a][0] is None:
        return None
    return Scores(loss=curve.loss[a][0], accuracy=curve.accuracy[a][0])


def _at_equal_loss(second: Result, a: str, b: str, untrained: float, first: float) -> Row:
    """Return the interference and the number of updates when B's loss had fallen to a half and to a tenth."""
    curve, before = second.curve, second.scores_before
    if curve is None or not before or a not in curve.loss or b not in curve.loss:
        return {}
    loss_a, loss_b = (np.array([math.nan if x is None else x for x in curve.loss[task]]) for task in (a, b))
    row: Row = {}
    for name, fraction in (("half", 0.5), ("tenth", 0.1)):
        moment = at_fraction(curve.updates, loss_a, loss_b, untrained, first, _loss(before[0]), fraction)
        row |= {f"interference_{name}": float(moment.interference), f"updates_{name}": float(moment.update)}
    return row


def _untrained(stage: Result | None, task: str, relatives: Relatives, cell: Cell) -> Scores | None:
    """Return the scores on a task before any training, from the stage that learnt it; None if they are unknown."""
    if stage and stage.scores_before:
        return stage.scores_before[0]
    root = relatives.result(cell, cell.history[:1])  # in cells of earlier numerics the first stage has them all
    return root.before.get(task) if root else None


def _savings(cell: Cell, relearnt: Result, relatives: Relatives) -> float:
    """Return 1 - updates of relearning / updates of first learning, for the last task; NaN if it was not relearnt."""
    b = cell.history[-1]
    n_first = cell.history.index(b) + 1
    if n_first == len(cell.history) or not relearnt.converged:
        return math.nan
    first = relatives.result(cell, cell.history[:n_first])
    if first is None or not first.converged or not first.updates or relearnt.updates is None:
        return math.nan
    return 1 - relearnt.updates / first.updates


@rows_of(columns.CURVES)
def _curves(stage: Stage) -> Iterator[Row]:
    curve = stage.result.curve
    if stage.first is None or curve is None:
        return
    names = names_of_pair(stage.cell)
    a, b = stage.cell.history[-2:]
    empty = [None] * len(curve.updates)
    series = (
        curve.loss.get(a, empty),
        curve.loss.get(b, empty),
        curve.accuracy.get(a, empty),
        curve.accuracy.get(b, empty),
    )
    for update, *values in zip(curve.updates, *series, strict=True):
        numbers = (math.nan if v is None else v for v in values)
        yield names | {"update": update, **dict(zip(columns.CURVES.names[-4:], numbers, strict=True))}


@rows_of(columns.TRACKED)
def _tracked(stage: Stage) -> Iterator[Row]:
    record, store = stage.record, stage.relatives.store
    if stage.first is None or record.result.curve is None:
        return
    if not any(name.startswith(TRACKED_ARRAY) for name in store.array_names(record)):
        return
    names = names_of_pair(stage.cell)
    for weight, values in split(store.arrays(record) or {}, TRACKED_ARRAY).items():
        for update, value in zip(record.result.curve.updates, values, strict=True):
            matrix = np.atleast_2d(value)
            for (row, column), entry in np.ndenumerate(matrix.reshape(len(matrix), -1)):
                yield names | {"update": update, "weight": weight, "row": row, "column": column, "value": float(entry)}


@rows_of(columns.STAGES)
def _stages(stage: Stage) -> Iterator[Row]:
    cell, result = stage.cell, stage.result
    names, last = names_of_stage(cell), len(cell.history)
    for k, score in enumerate(result.scores_before):
        learnt = cell.history[k - 1] if k else ""
        yield names | {"stage": k, "task_learnt": learnt, "task": cell.history[-1]} | _values(score)
    trained = {"stage": last, "task_learnt": cell.history[-1], "updates": result.updates, "converged": result.converged}
    for task, score in result.after.items():
        area = _area(result.curve, task, cell.task.training.max_updates) if task == cell.history[-1] else math.nan
        yield names | trained | {"task": task} | _values(score) | {"accuracy_auc": area}


def _values(score: Scores) -> Row:
    return {"loss": _loss(score), "own_loss": _own_loss(score), "accuracy": _accuracy(score)}


@rows_of(columns.TIMING)
def _timing(stage: Stage) -> Iterator[Row]:
    seconds = stage.record.provenance.get("seconds")
    if isinstance(seconds, int | float):
        yield names_of_stage(stage.cell) | {"updates": stage.result.updates, "seconds": seconds}


def _area(curve: Curve | None, task: str, budget: int) -> float:
    """Return the mean accuracy on a task over the budget of updates; NaN if it has no accuracy.

    The curve is integrated by trapezoids. After the network has stopped, its last accuracy is used.
    """
    values = curve.accuracy.get(task, []) if curve else []
    if curve is None or not values or any(v is None for v in values) or not budget:
        return math.nan
    known = [float(v) for v in values if v is not None]
    held = max(0, budget - curve.updates[-1]) * known[-1]
    return float((trapezoid(known, curve.updates) + held) / max(budget, curve.updates[-1]))


def continual_table(stages: pd.DataFrame) -> pd.DataFrame:
    """Compute the metrics of every sequence of two or more different tasks that all have an accuracy.

    A sequence in which a task occurs twice has no such metrics; the column `savings` describes relearning.

    Args:
        stages: the table `stages`.

    Returns:
        The table `continual`: one row for each network and sequence.
    """
    rows: list[list[Any]] = []
    for names, of_network in stages.groupby([*columns.SETTING, "seed"], sort=False, dropna=False):
        *setting, seed = names
        network = _Network(of_network)
        for history in dict.fromkeys(map(str, of_network["history"])):
            tasks = split_history(history)
            if len(tasks) > 1 and len(set(tasks)) == len(tasks):
                sequence = network.sequence(tasks)
                if np.isfinite(sequence.r).all():
                    rows.append([*setting, history, seed, *(metric.of(sequence) for metric in METRICS.values())])
    return pd.DataFrame(rows, columns=columns.CONTINUAL.names)


class _Network:
    """The accuracies of one network in all its histories, from its rows of the table `stages`."""

    def __init__(self, stages: pd.DataFrame) -> None:
        self.accuracy: dict[tuple[str, int, str], Any] = {}
        self.auc: dict[str, Any] = {}
        for row in stages.to_dict("records"):
            history, stage, task = str(row["history"]), int(row["stage"]), str(row["task"])
            self.accuracy[history, stage, task] = row["accuracy"]
            if stage == len(split_history(history)) and task == row["task_learnt"]:
                self.auc[history] = row.get("accuracy_auc", math.nan)

    def sequence(self, tasks: list[str]) -> Sequence:
        """Return the accuracies along a sequence of tasks, NaN where there are none."""
        numbers = range(len(tasks))
        return Sequence(
            r=np.array([[self._after(i, j, tasks) for j in numbers] for i in range(len(tasks) + 1)], dtype=float),
            auc=np.array([self.auc.get(joined(tasks[: j + 1]), math.nan) for j in numbers], dtype=float),
            alone=np.array([self.auc.get(task, math.nan) for task in tasks], dtype=float),
        )

    def _after(self, stage: int, j: int, tasks: list[str]) -> Any:
        """Accuracy on the j-th task (from 0) after a stage. If the task is still to come, its own stage stores it."""
        history = joined(tasks[: max(stage, j + 1)])
        return self.accuracy.get((history, stage, tasks[j]), math.nan)


def _loss(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.loss is None else scores.loss


def _own_loss(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.own_loss is None else scores.own_loss


def _accuracy(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.accuracy is None else scores.accuracy
