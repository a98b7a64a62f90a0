"""Trains small networks on a sequence of tasks under a learning rule, stage by stage as a benchmark does."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from rnnbench.benchmark.schema import Channels, Training
from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.messages import one_line
from rnnbench.plugin.interfaces import Architecture, State, Task, Weights
from rnnbench.plugin.learning_rule import LearningRule, TaskContext
from rnnbench.randomness import rng_for
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Skipped
from rnnbench.testing.small_plugins import NETWORKS, Recall
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import initial_weights, with_new_channels
from rnnbench.training.stage import Arrays, Outcome, Start
from rnnbench.training.trainer import Trainer

TASKS: dict[str, Task] = {"A": Recall(), "B": Recall(sign=-1, delay=1)}
"""Two tasks on the same channels with opposite answers: learning B destroys A unless the rule protects A."""
QUICK = {"adam": 5e-3, "rmsprop": 5e-3, "momentum": 0.02, "sgd": 0.2}
"""Learning rates for networks this small, by optimizer; used for subclasses of GradientDescent only."""
UPDATES = 20
"""Updates of each network in every stage."""
TRIALS = 16
"""Trials in a batch."""

_layouts: dict[tuple[tuple[type, str], ...], Layout] = {}
"""Layouts found by trial, by types and parameters of rule and network."""


def forget_layouts() -> None:
    """Forget the layouts that were found, so that a rule that its author has changed is checked again."""
    _layouts.clear()


class Course:
    """A rule, a network that it can train, and the tasks.

    Args:
        rule: the learning rule.
        network: the architecture to train; by default the first of the small networks that the rule accepts.
        quick: whether to raise the learning rate to suit small networks, unless its user has chosen one.

    Attributes:
        rule: the learning rule, perhaps with a higher learning rate.
        network: the architecture that is trained.
        layout: channels of the network for the tasks.

    Raises:
        Skipped: the rule can train none of the small networks.
    """

    def __init__(self, rule: LearningRule, network: Architecture | None = None, quick: bool = True) -> None:
        self.rule = rule
        if quick and isinstance(rule, GradientDescent) and "learning_rate" not in rule.model_fields_set:
            self.rule = any_plugin.changed(rule, learning_rate=QUICK[rule.optimizer])
        self.network = network or _first_fitting(rule)
        self.layout = self._layout()

    def _layout(self) -> Layout:
        """Shared channels, or separate ones for each task if the rule refuses shared channels."""
        plugins = self.rule, self.network
        key = tuple((type(plugin), plugin.model_dump_json()) for plugin in plugins)
        if key not in _layouts:
            _layouts[key] = self._find_layout()
        return _layouts[key]

    def _find_layout(self) -> Layout:
        self.layout = SHARED
        try:
            self.learn("AB", (0,), 1)
        except ValueError:
            return SEPARATE
        except Exception:  # the rule is faulty; its checks will report that
            return SHARED
        return SHARED

    def with_rule(self, rule: LearningRule) -> Course:
        """A course with the same network and tasks under another rule."""
        return Course(rule, self.network, quick=False)

    def plain(self) -> Course:
        """A course under gradient descent, with every parameter that the rule shares with it."""
        parameters = self.rule.model_dump(mode="json")
        shared = {name: parameters[name] for name in GradientDescent.model_fields if name in parameters}
        content = json.dumps({"optimizer": "sgd", **shared})  # for a rule without this parameter
        return self.with_rule(GradientDescent.model_validate_json(content))

    def at(self, **parameters: float) -> Course:
        """A course with some of the rule's parameters changed."""
        return self.with_rule(any_plugin.changed(self.rule, **parameters))

    def learn(
        self,
        history: str,
        seeds: Sequence[int] = (0, 1),
        updates: Sequence[int] | int = UPDATES,
        dtype: torch.dtype = torch.float64,
        rule: LearningRule | None = None,
        forget: bool = False,
    ) -> list[list[Outcome]]:
        """Train networks on a sequence of tasks.

        Args:
            history: labels of the tasks in order, such as "ABA".
            seeds: one network is trained for each seed.
            updates: number of updates in every stage, for all networks or for each one.
            dtype: precision of the computation.
            rule: object to use in all stages. By default a new one is created for each stage, as a benchmark's
                workers do.
            forget: whether to remove, before the last stage, what the rule remembers of the earlier stages.

        Returns:
            Outcomes by stage and then by seed; for example `learn("AB")[1][0].weights` are the weights of the first
            network after the second task.
        """
        budgets = [updates] * len(seeds) if isinstance(updates, int) else list(updates)
        arrays: list[tuple[Arrays, Arrays]] = [(self.initial(seed), {}) for seed in seeds]
        stages: list[list[Outcome]] = []
        for position, label in enumerate(history):
            is_blank = forget and position == len(history) - 1
            watch = () if is_blank else tuple(dict.fromkeys(t for t in history[:position] if t != label))
            starts = [
                Start(
                    seed, history[:position].count(label), budget, None, (*watch, label), w, {} if is_blank else memory
                )
                for seed, budget, (w, memory) in zip(seeds, budgets, arrays, strict=True)
            ]
            training = Training(batch=TRIALS, evaluate_every=max(1, *budgets), dense_start=False)
            stages.append(self.trainer(rule, dtype).train(label, 0 if is_blank else position, training, starts))
            arrays = [(outcome.weights, outcome.memory) for outcome in stages[-1]]
        return stages

    def learn_with_own_channels(self, from_start: bool) -> list[list[Outcome]]:
        """Train networks on A and then on B, where each task has channels of its own.

        Args:
            from_start: whether the networks have the channels of B from the start, or receive them after A.

        Returns:
            Outcomes by stage and then by seed.
        """
        both, stages = Layout(Channels(), TASKS), []
        arrays: list[tuple[Arrays, Arrays]] = []
        for position, label in enumerate(TASKS):
            known = list(TASKS)[: position + 1]
            layout = both if from_start else Layout(Channels(), {name: TASKS[name] for name in known})
            rule = any_plugin.changed(self.rule)
            evaluation = dict.fromkeys(known, TRIALS)
            trainer = Trainer(TASKS, layout, self.network, rule, evaluation, torch.float64, torch.device("cpu"))
            starts = []
            for seed in (0, 1):
                initial = initial_weights(self.network, seed, layout)
                weights, memory = arrays[seed] if arrays else (initial, {})
                context = trainer.context(label, [seed])
                network = with_new_channels(weights, memory, initial, layout, rule, context, trainer.tensors)
                starts.append(Start(seed, 0, UPDATES, None, tuple(known), *network))
            training = Training(batch=TRIALS, evaluate_every=UPDATES, dense_start=False)
            stages.append(trainer.train(label, position, training, starts))
            arrays = [(outcome.weights, outcome.memory) for outcome in stages[-1]]
        return stages

    def trainer(self, rule: LearningRule | None = None, dtype: torch.dtype = torch.float64) -> Trainer:
        """A trainer on the CPU, with a new rule object unless one is given."""
        rule = rule or any_plugin.changed(self.rule)
        evaluation = dict.fromkeys(TASKS, 4 * TRIALS)
        return Trainer(TASKS, self.layout, self.network, rule, evaluation, dtype, torch.device("cpu"))

    def initial(self, seed: int) -> Arrays:
        """Initial weights of the network of a seed."""
        return self.network.init(rng_for(seed, "check"), self.layout.n_inputs, self.layout.n_outputs)


