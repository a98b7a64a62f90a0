"""Trains a population of networks on one task and evaluates them. This is the only training loop of rnnbench.

Each network stops at its own criterion or when its budget is spent, without an effect on the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from rnnbench.benchmark.schema import Training
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.cuda_graph import Recorded
from rnnbench.engine.loss import losses
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, Batch, Engine, State, Task, Weights
from rnnbench.plugin.learning_rule import LearningRule, TaskContext
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Arrays, Outcome, Score, Start
from rnnbench.training.trials import TrialSource, accuracy_of


class Trainer:
    """Trains and evaluates networks of one architecture with one learning rule on the tasks of a benchmark.

    Args:
        tasks: the tasks by label.
        layout: the channels of the network.
        architecture: the networks' architecture.
        rule: the networks' learning rule.
        evaluation_trials: number of held-out trials on which a task is evaluated, by label. Tasks that are not in it
            (because their plugin is broken) are not evaluated.
        dtype: type of all arrays.
        device: where networks are computed.
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
            # This must not refer to the trainer: a reference cycle would delay the release of its GPU memory.
            new_engine = partial(_engine_of, architecture)
            self._gradient = Recorded(self.engine, new_engine, f"architecture {architecture.id()}").gradient
        self.source = TrialSource(tasks, layout, architecture, dtype, device)

    @torch.no_grad()
    def evaluate(self, label: str, weights: Weights, seeds: Sequence[int], memory: State | None = None) -> list[Score]:
        """Score each network on its held-out trials, which are the same at every evaluation.

        Args:
            label: the task.
            weights: weights of the networks, with a leading [network] axis.
            seeds: seeds of the networks, [network].
            memory: state or memory of the learning rule for these networks; None for untrained networks.

        Returns:
            The scores, [network].

        Raises:
            PluginError: the outputs have the wrong shape, or the task cannot compute its accuracy.
        """
        n = self.evaluation_trials[label]
        batch = self.source.evaluation_batch(label, seeds, n)
        task_weights = self.rule.weights_for(weights, memory or {}, self.context(label, seeds))
        outputs = self.engine.outputs(task_weights, batch)
        expected = (len(seeds), *batch.targets.shape[1:])
        if tuple(outputs.shape) != expected:
            message = f"shape {tuple(outputs.shape)}; expected [network, time, trial, output] = {expected}"
            raise PluginError(f"architecture {self.architecture.id()}: readout() gives outputs of {message}")
        owned = torch.from_numpy(self.source.layout.owned(label)).to(batch.mask)
        own_losses = losses(outputs, replace(batch, mask=batch.mask * owned))
        by_network = zip(losses(outputs, batch).tolist(), own_losses.tolist(), outputs, seeds, strict=True)
        return [Score(loss, own_loss, self._accuracy(label, out, seed)) for loss, own_loss, out, seed in by_network]

    def evaluate_if_possible(
        self, label: str, weights: Weights, seeds: Sequence[int], learning: str, memory: State | None = None
    ) -> list[Score]:
        """Score each network like `evaluate`, but return no scores if another task than `learning` raises an error."""
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
        """Train networks on one task, each until it reaches its criterion or has spent its budget.

        Args:
            label: the task.
            position: position of the task in the networks' history; 0 for the first task.
            training: settings of training, such as the batch size.
            starts: the networks at the start of the stage.
            report: called with the number of network-updates made since the last call.

        Returns:
            The networks at the end of the stage, in the order of `starts`.

        Raises:
            PluginError: the learning rule returns arrays of the wrong shape.
            ValueError: the networks have not learnt the task equally often before.
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
        """The context that the learning rule gets while networks learn a task.

        Args:
            label: the task.
            seeds: seeds of the networks, [network].
            position: position of the task in the networks' history; 0 for the first task.
            earlier: labels of the tasks that the networks have learnt before.
            stream: names that identify the stage in the random stream of the trials, so that no two stages draw the
                same trials.
        """

        def sample(purpose: str, step: int, n_trials: int) -> Batch:
            return self.source.batch(label, seeds, (purpose, *stream, step), n_trials)

        def rngs(*names: str | int) -> list[np.random.Generator]:
            return [rng_for(seed, "rule", *names) for seed in seeds]

        def on(other: str) -> TaskContext:
            other_stream = stream if other == label else (f"during {label}", *stream)
            return self.context(other, seeds, position, earlier, other_stream)

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
        """Stack the arrays of several networks along a leading [network] axis, on the device.

        Args:
            arrays: the arrays of each network.

        Raises:
            PluginError: the networks have arrays of different names.
        """
        if any(a.keys() != arrays[0].keys() for a in arrays):  # Names that the first lacks would be lost silently.
            names = " and ".join(sorted({", ".join(sorted(a)) or "none" for a in arrays}))
            raise PluginError(f"networks of one population have arrays of different names: {names}")
        return {
            name: torch.from_numpy(np.ascontiguousarray(np.stack([a[name] for a in arrays]))).to(
                device=self.device, dtype=self.dtype, copy=True
            )
            for name in arrays[0]
        }


class _Learners:
    """The networks of one stage while they learn.

    `weights` and `state` have a leading [network] axis with the networks that are still learning. `active` gives the
    index of each of them in `starts`. A network that is done is removed.
    """

    def __init__(
        self, trainer: Trainer, label: str, position: int, training: Training, starts: Sequence[Start]
    ) -> None:
        self.trainer, self.label, self.position, self.training, self.starts = trainer, label, position, training, starts
        self.curves: list[dict[int, dict[str, Score]]] = [{} for _ in starts]
        self.tracked: list[dict[str, list[np.ndarray]]] = [{} for _ in starts]
        self.outcomes: dict[int, Outcome] = {}
        self.active = list(range(len(starts)))
        self.weights = trainer.tensors([s.weights for s in starts])
        self.context = self._context()
        self.first_update = 0
        self.state = self._begin() if starts[0].paused is None else self._resume()
        _check_state(trainer.rule, "state", self.state, len(starts))

    def _begin(self) -> State:
        memory = self.trainer.tensors([s.memory for s in self.starts])
        return self.trainer.rule.begin_task(self.weights, memory, self.context)

    def _resume(self) -> State:
        """Go on where an earlier run has stopped, and return the state of the rule at that point."""
        paused = [start.paused for start in self.starts]
        assert all(p is not None and p.updates == paused[0].updates for p in paused if paused[0] is not None)
        known = [p for p in paused if p is not None]
        self.first_update = known[0].updates
        self.curves = [{u: dict(scores) for u, scores in p.curve.items()} for p in known]
        self.tracked = [{name: list(arrays) for name, arrays in p.tracked.items()} for p in known]
        # Every array keeps its own type, since the state must be the same to the last digit.
        return {
            name: torch.from_numpy(np.stack([p.state[name] for p in known])).to(self.trainer.device)
            for name in known[0].state
        }

    def run(self, report: Callable[[int], Any]) -> list[Outcome]:
        """Train until every network is done; `report` is called as in `Trainer.train`."""
        update = self.first_update
        while self.active:
            if self.training.evaluates_after(update) or any(update == self.starts[n].budget for n in self.active):
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
        """Score every active network on the tasks in `Start.watch`, and remove the networks that are done."""
        for label in dict.fromkeys(label for n in self.active for label in self.starts[n].watch):
            if label in self.trainer.evaluation_trials:
                rows = [i for i, n in enumerate(self.active) if label in self.starts[n].watch]
                for row, score in zip(rows, self._scores(label, rows), strict=True):
                    self.curves[self.active[row]].setdefault(update, {})[label] = score
        for name in self.trainer.architecture.tracked:
            for n, array in zip(self.active, self.weights[name].cpu().numpy(), strict=True):
                self.tracked[n].setdefault(name, []).append(array.copy())
        done = [i for i, n in enumerate(self.active) if self._is_done(n, update)]
        if done:
            self._finish(done, update)

    def _is_done(self, n: int, update: int) -> bool:
        start, loss = self.starts[n], self.curves[n][update][self.label].loss
        learnt = start.bound is not None and loss <= start.bound
        return learnt or update >= start.budget or not math.isfinite(loss)

    def _is_unfinished(self, n: int, update: int) -> bool:
        """Whether a network has spent its budget and has not met its criterion."""
        bound, loss = self.starts[n].bound, self.curves[n][update][self.label].loss
        return bound is not None and bound < loss < math.inf

    def _finish(self, rows: list[int], update: int) -> None:
        """Record the outcomes of the networks in some rows of the arrays, and remove these networks."""
        networks = [self.active[i] for i in rows]
        weights, state = _rows(self.weights, rows), _rows(self.state, rows)
        memory = self.trainer.rule.end_task(weights, state, self._context(networks))
        if memory and not self.trainer.rule.remembers:
            message = f"end_task() returns {min(memory)!r}, but its class does not set `remembers = True`"
            raise PluginError(f"rule {self.trainer.rule.id()}: {message}")
        _check_state(self.trainer.rule, "memory", memory, len(rows))
        after: list[dict[str, Score]] = [{} for _ in rows]
        for label in self.trainer.evaluation_trials:
            scores = self.trainer.evaluate_if_possible(label, weights, self._seeds(rows), self.label, memory)
            for by_label, score in zip(after, scores, strict=False):
                by_label[label] = score
        for i, n in enumerate(networks):
            self.outcomes[n] = Outcome(
                updates=update,
                curve=self.curves[n],
                after=after[i],
                weights=_arrays(weights, i),
                memory=_arrays(memory, i),
                diverged=not math.isfinite(self.curves[n][update][self.label].loss),
                tracked={name: np.stack(arrays) for name, arrays in self.tracked[n].items()},
                state=_arrays(state, i) if self._is_unfinished(n, update) else {},
            )
        remaining = [i for i in range(len(self.active)) if i not in set(rows)]
        self.active = [self.active[i] for i in remaining]
        self.weights, self.state = _rows(self.weights, remaining), _rows(self.state, remaining)
        self.context = self._context()

    def _scores(self, label: str, rows: list[int]) -> list[Score]:
        return self.trainer.evaluate(label, _rows(self.weights, rows), self._seeds(rows), _rows(self.state, rows))

    def _seeds(self, rows: list[int]) -> list[int]:
        return [self.starts[self.active[i]].seed for i in rows]

    def _context(self, networks: list[int] | None = None) -> TaskContext:
        chosen = [self.starts[n] for n in (self.active if networks is None else networks)]
        seeds, occurrences = [s.seed for s in chosen], {s.occurrence for s in chosen}
        if len(occurrences) > 1:
            message = f"must all have learnt it equally often before, not {sorted(occurrences)} times"
            raise ValueError(f"task {self.label}: networks of one population {message}")
        occurrence = occurrences.pop() if occurrences else 0
        earlier = chosen[0].watch[:-1] if self.trainer.rule.remembers and chosen else ()
        return self.trainer.context(self.label, seeds, self.position, earlier, (occurrence,))


def _engine_of(architecture: Architecture) -> Engine:
    return architecture.engine() or GenericEngine(architecture)


def _check_weights(rule: LearningRule, old: Weights, new: Weights) -> None:
    """Raise PluginError unless an update keeps the names and shapes of the weights."""
    for name, w in old.items():
        shape = tuple(new[name].shape) if name in new else "none"
        if shape != tuple(w.shape):
            raise PluginError(f"rule {rule.id()}: update() gives {name} of shape {shape}; expected {tuple(w.shape)}")


def _check_state(rule: LearningRule, kind: str, state: State, n_networks: int) -> None:
    """Raise PluginError for arrays without a leading [network] axis, since they would be broadcast silently or lost."""
    for name, a in state.items():
        if a.dim() == 0 or len(a) != n_networks:
            message = f"shape {tuple(a.shape)}; expected a leading [network] axis of {n_networks}"
            raise PluginError(f"rule {rule.id()}: its {kind} {name!r} has {message}")


def _rows(arrays: Mapping[str, torch.Tensor], rows: list[int]) -> dict[str, torch.Tensor]:
    """The arrays of the networks in some rows; not copied if these are all rows, since arrays may be large."""
    return {name: a if rows == list(range(len(a))) else a[rows] for name, a in arrays.items()}


def _arrays(tensors: Mapping[str, torch.Tensor], row: int) -> Arrays:
    return {name: t[row].cpu().numpy() for name, t in tensors.items()}
