"""The local rules have the forward pass of the vanilla RNN, with any nonlinearity, noise, bias and initial state."""

from __future__ import annotations

import pytest
import torch

from rnnbench import VanillaRNN
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


def test_a_vanilla_rnn_with_other_initial_weights_is_taken():
    assert rate_units("rflo", SameUnits(units=4)).units == 4


@pytest.mark.parametrize(
    ("architecture", "message"),
    [(OtherStep(units=4), "its own step"), (MoreTrained(units=4), "trains gain too")],
)
def test_other_dynamics_and_other_weights_are_refused(architecture, message):
    with pytest.raises(ValueError, match=message):
        rate_units("rflo", architecture)
