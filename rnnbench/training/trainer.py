"""Trains a population on one task, each network to its own criterion, and evaluates it. The only training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from rnnbench.benchmark.schema import Training
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.cuda_graph import Recorded
from rnnbench.engine.loss import losses
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, Batch, Engine, LearningRule, State, Task, TaskContext, Weights
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout
from rnnbench.training.trials import TrialSource, accuracy_of

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Start:
    """One network at the start of a stage.

    seed           of its initial weights and its trials
    occurrence     how often it has learnt this task before
    budget         updates after which it stops
    bound          loss on the evaluation trials at which it stops; None: it spends its budget
    watch          labels of the tasks whose loss is followed along the curve: those learnt before, then the task learnt
    weights        by name
    memory         what its rule kept of earlier tasks
    """

    seed: int
    occurrence: int
    budget: int
    bound: float | None
    watch: tuple[str, ...]
    weights: Arrays
    memory: Arrays = field(default_factory=dict)


@dataclass
class Score:
    """Loss, and accuracy where the task defines one, on a task's evaluation trials; own_loss: on its own outputs."""

    loss: float
    own_loss: float
    accuracy: float | None


@dataclass
class Outcome:
    """One network at the end of a stage.

    updates    how many it made
    curve      update -> label -> score, for the tasks it watched
    after      label -> score on every task of the benchmark
    diverged   its loss on the task became infinite or undefined
    tracked    the architecture's tracked weights at every look, name -> [look, ...]
    """

    updates: int
    curve: dict[int, dict[str, Score]]
    after: dict[str, Score]
    weights: Arrays
    memory: Arrays
    diverged: bool = False
    tracked: Arrays = field(default_factory=dict)


