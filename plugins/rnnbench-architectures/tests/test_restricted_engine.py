"""The hand-written gradient compared with autograd, with other populations, and with the batched program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import Batch, Weights
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.loss import masked_loss
from rnnbench_architectures.architectures import RestrictedRNN

EPSILON = 1e-12
"""Largest relative difference between sums of some hundred float64 numbers in two orders."""

Loss = tuple[torch.Tensor, Weights]


def population(
    architecture: RestrictedRNN, n_networks: int, p: int, dtype: torch.dtype = torch.float64, seed: int = 0
) -> Weights:
    """Networks with different M, not 0, because at M = 0 half of the equations have no effect."""
    each = [architecture.init(np.random.default_rng(seed + k), p, p) for k in range(n_networks)]
    weights = {name: torch.tensor(np.stack([w[name] for w in each]), dtype=dtype) for name in each[0]}
    m = np.random.default_rng(seed).standard_normal((n_networks, p, p))
    return weights | {"m": torch.tensor(m, dtype=dtype)}


def batch(
    sets: tuple[int, ...], p: int, n_steps: int = 12, n_trials: int = 5, dtype: torch.dtype = torch.float64
) -> Batch:
    rng = np.random.default_rng(42)

    def draw() -> torch.Tensor:
        return torch.tensor(rng.standard_normal((max(sets) + 1, n_steps, n_trials, p)), dtype=dtype)

    return Batch(draw(), draw(), (draw() > 0).to(dtype), sets)


def autograd(architecture: RestrictedRNN, weights: Weights, trials: Batch) -> Loss:
    """Loss and gradient with respect to m, by autograd through a plain loop over the step, network by network."""
    losses, gradients = [], []
    for network, s in enumerate(trials.sets):
        own = {name: w[network].clone().requires_grad_(name == "m") for name, w in weights.items()}
        state, outputs = architecture.initial_state(own, trials.inputs.shape[2]), []
        for x in trials.inputs[s]:
            state = architecture.step(own, state, x, None)
            outputs.append(architecture.readout(own, state))
        loss = masked_loss(torch.stack(outputs), trials.targets[s], trials.mask[s])
        gradients.append(torch.autograd.grad(loss, own["m"])[0])
        losses.append(loss.detach())
    return torch.stack(losses), {"m": torch.stack(gradients)}


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "softplus", "erf", "identity"])
@pytest.mark.parametrize("g", [0.0, 1.2])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_gradient_equals_autograd(nonlinearity: str, g: float, p: int) -> None:
    architecture = RestrictedRNN(units=17, dt=0.3, g=g, nonlinearity=nonlinearity, orthogonal=False, offset=0.1)
    weights, trials = population(architecture, 3, p), batch((0, 1, 0), p)
    losses, gradients = architecture.engine().gradient(weights, trials)
    expected_losses, expected = autograd(architecture, weights, trials)
    assert set(gradients) == {"m"} == set(architecture.trained)
    assert relative(losses, expected_losses) < EPSILON
    assert relative(gradients["m"], expected["m"]) < 100 * EPSILON  # a sum over trials and time, of terms of both signs


@pytest.mark.parametrize("g", [0.0, 1.2])
@pytest.mark.parametrize("dt, n_steps", [(1.0, 12), (0.5, 1), (0.1, 80)])
def test_it_equals_the_generic_engine_at_any_step_and_length(g: float, dt: float, n_steps: int) -> None:
    architecture = RestrictedRNN(units=30, dt=dt, g=g)
    weights, trials = population(architecture, 3, 2), batch((0, 1, 0), 2, n_steps)
    generic, engine = GenericEngine(architecture), architecture.engine()
    assert relative(engine.outputs(weights, trials), generic.outputs(weights, trials)) < EPSILON
    losses, gradients = engine.gradient(weights, trials)
    expected_losses, expected = generic.gradient(weights, trials)
    assert relative(losses, expected_losses) < EPSILON
    assert relative(gradients["m"], expected["m"]) < 100 * EPSILON


@pytest.mark.parametrize("g", [0.0, 0.8])
@pytest.mark.parametrize("units, p", [(8, 1), (33, 2), (64, 3), (250, 2)])
@pytest.mark.parametrize("n_trials", [1, 7])
def test_other_networks_in_the_population_do_not_change_the_bits(g: float, units: int, p: int, n_trials: int) -> None:
    """On a CPU the float32 results of a network are bit-identical whether it is alone or in a population."""
    architecture = RestrictedRNN(units=units, g=g)
    weights = population(architecture, 4, p, torch.float32)
    trials = batch((0, 1, 1, 0), p, n_steps=40, n_trials=n_trials, dtype=torch.float32)
    losses, gradients = architecture.engine().gradient(weights, trials)
    outputs = architecture.engine().outputs(weights, trials)
    for n in range(4):
        alone = {name: w[n : n + 1] for name, w in weights.items()}
        loss, gradient = architecture.engine().gradient(alone, trials.of([n]))
        assert torch.equal(loss[0], losses[n])
        assert torch.equal(gradient["m"][0], gradients["m"][n])
        assert torch.equal(architecture.engine().outputs(alone, trials.of([n]))[0], outputs[n])


@pytest.mark.parametrize("g", [0.0, 1.2])
def test_batched_program_equals_one_network_at_a_time(g: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that runs on a GPU (all networks in one product) gives the results of the CPU up to rounding."""
    architecture = RestrictedRNN(units=9, g=g)
    weights, trials = population(architecture, 3, 2), batch((1, 0, 1), 2)
    engine = architecture.engine()
    outputs, (losses, gradients) = engine.outputs(weights, trials), engine.gradient(weights, trials)
    monkeypatch.setattr("rnnbench.engine.one_at_a_time.one_at_a_time", lambda array: False)
    assert relative(engine.outputs(weights, trials), outputs) < EPSILON
    batched_losses, batched = engine.gradient(weights, trials)
    assert batched_losses.shape == (3,) and batched["m"].shape == (3, 2, 2)
    assert relative(batched_losses, losses) < EPSILON
    assert relative(batched["m"], gradients["m"]) < 100 * EPSILON


