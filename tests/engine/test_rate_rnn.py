"""The hand-written gradient against autograd through the step of the architecture, in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.loss import error_signal, loss_and_error, masked_loss, shares
from rnnbench.plugin.interfaces import Batch

N_INPUTS, N_OUTPUTS = 3, 2


def population(
    architecture: VanillaRNN, n_networks: int, dtype: torch.dtype = torch.float64
) -> dict[str, torch.Tensor]:
    each = [architecture.init(np.random.default_rng(k), N_INPUTS, N_OUTPUTS) for k in range(n_networks)]
    return {name: torch.tensor(np.stack([w[name] for w in each]), dtype=dtype) for name in each[0]}


def batch(sets: tuple[int, ...], n_noise: int = 0, n_steps: int = 12, n_trials: int = 5, dtype=torch.float64) -> Batch:
    rng = np.random.default_rng(42)
    n_sets = max(sets) + 1

    def draw(channels: int) -> torch.Tensor:
        return torch.tensor(rng.standard_normal((n_sets, n_steps, n_trials, channels)), dtype=dtype)

    mask = (draw(N_OUTPUTS) > 0).to(dtype)
    return Batch(draw(N_INPUTS), draw(N_OUTPUTS), mask, sets, draw(n_noise) if n_noise else None)


def autograd(architecture: VanillaRNN, weights, trials: Batch):
    """Loss and gradients, network by network, by autograd through a plain loop over steps."""
    losses, gradients = [], []
    for network, s in enumerate(trials.sets):
        own = {name: w[network].clone().requires_grad_(name in architecture.trained) for name, w in weights.items()}
        state = architecture.initial_state(own, trials.inputs.shape[2])
        outputs = []
        for t in range(trials.inputs.shape[1]):
            noise = None if trials.noise is None else trials.noise[s, t]
            state = architecture.step(own, state, trials.inputs[s, t], noise)
            outputs.append(architecture.readout(own, state))
        loss = masked_loss(torch.stack(outputs), trials.targets[s], trials.mask[s])
        grads = torch.autograd.grad(loss, [own[name] for name in architecture.trained])
        losses.append(loss.detach())
        gradients.append(dict(zip(architecture.trained, grads, strict=True)))
    return torch.stack(losses), {name: torch.stack([g[name] for g in gradients]) for name in architecture.trained}


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "softplus", "erf", "identity"])
@pytest.mark.parametrize(
    "bias, noise, learn, h0", list(itertools.product([False, True], [0.0, 0.3], ["recurrent", "all"], [0.0, 1.0]))
)
def test_gradient_equals_autograd(nonlinearity, bias, noise, learn, h0):
    architecture = VanillaRNN(
        units=17,
        dt=0.3,
        g=1.2,
        nonlinearity=nonlinearity,
        bias=bias,
        noise=noise,
        learn=learn,
        initial_state_std=h0,
        readout_scale="large",
    )
    weights = population(architecture, 3)
    if bias:  # a bias of zero would hide a wrong sign
        weights["b"] += torch.linspace(-0.5, 0.5, 17, dtype=torch.float64)
    trials = batch((0, 1, 0), architecture.n_noise)
    losses, gradients = architecture.engine().gradient(weights, trials)
    expected_losses, expected = autograd(architecture, weights, trials)
    assert set(gradients) == set(architecture.trained)
    assert relative(losses, expected_losses) < 1e-12
    for name in expected:
        assert relative(gradients[name], expected[name]) < 1e-10, name


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_generic_engine_equals_autograd(noise):
    architecture = VanillaRNN(units=11, noise=noise, learn="all", bias=True)
    weights = population(architecture, 3)
    trials = batch((0, 1, 0), architecture.n_noise)
    losses, gradients = GenericEngine(architecture).gradient(weights, trials)
    expected_losses, expected = autograd(architecture, weights, trials)
    assert relative(losses, expected_losses) < 1e-12
    for name in expected:
        assert relative(gradients[name], expected[name]) < 1e-10, name
    outputs = GenericEngine(architecture).outputs(weights, trials)
    assert relative(architecture.engine().outputs(weights, trials), outputs) < 1e-12


def test_linear_network_in_closed_form():
    """One linear unit, dt = 1: h[t+1] = w h[t] + x[t], so a pulse gives z[t] = w^t, and dz[t]/dw = t w^(t-1)."""
    architecture = VanillaRNN(units=1, dt=1.0, nonlinearity="identity")
    w, n_steps = 0.8, 6
    weights = {"w_rec": torch.tensor([[[w]]]), "w_in": torch.ones(1, 1, 1), "w_out": torch.ones(1, 1, 1)}
    weights = {name: array.double() for name, array in weights.items()}
    inputs = torch.zeros(1, n_steps, 1, 1, dtype=torch.float64)
    inputs[0, 0] = 1
    trials = Batch(inputs, torch.zeros_like(inputs), torch.ones_like(inputs), (0,))
    t = torch.arange(n_steps, dtype=torch.float64)
    z, dz = w**t, t * w ** (t - 1)
    losses, gradients = architecture.engine().gradient(weights, trials)
    torch.testing.assert_close(architecture.engine().outputs(weights, trials).flatten(), z)
    torch.testing.assert_close(losses, (z**2).mean()[None] / 2)
    torch.testing.assert_close(gradients["w_rec"].flatten(), (z * dz).mean()[None])


@pytest.mark.parametrize("units", [8, 20, 33, 64])
def test_other_networks_do_not_change_the_bits_of_a_network(units):
    """On a CPU the float32 gradient of a network is bit-identical alone and in a population."""
    architecture = VanillaRNN(units=units, g=1.5, learn="all")
    weights = population(architecture, 4, torch.float32)
    trials = batch((0, 1, 1, 0), n_steps=40, n_trials=7, dtype=torch.float32)
    losses, gradients = architecture.engine().gradient(weights, trials)
    outputs = architecture.engine().outputs(weights, trials)
    for n in range(4):
        alone = {name: w[n : n + 1] for name, w in weights.items()}
        loss, gradient = architecture.engine().gradient(alone, trials.of([n]))
        assert torch.equal(loss[0], losses[n])
        assert all(torch.equal(gradient[name][0], gradients[name][n]) for name in gradient)
        assert torch.equal(architecture.engine().outputs(alone, trials.of([n]))[0], outputs[n])


def test_batched_program_equals_one_network_at_a_time(monkeypatch):
    """The program for GPUs, with all networks in one product, equals the program for CPUs up to rounding."""
    architecture = VanillaRNN(units=9, g=1.2, learn="all", bias=True, noise=0.1)
    weights = population(architecture, 3)
    trials = batch((1, 0, 1), architecture.n_noise)
    engine = architecture.engine()
    _, gradients = engine.gradient(weights, trials)
    monkeypatch.setattr("rnnbench.engine.one_at_a_time.one_at_a_time", lambda array: False)
    _, batched = engine.gradient(weights, trials)
    for name in gradients:
        assert relative(batched[name], gradients[name]) < 1e-12


@pytest.mark.parametrize("networks", [(), (4,)])
def test_loss_and_error_at_once_equal_those_computed_separately(networks):
    random = torch.Generator().manual_seed(0)
    z, y = (torch.randn(*networks, 7, 3, 2, generator=random, dtype=torch.float64) for _ in "zy")
    mask = torch.rand(*networks, 7, 3, 2, generator=random, dtype=torch.float64)
    loss, error = loss_and_error(z, y, shares(mask))
    torch.testing.assert_close(loss, masked_loss(z, y, mask), rtol=1e-14, atol=0)
    torch.testing.assert_close(error, error_signal(z, y, mask), rtol=1e-14, atol=0)
