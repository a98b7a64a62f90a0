"""Activity agrees with the engine; matrices are those that an architecture declares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import Architecture, VanillaRNN, as_rate_network
from rnnbench.analysis.activity import distinct, readout_matrix, recurrent_matrix, run_trials
from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench.plugin.interfaces import Batch


@pytest.mark.parametrize("nonlinearity", sorted(NONLINEARITIES))
def test_activity_is_what_the_engine_computes(nonlinearity):
    rng = np.random.default_rng(0)
    architecture = VanillaRNN(units=12, nonlinearity=nonlinearity, bias=True, initial_state_std=0.3)
    weights = architecture.init(rng, 2, 3)
    weights["b"] = rng.standard_normal(12)
    inputs = rng.standard_normal((15, 4, 2))
    activity = run_trials(architecture, weights, inputs)
    population = {name: torch.tensor(w)[None] for name, w in weights.items()}
    empty = torch.zeros(1, 15, 4, 3, dtype=torch.float64)
    batch = Batch(torch.tensor(inputs)[None], empty, empty, (0,))
    engine = architecture.engine()
    # Only rounding differs, since the order of operations does; 15 steps of relu at g = 0.9 do not amplify it.
    np.testing.assert_allclose(activity.outputs, engine.outputs(population, batch)[0], atol=1e-10)
    np.testing.assert_allclose(activity.rates, engine.rates(population, batch)[0], atol=1e-10)
    assert activity.states is not None and activity.states.shape == (16, 4, 12)
    np.testing.assert_array_equal(activity.states[0], np.tile(weights["h0"], (4, 1)))


@pytest.mark.parametrize("nonlinearity", sorted(NONLINEARITIES))
def test_a_rate_network_is_known_by_its_methods(low_rank, nonlinearity):
    architecture = low_rank(units=30, nonlinearity=nonlinearity)
    rng = np.random.default_rng(1)
    u, m = rng.standard_normal((30, 2)), rng.standard_normal((2, 2))
    weights = {"u": u.astype(np.float32), "m": m}
    u = weights["u"].astype(float)
    np.testing.assert_allclose(recurrent_matrix(architecture, weights), u @ m @ u.T / 30, atol=1e-12)
    np.testing.assert_allclose(readout_matrix(architecture, weights), u.T / 30, atol=1e-12)


class FiringRate(Architecture):
    """A firing-rate network with the vanilla RNN's names of fields and weights, which declares no rate network."""

    name = "somebodys_firing_rate"
    nonlinearity: str = "tanh"

    @property
    def trained(self):
        return ("w_rec",)

    def init(self, rng, n_inputs, n_outputs):
        n = self.units
        return {
            "w_rec": rng.standard_normal((n, n)) / n**0.5,
            "w_in": np.ones((n, n_inputs)),
            "w_out": np.ones((n_outputs, n)),
        }

    def step(self, weights, state, inputs, noise):
        current = state @ weights["w_rec"].mT + inputs @ weights["w_in"].mT
        return (1 - self.dt) * state + self.dt * torch.tanh(current)

    def readout(self, weights, state):
        return state @ weights["w_out"].mT


class OtherStep(VanillaRNN):
    """Inherits the declaration of the vanilla RNN but overrides its dynamics."""

    def step(self, weights, state, inputs, noise):
        return FiringRate.step(self, weights, state, inputs, noise)


class Declared(OtherStep):
    """Defines the members of a rate network again."""

    def recurrent(self, weights):
        return weights["w_rec"]

    def phi(self, h):
        return torch.tanh(h)

    def current(self, weights, inputs):
        return weights["w_in"] @ inputs


class PartlyDeclared(OtherStep):
    """It declares one of the three members anew; the others are still those of the vanilla RNN."""

    def recurrent(self, weights):
        return weights["w_rec"]


@pytest.mark.parametrize("cls", [FiringRate, OtherStep, PartlyDeclared])
def test_nothing_is_guessed_from_the_names_of_fields_and_weights(cls):
    architecture = cls(units=7)
    weights = architecture.init(np.random.default_rng(2), 2, 3)
    assert as_rate_network(architecture) is None and readout_matrix(architecture, weights) is None
    activity = run_trials(architecture, weights, np.ones((5, 4, 2)))
    np.testing.assert_array_equal(activity.rates, activity.states[1:])


def test_a_class_that_replaces_the_dynamics_can_declare_anew():
    assert as_rate_network(VanillaRNN(units=7)) is not None and as_rate_network(Declared(units=7)) is not None


def test_another_network_has_no_matrices_and_the_state_for_rates(two_parts):
    architecture = two_parts(units=7)
    weights = architecture.init(np.random.default_rng(2), 2, 3)
    assert recurrent_matrix(architecture, weights) is None and readout_matrix(architecture, weights) is None
    assert as_rate_network(architecture) is None
    activity = run_trials(architecture, weights, np.ones((5, 4, 2)))
    assert activity.states is None and activity.outputs.shape == (5, 4, 3)
    h, c = activity.rates[..., :7], activity.rates[..., 7:]
    np.testing.assert_allclose(h, np.tanh(c), atol=1e-14)


def test_distinct_trials_give_the_trials_back():
    rng = np.random.default_rng(3)
    kinds = rng.standard_normal((6, 3, 2)).astype(np.float32)
    inputs = kinds[:, [2, 0, 2, 1, 0]]
    few = distinct(torch.tensor(inputs))
    np.testing.assert_array_equal(few.inputs, kinds[:, [2, 0, 1]])
    np.testing.assert_array_equal(few.inputs[:, few.of], inputs)
