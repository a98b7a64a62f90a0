"""Fixtures: networks that learn small tasks one after the other, through the benchmark's own training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch

from rnnbench import LearningRule, Task, TaskContext, VanillaRNN, Weights, rng_for
from rnnbench.benchmark.schema import Channels, Training
from rnnbench.plugin.interfaces import Architecture
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Outcome, Start
from rnnbench.training.trainer import Trainer
from rnnbench_neuro.fixed_points import FixedPoints
from rnnbench_neuro.flip_flop import FlipFlop

TASKS: Mapping[str, Task] = {
    "a": FixedPoints(duration=6, loss_start=3),
    "b": FlipFlop(channels=2, duration=8),
    "c": FixedPoints(duration=5, loss_start=3),
}
TRAINING = Training(batch=8, evaluate_every=10, evaluation_trials=16)


class GenericRNN(VanillaRNN):
    """The vanilla RNN without its engine, so that it is computed like any other architecture."""

    name = "generic_rnn"

    def engine(self) -> None:  # type: ignore[override]
        return None


class Histories:
    """Networks of one architecture and rule, trained on a history of tasks.

    Tasks a and c are fixed points on one channel, task b is a flip-flop on two.
    """

    def __init__(
        self,
        rule: LearningRule,
        architecture: Architecture | None = None,
        channels: Channels | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.architecture = architecture or VanillaRNN(units=16, learn="all")
        self.layout = Layout(channels or Channels(idle_outputs="zero"), TASKS)
        evaluation = dict.fromkeys(TASKS, 16)
        self.trainer = Trainer(TASKS, self.layout, self.architecture, rule, evaluation, dtype, torch.device("cpu"))

    def initial(self, seed: int) -> dict:
        rng = rng_for(seed, "weights", self.architecture.id())
        return self.architecture.init(rng, self.layout.n_inputs, self.layout.n_outputs)

    def weights(self, seeds: Sequence[int]) -> Weights:
        """Initial weights of networks of these seeds, [network, ...]."""
        return self.trainer.tensors([self.initial(seed) for seed in seeds])

    def context(self, label: str, seeds: Sequence[int], **more) -> TaskContext:
        return self.trainer.context(label, seeds, **more)

    def learn(
        self, history: str, seeds: Sequence[int] = (0,), updates: int | Sequence[int] = 20
    ) -> list[list[Outcome]]:
        """Outcomes [stage][network] of a history such as "aba"; `updates` is one number, or one for each network."""
        budgets = [updates] * len(seeds) if isinstance(updates, int) else list(updates)
        stages: list[list[Outcome]] = []
        for position, label in enumerate(history):
            past = history[:position]
            watch = (*dict.fromkeys(k for k in past if k != label), label)
            before = [(o.weights, o.memory) for o in stages[-1]] if stages else [(self.initial(s), {}) for s in seeds]
            starts = [
                Start(seed, past.count(label), budget, None, watch, w, m)
                for seed, budget, (w, m) in zip(seeds, budgets, before, strict=True)
            ]
            stages.append(self.trainer.train(label, position, TRAINING, starts))
        return stages


@pytest.fixture(scope="session")
def histories() -> Callable[..., Histories]:
    """`histories(rule, architecture, channels, dtype)`: networks that learn histories such as "ab" by that rule."""
    return Histories


@pytest.fixture(scope="session")
def generic_rnn() -> GenericRNN:
    """An architecture that has no engine of its own."""
    return GenericRNN(units=8, learn="all", noise=0.1, bias=True)


def same(one: Outcome, two: Outcome) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    return all((one.weights[name] == two.weights[name]).all() for name in one.weights)


@pytest.fixture(scope="session", name="same")
def same_weights() -> Callable[[Outcome, Outcome], bool]:
    """Whether two outcomes have the same weights, bit for bit."""
    return same
