"""Fixtures: networks that learn a history of tasks, as in the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from rnnbench import Architecture, LearningRule, Trials, VanillaRNN
from rnnbench.benchmark.schema import Channels, Training
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Outcome, Start
from rnnbench.training.trainer import Trainer
from rnnbench_neuro.fixed_points import FixedPoints
from rnnbench_neuro.flip_flop import FlipFlop

A, B = "fixed points", "flip flop"


class RaggedFlipFlop(FlipFlop):
    """A flip-flop whose trials have a different length in every batch."""

    name = "test_ragged_flip_flop"

    def sample(self, rng, n_trials, dt):
        trials = super().sample(rng, n_trials, dt)
        end = int(rng.integers(4, trials.inputs.shape[1] + 1))
        return Trials(*(a[:, :end] for a in (trials.inputs, trials.targets, trials.mask)))


class GRU(Architecture):
    """An architecture without an engine of its own, whose weights are not those of a rate RNN."""

    name, version = "test_gru", 1

    @property
    def trained(self) -> tuple[str, ...]:
        return "u", "v", "out"

    def init(self, rng, n_inputs, n_outputs):
        n, m = self.units, self.units + n_inputs
        shapes = {"u": (n, m), "r": (n, m), "v": (n, m), "out": (n_outputs, n)}
        return {name: rng.standard_normal(shape) / np.sqrt(shape[1]) for name, shape in shapes.items()}

    def step(self, weights, state, inputs, noise):
        both = torch.cat([state, inputs], -1)
        u, r = torch.sigmoid(both @ weights["u"].mT), torch.sigmoid(both @ weights["r"].mT)
        return u * state + (1 - u) * torch.tanh(torch.cat([r * state, inputs], -1) @ weights["v"].mT)

    def readout(self, weights, state):
        return state @ weights["out"].mT


@dataclass
class Lab:
    """Two tasks on the same channels, learnt one after the other by networks of one architecture and rule."""

    rule: LearningRule
    architecture: Architecture
    dtype: torch.dtype = torch.float32
    ragged: bool = False

    def __post_init__(self) -> None:
        flip_flop = RaggedFlipFlop(channels=2, duration=20) if self.ragged else FlipFlop(channels=2, duration=9)
        tasks = {A: FixedPoints(duration=6, loss_start=3), B: flip_flop}
        layout = Layout(Channels(layout="shared"), tasks)
        trials = dict.fromkeys(tasks, 32)
        self.trainer = Trainer(tasks, layout, self.architecture, self.rule, trials, self.dtype, torch.device("cpu"))
        self.layout = layout

    def initial(self, seed: int) -> dict[str, np.ndarray]:
        return self.architecture.init(np.random.default_rng(seed), self.layout.n_inputs, self.layout.n_outputs)

    def learn(self, *history: str, seeds: Sequence[int] = (0,), updates: int = 12, early=()) -> list[list[Outcome]]:
        """Outcomes [stage][network]; the memories are converted to the form in which results store them.

        Args:
            history: labels of the tasks in order.
            seeds: one for each network.
            updates: number of updates at each stage.
            early: {(stage, network): updates} for networks that stop early.
        """
        early = dict(early)
        training = Training(batch=16, max_updates=updates, evaluate_every=updates)
        weights, memories = [self.initial(seed) for seed in seeds], [{} for _ in seeds]
        stages = []
        for position, label in enumerate(history):
            watch = (*(t for t in dict.fromkeys(history[:position]) if t != label), label)
            starts = [
                Start(seed, history[:position].count(label), early.get((position, n), updates), None, watch, w, m)
                for n, (seed, w, m) in enumerate(zip(seeds, weights, memories, strict=True))
            ]
            stages.append(self.trainer.train(label, position, training, starts))
            weights = [one.weights for one in stages[-1]]
            memories = [{k: np.ascontiguousarray(m) for k, m in one.memory.items()} for one in stages[-1]]
        return stages


def small(**parameters) -> VanillaRNN:
    return VanillaRNN(**({"units": 16, "learn": "all"} | parameters))


@pytest.fixture(scope="session")
def lab():
    """lab(rule, architecture) -> Lab; the architecture is a small rate RNN by default."""
    return lambda rule, architecture=None, dtype=torch.float32, ragged=False: Lab(
        rule, architecture or small(), dtype, ragged
    )


@pytest.fixture
def gru() -> Architecture:
    return GRU(units=10)


@pytest.fixture
def rate_rnn():
    """rate_rnn(**parameters): a small rate RNN, whose weights are all trained by default."""
    return small


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
