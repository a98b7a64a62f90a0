"""The vanilla RNN is compared with its definition, closed forms and torch.nn.RNN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.interfaces import Batch


def draw(n_inputs: int = 3, n_outputs: int = 2, seed: int = 0, **parameters) -> dict[str, np.ndarray]:
    return VanillaRNN(**parameters).init(np.random.default_rng(seed), n_inputs, n_outputs)


def test_connectivity_has_variance_g_squared_over_n():
    w = draw(units=400, g=1.3)["w_rec"]
    assert w.std() == pytest.approx(1.3 / np.sqrt(400), rel=0.01)  # 160,000 draws: standard error 0.2 %
    assert abs(w.mean()) < 4 * 1.3 / 400 / np.sqrt(400)


def test_spectral_radius_is_g():
    """Girko's circular law: eigenvalues fill the disc of radius g; finite-size deviation is of order N^-1/2."""
    eigenvalues = np.linalg.eigvals(draw(units=400, g=1.3)["w_rec"])
    assert np.abs(eigenvalues).max() == pytest.approx(1.3, rel=0.08)


@pytest.mark.parametrize("readout_scale, norm", [("small", 1 / np.sqrt(64)), ("large", 1.0)])
@pytest.mark.parametrize("orthogonal", [True, False])
def test_norms_of_input_and_readout_vectors(readout_scale, norm, orthogonal):
    weights = draw(units=64, readout_scale=readout_scale, orthogonal=orthogonal)
    np.testing.assert_allclose(np.linalg.norm(weights["w_in"], axis=0), np.sqrt(64))
    np.testing.assert_allclose(np.linalg.norm(weights["w_out"], axis=1), norm)


def test_orthogonal_vectors_are_orthogonal_and_random_ones_nearly():
    def overlaps(weights):
        vectors = np.hstack([weights["w_in"], weights["w_out"].T])
        vectors = vectors / np.linalg.norm(vectors, axis=0)
        return np.abs(vectors.T @ vectors - np.eye(5))

    assert overlaps(draw(units=64, orthogonal=True)).max() < 1e-12
    assert 0.01 < overlaps(draw(units=64)).max() < 5 / np.sqrt(64)


def test_networks_of_one_seed_differ_only_in_g():
    low, high = draw(units=16, g=0.5), draw(units=16, g=1.5)
    np.testing.assert_allclose(3 * low["w_rec"], high["w_rec"])
    np.testing.assert_array_equal(low["w_in"], high["w_in"])


def test_more_orthogonal_vectors_than_units_are_refused():
    with pytest.raises(ValueError, match="5 input and readout vectors cannot be orthogonal among 4 units"):
        draw(units=4, orthogonal=True)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_with_dt_one_it_equals_the_rnn_of_torch(nonlinearity):
    """dt = 1: phi(h[t+1]) = phi(W phi(h[t]) + W_in x[t] + b), the hidden state of torch.nn.RNN."""
    architecture = VanillaRNN(units=12, dt=1.0, nonlinearity=nonlinearity, bias=True, g=1.1)
    weights = {k: torch.tensor(w) for k, w in architecture.init(np.random.default_rng(1), 3, 2).items()}
    weights["b"] += 0.2
    x = torch.randn(9, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    peer = torch.nn.RNN(3, 12, nonlinearity=nonlinearity, bias=True, dtype=torch.float64)
    with torch.no_grad():
        peer.weight_ih_l0.copy_(weights["w_in"])
        peer.weight_hh_l0.copy_(weights["w_rec"])
        peer.bias_ih_l0.copy_(weights["b"])
        peer.bias_hh_l0.zero_()
        hidden, _ = peer(x)
    population = {k: w[None] for k, w in weights.items()}
    zeros = torch.zeros(1, 9, 4, 2, dtype=torch.float64)
    trials = Batch(x[None], zeros, torch.ones_like(zeros), (0,))
    torch.testing.assert_close(architecture.engine().rates(population, trials)[0], hidden)
    torch.testing.assert_close(architecture.engine().outputs(population, trials)[0], hidden @ weights["w_out"].T)


def test_a_silent_unit_decays_with_time_constant_one():
    """Without connections h[t] = (1 - dt)^t h[0], which tends to exp(-t) as dt falls."""
    dt = 0.01
    architecture = VanillaRNN(units=3, dt=dt, g=0.0, nonlinearity="identity", initial_state_std=1.0)
    weights = {k: torch.tensor(w)[None] for k, w in architecture.init(np.random.default_rng(1), 1, 1).items()}
    zeros = torch.zeros(1, 100, 1, 1, dtype=torch.float64)
    rates = architecture.engine().rates(weights, Batch(zeros, zeros, torch.ones_like(zeros), (0,)))
    torch.testing.assert_close(rates[0, -1, 0], weights["h0"][0] * (1 - dt) ** 100)
    torch.testing.assert_close(rates[0, -1, 0], weights["h0"][0] * np.exp(-1), rtol=0.01, atol=0)


def test_private_noise_has_the_stationary_variance_of_the_process():
    """h = (1 - dt) h + sqrt(dt) sigma xi is an AR(1): variance dt sigma^2 / (1 - (1 - dt)^2)."""
    dt, sigma = 0.2, 0.7
    architecture = VanillaRNN(units=50, dt=dt, g=0.0, nonlinearity="identity", noise=sigma)
    weights = {k: torch.tensor(w)[None] for k, w in architecture.init(np.random.default_rng(1), 1, 1).items()}
    zeros = torch.zeros(1, 200, 20, 1, dtype=torch.float64)
    noise = torch.randn(1, 200, 20, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rates = architecture.engine().rates(weights, Batch(zeros, zeros, torch.ones_like(zeros), (0,), noise))
    late = rates[0, 50:]
    assert late.var().item() == pytest.approx(dt * sigma**2 / (1 - (1 - dt) ** 2), rel=0.03)
