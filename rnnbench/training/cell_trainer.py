"""Computes the cells of a population: finds where each network starts, trains it, and stores its result."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark
from rnnbench.engine.precision import products
from rnnbench.errors import AnotherNetwork, PluginError
from rnnbench.messages import one_line
from rnnbench.results.records import MEMORY, STATE, TRACKED, WEIGHT, Curve, Failure, Record, Result, Scores, split
from rnnbench.results.store import Store
from rnnbench.training.continuation import Earlier, earlier_result, paused
from rnnbench.training.descendants import check_descendants
from rnnbench.training.initial_weights import with_new_channels
from rnnbench.training.missing import is_missing, keeps_weights
from rnnbench.training.setting import Setting, Settings
from rnnbench.training.stage import Arrays, Outcome, Score, Start
from rnnbench.training.trainer import Trainer

Network = tuple[Arrays, Arrays]
"""Weights of a network, and what its learning rule remembers, by name."""


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
            evaluated: labels of the tasks on which networks are evaluated; by default those of the cell's history that
                can be used.

        Raises:
            PluginError: a task, the architecture or the rule cannot be used.
        """
        setting = self.setting
        architecture = setting.architecture(cell.architecture)
        rule = setting.rule(cell.rule.on(cell.task.training))
        evaluation = {
            label: n_trials
            for label, n_trials in setting.evaluation_trials(cell, architecture.dt).items()
            if evaluated is None or label in evaluated
        }
        layout = setting.layout(cell)
        return Trainer(setting.tasks, layout, architecture, rule, evaluation, setting.dtype, self.device)

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

        An error in a plugin is stored as the failure of these cells and does not stop other cells. A network that is
        trained again because its weights are missing must be the stored one; otherwise its stored result stays.

        Args:
            cells: cells of one population, to be computed.
            store: where the results go.
            provenance: stored with every cell, with the seconds of one network (the time of the population divided
                by the number of its networks) added.
            report: called with the number of network-updates made since the last call.
            clock: returns the time (s) from any origin; by default no time is stored.

        Returns:
            The records of the cells, in no particular order.

        Raises:
            AnotherNetwork: a network that was trained again differs from the stored one; the others are stored.
        """
        with products(self.setting.benchmark.dtype, self.device):
            records, remaining = [], []
            found: dict[str, Earlier] = {}
            for cell in cells:
                earlier = self._earlier_result(cell, store)
                if earlier is not None and earlier.complete:
                    records.append(_copied(cell, earlier.record, store))
                    continue
                remaining.append(cell)
                if earlier is not None:
                    found[cell.identity] = earlier
            for group in _by_first_update(remaining, found):
                records += self._train(group, found, store, provenance, report, clock)
            return records

    def _earlier_result(self, cell: Cell, store: Store) -> Earlier | None:
        """A result of the cell with another budget that can be used; None if it is broken or there is none."""
        try:
            earlier = earlier_result(cell, store)
            independent = self.device.type == "cpu" and self.trainer(cell).engine.independent
        except (Exception, SystemExit):  # A plugin is broken; training reports it.
            return None
        return earlier if earlier is None or earlier.complete or independent else None

    def _train(
        self,
        cells: Sequence[Cell],
        found: Mapping[str, Earlier],
        store: Store,
        provenance: dict[str, Any],
        report: Callable[[int], Any],
        clock: Callable[[], float],
    ) -> list[Record]:
        """Train cells that all begin at the same number of updates; `found` has results to go on from, by identity."""
        begin = clock()
        parent_failures: dict[str, Failure] = {}
        try:
            trainer = self.trainer(cells[0])
            label = cells[0].task.label
            if fault := self.setting.faults(trainer.architecture.dt).get(label):
                raise PluginError(fault)
            parent_failures = {c.identity: failure for c in cells if (failure := _parent_failure(c, store))}
            ready = [cell for cell in cells if cell.identity not in parent_failures]
            networks = [self._networks(cell, trainer, store) for cell in ready]
            scores = _scores_before(networks, label, [cell.seed for cell in ready], trainer)
            starts = [
                self._start(cell, network[-1], before[0], found.get(cell.identity), store)
                for cell, network, before in zip(ready, networks, scores, strict=True)
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
        others: list[AnotherNetwork] = []
        for cell, start, before, outcome in zip(ready, starts, scores, outcomes, strict=True):
            unfinished = start.bound is not None and not _reached(start, outcome) and not outcome.diverged
            arrays = _arrays(outcome) if keeps_weights(cell) or outcome.tracked or unfinished else None
            try:
                records.append(_store(store, cell, _result(start, before, outcome), provenance, arrays))
            except AnotherNetwork as error:
                others.append(error)
        if others:  # raised only now, so that the other networks of the population are not lost
            raise others[0]
        return records

    def _networks(self, cell: Cell, trainer: Trainer, store: Store) -> list[Network]:
        """A cell's network before any training and after each earlier stage, always with all its channels.

        Raises:
            RuntimeError: an earlier stage or its weights are missing.
            PluginError: the architecture or the rule cannot add the channels.
        """
        initial = self.setting.initial_weights(cell)
        layout, context = self.setting.layout(cell), trainer.context(cell.task.label, [cell.seed])
        networks: list[Network] = [(initial, {})]
        for stage in _earlier(cell):
            arrays = store.arrays(_record(stage, store))
            if arrays is None:
                raise RuntimeError(f"the weights after {joined(stage.history)} are missing; run again")
            weights, memory = split(arrays, WEIGHT), split(arrays, MEMORY)
            networks.append(with_new_channels(weights, memory, initial, layout, trainer.rule, context, trainer.tensors))
        return networks

    def _start(self, cell: Cell, network: Network, untrained: Scores, earlier: Earlier | None, store: Store) -> Start:
        """The start of a network's stage.

        Args:
            cell: the cell to be computed.
            network: the network with which the stage begins.
            untrained: scores of the network on the cell's task before any training.
            earlier: a result with a smaller budget from which training goes on, or None.
            store: the results, with the cell of the stage before.
        """
        training, label = cell.task.training, cell.task.label
        watch = (*dict.fromkeys(name for name in cell.history if name != label), label)
        if cell.parent is not None and cell.is_drift_control:
            budget = _record(cell.parent, store).result.updates or 0
            return Start(cell.seed, cell.occurrence, budget, None, watch, *network)
        bound = training.criterion.bound(math.nan if untrained.loss is None else untrained.loss)
        start = Start(cell.seed, cell.occurrence, training.max_updates, bound, watch, *network)
        if earlier is None:
            return start
        arrays = store.arrays(earlier.record)
        if arrays is None:
            raise RuntimeError("the weights of an earlier run are damaged; run again")
        return replace(start, weights=split(arrays, WEIGHT), paused=paused(earlier.record, arrays, training))


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


def _earlier(cell: Cell) -> list[Cell]:
    """The cells of the same network after its earlier stages, the first stage first."""
    stages: list[Cell] = []
    while cell.parent is not None:
        cell = cell.parent
        stages.insert(0, cell)
    return stages


def _scores_before(
    networks: Sequence[Sequence[Network]], label: str, seeds: list[int], trainer: Trainer
) -> list[tuple[Scores, ...]]:
    """The scores of each network on a task, before any training and after each earlier stage."""
    if not networks:
        return []
    by_stage = [
        trainer.evaluate(label, trainer.tensors([w for w, _ in stage]), seeds, trainer.tensors([m for _, m in stage]))
        for stage in zip(*networks, strict=True)
    ]
    return [tuple(map(_scores, scores)) for scores in zip(*by_stage, strict=True)]


def _copied(cell: Cell, record: Record, store: Store) -> Record:
    """Store the result of a cell with other budgets as that of this cell."""
    result = record.result.model_copy(update={"arrays_sha256": None})
    return _store(store, cell, result, record.provenance, store.arrays(record))


def _store(store: Store, cell: Cell, result: Result, provenance: dict[str, Any], arrays: Arrays | None) -> Record:
    """Store a result unless the store has results of another network in this place, or results that start from it.

    Raises:
        AnotherNetwork: it has; they stay as they are.
    """
    check_descendants(cell, result, store)
    return store.put(cell.identity, cell.description, result, provenance, arrays)


def _by_first_update(cells: Sequence[Cell], found: Mapping[str, Earlier]) -> list[list[Cell]]:
    """Divide cells by the number of updates at which their training begins."""
    groups: dict[int, list[Cell]] = {}
    for cell in cells:
        earlier = found.get(cell.identity)
        groups.setdefault(earlier.record.result.updates or 0 if earlier else 0, []).append(cell)
    return list(groups.values())


def _reached(start: Start, outcome: Outcome) -> bool:
    """Whether a network has met its criterion."""
    return start.bound is not None and outcome.curve[outcome.updates][start.watch[-1]].loss <= start.bound


def _result(start: Start, before: tuple[Scores, ...], outcome: Outcome) -> Result:
    label = start.watch[-1]
    scores = dict(outcome.curve)
    labels = [name for name in start.watch if name in scores[0]]
    failure = None
    if outcome.diverged:
        failure = Failure(kind="diverged", message=f"the loss on {label} is not finite after {outcome.updates} updates")
    return Result(
        status="failed" if outcome.diverged else "done",
        failure=failure,
        # A drift control trains for a given number of updates, so it has no criterion to reach.
        converged=None if start.bound is None else _reached(start, outcome),
        updates=outcome.updates,
        scores_before=before,
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
    kinds = {WEIGHT: outcome.weights, MEMORY: outcome.memory, TRACKED: outcome.tracked, STATE: outcome.state}
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
