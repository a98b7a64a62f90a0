"""The tables that a run writes: one place that says what each column means, and how it is computed from the cells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from rnnbench.cells import Cell
from rnnbench.interference import interference
from rnnbench.schema import Benchmark
from rnnbench.store import Record, Result, Scores, Store

INTERFERENCE_COLUMNS: dict[str, str] = {
    "architecture": "label of the architecture",
    "rule": "label of the learning rule",
    "g": "connectivity strength; empty where the architecture has none",
    "units": "number of recurrent units N",
    "first_task": "label of A, learnt first",
    "second_task": "label of B, learnt second; where it is A, more of A for as many updates as A took (drift control)",
    "seed": "of weights and trials",
    "status": "done, or failed: no result, the reason is in `failure`",
    "failure": "why there is no result",
    "converged_first": "A reached its criterion within the budget",
    "converged_second": "B reached its criterion within the budget; empty for drift controls",
    "updates_first": "updates of training on A",
    "updates_second": "updates of training on B",
    "loss_untrained": "loss on A before any training",
    "loss_first": "loss on A after training on A",
    "loss_after": "loss on A after training on B",
    "interference": "(loss_after - loss_first) / (loss_untrained - loss_first); empty where A was not learnt at all. "
    "Idle outputs count where they are trained to zero: if A's input comes to drive B's outputs, it tends to 1 + the "
    "ratio of the squared targets of B to those of A",
    "loss_peak": "highest loss on A while B was learnt",
    "interference_peak": "interference at that moment",
    "accuracy_untrained": "accuracy on A before any training, where A defines one",
    "accuracy_first": "accuracy on A after training on A",
    "accuracy_after": "accuracy on A after training on B",
    "interference_accuracy": "interference in error rates (1 - accuracy) instead of losses",
    "own_loss_untrained": "as loss_untrained, over A's own outputs alone: the idle outputs left out",
    "own_loss_first": "as loss_first, over A's own outputs alone",
    "own_loss_after": "as loss_after, over A's own outputs alone",
    "interference_own": "interference in these losses: what A's own outputs lost",
    "second_loss_untrained": "loss on B before any training",
    "second_loss_before": "loss on B after training on A, before its own",
    "second_loss_after": "loss on B after training on B",
    "second_updates_alone": "updates of training on B as a first task, same seed",
    "second_converged_alone": "B as a first task reached its criterion within the budget",
    "transfer": "updates_second / second_updates_alone, where both reached the criterion; below 1: A helped B",
}

CURVES_COLUMNS: dict[str, str] = {
    **{
        name: INTERFERENCE_COLUMNS[name]
        for name in ("architecture", "rule", "g", "units", "first_task", "second_task", "seed")
    },
    "update": "updates of training on B made so far",
    "loss_first": "loss on A",
    "loss_second": "loss on B",
    "accuracy_first": "accuracy on A, where A defines one",
    "accuracy_second": "accuracy on B, where B defines one",
}

BOOLEAN = ["converged_first", "converged_second", "second_converged_alone"]
WHOLE = ["updates_first", "updates_second", "second_updates_alone"]


def collect(benchmark: Benchmark, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The interference table, a row for each network and ordered pair that is in the store, and the curves."""
    rows: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    records: dict[str, Record | None] = {}

    def record(cell: Cell) -> Record | None:
        if cell.identity not in records:
            records[cell.identity] = store.get(cell.identity)
        return records[cell.identity]

    for cell in _pairs(benchmark):
        first, second = record(_before(cell)), record(cell)
        if first is None or second is None:
            continue
        alone = record(Cell(benchmark, cell.architecture, cell.rule, cell.seed, cell.history[1:]))
        rows.append(_names(cell) | _row(cell, first.result, second.result, alone.result if alone else None))
        curves.extend(_names(cell) | point for point in _curve(cell, second.result))
    table = pd.DataFrame(rows, columns=list(INTERFERENCE_COLUMNS))
    table = table.astype(dict.fromkeys(BOOLEAN, "boolean") | dict.fromkeys(WHOLE, "Int64"))
    return table, pd.DataFrame(curves, columns=list(CURVES_COLUMNS))


def _pairs(benchmark: Benchmark) -> Iterable[Cell]:
    """The second stages, in the order of the description: the table's rows do not depend on who computed what when."""
    for architecture in benchmark.architectures:
        for rule in benchmark.rules:
            for history in benchmark.histories:
                for seed in benchmark.seeds:
                    yield Cell(benchmark, architecture, rule, seed, history)


def _before(cell: Cell) -> Cell:
    assert cell.parent is not None
    return cell.parent


def _names(cell: Cell) -> dict[str, Any]:
    first, second = cell.history
    return {
        "architecture": cell.architecture.label,
        "rule": cell.rule.label,
        "g": cell.architecture.g,
        "units": cell.architecture.units,
        "first_task": first,
        "second_task": second,
        "seed": cell.seed,
    }


def _row(cell: Cell, first: Result, second: Result, alone: Result | None) -> dict[str, Any]:
    a, b = cell.history
    untrained, after_a, after_b = first.before.get(a), first.after.get(a), second.after.get(a)
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
        "second_loss_untrained": _loss(first.before.get(b)),
        "second_loss_before": _loss(first.after.get(b)),
        "second_loss_after": _loss(second.after.get(b)),
        "second_updates_alone": alone.updates if alone else None,
        "second_converged_alone": alone.converged if alone else None,
        "transfer": second.updates / alone.updates
        if both and alone and alone.updates and second.updates is not None
        else math.nan,
    }


def _curve(cell: Cell, second: Result) -> Iterable[dict[str, Any]]:
    if second.curve is None:
        return
    a, b = cell.history
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
