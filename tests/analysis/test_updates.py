"""Overlaps, ranks and dimensions of matrices and activity built to have them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench.analysis import updates


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_correlation_of_updates(rng):
    a, b = rng.standard_normal((2, 30, 30))
    b -= np.sum(a * b) / np.sum(a * a) * a  # orthogonal to a
    assert updates.correlation(a, 3 * a) == pytest.approx(1)
    assert updates.correlation(a, -a) == pytest.approx(-1)
    assert updates.correlation(a, b) == pytest.approx(0, abs=1e-12)
    assert updates.correlation(a, a / np.linalg.norm(a) + b / np.linalg.norm(b)) == pytest.approx(1 / math.sqrt(2))
    assert math.isnan(updates.correlation(a, 0 * a))


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_block_of_a_low_rank_matrix_is_what_it_was_made_of(rng, orthogonal):
    u = rng.standard_normal((50, 2))
    u = np.linalg.qr(u)[0] * math.sqrt(50) if orthogonal else u
    m = np.array([[0.23, 0.0], [-0.95, 1.24]])
    np.testing.assert_allclose(updates.block(u @ m @ u.T / 50, u), m, atol=1e-10)


def test_explained_is_one_in_the_span_and_what_chance_gives_outside(rng):
    n = 200
    u = rng.standard_normal((n, 2))
    assert updates.explained(u @ rng.standard_normal((2, 2)) @ u.T, u) == pytest.approx(1)
    # A random matrix has (2 / n)^2 of its square there: 1e-4, with a spread of 0.7e-4.
    assert updates.explained(rng.standard_normal((n, n)), u) < 5e-4


def test_ranks(rng):
    q, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    p, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    values = np.zeros(40)
    values[:5] = 2.0
    values[5] = 0.01
    w = q * values @ p.T
    assert updates.numerical_rank(w) == 5 and updates.numerical_rank(w, fraction=0.001) == 6
    assert updates.effective_rank(w) == pytest.approx(5, rel=1e-4)
    assert updates.numerical_rank(0 * w) == 0 and updates.effective_rank(0 * w) == 0


def test_participation_ratio_counts_the_dimensions_of_isotropic_activity(rng):
    q, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    corners = np.concatenate([np.eye(4), -np.eye(4)])  # zero mean, equal variance in 4 dimensions
    activity = (corners @ q[:4]).reshape(2, 4, 30) + 7.0  # an offset is no dimension
    assert updates.participation_ratio(activity) == pytest.approx(4)
    assert updates.participation_ratio(np.ones((5, 30))) == 0


def test_participation_ratio_of_known_variances():
    """Variances 3 and 1: (3 + 1)^2 / (9 + 1) = 1.6."""
    activity = np.array([[math.sqrt(3), 0], [-math.sqrt(3), 0], [0, 1], [0, -1]])
    assert updates.participation_ratio(activity) == pytest.approx(1.6)


def test_the_spectrum_is_ordered_by_real_part(rng):
    w = np.array([[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(updates.spectrum(w)[0], 1.0)
    np.testing.assert_allclose(sorted(updates.spectrum(w)[1:].imag), [-2, 2])
