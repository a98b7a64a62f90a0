"""Populations by autograd: architectures written for one network train as with the hand-written engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import Architecture, GradientDescent, VanillaRNN
from rnnbench.benchmark.schema import Channels
from rnnbench.errors import PluginError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.registry import installed
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Start
from rnnbench.training.trainer import Trainer


class Plain(VanillaRNN):
    """The vanilla RNN without its own engine, as most architectures are."""

    name = "plain"

    def engine(self):
        return None


class Gated(Architecture):
    """A minimal gated unit (Zhou et al. 2016) whose state is a pair of arrays, as in an LSTM."""

    name = "gated"
    trained = property(lambda self: ("f", "c", "out"))

    def init(self, rng, n_inputs, n_outputs):
        n = self.units
        return {
            "f": rng.standard_normal((n, n + n_inputs)) / np.sqrt(n),
            "c": rng.standard_normal((n, n + n_inputs)) / np.sqrt(n),
            "out": rng.standard_normal((n_outputs, n)) / np.sqrt(n),
        }

    def initial_state(self, weights, n_trials):
        zeros = super().initial_state(weights, n_trials)
        return zeros, zeros

    def step(self, weights, state, inputs, noise):
        h, _ = state
        f = torch.sigmoid(torch.cat([h, inputs], -1) @ weights["f"].mT)
        new = (1 - f) * h + f * torch.tanh(torch.cat([f * h, inputs], -1) @ weights["c"].mT)
        return new, h

    def readout(self, weights, state):
        return state[0] @ weights["out"].mT


def trainer(architecture: Architecture) -> tuple[Trainer, object]:
    b = load_benchmark(
        {
            "name": "t",
            "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}],
            "training": {"batch": 8, "max_updates": 30, "evaluate_every": 10, "evaluation_trials": 16},
        }
    )
    tasks = {t.label: installed().build("task", t.plugin, t.parameters) for t in b.tasks}
    layout = Layout(b.channels, tasks)
    rule = GradientDescent(learning_rate=3e-3)
    device = torch.device("cpu")
    result = Trainer(tasks, layout, architecture, rule, {"fixed_points": 16}, torch.float64, device)
    return result, b.tasks[0].training


def starts(architecture: Architecture) -> list[Start]:
    weights = [architecture.init(np.random.default_rng(k), 1, 1) for k in range(3)]
    return [Start(k, 0, 30 - 10 * k, None, ("fixed_points",), w) for k, w in enumerate(weights)]


def test_a_population_by_vmap_learns_as_with_the_hand_written_engine():
    settings = {"units": 14, "learn": "all", "bias": True, "noise": 0.1}
    outcomes = []
    for architecture in (VanillaRNN(**settings), Plain(**settings)):
        population, training = trainer(architecture)
        outcomes.append(population.train("fixed_points", 0, training, starts(architecture)))
    for by_hand, by_vmap in zip(*outcomes, strict=True):
        for name in by_hand.weights:
            np.testing.assert_allclose(by_hand.weights[name], by_vmap.weights[name], rtol=1e-9, atol=1e-12)


def test_an_architecture_with_a_compound_state_learns():
    architecture = Gated(units=12)
    population, training = trainer(architecture)
    for outcome in population.train("fixed_points", 0, training, starts(architecture)[:1]):
        losses = [scores["fixed_points"].loss for scores in outcome.curve.values()]
        assert losses[-1] < 0.5 * losses[0]


class Narrow(Gated):
    """One output too few, which would broadcast against the targets without an error."""

    name = "narrow"

    def readout(self, weights, state):
        return super().readout(weights, state)[..., :1]


def test_a_readout_of_the_wrong_shape_is_refused_by_name():
    architecture = Narrow(units=12)
    population, _ = trainer(architecture)
    weights = population.tensors([architecture.init(np.random.default_rng(0), 2, 2)])
    population.source.layout = Layout(
        Channels(), {"fixed_points": population.tasks["fixed_points"].model_copy(update={"channels": 2})}
    )
    population.source.tasks = {"fixed_points": population.tasks["fixed_points"].model_copy(update={"channels": 2})}
    with pytest.raises(
        PluginError, match=r"narrow@1: readout\(\) gives outputs of shape \(1, 12, 16, 1\); expected .* 2\)"
    ):
        population.evaluate("fixed_points", weights, [0])
