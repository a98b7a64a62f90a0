"""The tables that a run writes, computed from the cells; `rnnbench.results.columns` says what each column means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import Benchmark
from rnnbench.results.columns import (
    BOOLEAN,
    CURVES_COLUMNS,
    INTERFERENCE_COLUMNS,
    STAGES_COLUMNS,
    TIMING_COLUMNS,
    TRACKED_COLUMNS,
    WHOLE,
)
from rnnbench.results.interference import interference
from rnnbench.results.store import TRACKED, Curve, Record, Result, Scores, Store, split


@dataclass(frozen=True)
class Tables:
    """The tables of a benchmark; their columns are described in `rnnbench.results.columns`."""

    interference: pd.DataFrame
    curves: pd.DataFrame
    stages: pd.DataFrame
    tracked: pd.DataFrame
    timing: pd.DataFrame


def collect(benchmark: Benchmark, store: Store) -> Tables:
    """The tables of what is in the store; their rows stand in the order of the description, whoever computed them."""
    more = condition_columns(benchmark)
    rows, curves, stages, tracked, timing = (
        _Rows(columns)
        for columns in (
            [*INTERFERENCE_COLUMNS, *more],
            list(CURVES_COLUMNS),
            list(STAGES_COLUMNS),
            list(TRACKED_COLUMNS),
            list(TIMING_COLUMNS),
        )
    )
    for cells in _kinds(benchmark):
        kin = _Kin(store)  # a row looks at networks of its own kind alone: the others can be forgotten
        for cell in cells:
            if (record := kin.record(cell)) is None:
                continue
            stages.extend(_stages(cell, record.result))
            if isinstance(seconds := record.provenance.get("seconds"), int | float):
                timing.append(_network(cell) | {"updates": record.result.updates, "seconds": seconds})
            if len(cell.history) == 1 or (first := kin.result(cell, cell.history[:-1])) is None:
                continue
            rows.append(names(cell) | _row(cell, first, record.result, kin) | condition_values(cell))
            curves.extend(names(cell) | point for point in _curve(cell, record.result))
            tracked.extend(names(cell) | entry for entry in _tracked(record, store))
    types = dict.fromkeys(BOOLEAN, "boolean") | dict.fromkeys(WHOLE, "Int64")
    return Tables(
        rows.table().astype(types),
        curves.table(),
        stages.table().astype({"converged": "boolean", "updates": "Int64"}),
        tracked.table(),
        timing.table(),
    )


class _Rows:
    """A table that grows row by row, kept by columns: of a million rows, dicts would take gigabytes."""

    def __init__(self, columns: list[str]) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in columns}

    def append(self, row: dict[str, Any]) -> None:
        for name, values in self._columns.items():
            values.append(row.get(name, math.nan))

    def extend(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self.append(row)

    def table(self) -> pd.DataFrame:
        """The table; it leaves nothing behind here."""
        return pd.DataFrame({name: self._columns.pop(name) for name in list(self._columns)})


def _place(cell: Cell) -> dict[str, Any]:
    """What names the networks of one kind, in every table."""
    return {
        "condition": cell.benchmark.condition,
        "architecture": cell.architecture.label,
        "rule": cell.rule.label,
        "g": cell.architecture.g,
        "units": cell.architecture.units,
    }


def _network(cell: Cell) -> dict[str, Any]:
    """What names a network and how far it has come: in the tables of stages and of times."""
    return {**_place(cell), "history": " > ".join(cell.history), "seed": cell.seed}


class Records:
    """The records of a store, each read and verified once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, Record | None] = {}

    def of(self, cell: Cell) -> Record | None:
        if cell.identity not in self._known:
            self._known[cell.identity] = self.store.get(cell.identity)
        return self._known[cell.identity]

    def result(self, cell: Cell) -> Result | None:
        record = self.of(cell)
        return record.result if record else None


class _Kin:
    """The results of networks of one architecture and rule, each looked up once by its seed and history."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[tuple[int, tuple[str, ...]], Record | None] = {}

    def record(self, cell: Cell) -> Record | None:
        key = cell.seed, cell.history
        if key not in self._known:
            self._known[key] = self.store.get(cell.identity)
        return self._known[key]

    def result(self, cell: Cell, history: tuple[str, ...]) -> Result | None:
        """Of the network of the cell's kind and seed with another history."""
        if (cell.seed, history) not in self._known:
            self.record(Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, history))
        record = self._known[cell.seed, history]
        return record.result if record else None


def _kinds(benchmark: Benchmark) -> Iterator[Iterator[Cell]]:
    """All cells in the order of the description, those of each architecture and rule together, earlier stages first."""
    prefixes = {history[: k + 1]: None for history in benchmark.histories for k in range(len(history))}
    histories = sorted(prefixes, key=len)
    for setting in benchmark.settings:
        for architecture, rule in product(setting.architectures, setting.rules):
            yield (Cell(setting, architecture, rule, seed, h) for h, seed in product(histories, setting.seeds))


def pairs_of(benchmark: Benchmark) -> Iterator[Cell]:
    """Every cell after its second stage or a later one: the rows of the tables of pairs, in their order."""
    return (cell for cells in _kinds(benchmark) for cell in cells if len(cell.history) > 1)


def names(cell: Cell) -> dict[str, Any]:
    """What names a cell and its last two stages in a table: the columns NAMES."""
    *earlier, first, second = cell.history
    return {
        **_place(cell),
        "earlier_tasks": " > ".join(earlier),
        "first_task": first,
        "second_task": second,
        "seed": cell.seed,
    }


