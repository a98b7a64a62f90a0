"""Takes a population of cells through its stage: what it starts from, how it is trained, what is stored."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import Benchmark
from rnnbench.engine.cuda_graph import EAGER
from rnnbench.engine.precision import products
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, LearningRule, Task
from rnnbench.plugin.registry import Registry
from rnnbench.randomness import rng_for
from rnnbench.results.store import MEMORY, TRACKED, WEIGHT, Curve, Failure, Record, Result, Scores, Store, split
from rnnbench.training.channels import Layout
from rnnbench.training.trainer import Arrays, Outcome, Score, Start, Trainer
from rnnbench.training.trials import check_task

DTYPES = dict.fromkeys(["float32", "tf32", "bfloat16"], torch.float32) | {"float64": torch.float64}
TIMED_UPDATES = 6
"""Updates from which the time of one is estimated; on a card those after the first, until the gradient is recorded."""


class CellTrainer:
    """Trains cells of one setting of a benchmark and stores what comes of them. Kept by a worker throughout."""

    def __init__(self, setting: Benchmark, registry: Registry, device: torch.device) -> None:
        self.benchmark = setting
        self.registry = registry
        self.device = device
        self._faults: dict[float, dict[str, str]] = {}
        self._steps: dict[tuple[str, float], int] = {}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        return {t.label: self.registry.build("task", t.plugin, t.parameters) for t in self.benchmark.tasks}

    def check_channels(self) -> None:
        """Raise PluginError where a task cannot tell its channels: without them no network has a shape."""
        _ = self.layout

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.benchmark.channels, self.tasks)

    def faults(self, dt: float) -> dict[str, str]:
        """What is wrong with the tasks that cannot be used, by label; each is tried once."""
        if dt not in self._faults:
            self._faults[dt] = {}
            for label, task in self.tasks.items():
                training = self.benchmark.task(label).training
                try:
                    check_task(task, dt, {training.batch, training.evaluation_trials})
                except PluginError as error:
                    self._faults[dt][label] = str(error)
        return self._faults[dt]

    def trainer(self, cell: Cell) -> Trainer:
        """The trainer for a cell's last stage."""
        architecture = self._architecture(cell)
        rule_spec = cell.rule.on(cell.task.training)
        rule: LearningRule = self.registry.build("rule", rule_spec.plugin, rule_spec.parameters)
        faults = self.faults(architecture.dt)
        evaluation = {t.label: t.training.evaluation_trials for t in self.benchmark.tasks if t.label not in faults}
        dtype = DTYPES[self.benchmark.dtype]
        return Trainer(self.tasks, self.layout, architecture, rule, evaluation, dtype, self.device)

    def to_compute(self, cells: Sequence[Cell], store: Store) -> list[Cell]:
        """The missing cells of a population; all of it where leaving some out would change the others' last digits."""
        try:
            independent = self.device.type == "cpu" and self.trainer(cells[0]).engine.independent
        except (Exception, SystemExit):  # a broken plugin: training will say so
            independent = False
        if not independent:
            return list(cells)
        return [cell for cell in cells if self.is_missing(cell, store.get(cell.identity), store)]

    def is_missing(self, cell: Cell, record: Record | None, store: Store) -> bool:
        """Whether a cell is to be computed, given its record: there is none; or it lacks the weights that a later
        stage starts from; or a plugin broke, here or where the cell was evaluated, and may have been mended since.
        """
        if record is None:
            return True
        failure = record.result.failure
        if failure is not None:
            return failure.kind != "diverged"
        if (_keeps_weights(cell) or self._architecture(cell).tracked) and not store.has_arrays(record):
            return True
        faults = self.faults(self._architecture(cell).dt)
        return any(label not in faults and label not in record.result.after for label in self.tasks)

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
        with products(self.benchmark.dtype, self.device):
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
            if fault := self.faults(trainer.architecture.dt).get(label):
                raise PluginError(fault)
            orphans = {c.identity: failure for c in cells if (failure := _parents_failure(c, store))}
            ready = [cell for cell in cells if cell.identity not in orphans]
            befores = self._befores(ready, trainer, store)
            starts = [self._start(cell, before[label], store) for cell, before in zip(ready, befores, strict=True)]
            position = len(cells[0].history) - 1
            outcomes = trainer.train(label, position, cells[0].task.training, starts, report) if starts else []
        except (Exception, SystemExit) as error:
            failures = {c.identity: Failure(kind="error", message=_told(error)) for c in cells} | orphans
            return [_store_failure(store, cell, failures[cell.identity], provenance) for cell in cells]
        records = [_store_failure(store, c, orphans[c.identity], provenance) for c in cells if c.identity in orphans]
        if math.isfinite(seconds := (clock() - begin) / len(cells)):
            provenance = provenance | {"seconds": round(seconds, 4)}
        for cell, start, before, outcome in zip(ready, starts, befores, outcomes, strict=True):
            arrays = _arrays(outcome) if _keeps_weights(cell) or outcome.tracked else None
            result = _result(start, before if cell.parent is None else {}, outcome)
            records.append(store.put(cell.identity, cell.description, result, provenance, arrays))
        return records

    def _befores(self, cells: Sequence[Cell], trainer: Trainer, store: Store) -> list[dict[str, Scores]]:
        """The scores of each network on every task before any training: measured at its first task, then looked up."""
        if not cells:
            return []
        if cells[0].parent is not None:
            known = [_record(_root(cell), store).result.before for cell in cells]
            if all(cells[0].task.label in before for before in known):
                return known
        weights = [self.initial_weights(cell) for cell in cells]
        befores: list[dict[str, Scores]] = [{} for _ in cells]
        seeds = [cell.seed for cell in cells]
        for name in trainer.evaluation_trials:
            scores = trainer.evaluate_if_possible(name, trainer.tensors(weights), seeds, cells[0].task.label)
            for before, score in zip(befores, scores, strict=False):
                before[name] = _scores(score)
        return befores

    def _start(self, cell: Cell, untrained: Scores, store: Store) -> Start:
        """Where a network starts its stage, given its scores on the task before any training."""
        training, label = cell.task.training, cell.task.label
        watch = (*dict.fromkeys(name for name in cell.history if name != label), label)
        memory: Arrays = {}
        if cell.parent is None:
            weights = self.initial_weights(cell)
        else:
            arrays = store.arrays(_record(cell.parent, store))
            if arrays is None:
                raise RuntimeError(f"the weights after {' > '.join(cell.parent.history)} are missing; run again")
            weights, memory = split(arrays, WEIGHT), split(arrays, MEMORY)
        if cell.parent is not None and cell.is_drift_control:
            budget = _record(cell.parent, store).result.updates or 0
            return Start(cell.seed, cell.occurrence, budget, None, watch, weights, memory)
        bound = training.criterion.bound(math.nan if untrained.loss is None else untrained.loss)
        return Start(cell.seed, cell.occurrence, training.max_updates, bound, watch, weights, memory)

    def initial_weights(self, cell: Cell) -> Arrays:
        """The weights of a network before any training: of its own connectivity, and the same for every rule."""
        # The cell's own architecture: a population's networks may differ in what shapes their initial weights.
        architecture = self._architecture(cell)
        rng = rng_for(cell.seed, "weights", architecture.id())
        weights = architecture.init(rng, self.layout.n_inputs, self.layout.n_outputs)
        missing = [name for name in architecture.trained if name not in weights]
        if missing:
            raise PluginError(
                f"architecture {architecture.id()}: init() gives no {missing[0]!r}, which is to be trained"
            )
        return {name: np.asarray(w) for name, w in weights.items()}

    def _architecture(self, cell: Cell) -> Architecture:
        spec = cell.architecture
        architecture: Architecture = self.registry.build("architecture", spec.plugin, spec.parameters)
        return architecture

    def steps(self, cell: Cell, label: str) -> int:
        """Time steps of a task's trials, by a look at two of them; 0 where the task is broken."""
        dt = self._architecture(cell).dt
        if (label, dt) not in self._steps:
            broken = label in self.faults(dt)
            drawn = None if broken else self.tasks[label].sample(rng_for(0, "check"), 2, dt)
            self._steps[label, dt] = 0 if drawn is None else int(drawn.inputs.shape[1])
        return self._steps[label, dt]

    def seconds_per_update(self, cell: Cell, clock: Callable[[], float]) -> float:
        """Of one network, its share of the looks at two tasks included; NaN where a plugin is broken.

        The median of a few real updates, the first left out: it pays for memory and compilation.
        """
        try:
            trainer = self.trainer(cell)
            label, training = cell.task.label, cell.task.training
            trainer.evaluation_trials = {label: training.evaluation_trials}  # not of all tasks, as at a stage's end
            weights = self.initial_weights(cell)
            ticks: list[float] = []
            on_card = self.device.type == "cuda"
            start = Start(cell.seed, 0, TIMED_UPDATES + (EAGER if on_card else 0), None, (label,), weights)

            def now() -> float:
                if on_card:
                    torch.cuda.synchronize(self.device)  # else it would be the time it takes to ask
                return clock()

            with products(self.benchmark.dtype, self.device):
                trainer.train(label, 0, training, [start], lambda n: ticks.append(now()))
                begin = now()
                trainer.evaluate(label, trainer.tensors([weights]), [cell.seed])
                look = now() - begin
            ticks = ticks[EAGER:] if on_card else ticks
            if len(ticks) < 2:  # the loss was not finite from the start
                return math.nan
            return float(np.median(np.diff(ticks))) + 2 * look / training.evaluate_every
        except (Exception, SystemExit):  # it will be told of when its cells are computed
            return math.nan


