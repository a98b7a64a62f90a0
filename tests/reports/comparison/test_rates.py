"""Rates of convergence: the exact tests and their correction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from simulation import row_keys, table

from rnnbench.reports.comparison.rates import holm, rates


def values(failing: int, n: int, first_seed: int = 0):
    """Table of two tasks and n seeds in which the first `failing` networks do not learn task 0."""
    x = np.zeros((n, 4))
    x[:failing, :2] = np.nan
    return table(x, 2, first_seed)


def test_labs_with_different_seeds_are_compared_by_fishers_test():
    a, b = values(2, 10), values(9, 12, 10)
    (found,) = rates((a, b), list(dict.fromkeys(row_keys(a))), paired=False)
    assert (found.what, found.successes, found.networks) == ("learnt A", (8, 3), (10, 12))
    # The hypergeometric tail: all tables with the same margins that are at most as likely as this one.
    k = np.arange(0, 11)
    chance = stats.hypergeom(22, 11, 10).pmf(k)
    assert found.p == pytest.approx(chance[chance <= chance[k == 8] * (1 + 1e-9)].sum())
    assert found.adjusted == found.p


def test_labs_with_the_same_seeds_are_compared_by_mcnemars_test():
    a, b = values(1, 10), values(7, 10)
    (found,) = rates((a, b), list(dict.fromkeys(row_keys(a))), paired=True)
    assert found.p == pytest.approx(2 * 0.5**6)  # six seeds changed, all from success to failure


def test_networks_share_a_first_task_and_count_once():
    a, b = values(2, 5), values(3, 5, 5)
    assert len(rates((a, b), list(dict.fromkeys(row_keys(a))), paired=False)) == 1
    assert rates((values(0, 5), values(0, 5, 5)), list(dict.fromkeys(row_keys(a))), paired=False) == []


def test_divergence_is_a_rate_of_its_own():
    a, b = values(0, 6), values(0, 6, 6)
    b.loc[(b["first_task"] == "task 1") & (b["second_task"] == "task 0"), ["status", "loss_after"]] = ["failed", np.nan]
    (found,) = rates((a, b), list(dict.fromkeys(row_keys(a))), paired=False)
    assert (found.what, found.entry[-2:], found.successes) == ("finite", ("task 1", "task 0"), (6, 0))
    assert found.p == pytest.approx(2 / 924)


def test_holms_procedure_ignores_p_values_of_1():
    """Holm 1979: 3, 2, 1 times the sorted p-values, made monotone; the two p-values of 1 are not counted."""
    assert holm([0.04, 1.0, 0.01, 0.03, 1.0]) == pytest.approx([0.06, 1, 0.03, 0.06, 1])
    assert holm([]) == []
