"""Small populations in float64, where a formula and its slow reference agree to rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from rnnbench import Architecture, Batch, LearningRule, TaskContext, VanillaRNN, Weights
from rnnbench.benchmark.schema import Channels
from rnnbench.training.channels import Layout
from rnnbench.training.trainer import Trainer
from rnnbench_neuro import FixedPoints, FlipFlop

TASKS = {"A": FixedPoints(duration=5, loss_start=2), "B": FlipFlop(channels=2, duration=6)}


@dataclass
class Population:
    """Networks of some seeds on two tasks with separate channels: 3 inputs, 3 outputs."""

    trainer: Trainer
    seeds: list[int]
    weights: Weights

    def context(self, label: str = "A", position: int = 0, earlier: tuple[str, ...] = ()) -> TaskContext:
        return self.trainer.context(label, self.seeds, position, earlier, (0,))

    def batch(self, label: str = "A", n_trials: int = 4, step: int = 0) -> Batch:
        return self.context(label).sample("train", step, n_trials)

    def learn(self, rule: LearningRule, n_updates: int, label: str = "A", n_trials: int = 4) -> tuple[Weights, dict]:
        """Weights and state after some updates on a task."""
        context, weights = self.context(label), self.weights
        state = rule.begin_task(weights, {}, context)
        for k in range(n_updates):
            weights, state = rule.learn(weights, context.sample("train", k, n_trials), state, context)
        return weights, state

    def bptt(self, label: str = "A", n_trials: int = 4, weights: Weights | None = None) -> Weights:
        return self.trainer.engine.gradient(weights or self.weights, self.batch(label, n_trials))[1]


def build(
    architecture: Architecture | None = None,
    rule: LearningRule | None = None,
    seeds: tuple[int, ...] = (0, 1),
    dtype: torch.dtype = torch.float64,
    **fields,
) -> Population:
    architecture = architecture or VanillaRNN(
        **{"units": 7, "learn": "all", "g": 1.2, "readout_scale": "large"} | fields
    )
    layout = Layout(Channels(), TASKS)
    trainer = Trainer(TASKS, layout, architecture, rule, {"A": 8, "B": 8}, dtype, torch.device("cpu"))
    drawn = [architecture.init(np.random.default_rng(s), layout.n_inputs, layout.n_outputs) for s in seeds]
    weights = trainer.tensors(drawn)
    if "b" in weights:
        weights["b"] += 0.1 * torch.arange(architecture.units).to(dtype)
    return Population(trainer, list(seeds), weights)


@pytest.fixture
def population():
    """Builds a Population from fields of VanillaRNN."""
    return build


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