def test_weights_and_trials_are_not_changed() -> None:
    architecture = RestrictedRNN(units=9, g=0.5)
    weights, trials = population(architecture, 2, 2), batch((0, 1), 2)
    before = {name: w.clone() for name, w in weights.items()}
    inputs, targets = trials.inputs.clone(), trials.targets.clone()
    architecture.engine().gradient(weights, trials)
    architecture.engine().outputs(weights, trials)
    assert all(torch.equal(weights[name], w) for name, w in before.items())
    assert torch.equal(trials.inputs, inputs) and torch.equal(trials.targets, targets)


def test_linear_network_in_closed_form() -> None:
    """With phi(h) = h, dt = 1, one pattern and no J, z[t] = m z[t-1] + x[t]. A pulse gives z[t] = m^t."""
    architecture = RestrictedRNN(units=12, dt=1.0, nonlinearity="identity", offset=0.0)
    m, n_steps = 0.8, 6
    weights = population(architecture, 1, 1) | {"m": torch.full((1, 1, 1), m, dtype=torch.float64)}
    inputs = torch.zeros(1, n_steps, 1, 1, dtype=torch.float64)
    inputs[0, 0] = 1
    trials = Batch(inputs, torch.zeros_like(inputs), torch.ones_like(inputs), (0,))
    t = torch.arange(n_steps, dtype=torch.float64)
    z, slope = m**t, t * m ** (t - 1)
    losses, gradients = architecture.engine().gradient(weights, trials)
    torch.testing.assert_close(architecture.engine().outputs(weights, trials).flatten(), z)
    torch.testing.assert_close(losses, (z**2).mean()[None] / 2)
    torch.testing.assert_close(gradients["m"].flatten(), (z * slope).mean()[None])
