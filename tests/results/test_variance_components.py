"""Components of variance against the closed form of the social relations model, and against simulated effects."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.results.variance_components import Cells, shares_of, variance_components


def cells_of(values):
    """The cells of matrices [seed, task A, task B] that are finite and not on the diagonal."""
    n = values.shape[-1]
    known = np.isfinite(values) & ~np.eye(n, dtype=bool)
    seed, first, second = np.nonzero(known)
    return Cells(first, second, seed, values[known])


def closed_form(matrix):
    """Actor, partner and relationship variance of one matrix: Warner, Kenny & Stoto 1979; Bond & Lashley 1996."""
    n = len(matrix)
    x = np.where(np.eye(n, dtype=bool), 0, matrix)
    rows, columns, mean = x.sum(axis=1) / (n - 1), x.sum(axis=0) / (n - 1), x.sum() / (n * (n - 1))
    share = (n - 1) / (n * (n - 2))
    a = (n - 1) * share * rows + share * columns - (n - 1) / (n - 2) * mean
    b = (n - 1) * share * columns + share * rows - (n - 1) / (n - 2) * mean
    upper = np.triu_indices(n, 1)
    residual = x - a[:, None] - b - mean
    half_sum, half_difference = (residual + residual.T)[upper] / 2, (residual - residual.T)[upper] / 2
    degrees = (n - 1) * (n - 2) / 2
    ms_b, ms_w = 2 * (half_sum**2).sum() / (degrees - 1), 2 * (half_difference**2).sum() / degrees
    pair, reciprocity = (ms_b + ms_w) / 2, (ms_b - ms_w) / 2
    lost = share * pair + reciprocity / (n * (n - 2))
    return np.array([(a**2).sum() / (n - 1) - lost, (b**2).sum() / (n - 1) - lost, pair])


@pytest.mark.parametrize(("n", "n_seeds"), [(4, 2), (6, 5), (7, 3)])
def test_complete_tables_agree_with_the_closed_form(n, n_seeds):
    values = np.random.default_rng(n).gamma(1.0, size=(n_seeds, n, n))
    # The form of the mean matrix contains 1/S of the variance between seeds, and that of a single matrix all of it.
    mean, single = closed_form(values.mean(axis=0)), np.mean([closed_form(each) for each in values], axis=0)
    expected = (n_seeds * mean - single) / (n_seeds - 1)
    found = variance_components(cells_of(values))
    assert found[:3] == pytest.approx(expected, abs=1e-10)
    # Seeds: the variance between the cells of a pair, averaged over pairs.
    assert found[3] == pytest.approx(values.var(axis=0, ddof=1)[~np.eye(n, dtype=bool)].mean(), abs=1e-10)


def draw(rng, n, n_seeds, correlation=0.7):
    """Values with variances 0.5 (A), 1 (B), 0.8 (pair) and 0.2 + 0.1 + 0.1 + 0.3 (seeds), and dependent effects."""
    a, b = np.linalg.cholesky([[1, correlation], [correlation, 1]]) @ rng.normal(size=(2, n))
    pair = rng.normal(size=(n, n))
    pair = np.sqrt(0.8) * (0.6 * np.triu(pair) + 0.6 * np.triu(pair).T + 0.8 * rng.normal(size=(n, n)))
    values = np.sqrt(0.5) * a[:, None] + b + pair
    of_seed = np.sqrt(0.2) * rng.normal(size=(n_seeds, 1, 1))
    of_row, of_column = np.sqrt(0.1) * rng.normal(size=(2, n_seeds, n))
    noise = np.sqrt(0.3) * rng.normal(size=(n_seeds, n, n))
    return values + of_seed + of_row[:, :, None] + of_column[:, None, :] + noise


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_estimates_are_unbiased_also_with_missing_cells(missing):
    rng, found = np.random.default_rng(0), []
    for _ in range(1500):
        values = draw(rng, 6, 4)
        values[rng.random(values.shape) < missing] = np.nan
        found.append(variance_components(cells_of(values)))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.abs(np.mean(found, axis=0) - [0.5, 1.0, 0.8, 0.7]) / error == pytest.approx(0, abs=3.5)
    assert (error < 0.04).all()


def test_effects_of_one_kind_are_found_as_such():
    n, rng = 6, np.random.default_rng(1)
    effect, noise = rng.normal(size=n), 1e-6 * rng.normal(size=(3, n, n))
    of_a = variance_components(cells_of(np.repeat(effect[:, None], n, axis=1) + noise))
    of_b = variance_components(cells_of(np.repeat(effect[None], n, axis=0) + noise))
    expected = [effect.var(ddof=1), 0, 0, 0]
    assert of_a == pytest.approx(expected, abs=1e-5)  # the noise is 1e-6
    assert of_b[[1, 0, 2, 3]] == pytest.approx(expected, abs=1e-5)  # the noise is 1e-6


def test_what_the_cells_do_not_determine_is_nan():
    values = np.random.default_rng(0).normal(size=(3, 6, 6))
    assert np.isnan(variance_components(cells_of(values[:1]))).all()  # one seed
    assert np.isnan(variance_components(cells_of(values[:, :3, :3]))[:3]).all()  # three tasks
    assert np.isfinite(variance_components(cells_of(values[:2, :4, :4]))).all()
    assert np.isnan(variance_components(cells_of(np.full((2, 3, 3), np.nan)))).all()


def test_the_unit_and_the_mean_do_not_matter_for_shares():
    values = draw(np.random.default_rng(0), 6, 5)
    shares = shares_of(variance_components(cells_of(values)))
    assert shares.sum() == pytest.approx(1)
    assert shares_of(variance_components(cells_of(100 + 7 * values))) == pytest.approx(shares)
    assert shares_of(np.array([-0.1, 1.0, 1.0, 2.0])).tolist() == [0, 0.25, 0.25, 0.5]
    assert np.isnan(shares_of(np.array([np.nan, 1.0, 1.0, 1.0]))).all()