class Trainer:
    """Everything that networks of one architecture and rule need to learn a benchmark's tasks and be evaluated on them.

    evaluation_trials   how many held-out trials each task is judged on, by label; a task that is not
                        among them (because its plugin is broken) is not evaluated
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        layout: Layout,
        architecture: Architecture,
        rule: LearningRule,
        evaluation_trials: Mapping[str, int],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.tasks = tasks
        self.architecture = architecture
        self.rule = rule
        self.evaluation_trials = evaluation_trials
        self.dtype = dtype
        self.device = device
        self.engine = _engine_of(architecture)
        self._gradient = self.engine.gradient
        if device.type == "cuda":
            # Nothing here knows the trainer: its memory on the card is free as soon as it is gone.
            another = partial(_engine_of, architecture)
            self._gradient = Recorded(self.engine, another, f"architecture {architecture.id()}").gradient
        self.source = TrialSource(tasks, layout, architecture, dtype, device)

    @torch.no_grad()
    def evaluate(self, label: str, weights: Weights, seeds: Sequence[int], memory: State | None = None) -> list[Score]:
        """The score of each network on its held-out trials, which are the same at every look.

        memory   what the rule knows of these networks; none for untrained ones
        """
        n = self.evaluation_trials[label]
        batch = self.source.evaluation_batch(label, seeds, n)
        expressed = self.rule.weights_for(weights, memory or {}, self.context(label, seeds))
        outputs = self.engine.outputs(expressed, batch)
        expected = (len(seeds), *batch.targets.shape[1:])
        if tuple(outputs.shape) != expected:
            told = (
                f"gives outputs of shape {tuple(outputs.shape)}; expected [network, time, trial, output] = {expected}"
            )
            raise PluginError(f"architecture {self.architecture.id()}: readout() {told}")
        owned = torch.from_numpy(self.source.layout.owned(label)).to(batch.mask)
        own = losses(outputs, replace(batch, mask=batch.mask * owned))
        each = zip(losses(outputs, batch).tolist(), own.tolist(), outputs, seeds, strict=True)
        return [Score(loss, own_loss, self._accuracy(label, out, seed)) for loss, own_loss, out, seed in each]

    def evaluate_if_possible(
        self, label: str, weights: Weights, seeds: Sequence[int], learning: str, memory: State | None = None
    ) -> list[Score]:
        """As `evaluate`; no scores if another task than the one being learnt breaks: no fault of these cells."""
        try:
            return self.evaluate(label, weights, seeds, memory)
        except (Exception, SystemExit):
            if label == learning:
                raise
            return []

    def _accuracy(self, label: str, outputs: torch.Tensor, seed: int) -> float | None:
        trials = self.source.evaluation(label, seed, self.evaluation_trials[label])
        own = self.source.layout.own_outputs(label, outputs.cpu().numpy()).swapaxes(0, 1)
        return accuracy_of(self.tasks[label], own[:, : trials.targets.shape[1]], trials)

    @torch.no_grad()
    def train(
        self,
        label: str,
        position: int,
        training: Training,
        starts: Sequence[Start],
        report: Callable[[int], Any] = lambda n: None,
    ) -> list[Outcome]:
        """Train networks on one task, each until its criterion or its budget, none disturbed by the others.

        report   called with the number of network-updates made since the last call
        """
        return _Learners(self, label, position, training, starts).run(report)

    def context(
        self,
        label: str,
        seeds: Sequence[int],
        position: int = 0,
        earlier: tuple[str, ...] = (),
        stream: tuple[str | int, ...] = (),
    ) -> TaskContext:
        """What a rule may use while networks of these seeds learn a task.

        stream   names of the stage, between the purpose and the step, so that no two stages see the same trials
        """

        def sample(purpose: str, step: int, n_trials: int) -> Batch:
            return self.source.batch(label, seeds, (purpose, *stream, step), n_trials)

        def rngs(*names: str | int) -> list[np.random.Generator]:
            return [rng_for(seed, "rule", *names) for seed in seeds]

        def on(other: str) -> TaskContext:
            beside = stream if other == label else (f"during {label}", *stream)
            return self.context(other, seeds, position, earlier, beside)

        return TaskContext(
            architecture=self.architecture,
            task=label,
            position=position,
            earlier=earlier,
            own_outputs=torch.from_numpy(self.source.layout.owned(label)).to(self.device),
            gradient=self._gradient,
            outputs=self.engine.outputs,
            sample=sample,
            rngs=rngs,
            on=on,
        )

    def tensors(self, arrays: Sequence[Arrays]) -> Weights:
        """Arrays of several networks stacked along a leading [network] axis, on the device."""
        if any(a.keys() != arrays[0].keys() for a in arrays):  # what the first lacks would be lost in silence
            names = " and ".join(sorted({", ".join(sorted(a)) or "none" for a in arrays}))
            raise PluginError(f"networks of one population have arrays of different names: {names}")
        return {
            name: torch.from_numpy(np.ascontiguousarray(np.stack([a[name] for a in arrays]))).to(
                device=self.device, dtype=self.dtype, copy=True
            )
            for name in arrays[0]
        }


class _Learners:
    """The networks of one stage while they learn: those still learning stand in arrays, the others have left."""

    def __init__(
        self, trainer: Trainer, label: str, position: int, training: Training, starts: Sequence[Start]
    ) -> None:
        self.trainer, self.label, self.position, self.training, self.starts = trainer, label, position, training, starts
        self.curves: list[dict[int, dict[str, Score]]] = [{} for _ in starts]
        self.tracked: list[dict[str, list[np.ndarray]]] = [{} for _ in starts]
        self.outcomes: dict[int, Outcome] = {}
        self.active = list(range(len(starts)))
        self.weights = trainer.tensors([s.weights for s in starts])
        memory = trainer.tensors([s.memory for s in starts])
        self.context = self._context()
        self.state: State = trainer.rule.begin_task(self.weights, memory, self.context)
        _check_state(trainer.rule, "state", self.state, len(starts))

    def run(self, report: Callable[[int], Any]) -> list[Outcome]:
        update = 0
        while self.active:
            if update % self.training.evaluate_every == 0 or any(update == self.starts[n].budget for n in self.active):
                self._evaluate(update)
                if not self.active:
                    break
            self._learn(update)
            report(len(self.active))
            update += 1
        return [self.outcomes[n] for n in range(len(self.starts))]

    def _learn(self, update: int) -> None:
        batch = self.context.sample("train", update, self.training.batch)
        old = self.weights
        self.weights, self.state = self.trainer.rule.learn(old, batch, self.state, self.context)
        if update == 0:
            _check_weights(self.trainer.rule, old, self.weights)
            _check_state(self.trainer.rule, "state", self.state, len(self.active))

    def _evaluate(self, update: int) -> None:
        """Score every network on the tasks it watches; those that are done take their leave."""
        for label in dict.fromkeys(label for n in self.active for label in self.starts[n].watch):
            if label in self.trainer.evaluation_trials:
                rows = [i for i, n in enumerate(self.active) if label in self.starts[n].watch]
                for row, score in zip(rows, self._scores(label, rows), strict=True):
                    self.curves[self.active[row]].setdefault(update, {})[label] = score
        for name in self.trainer.architecture.tracked:
            for n, kept in zip(self.active, self.weights[name].cpu().numpy(), strict=True):
                self.tracked[n].setdefault(name, []).append(kept.copy())
        leaving = [i for i, n in enumerate(self.active) if self._is_done(n, update)]
        if leaving:
            self._dismiss(leaving, update)

    def _is_done(self, n: int, update: int) -> bool:
        start, loss = self.starts[n], self.curves[n][update][self.label].loss
        learnt = start.bound is not None and loss <= start.bound
        return learnt or update >= start.budget or not math.isfinite(loss)

    def _dismiss(self, rows: list[int], update: int) -> None:
        networks = [self.active[i] for i in rows]
        weights, state = _rows(self.weights, rows), _rows(self.state, rows)
        memory = self.trainer.rule.end_task(weights, state, self._context(networks))
        if memory and not self.trainer.rule.remembers:
            told = f"end_task() leaves {min(memory)!r}, but its class does not say `remembers = True`"
            raise PluginError(f"rule {self.trainer.rule.id()}: {told}")
        _check_state(self.trainer.rule, "memory", memory, len(rows))
        after: list[dict[str, Score]] = [{} for _ in rows]
        for label in self.trainer.evaluation_trials:
            scores = self.trainer.evaluate_if_possible(label, weights, self._seeds(rows), self.label, memory)
            for seen, score in zip(after, scores, strict=False):
                seen[label] = score
        for i, n in enumerate(networks):
            self.outcomes[n] = Outcome(
                updates=update,
                curve=self.curves[n],
                after=after[i],
                weights=_arrays(weights, i),
                memory=_arrays(memory, i),
                diverged=not math.isfinite(self.curves[n][update][self.label].loss),
                tracked={name: np.stack(kept) for name, kept in self.tracked[n].items()},
            )
        staying = [i for i in range(len(self.active)) if i not in set(rows)]
        self.active = [self.active[i] for i in staying]
        self.weights, self.state = _rows(self.weights, staying), _rows(self.state, staying)
        self.context = self._context()

    def _scores(self, label: str, rows: list[int]) -> list[Score]:
        return self.trainer.evaluate(label, _rows(self.weights, rows), self._seeds(rows), _rows(self.state, rows))

    def _seeds(self, rows: list[int]) -> list[int]:
        return [self.starts[self.active[i]].seed for i in rows]

    def _context(self, networks: list[int] | None = None) -> TaskContext:
        chosen = [self.starts[n] for n in (self.active if networks is None else networks)]
        seeds, occurrences = [s.seed for s in chosen], {s.occurrence for s in chosen}
        if len(occurrences) > 1:
            raise ValueError("networks of one population must learn the task for the same time")
        occurrence = occurrences.pop() if occurrences else 0
        earlier = chosen[0].watch[:-1] if self.trainer.rule.remembers and chosen else ()
        return self.trainer.context(self.label, seeds, self.position, earlier, (occurrence,))


def _engine_of(architecture: Architecture) -> Engine:
    return architecture.engine() or GenericEngine(architecture)


def _check_weights(rule: LearningRule, old: Weights, new: Weights) -> None:
    """Raise PluginError unless an update keeps the shapes."""
    for name, w in old.items():
        shape = tuple(new[name].shape) if name in new else "none"
        if shape != tuple(w.shape):
            raise PluginError(f"rule {rule.id()}: update() gives {name} of shape {shape}; expected {tuple(w.shape)}")


def _check_state(rule: LearningRule, kind: str, state: State, n_networks: int) -> None:
    """Raise PluginError for arrays without a network axis: they would be broadcast in silence, or lost."""
    for name, a in state.items():
        if a.dim() == 0 or len(a) != n_networks:
            told = f"{tuple(a.shape)}; expected a leading [network] axis of {n_networks}"
            raise PluginError(f"rule {rule.id()}: its {kind} {name!r} has shape {told}")


def _rows(arrays: Mapping[str, torch.Tensor], rows: list[int]) -> dict[str, torch.Tensor]:
    """The arrays of some networks; of all of them the arrays themselves, since a rule's may be large."""
    return {name: a if rows == list(range(len(a))) else a[rows] for name, a in arrays.items()}


def _arrays(tensors: Mapping[str, torch.Tensor], row: int) -> Arrays:
    return {name: t[row].cpu().numpy() for name, t in tensors.items()}
