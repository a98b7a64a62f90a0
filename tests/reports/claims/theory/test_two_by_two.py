"""The 2x2 model: closed forms, the hand-written gradient compared with autograd, and the full network as N grows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench.reports.claims.theory import mean_field as mf, two_by_two as model

DT = 0.2


def episode(rng: np.random.Generator, n_trials: int = 4, n_steps: int = 25) -> model.Episode:
    shape = (n_trials, n_steps, 2)
    return model.Episode(
        rng.standard_normal(shape), rng.standard_normal(shape), (rng.random(shape) < 0.5).astype(float)
    )


@pytest.mark.parametrize("g", [0.0, 0.6])
@pytest.mark.parametrize("eigenvalue", [1.1, 1.24, 3.0])
def test_fixed_points_lie_where_the_closed_form_says(eigenvalue, g):
    """Along an eigenvector of M with eigenvalue m > 1; at g = 0 |kappa|^2 = (2 / pi) (m^2 - 1), to 1e-6."""
    angle = 0.4
    axis = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-np.sin(angle), np.cos(angle)])
    m = eigenvalue * np.outer(axis, axis) + 0.3 * np.outer(across, across)
    norm = model.eigenvector_fixed_point_norm(eigenvalue, g)
    if g == 0:
        assert norm == pytest.approx(np.sqrt(2 / np.pi * (eigenvalue**2 - 1)), abs=1e-12)
    points = [p.kappa for p in model.fixed_points(m, g=g)]
    expected = [-norm * axis, np.zeros(2), norm * axis] if norm > 0 else [np.zeros(2)]
    np.testing.assert_allclose(sorted(points, key=lambda k: k @ axis), expected, atol=1e-6)


def test_stability_is_what_the_closed_form_says():
    """At g = 0 the eigenvalues of the flow are -(1 - 1/m^2) along the fixed point and m'/m - 1 across it, to 1e-6."""
    m = np.diag([1.8, 1.3])
    points = model.fixed_points(m)
    assert len(points) == 5  # the origin, two along each axis
    for point in points:
        along = int(abs(point.kappa[1]) > abs(point.kappa[0]))
        own, other = m[along, along], m[1 - along, 1 - along]
        if np.linalg.norm(point.kappa) < 1e-6:
            expected, stable = [own - 1, other - 1], False
        else:
            expected, stable = [-(1 - 1 / own**2), other / own - 1], own > other
        np.testing.assert_allclose(sorted(point.eigenvalues.real), sorted(expected), atol=1e-6)
        assert point.stable == stable


@pytest.mark.parametrize("g", [0.0, 0.7])
def test_gradient_equals_autograd(g):
    rng = np.random.default_rng(0)
    trials, m, start = episode(rng), rng.standard_normal((2, 2)), np.array([0.02, -0.1])
    value, d_m = model.gradient(m, trials, DT, g, start)
    weights = torch.tensor(m, requires_grad=True)
    kappa = torch.tensor(np.tile(start, (4, 1)))
    squares = 0.0

    def gamma(kappa):
        """The gain; autograd gets the implicit derivative from one Newton step at the solution."""
        q = (kappa**2).sum(-1, keepdim=True)
        variance = torch.tensor(mf.total_variance(q.detach().numpy(), g))
        u = torch.pi / 2 * variance
        slope = 1 - g**2 / ((1 + u) * torch.sqrt(1 + 2 * u))
        power = 2 / torch.pi * torch.asin(u / (1 + u))
        variance = variance - (variance - g**2 * power - q) / slope
        return 1 / torch.sqrt(1 + torch.pi / 2 * variance)

    for t in range(trials.inputs.shape[1]):
        kappa = kappa + DT * (-kappa + gamma(kappa) * (kappa @ weights.T) + torch.tensor(trials.inputs[:, t]))
        error = gamma(kappa) * kappa - torch.tensor(trials.targets[:, t])
        squares = squares + (torch.tensor(trials.mask[:, t]) * error**2).sum()
    expected = squares / (2 * trials.mask.sum())
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert value == pytest.approx(model.loss(m, trials, DT, g, start), rel=1e-12)
    np.testing.assert_allclose(d_m, weights.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_learning_descends_and_stops_at_its_bound():
    rng = np.random.default_rng(1)
    trials = episode(rng)
    free = model.learn(np.zeros((2, 2)), trials, DT, rate=0.5, max_updates=30)
    assert len(free.m) == len(free.losses) == 31
    assert (np.diff(free.losses[:, 0]) < 0).all()
    bounded = model.learn(np.zeros((2, 2)), trials, DT, rate=0.5, max_updates=30, bound=free.losses[10, 0])
    assert len(bounded.losses) == 11


def network_readout(n: int, m: np.ndarray, inputs: np.ndarray, seed: int) -> np.ndarray:
    """z [time, trial, 2] of a full network of n units with W = U M U^T / n, simulated unit by unit."""
    u = np.random.default_rng(seed).standard_normal((n, 2))
    u = np.linalg.qr(u)[0] * np.sqrt(n)
    h, z = np.zeros((len(inputs), n)), []
    for t in range(inputs.shape[1]):
        h = (1 - DT) * h + DT * ((mf.phi(h) @ u / n) @ m.T @ u.T + inputs[:, t] @ u.T)
        z.append(mf.phi(h) @ u / n)
    return np.array(z)


def test_the_full_network_tends_to_the_model_as_it_grows():
    """At g = 0, including transients; deviations are sampling errors of averages over units, of order N^-1/2."""
    rng = np.random.default_rng(2)
    m = np.array([[1.5, -0.4], [0.3, 0.8]])
    inputs = rng.standard_normal((3, 30, 2))
    expected = model.readout(model.simulate(m, inputs, DT)[:, 1:]).swapaxes(0, 1)
    sizes = [100, 400, 1600]
    errors = [
        np.sqrt(np.mean([(network_readout(n, m, inputs, seed) - expected) ** 2 for seed in range(12)])) for n in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.15)
    assert errors[-1] < 0.03