def alone_of(cell: Cell) -> Cell | None:
    """The network that learns the last task first of all; None where the benchmark has none."""
    last = cell.history[-1]
    if _learns_first(cell, last):
        return Cell(cell.benchmark, cell.architecture, cell.rule, cell.seed, (last,))
    return None


def _learns_first(cell: Cell, task: str) -> bool:
    """Whether the benchmark has networks that learn a task first of all."""
    return cell.benchmark.protocol == "pairs" or any(history[0] == task for history in cell.benchmark.histories)


def condition_columns(benchmark: Benchmark) -> list[str]:
    """The columns that hold the values of the conditions, named after what is varied."""
    varied = benchmark.conditions[0].values if benchmark.conditions else {}
    return [f"condition_{name}" if name in INTERFERENCE_COLUMNS else name for name in varied]


def condition_values(cell: Cell) -> dict[str, Any]:
    """What the columns of the conditions hold for a cell."""
    conditions = cell.benchmark.conditions
    values = conditions[0].values.values() if conditions else ()
    return dict(zip(condition_columns(cell.benchmark), values, strict=True))


def _row(cell: Cell, first: Result, second: Result, kin: _Kin) -> dict[str, Any]:
    a, b = cell.history[-2:]
    root = kin.result(cell, cell.history[:1])
    before = root.before if root else {}  # the scores before any training, which the first stage holds
    alone = kin.result(cell, (b,)) if _learns_first(cell, b) else None
    untrained, after_a, after_b = before.get(a), first.after.get(a), second.after.get(a)
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
        "own_loss_first": _own_loss(after_a),
        "own_loss_after": _own_loss(after_b) if second.status == "done" else math.nan,
    }
    failure = second.failure or first.failure
    both = alone is not None and alone.converged and second.converged
    return {
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
        **accuracies,
        "interference_accuracy": interference(*(1 - x for x in accuracies.values())),
        **own,
        "interference_own": interference(*own.values()),
        "second_loss_untrained": _loss(before.get(b)),
        "second_loss_before": _loss(first.after.get(b)),
        "second_loss_after": _loss(second.after.get(b)),
        "second_updates_alone": alone.updates if alone else None,
        "second_converged_alone": alone.converged if alone else None,
        "transfer": second.updates / alone.updates
        if both and alone and alone.updates and second.updates is not None
        else math.nan,
        "savings": _savings(cell, second, kin),
    }


def _savings(cell: Cell, again: Result, kin: _Kin) -> float:
    b = cell.history[-1]
    until = cell.history.index(b) + 1
    if until == len(cell.history) or not again.converged:
        return math.nan
    first = kin.result(cell, cell.history[:until])
    if first is None or not first.converged or not first.updates or again.updates is None:
        return math.nan
    return 1 - again.updates / first.updates


def _stages(cell: Cell, result: Result) -> Iterator[dict[str, Any]]:
    place = _network(cell)
    begin = {"stage": 0, "task_learnt": "", "updates": None, "converged": None}
    end = {
        "stage": len(cell.history),
        "task_learnt": cell.history[-1],
        "updates": result.updates,
        "converged": result.converged,
    }
    for stage, scores in ((begin, result.before), (end, result.after)):
        for task, score in scores.items():
            values = {"loss": _loss(score), "own_loss": _own_loss(score), "accuracy": _accuracy(score)}
            if task == stage["task_learnt"]:
                values["accuracy_auc"] = _area(result.curve, task, cell.task.training.max_updates)
            yield place | stage | {"task": task} | values


def _area(curve: Curve | None, task: str, budget: int) -> float:
    """Mean of the accuracy on `task` over the budget of updates, its last value held; NaN where it has none."""
    values = curve.accuracy.get(task, []) if curve else []
    if curve is None or not values or any(v is None for v in values) or not budget:
        return math.nan
    known = [float(v) for v in values if v is not None]
    held = max(0, budget - curve.updates[-1]) * known[-1]
    return float((trapezoid(known, curve.updates) + held) / max(budget, curve.updates[-1]))


def _tracked(record: Record, store: Store) -> Iterator[dict[str, Any]]:
    if record.result.curve is None or not any(name.startswith(TRACKED) for name in store.array_names(record)):
        return
    for weight, values in split(store.arrays(record) or {}, TRACKED).items():
        for update, value in zip(record.result.curve.updates, values, strict=True):
            matrix = np.atleast_2d(value)
            for (row, column), entry in np.ndenumerate(matrix.reshape(len(matrix), -1)):
                yield {"update": update, "weight": weight, "row": row, "column": column, "value": float(entry)}


def _curve(cell: Cell, second: Result) -> Iterable[dict[str, Any]]:
    if second.curve is None:
        return
    a, b = cell.history[-2:]
    curve = second.curve
    empty = [None] * len(curve.updates)
    columns = (
        curve.loss.get(a, empty),
        curve.loss.get(b, empty),
        curve.accuracy.get(a, empty),
        curve.accuracy.get(b, empty),
    )
    for update, *values in zip(curve.updates, *columns, strict=True):
        numbers = (math.nan if v is None else v for v in values)
        yield {"update": update, **dict(zip(list(CURVES_COLUMNS)[-4:], numbers, strict=True))}


def _loss(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.loss is None else scores.loss


def _own_loss(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.own_loss is None else scores.own_loss


def _accuracy(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.accuracy is None else scores.accuracy