class CellTrainers:
    """A cell trainer for each setting of a benchmark, made when it is first asked for."""

    def __init__(self, registry: Registry, device: torch.device) -> None:
        self.registry = registry
        self.device = device
        self._by_condition: dict[str, CellTrainer] = {}

    def of(self, setting: Benchmark) -> CellTrainer:
        """The trainer of a setting; all must be of one benchmark."""
        if setting.condition not in self._by_condition:
            self._by_condition[setting.condition] = CellTrainer(setting, self.registry, self.device)
        return self._by_condition[setting.condition]


def _record(cell: Cell, store: Store) -> Record:
    record = store.get(cell.identity)
    if record is None:
        raise RuntimeError(f"the cell {' > '.join(cell.history)} is missing; run again")
    return record


def _parents_failure(cell: Cell, store: Store) -> Failure | None:
    """Why a network cannot start its stage: an earlier one has no result. None if it can."""
    if cell.parent is None or (failure := _record(cell.parent, store).result.failure) is None:
        return None
    return Failure(kind="parent", message=f"after {' > '.join(cell.parent.history)}: {failure.message}")


def _root(cell: Cell) -> Cell:
    while cell.parent is not None:
        cell = cell.parent
    return cell


def _keeps_weights(cell: Cell) -> bool:
    """Whether another stage starts from these weights, or an analysis needs them."""
    n = len(cell.history)
    return bool(cell.benchmark.analyses) or any(len(h) > n and h[:n] == cell.history for h in cell.benchmark.histories)


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


def _told(error: BaseException) -> str:
    """One line: what was raised and, unless rnnbench found the fault itself, where."""
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
