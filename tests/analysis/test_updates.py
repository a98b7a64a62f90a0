"""Overlaps, ranks and dimensions of matrices and activity that are constructed to have known values."""

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


def test_explained_is_one_in_the_span_and_at_chance_level_outside(rng):
    n = 200
    u = rng.standard_normal((n, 2))
    assert updates.explained(u @ rng.standard_normal((2, 2)) @ u.T, u) == pytest.approx(1)
    # For a random matrix the fraction is (2 / n)^2 = 1e-4, with a standard deviation of 0.7e-4.
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
    activity = (corners @ q[:4]).reshape(2, 4, 30) + 7.0  # an offset does not add a dimension
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


def test_dimensions_are_those_of_the_singular_values_and_of_the_covariance(rng):
    w = rng.standard_normal((20, 35))
    squares = np.linalg.svd(w, compute_uv=False) ** 2
    assert updates.effective_rank(w) == pytest.approx(squares.sum() ** 2 / (squares**2).sum(), rel=1e-10)
    activity = rng.standard_normal((6, 50, 12)) @ rng.standard_normal((12, 12))
    variances = np.linalg.eigvalsh(np.cov(activity.reshape(-1, 12).T))
    expected = variances.sum() ** 2 / (variances**2).sum()
    assert updates.participation_ratio(activity) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_the_spectrum_of_low_rank_is_that_of_the_small_matrix(rng, rank):
    """U V^T has the eigenvalues of V^T U and zeros, so that W need not be diagonalised."""
    n = 250
    u, v = rng.standard_normal((2, n, rank)) / math.sqrt(n)
    values = updates.spectrum(u @ v.T)
    assert len(values) == n and (np.diff(values.real) <= 0).all()
    expected = np.concatenate([np.linalg.eigvals(v.T @ u), np.zeros(n - rank)])
    np.testing.assert_allclose(np.sort_complex(np.round(values, 9)), np.sort_complex(np.round(expected, 9)), atol=1e-8)
    assert updates.numerical_rank(u @ v.T, fraction=1e-9) == rank


def test_the_spectrum_of_a_large_full_matrix_is_exact(rng):
    w = rng.standard_normal((220, 220)) / math.sqrt(220)
    np.testing.assert_allclose(np.sort_complex(updates.spectrum(w)), np.sort_complex(np.linalg.eigvals(w)), atol=1e-10)


def test_alignment_is_one_for_the_outer_product_of_readout_and_activity(rng):
    readout, activity = rng.standard_normal((2, 30))
    rates = np.outer([1.0, -3.0, 0.2], activity)
    assert updates.alignment(7 * np.outer(readout, activity), rates, readout[None]) == pytest.approx(1)
    across = rng.standard_normal(30)
    across -= across @ activity / (activity @ activity) * activity
    assert updates.alignment(np.outer(readout, across), rates, readout[None]) == pytest.approx(0, abs=1e-12)


def test_alignment_never_exceeds_its_bound(rng):
    for n_outputs in (1, 3):
        for _ in range(50):
            update = rng.standard_normal((6, 1)) @ rng.standard_normal((1, 6)) + 0.1 * rng.standard_normal((6, 6))
            # The singular vectors of the update are the readout and activity with the largest alignment.
            left, _, right = np.linalg.svd(update)
            for rates in (rng.standard_normal((4, 5, 6)), right[:1]):
                for readout in (rng.standard_normal((n_outputs, 6)), left[:, :n_outputs].T):
                    assert 0 <= updates.alignment(update, rates, readout) <= 1 + 1e-12


def test_alignments_of_orthogonal_directions_are_the_elements_of_m(rng):
    """dW = U dM U^T / N with orthogonal patterns: activity along b, readout along a give |dM_ab| / |dM|."""
    u = np.linalg.qr(rng.standard_normal((40, 2)))[0] * math.sqrt(40)
    m = np.array([[-1.01, 0.3], [-0.95, 1.24]])
    found = [[updates.alignment(u @ m @ u.T / 40, u[:, b], u[:, [a]].T / 40) for b in (0, 1)] for a in (0, 1)]
    np.testing.assert_allclose(found, np.abs(m) / np.linalg.norm(m), atol=1e-12)


def test_alignment_with_zeros_is_nan():
    w, r, z = np.ones((3, 3)), np.ones((2, 3)), np.ones((1, 3))
    for case in ((0 * w, r, z), (w, 0 * r, z), (w, r, 0 * z), (w, r, z[:0])):
        assert math.isnan(updates.alignment(*case))
