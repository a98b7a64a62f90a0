"""Gaussian averages compared with quadrature, and the self-consistent variance with a simulated network."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.reports.claims.theory import mean_field as mf

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


def average(function, variance: float) -> float:
    """E[function(x)] for Gaussian x, by Gauss-Hermite quadrature (exact for polynomials up to degree 239)."""
    return float(NODE_WEIGHTS @ function(np.sqrt(variance) * NODES))


@pytest.mark.parametrize("variance", [0.0, 0.1, 1.0, 3.0])
def test_gain_and_power_are_the_averages_they_stand_for(variance):
    assert mf.gain(variance) == pytest.approx(average(lambda x: np.exp(-np.pi * x**2 / 4), variance), abs=1e-8)
    assert mf.power(variance) == pytest.approx(average(lambda x: mf.phi(x) ** 2, variance), abs=1e-8)


@pytest.mark.parametrize("variance", [0.1, 1.0, 3.0])
def test_slopes_are_derivatives(variance):
    step = 1e-6
    for function, slope in ((mf.gain, mf.gain_slope), (mf.power, mf.power_slope)):
        difference = (function(variance + step) - function(variance - step)) / (2 * step)
        assert slope(variance) == pytest.approx(difference, rel=1e-7)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.4, 1.0])
def test_covariance_of_rates_is_the_average_it_stands_for(correlation):
    vx, vy = 0.7, 2.0
    c = correlation * np.sqrt(vx * vy)
    x, y = np.meshgrid(NODES, NODES, indexing="ij")
    second = correlation * x + np.sqrt(1 - correlation**2) * y
    rates = mf.phi(np.sqrt(vx) * x) * mf.phi(np.sqrt(vy) * second)
    expected = float(NODE_WEIGHTS @ rates @ NODE_WEIGHTS)
    assert mf.covariance_of_rates(np.array(c), np.array(vx), np.array(vy)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("g", [0.0, 0.5, 0.9, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("kappa_squared", [0.0, 0.01, 0.5, 4.0])
def test_total_variance_solves_its_equation(g, kappa_squared):
    variance = mf.total_variance(kappa_squared, g)
    assert variance - g**2 * mf.power(variance) == pytest.approx(kappa_squared, abs=1e-10)
    assert variance >= kappa_squared and (g <= 1 or variance > 0)


@pytest.mark.parametrize("g", [0.5, 0.9])
def test_a_driven_random_network_has_the_variance_of_the_theory(g):
    """The network is h = g J phi(h) + kappa u at N = 3000; finite-size deviations are of order N^-1/2 = 2 %."""
    n, kappa = 3000, 0.8
    rng = np.random.default_rng(0)
    connectivity = g * rng.standard_normal((n, n)) / np.sqrt(n)
    pattern = rng.standard_normal(n)
    pattern *= np.sqrt(n) / np.linalg.norm(pattern)
    h = kappa * pattern
    for _ in range(200):
        h = 0.5 * h + 0.5 * (connectivity @ mf.phi(h) + kappa * pattern)
    assert np.mean(h**2) == pytest.approx(mf.total_variance(kappa**2, g), rel=0.05)
