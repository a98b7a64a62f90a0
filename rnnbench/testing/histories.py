"""Takes small networks through a history of tasks under a learning rule, as a benchmark does, each stage anew."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from rnnbench.benchmark.schema import Channels, Training
from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.plugin.interfaces import Architecture, LearningRule, State, Task, TaskContext, Weights
from rnnbench.randomness import rng_for
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Skipped, one_line
from rnnbench.testing.small_plugins import NETWORKS, Recall
from rnnbench.training.channels import Layout
from rnnbench.training.trainer import Arrays, Outcome, Start, Trainer

TASKS: dict[str, Task] = {"A": Recall(), "B": Recall(sign=-1, delay=1)}
"""On the same channels, with opposite answers, so that to learn B is to lose A and whatever protects A has to act."""
QUICK = {"adam": 5e-3, "rmsprop": 5e-3, "momentum": 0.02, "sgd": 0.2}
"""Learning rates for networks this small; a rule that does not end in gradient descent's step keeps its own."""
UPDATES = 20
TRIALS = 16


_layouts: dict[tuple[tuple[type, str], ...], Layout] = {}
"""Those found by trying, for rules and networks with these parameters."""


def forget_layouts() -> None:
    """Before a rule is checked again: its author may have mended it."""
    _layouts.clear()


class Course:
    """A rule, a network that it can train, and the tasks.

    quick   learning rate raised to suit small networks, unless it was chosen
    """

    def __init__(self, rule: LearningRule, network: Architecture | None = None, quick: bool = True) -> None:
        self.rule = rule
        if quick and isinstance(rule, GradientDescent) and "learning_rate" not in rule.model_fields_set:
            self.rule = any_plugin.changed(rule, learning_rate=QUICK[rule.optimizer])
        self.network = network or _first_fitting(rule)
        self.layout = self._layout()

    def _layout(self) -> Layout:
        """Shared channels; of each task's own for a rule that says it cannot do with shared ones."""
        plugins = self.rule, self.network
        key = tuple((type(plugin), plugin.model_dump_json()) for plugin in plugins)
        if key not in _layouts:
            _layouts[key] = self._tried()
        return _layouts[key]

    def _tried(self) -> Layout:
        self.layout = SHARED
        try:
            self.learn("AB", (0,), 1)
        except ValueError:
            return SEPARATE
        except Exception:  # a fault of the rule: its checks will tell of it
            return SHARED
        return SHARED

    def with_rule(self, rule: LearningRule) -> Course:
        """The same network and tasks under another rule."""
        return Course(rule, self.network, quick=False)

    def plain(self) -> Course:
        """The same under gradient descent, with every parameter that the rule shares with it."""
        parameters = self.rule.model_dump(mode="json")
        shared = {name: parameters[name] for name in GradientDescent.model_fields if name in parameters}
        content = json.dumps({"optimizer": "sgd", **shared})  # a rule without a choice of optimizer takes plain steps
        return self.with_rule(GradientDescent.model_validate_json(content))

    def at(self, **parameters: float) -> Course:
        """The same with the rule's parameters changed."""
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
        """What came of each stage, for each seed; e.g. `learn("AB")[1][0].weights`.

        updates   of each network, in every stage; they may differ
        rule      one object for all stages; else it is made anew for each, as a benchmark's workers do
        forget    take away, before the last stage, whatever the rule knows of the stages before
        """
        budgets = [updates] * len(seeds) if isinstance(updates, int) else list(updates)
        arrays: list[tuple[Arrays, Arrays]] = [(self.initial(seed), {}) for seed in seeds]
        stages: list[list[Outcome]] = []
        for position, label in enumerate(history):
            blank = forget and position == len(history) - 1
            watch = () if blank else tuple(dict.fromkeys(t for t in history[:position] if t != label))
            starts = [
                Start(seed, history[:position].count(label), budget, None, (*watch, label), w, {} if blank else memory)
                for seed, budget, (w, memory) in zip(seeds, budgets, arrays, strict=True)
            ]
            training = Training(batch=TRIALS, evaluate_every=max(1, *budgets))
            stages.append(self.trainer(rule, dtype).train(label, 0 if blank else position, training, starts))
            arrays = [(outcome.weights, outcome.memory) for outcome in stages[-1]]
        return stages

    def trainer(self, rule: LearningRule | None = None, dtype: torch.dtype = torch.float64) -> Trainer:
        """A trainer with a rule of its own, unless one is given."""
        rule = rule or any_plugin.changed(self.rule)
        evaluation = dict.fromkeys(TASKS, 4 * TRIALS)
        return Trainer(TASKS, self.layout, self.network, rule, evaluation, dtype, torch.device("cpu"))

    def initial(self, seed: int) -> Arrays:
        return self.network.init(rng_for(seed, "check"), self.layout.n_inputs, self.layout.n_outputs)


class Stage:
    """One task, learnt step by step outside the trainer's loop, to look at what happens between the moments."""

    def __init__(self, course: Course, label: str = "A", seeds: Sequence[int] = (0, 1)) -> None:
        self.trainer = course.trainer()
        self.rule = self.trainer.rule
        self.weights: Weights = self.trainer.tensors([course.initial(seed) for seed in seeds])
        self.context: TaskContext = self.trainer.context(label, seeds, 0, (), (0,))
        self.state: State = self.rule.begin_task(self.weights, {}, self.context)
        self.update = 0

    @torch.no_grad()
    def learn(self, updates: int = UPDATES // 2) -> None:
        for _ in range(updates):
            batch = self.context.sample("train", self.update, TRIALS)
            self.weights, self.state = self.rule.learn(self.weights, batch, self.state, self.context)
            self.update += 1


def distance(one: Outcome, two: Outcome) -> float:
    """Between the weights of two networks."""
    squares = (np.square(one.weights[name].astype(float) - two.weights[name]).sum() for name in one.weights)
    return float(np.sqrt(sum(squares)))


def same_bits(one: Outcome, two: Outcome) -> bool:
    """Whether weights, memory and losses are the same to the bit."""
    if one.memory.keys() != two.memory.keys():
        return False
    weights = all(np.array_equal(one.weights[name], two.weights[name], equal_nan=True) for name in one.weights)
    return weights and all(np.array_equal(one.memory[n], two.memory[n], equal_nan=True) for n in one.memory)


def _first_fitting(rule: LearningRule) -> Architecture:
    """The first of the small networks that the rule can train; Skipped where there is none."""
    reasons = []
    for network in NETWORKS:
        try:
            rule.check(network)
            return network
        except ValueError as error:
            reasons.append(one_line(error))
    raise Skipped(f"it can train neither {', '.join(n.name for n in NETWORKS)}: {reasons[0]}")


SHARED, SEPARATE = Layout(Channels(layout="shared"), TASKS), Layout(Channels(), TASKS)
