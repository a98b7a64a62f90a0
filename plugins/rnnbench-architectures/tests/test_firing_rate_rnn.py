"""The firing-rate RNN compared with the vanilla RNN by the change of variables of Miller & Fumarola (2012)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from rnnbench import Batch, VanillaRNN, Weights
from rnnbench.engine.autograd import GenericEngine
from rnnbench_architectures.architectures import FiringRateRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]
N, DT = 15, 0.3


def rates_of(architecture: FiringRateRNN, weights: Weights, inputs: torch.Tensor) -> list[torch.Tensor]:
    """r[0], r[1], .. [trial, unit] under inputs [time, trial, input]."""
    states = [architecture.initial_state(weights, inputs.shape[1])]
    for x in inputs:
        states.append(architecture.step(weights, states[-1], x, None))
    return states


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", "erf", "identity"])
@pytest.mark.parametrize("constant", [True, False])
def test_its_input_currents_are_the_state_of_a_vanilla_rnn(
    activation: str, constant: bool, draw: Draw, trials: Make
) -> None:
    """h[t] = W r[t] + W_in x[t] + b obeys the vanilla equation with input (x[t+1] - (1 - dt) x[t]) / dt.

    If the input is constant, that is the input itself.
    """
    outer = FiringRateRNN(units=N, dt=DT, activation=activation, bias=True)
    inner = VanillaRNN(units=N, dt=DT, nonlinearity=activation)
    weights = {name: w[0] for name, w in draw(outer).items()} | {"b": torch.linspace(-1, 1, N, dtype=torch.float64)}
    x = trials(n_steps=20).inputs[0]
    if constant:
        x = x[:1].expand_as(x)
    w, w_in, b = weights["w_rec"], weights["w_in"], weights["b"]
    rates = rates_of(outer, weights, x)
    currents = [r @ w.T + x_t @ w_in.T + b for r, x_t in zip(rates[:-1], x, strict=True)]
    h = currents[0]
    for t in range(len(x) - 1):
        filtered = x[0] if constant else (x[t + 1] - (1 - DT) * x[t]) / DT
        h = inner.step({"w_rec": w, "w_in": w_in, "b": b}, h, filtered, None)
        torch.testing.assert_close(h, currents[t + 1], rtol=1e-9, atol=1e-12)  # rounding, over 20 steps


def test_one_linear_unit_in_closed_form() -> None:
    """r[t] = (1 - a^t) x / (1 - w) with a = 1 - dt (1 - w), under constant input x."""
    w, x, t = 0.6, 0.8, torch.arange(11, dtype=torch.float64)
    weights = {"w_rec": torch.tensor([[w]]), "w_in": torch.ones(1, 1), "w_out": torch.ones(1, 1)}
    weights = {name: a.double() for name, a in weights.items()}
    outer = FiringRateRNN(units=1, dt=DT, activation="identity")
    found = torch.cat(rates_of(outer, weights, torch.full((10, 1, 1), x, dtype=torch.float64))).flatten()
    torch.testing.assert_close(found, (1 - (1 - DT * (1 - w)) ** t) * x / (1 - w))


def test_rates_stay_in_the_range_of_the_activation(draw: Draw, trials: Make) -> None:
    """A leaky mean of values of phi stays in their range, however large the input; the vanilla state does not."""
    outer = FiringRateRNN(units=N, dt=DT)
    weights = {name: w[0] for name, w in draw(outer).items()}
    rates = torch.stack(rates_of(outer, weights, 100 * trials().inputs[0]))
    assert 0.9 < rates.abs().max() <= 1


def test_private_noise_has_the_variance_of_the_vanilla_rnns(draw: Draw) -> None:
    """For linear units without connections the stationary variance is sigma^2 / (2 - dt), as in the vanilla RNN.

    64 x 1500 samples, correlated over about 3 steps, give a standard error of 0.8 %.
    """
    outer = FiringRateRNN(units=64, dt=DT, g=0, activation="identity", noise=0.4)
    weights = draw(outer)
    noise = torch.randn((1, 2000, 1, 64), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    silence = torch.zeros(1, 2000, 1, 2, dtype=torch.float64)
    weights["w_out"] = torch.eye(64, dtype=torch.float64)[None]
    z = GenericEngine(outer).outputs(weights, Batch(silence, silence, silence, (0,), noise))[0, 500:]
    # r' = (1 - dt) r + sqrt(dt) sigma xi has variance dt sigma^2 / (1 - (1 - dt)^2) = sigma^2 / (2 - dt).
    assert float(z.var()) == pytest.approx(0.4**2 / (2 - DT), rel=0.05)


def test_w_is_drawn_with_variance_g_squared_over_n() -> None:
    w = FiringRateRNN(units=300, g=1.3).init(np.random.default_rng(0), 2, 2)["w_rec"]
    assert w.std() == pytest.approx(1.3 / math.sqrt(300), rel=0.01)  # 90,000 draws: standard error 0.24 %


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", "erf", "identity"])
@pytest.mark.parametrize(("bias", "noise"), [(False, 0.0), (True, 0.3)], ids=["plain", "bias and noise"])
@pytest.mark.parametrize("learn", ["recurrent", "all"])
@pytest.mark.parametrize("dt", [DT, 1.0])
def test_its_engine_equals_autograd_through_its_step(
    activation: str, bias: bool, noise: float, learn: str, dt: float, draw: Draw, trials: Make
) -> None:
    network = FiringRateRNN(units=N, dt=dt, g=1.2, activation=activation, bias=bias, noise=noise, learn=learn)
    weights, batch = draw(network), trials(n_steps=20, n_noise=network.n_noise)
    loss, gradient = network.engine().gradient(weights, batch)
    expected_loss, expected = GenericEngine(network).gradient(weights, batch)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=0)
    assert gradient.keys() == expected.keys() == set(network.trained)
    for name, g in gradient.items():
        torch.testing.assert_close(g, expected[name], rtol=1e-9, atol=1e-12 * float(expected[name].abs().max()))
    outputs = network.engine().outputs(weights, batch)
    torch.testing.assert_close(outputs, GenericEngine(network).outputs(weights, batch), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "erf"])
def test_a_population_at_once_equals_its_networks_one_by_one(
    activation: str, draw: Draw, trials: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of computing on a GPU gives the same as that on a CPU."""
    network = FiringRateRNN(units=N, dt=DT, activation=activation, bias=True, noise=0.2, learn="all")
    weights, batch = draw(network, seeds=3), trials((0, 1, 0), n_noise=N)
    one_by_one, outputs = network.engine().gradient(weights, batch), network.engine().outputs(weights, batch)
    monkeypatch.setattr("rnnbench.engine.one_at_a_time.one_at_a_time", lambda array: False)
    at_once = network.engine().gradient(weights, batch)
    torch.testing.assert_close(at_once[0], one_by_one[0], rtol=1e-12, atol=0)
    torch.testing.assert_close(at_once[1], one_by_one[1], rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(network.engine().outputs(weights, batch), outputs, rtol=1e-10, atol=1e-13)
