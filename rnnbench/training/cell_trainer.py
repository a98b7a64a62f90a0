"""Takes a population of cells through its stage: what it starts from, how it is trained, what is stored."""

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
from rnnbench.plugin.registry import Registry
from rnnbench.results.store import MEMORY, TRACKED, WEIGHT, Curve, Failure, Record, Result, Scores, Store, split
from rnnbench.training.missing import is_missing, keeps_weights
from rnnbench.training.setting import Setting, Settings
from rnnbench.training.trainer import Arrays, Outcome, Score, Start, Trainer


class CellTrainer:
    """Trains cells of one setting of a benchmark and stores their results. A worker keeps it throughout."""

    def __init__(self, setting: Setting, device: torch.device) -> None:
        self.setting = setting
        self.device = device

    def trainer(self, cell: Cell, evaluated: Collection[str] | None = None) -> Trainer:
        """The trainer for a cell's last stage.

        Args:
            cell: the cell.
            evaluated: labels of the tasks on which networks are evaluated; all usable ones unless given.
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
        """The missing cells of a population; all of it where leaving some out would change the others' last digits."""
        try:
            independent = self.device.type == "cpu" and self.trainer(cells[0]).engine.independent
        except (Exception, SystemExit):  # a broken plugin: training reports it
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
        """Compute cells of one population and store each: done, or failed with the reason.

        Whatever a plugin does wrong takes down these cells alone. What a network took by the clock, its share of
        the population's time, goes into its provenance.
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
        orphans: dict[str, Failure] = {}
        try:
            trainer = self.trainer(cells[0])
            label = cells[0].task.label
            if fault := self.setting.faults(trainer.architecture.dt).get(label):
                raise PluginError(fault)
            orphans = {c.identity: failure for c in cells if (failure := _parents_failure(c, store))}
            ready = [cell for cell in cells if cell.identity not in orphans]
            untrained = self._scores_before(ready, trainer, store)
            starts = [self._start(cell, scores[label], store) for cell, scores in zip(ready, untrained, strict=True)]
            position = len(cells[0].history) - 1
            outcomes = trainer.train(label, position, cells[0].task.training, starts, report) if starts else []
        except (Exception, SystemExit) as error:
            failures = {c.identity: Failure(kind="error", message=_message(error)) for c in cells} | orphans
            return [_store_failure(store, cell, failures[cell.identity], provenance) for cell in cells]
        records = [_store_failure(store, c, orphans[c.identity], provenance) for c in cells if c.identity in orphans]
        if math.isfinite(seconds := (clock() - begin) / len(cells)):
            provenance = provenance | {"seconds": round(seconds, 4)}
        for cell, start, before, outcome in zip(ready, starts, untrained, outcomes, strict=True):
            arrays = _arrays(outcome) if keeps_weights(cell) or outcome.tracked else None
            result = _result(start, before if cell.parent is None else {}, outcome)
            records.append(store.put(cell.identity, cell.description, result, provenance, arrays))
        return records

    def _scores_before(self, cells: Sequence[Cell], trainer: Trainer, store: Store) -> list[dict[str, Scores]]:
        """The scores of each network on every task before any training: measured at its first task, then looked up."""
        if not cells:
            return []
        if cells[0].parent is not None:
            known = [_record(_root(cell), store).result.before for cell in cells]
            if all(cells[0].task.label in before for before in known):
                return known
        weights = [self.setting.initial_weights(cell) for cell in cells]
        found: list[dict[str, Scores]] = [{} for _ in cells]
        seeds = [cell.seed for cell in cells]
        for name in trainer.evaluation_trials:
            scores = trainer.evaluate_if_possible(name, trainer.tensors(weights), seeds, cells[0].task.label)
            for before, score in zip(found, scores, strict=False):
                before[name] = _scores(score)
        return found

    def _start(self, cell: Cell, untrained: Scores, store: Store) -> Start:
        """Where a network starts its stage, given its scores on the task before any training."""
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
    """A cell trainer for each setting of a benchmark, made when it is first asked for."""

    def __init__(self, registry: Registry, device: torch.device) -> None:
        self.device = device
        self._settings = Settings(registry)
        self._by_condition: dict[str, CellTrainer] = {}

    def of(self, benchmark: Benchmark) -> CellTrainer:
        """The trainer of a cell's `benchmark`; all must be of one benchmark."""
        if benchmark.condition not in self._by_condition:
            self._by_condition[benchmark.condition] = CellTrainer(self._settings.of(benchmark), self.device)
        return self._by_condition[benchmark.condition]


def _record(cell: Cell, store: Store) -> Record:
    record = store.get(cell.identity)
    if record is None:
        raise RuntimeError(f"the cell {joined(cell.history)} is missing; run again")
    return record


def _parents_failure(cell: Cell, store: Store) -> Failure | None:
    """Why a network cannot start its stage: an earlier one has no result. None if it can."""
    if cell.parent is None or (failure := _record(cell.parent, store).result.failure) is None:
        return None
    return Failure(kind="parent", message=f"after {joined(cell.parent.history)}: {failure.message}")


def _root(cell: Cell) -> Cell:
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
        # A drift control has no criterion to reach; whether it still meets the task's is in its losses.
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
    """One line: what was raised and, unless rnnbench found the fault itself, where."""
    if isinstance(error, PluginError):
        return one_line(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{last.filename.rpartition('/')[2]}, line {last.lineno}"
    return f"{type(error).__name__}: {one_line(error)} ({place})"
