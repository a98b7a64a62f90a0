"""Computes the cells of a population: finds where each network starts, trains it, and stores its result."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark
from rnnbench.engine.precision import products
from rnnbench.errors import PluginError
from rnnbench.messages import one_line
from rnnbench.results.store import MEMORY, TRACKED, WEIGHT, Curve, Failure, Record, Result, Scores, Store, split
from rnnbench.training.missing import is_missing, keeps_weights
from rnnbench.training.setting import Setting, Settings
from rnnbench.training.trainer import Arrays, Outcome, Score, Start, Trainer


class CellTrainer:
    """Trains cells of one setting of a benchmark and stores their results.

    Args:
        setting: tasks, channels, architectures and rules of the benchmark under one condition.
        device: where networks are computed.
    """

    def __init__(self, setting: Setting, device: torch.device) -> None:
        self.setting = setting
        self.device = device

    def trainer(self, cell: Cell, evaluated: Collection[str] | None = None) -> Trainer:
        """The trainer of a cell's architecture and of its rule for the last task.

        Args:
            cell: the cell.
            evaluated: labels of the tasks on which networks are evaluated; by default all tasks that can be used.

        Raises:
            PluginError: a task, the architecture or the rule cannot be used.
        """
        setting = self.setting
        architecture = setting.architecture(cell.architecture)
        rule = setting.rule(cell.rule.on(cell.task.training))
        evaluation = {
            label: n_trials
            for label, n_trials in setting.evaluation_trials(architecture.dt).items()
            if evaluated is None or label in evaluated
        }
        return Trainer(setting.tasks, setting.layout, architecture, rule, evaluation, setting.dtype, self.device)

    def to_compute(self, cells: Sequence[Cell], store: Store) -> list[Cell]:
        """The cells of a population that must be computed.

        Args:
            cells: the cells of one population.
            store: the results.

        Returns:
            The missing cells. If the results of a network depend on which others are in its population (to the last
            digits, as on a GPU), all cells, so that the missing ones get the same results as without an interruption.
        """
        try:
            independent = self.device.type == "cpu" and self.trainer(cells[0]).engine.independent
        except (Exception, SystemExit):  # A plugin is broken; `train` reports it.
            independent = False
        if not independent:
            return list(cells)
        return [cell for cell in cells if is_missing(cell, store.get(cell.identity), store, self.setting)]

    def train(
        self,
        cells: Sequence[Cell],
        store: Store,
        provenance: dict[str, Any],
        report: Callable[[int], Any] = lambda n: None,
        clock: Callable[[], float] = lambda: math.nan,
    ) -> list[Record]:
        """Compute cells of one population and store each of them, as done or as failed with the reason.

        An error in a plugin is stored as the failure of these cells and does not stop other cells.

        Args:
            cells: cells of one population, to be computed.
            store: where the results go.
            provenance: stored with every cell, with the seconds of one network (the time of the population divided
                by the number of its networks) added.
            report: called with the number of network-updates made since the last call.
            clock: returns the time (s) from any origin; by default no time is stored.

        Returns:
            The records of the cells, in no particular order.
        """
        with products(self.setting.benchmark.dtype, self.device):
            return self._train(cells, store, provenance, report, clock)

    def _train(
        self,
        cells: Sequence[Cell],
        store: Store,
        provenance: dict[str, Any],
        report: Callable[[int], Any],
        clock: Callable[[], float],
    ) -> list[Record]:
        begin = clock()
        parent_failures: dict[str, Failure] = {}
        try:
            trainer = self.trainer(cells[0])
            label = cells[0].task.label
            if fault := self.setting.faults(trainer.architecture.dt).get(label):
                raise PluginError(fault)
            parent_failures = {c.identity: failure for c in cells if (failure := _parent_failure(c, store))}
            ready = [cell for cell in cells if cell.identity not in parent_failures]
            scores_untrained = self._scores_untrained(ready, trainer, store)
            starts = [
                self._start(cell, scores[label], store) for cell, scores in zip(ready, scores_untrained, strict=True)
            ]
            position = len(cells[0].history) - 1
            outcomes = trainer.train(label, position, cells[0].task.training, starts, report) if starts else []
        except (Exception, SystemExit) as error:
            failures = {c.identity: Failure(kind="error", message=_message(error)) for c in cells} | parent_failures
            return [_store_failure(store, cell, failures[cell.identity], provenance) for cell in cells]
        records = [
            _store_failure(store, cell, parent_failures[cell.identity], provenance)
            for cell in cells
            if cell.identity in parent_failures
        ]
        if math.isfinite(seconds := (clock() - begin) / len(cells)):
            provenance = provenance | {"seconds": round(seconds, 4)}
        for cell, start, scores, outcome in zip(ready, starts, scores_untrained, outcomes, strict=True):
            arrays = _arrays(outcome) if keeps_weights(cell) or outcome.tracked else None
            result = _result(start, scores if cell.parent is None else {}, outcome)
            records.append(store.put(cell.identity, cell.description, result, provenance, arrays))
        return records

    def _scores_untrained(self, cells: Sequence[Cell], trainer: Trainer, store: Store) -> list[dict[str, Scores]]:
        """The scores of each network on every task before any training, by label.

        They are measured at the first stage and stored there; later stages read them.
        """
        if not cells:
            return []
        if cells[0].parent is not None:
            stored = [_record(_first_stage(cell), store).result.before for cell in cells]
            if all(cells[0].task.label in scores for scores in stored):
                return stored
        weights = [self.setting.initial_weights(cell) for cell in cells]
        measured: list[dict[str, Scores]] = [{} for _ in cells]
        seeds = [cell.seed for cell in cells]
        for label in trainer.evaluation_trials:
            scores = trainer.evaluate_if_possible(label, trainer.tensors(weights), seeds, cells[0].task.label)
            for by_label, score in zip(measured, scores, strict=False):
                by_label[label] = _scores(score)
        return measured

    def _start(self, cell: Cell, untrained: Scores, store: Store) -> Start:
        """The start of a network's stage.

        Args:
            cell: the cell to be computed.
            untrained: scores of the network on the cell's task before any training.
            store: the results, with the cell of the stage before.
        """
        training, label = cell.task.training, cell.task.label
        watch = (*dict.fromkeys(name for name in cell.history if name != label), label)
        memory: Arrays = {}
        if cell.parent is None:
            weights = self.setting.initial_weights(cell)
        else:
            arrays = store.arrays(_record(cell.parent, store))
            if arrays is None:
                raise RuntimeError(f"the weights after {joined(cell.parent.history)} are missing; run again")
            weights, memory = split(arrays, WEIGHT), split(arrays, MEMORY)
        if cell.parent is not None and cell.is_drift_control:
            budget = _record(cell.parent, store).result.updates or 0
            return Start(cell.seed, cell.occurrence, budget, None, watch, weights, memory)
        bound = training.criterion.bound(math.nan if untrained.loss is None else untrained.loss)
        return Start(cell.seed, cell.occurrence, training.max_updates, bound, watch, weights, memory)


class CellTrainers:
    """The cell trainers of a benchmark, one for each setting, made when they are first needed.

    Args:
        settings: the settings of the benchmark.
        device: where networks are computed.
    """

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.device = device
        self._settings = settings
        self._by_condition: dict[str, CellTrainer] = {}

    def of(self, benchmark: Benchmark) -> CellTrainer:
        """The cell trainer of a cell.

        Args:
            benchmark: the cell's `benchmark`. All calls must concern the same benchmark.
        """
        if benchmark.condition not in self._by_condition:
            self._by_condition[benchmark.condition] = CellTrainer(self._settings.of(benchmark), self.device)
        return self._by_condition[benchmark.condition]


def _record(cell: Cell, store: Store) -> Record:
    """The record of a cell that must have been computed before."""
    record = store.get(cell.identity)
    if record is None:
        raise RuntimeError(f"the cell {joined(cell.history)} is missing; run again")
    return record


def _parent_failure(cell: Cell, store: Store) -> Failure | None:
    """The failure of a cell whose parent (the cell that it starts from) has failed; None if it can be computed."""
    if cell.parent is None or (failure := _record(cell.parent, store).result.failure) is None:
        return None
    return Failure(kind="parent", message=f"after {joined(cell.parent.history)}: {failure.message}")


def _first_stage(cell: Cell) -> Cell:
    """The cell of the same network after its first stage."""
    while cell.parent is not None:
        cell = cell.parent
    return cell


def _result(start: Start, before: dict[str, Scores], outcome: Outcome) -> Result:
    label = start.watch[-1]
    scores = dict(outcome.curve)
    reached = start.bound is not None and scores[outcome.updates][label].loss <= start.bound
    labels = [name for name in start.watch if name in scores[0]]
    failure = None
    if outcome.diverged:
        failure = Failure(kind="diverged", message=f"the loss on {label} is not finite after {outcome.updates} updates")
    return Result(
        status="failed" if outcome.diverged else "done",
        failure=failure,
        # A drift control trains for a given number of updates, so it has no criterion to reach.
        converged=None if start.bound is None else reached,
        updates=outcome.updates,
        before=before,
        after={name: _scores(s) for name, s in outcome.after.items()},
        curve=Curve(
            updates=list(scores),
            loss={name: [_finite(scores[u][name].loss) for u in scores] for name in labels},
            accuracy={name: [scores[u][name].accuracy for u in scores] for name in labels},
        ),
    )


def _scores(score: Score) -> Scores:
    return Scores(loss=_finite(score.loss), own_loss=_finite(score.own_loss), accuracy=score.accuracy)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _arrays(outcome: Outcome) -> Arrays:
    kinds = {WEIGHT: outcome.weights, MEMORY: outcome.memory, TRACKED: outcome.tracked}
    return {prefix + name: a for prefix, arrays in kinds.items() for name, a in arrays.items()}


def _store_failure(store: Store, cell: Cell, failure: Failure, provenance: dict[str, Any]) -> Record:
    return store.put(cell.identity, cell.description, Result(status="failed", failure=failure), provenance)


def _message(error: BaseException) -> str:
    """One line with the error's type and text, and where it was raised unless it is a PluginError."""
    if isinstance(error, PluginError):
        return one_line(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    location = f"{last.filename.rpartition('/')[2]}, line {last.lineno}"
    return f"{type(error).__name__}: {one_line(error)} ({location})"
