"""The local rules have the forward pass of the vanilla RNN, with any nonlinearity, noise, bias and initial state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import Architecture, Batch, VanillaRNN
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench_rules.local.rate_units import rate_units, simulate, slopes

EVERYTHING = {"bias": True, "noise": 0.3, "initial_state_std": 0.5, "dt": 0.3}


@pytest.mark.parametrize("nonlinearity", sorted(NONLINEARITIES))
def test_states_rates_and_outputs_are_those_of_the_architectures_step(population, nonlinearity):
    p = population(nonlinearity=nonlinearity, **EVERYTHING)
    architecture, batch = p.trainer.architecture, p.batch("B")
    activity = simulate(architecture, p.weights, batch)
    for n, s in enumerate(batch.sets):
        one = {name: w[n] for name, w in p.weights.items()}
        h = architecture.initial_state(one, 4)
        for t in range(batch.inputs.shape[1]):
            torch.testing.assert_close(activity.r[n, t], architecture.phi(h), rtol=1e-12, atol=1e-12)
            h = architecture.step(one, h, batch.inputs[s, t], batch.noise[s, t])
            torch.testing.assert_close(activity.h[n, t + 1], h, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(activity.z[n, t], architecture.readout(one, h), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("nonlinearity", sorted(NONLINEARITIES))
def test_slopes_are_the_derivative_of_phi(population, nonlinearity):
    p = population(nonlinearity=nonlinearity, **EVERYTHING)
    activity = simulate(p.trainer.architecture, p.weights, p.batch())
    h = activity.h[:, 1:].clone().requires_grad_()
    (expected,) = torch.autograd.grad(p.trainer.architecture.phi(h).sum(), h)
    torch.testing.assert_close(slopes(p.trainer.architecture, activity), expected, rtol=1e-12, atol=1e-12)


class OtherStep(VanillaRNN):
    name = "other_step"

    def step(self, weights, state, inputs, noise):
        return state


class MoreTrained(VanillaRNN):
    name = "more_trained"
    trained = property(lambda self: ("w_rec", "gain"))


class SameUnits(VanillaRNN):
    name = "same_units"

    def init(self, rng, n_inputs, n_outputs):
        return {name: 0.5 * w for name, w in super().init(rng, n_inputs, n_outputs).items()}


class Lab(Architecture):
    """Somebody's network of the same equation and weights, declared as a rate network."""

    name = "lab_rnn"
    phi = property(lambda self: NONLINEARITIES["relu"])
    trained = property(lambda self: ("w_rec", "w_out"))

    def init(self, rng, n_inputs, n_outputs):
        return VanillaRNN(units=self.units).init(rng, n_inputs, n_outputs)

    def recurrent(self, weights):
        return weights["w_rec"]

    def current(self, weights, inputs):
        return weights["w_in"] @ inputs

    def step(self, weights, state, inputs, noise):
        current = self.phi(state) @ weights["w_rec"].mT + inputs @ weights["w_in"].mT
        return (1 - self.dt) * state + self.dt * current

    def readout(self, weights, state):
        return self.phi(state) @ weights["w_out"].mT


class Undeclared(Lab):
    """The same without a declaration of its own for its own step."""

    name = "undeclared"

    def step(self, weights, state, inputs, noise):
        return super().step(weights, state, inputs, noise)


class MadeFromOthers(Lab):
    """Its connectivity is not the weight that is trained."""

    name = "made_from_others"

    def recurrent(self, weights):
        return 2 * weights["w_rec"]


class OtherCurrent(Lab):
    """Its input is three times what w_in gives, in its step and in what it declares."""

    name = "other_current"

    def recurrent(self, weights):
        return weights["w_rec"]

    @property
    def phi(self):
        return NONLINEARITIES["relu"]

    def current(self, weights, inputs):
        return 3 * weights["w_in"] @ inputs

    def step(self, weights, state, inputs, noise):
        return super().step(weights, state, 3 * inputs, noise)


class OtherReadout(Lab):
    """Its readout is not w_out phi(h)."""

    name = "other_readout"
    phi = property(lambda self: NONLINEARITIES["relu"])

    def recurrent(self, weights):
        return weights["w_rec"]

    def current(self, weights, inputs):
        return weights["w_in"] @ inputs

    def readout(self, weights, state):
        return 2 * super().readout(weights, state)


def test_a_declared_network_is_simulated_as_its_own_step_does(population):
    architecture = Lab(units=9)
    assert rate_units("rflo", architecture) is architecture
    weights = {n: torch.tensor(w)[None] for n, w in architecture.init(np.random.default_rng(1), 2, 3).items()}
    inputs = torch.tensor(np.random.default_rng(2).standard_normal((1, 6, 4, 2)))
    batch = Batch(inputs, torch.zeros(1, 6, 4, 3), torch.ones(1, 6, 4, 3), (0,))
    expected = GenericEngine(architecture).outputs(weights, batch)
    torch.testing.assert_close(simulate(architecture, weights, batch).z, expected, rtol=1e-12, atol=1e-12)


def test_a_vanilla_rnn_with_other_initial_weights_is_taken():
    assert rate_units("rflo", SameUnits(units=4)).units == 4


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (Undeclared(units=4), "needs the rate units of vanilla_rnn; undeclared has others"),
        (OtherCurrent(units=4), "other_current has others"),
        (OtherReadout(units=4), "other_readout has others"),
        (MadeFromOthers(units=4), "needs the rate units of vanilla_rnn; made_from_others has others"),
        (OtherStep(units=4), "needs the rate units of vanilla_rnn"),
        (MoreTrained(units=4), "trains gain too"),
    ],
)
def test_other_dynamics_and_other_weights_are_refused(architecture, message):
    with pytest.raises(ValueError, match=message):
        rate_units("rflo", architecture)
