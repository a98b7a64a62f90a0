"""Networks of N units compared with a simulation of every unit with autograd, and with the model as N grows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench.reports.claims.theory import finite_size as sizes
from rnnbench.reports.claims.theory.full_network import FullNetworks, gaussian_patterns
from rnnbench.reports.claims.theory.protocol import B, Protocol, pulse_episode

PROTOCOL = Protocol(dt=0.5)


def test_patterns_are_orthogonal_and_of_norm_root_n():
    u = gaussian_patterns(300, np.random.default_rng(0))
    np.testing.assert_allclose(u.T @ u, 300 * np.eye(2), atol=1e-9)


def test_it_is_the_network_unit_by_unit():
    """Compare with h = (1 - dt) h + dt (W phi(h) + U x), the full W = U M U^T / N, and the gradient by autograd."""
    n, dt = 60, PROTOCOL.dt
    patterns = np.array([gaussian_patterns(n, np.random.default_rng(seed)) for seed in (0, 1)])
    ms = np.array([[[1.4, 0.2], [-0.6, 0.9]], [[0.8, 0.0], [0.3, 1.1]]])
    episode = pulse_episode(B, 0.1, PROTOCOL)
    values, d_m = FullNetworks(patterns).gradient(ms, episode, dt, PROTOCOL.start)
    np.testing.assert_allclose(values, FullNetworks(patterns).loss(ms, episode, dt, PROTOCOL.start), rtol=1e-12)
    for i in range(2):
        u, m = torch.tensor(patterns[i]), torch.tensor(ms[i], requires_grad=True)
        weights = u @ m @ u.T / n
        h = torch.tensor(PROTOCOL.start) @ u.T * torch.ones(2, 1, dtype=torch.float64)
        squares = torch.zeros(())
        for t in range(episode.inputs.shape[1]):
            rates = torch.erf(np.sqrt(np.pi) / 2 * h)
            h = (1 - dt) * h + dt * (rates @ weights.T + torch.tensor(episode.inputs[:, t]) @ u.T)
            z = torch.erf(np.sqrt(np.pi) / 2 * h) @ u / n
            squares = (
                squares + (torch.tensor(episode.mask[:, t]) * (z - torch.tensor(episode.targets[:, t])) ** 2).sum()
            )
        expected = squares / (2 * episode.mask.sum())
        expected.backward()
        assert values[i] == pytest.approx(expected.item(), rel=1e-10)
        np.testing.assert_allclose(d_m[i], m.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_each_network_stops_by_itself():
    patterns = np.array([gaussian_patterns(100, np.random.default_rng(seed)) for seed in range(3)])
    episode, start = pulse_episode(B, 0.2, PROTOCOL), PROTOCOL.start
    together = FullNetworks(patterns).learn(np.zeros((3, 2, 2)), episode, 0.5, 0.5, 500, start, bound=1e-3)
    assert len({len(path.m) for path in together}) > 1
    for i, path in enumerate(together):
        assert len(path.m) == len(path.losses) and path.losses[-1, 0] <= 1e-3 < path.losses[-2, 0]
        (alone,) = FullNetworks(patterns[i : i + 1]).learn(
            np.zeros((1, 2, 2)), episode, 0.5, 0.5, 500, start, bound=1e-3
        )
        np.testing.assert_allclose(path.m, alone.m, atol=1e-10)


def test_networks_tend_to_the_model_in_formation():
    """From N = 150 to 1350 deviations are three times smaller, within a factor of 1.7 for 10 networks each."""
    setting = sizes.Scenario("formation", 0.15, Protocol(dt=0.5, criterion=0.02, mirrored=True, offset=0.1))
    model = sizes.model_sequence(setting)
    deviations = {}
    for n in (150, 1350):
        networks = sizes.network_sequences(setting, n, range(10))
        rows = [sizes.deviation(setting, n, seed, one, model) for seed, one in enumerate(networks)]
        deviations[n] = np.sqrt(np.mean([row.m_max**2 for row in rows]))
    assert 3 / 1.7 < deviations[150] / deviations[1350] < 3 * 1.7
    assert deviations[1350] < 0.03


def made_up(n_units: int, seed: int, size: float) -> sizes.Deviation:
    return sizes.Deviation("s", 0.1, 0.1, n_units, seed, size, size, size, size**2, size, 0.0, True)


def test_slopes_recover_a_power_law():
    rng = np.random.default_rng(0)
    table = [made_up(n, seed, n**-0.5 * rng.lognormal(0, 0.3)) for n in (100, 400, 1600, 6400) for seed in range(30)]
    found = {row.quantity: row for row in sizes.slopes(table, rng, resamples=300)}
    assert found["m_max"].slope == pytest.approx(-0.5, abs=0.05)
    assert found["m_max"].low < -0.5 < found["m_max"].high
    assert found["loss_a"].slope == pytest.approx(-1, abs=0.1)  # a quantity that is even in the fluctuation
    assert found["m_max"].high - found["m_max"].low < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_the_law_over_sizes(index):
    """The 95 % interval of the slope contains -1/2, for M while A and while B is learnt."""
    setting = sizes.SETTINGS[index]
    model, table = sizes.model_sequence(setting), []
    for n, seeds in ((250, 30), (1000, 30), (4000, 8)):
        for seed, one in enumerate(sizes.network_sequences(setting, n, range(seeds))):
            table.append(sizes.deviation(setting, n, seed, one, model))
    for row in sizes.slopes(table, np.random.default_rng(0)):
        if row.quantity in ("m_first", "m_rms"):
            assert row.low - 0.05 < -0.5 < row.high + 0.05