class Stage:
    """One task, learnt update by update outside the trainer's loop, so that a check can look in between.

    Args:
        course: the rule, network and tasks.
        label: the task to learn.
        seeds: one network is trained for each seed.

    Attributes:
        trainer: the trainer whose rule is used.
        rule: the learning rule.
        weights: weights of all networks, [network, ...].
        context: the context that the rule gets.
        state: the rule's state.
        update: number of updates so far.
    """

    def __init__(self, course: Course, label: str = "A", seeds: Sequence[int] = (0, 1)) -> None:
        self.trainer = course.trainer()
        self.rule = self.trainer.rule
        self.weights: Weights = self.trainer.tensors([course.initial(seed) for seed in seeds])
        self.context: TaskContext = self.trainer.context(label, seeds, 0, (), (0,))
        self.state: State = self.rule.begin_task(self.weights, {}, self.context)
        self.update = 0

    @torch.no_grad()
    def learn(self, updates: int = UPDATES // 2) -> None:
        """Make some updates, each on new trials."""
        for _ in range(updates):
            batch = self.context.sample("train", self.update, TRIALS)
            self.weights, self.state = self.rule.learn(self.weights, batch, self.state, self.context)
            self.update += 1


def distance(one: Outcome, two: Outcome) -> float:
    """Euclidean distance between the weights of two networks."""
    squares = (np.square(one.weights[name].astype(float) - two.weights[name]).sum() for name in one.weights)
    return float(np.sqrt(sum(squares)))


def same_bits(one: Outcome, two: Outcome) -> bool:
    """Whether weights and memory of two networks are bit-identical."""
    if one.memory.keys() != two.memory.keys():
        return False
    weights = all(np.array_equal(one.weights[name], two.weights[name], equal_nan=True) for name in one.weights)
    return weights and all(np.array_equal(one.memory[n], two.memory[n], equal_nan=True) for n in one.memory)


def _first_fitting(rule: LearningRule) -> Architecture:
    """The first of the small networks that the rule can train. Raises Skipped if there is none."""
    reasons = []
    for network in NETWORKS:
        try:
            rule.check(network)
            return network
        except ValueError as error:
            reasons.append(one_line(error))
    raise Skipped(f"it cannot train any of {', '.join(n.name for n in NETWORKS)}: {reasons[0]}")


SHARED, SEPARATE = Layout(Channels(layout="shared"), TASKS), Layout(Channels(), TASKS)
