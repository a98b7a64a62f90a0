"""The verdicts agree, disagree and inconclusive, from the evidence on two labs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from simulation import Population, simulated, splits, table, tally, verdict_of

from rnnbench.reports.comparison.verdict import (
    LEVEL,
    MARGIN,
    RATES_SHARE,
    entry_verdict,
    joint_p,
    labs_verdict,
    overall_verdict,
    seeds_needed,
)


def six(sd: float) -> Population:
    return Population(3, np.full(9, sd))


def draw(n_seeds: int, sd: float, shift: np.ndarray | float = 0.0, **rest) -> tuple:
    return simulated(six(sd), n_seeds, shift, **rest)(np.random.default_rng(n_seeds))


def test_an_entry_agrees_within_the_margin_even_if_a_difference_is_shown():
    assert entry_verdict(-0.19, 0.19, 0.2, shown=True) == "agree"
    assert entry_verdict(0.1, 0.3, 0.2, shown=True) == "disagree"
    assert entry_verdict(0.1, 0.3, 0.2, shown=False) == "inconclusive"
    assert entry_verdict(np.nan, np.nan, 0.2, shown=False) == "inconclusive"
    assert entry_verdict(-np.inf, np.inf, 0.2, shown=False) == "inconclusive"


def test_labs_agree_only_if_every_entry_agrees():
    assert labs_verdict(["agree", "agree"], shown=True, rates_shown=False) == "agree"
    assert labs_verdict(["agree", "agree"], shown=True, rates_shown=True) == "disagree"
    assert labs_verdict(["agree", "inconclusive"], shown=False, rates_shown=False) == "inconclusive"
    assert labs_verdict(["agree", "inconclusive"], shown=True, rates_shown=False) == "disagree"
    assert labs_verdict([], shown=False, rates_shown=False) == "inconclusive"
    assert overall_verdict(["agree", "inconclusive"]) == "inconclusive"
    assert overall_verdict(["agree", "disagree", "inconclusive"]) == "disagree"


def test_either_share_of_the_level_gives_the_level():
    assert joint_p((1 - RATES_SHARE) * LEVEL, 1.0) == pytest.approx(LEVEL)
    assert joint_p(1.0, RATES_SHARE * LEVEL) == pytest.approx(LEVEL)
    assert joint_p(1.0, 1.0) == 1


def test_seeds_needed_have_the_power_that_is_asked_for():
    """Two one-sided z tests of like labs: the power follows from the normal distribution."""
    n, sd, margin = seeds_needed(0.3, 0.2), 0.3, 0.2
    error = sd * np.sqrt(2 / n)
    power = 2 * stats.norm.cdf(margin / error - stats.norm.ppf(0.95)) - 1
    assert 0.9 <= power < 0.91


def test_twenty_seeds_with_little_spread_agree_and_twenty_shifted_ones_disagree():
    assert verdict_of(draw(20, 0.25 * MARGIN)).verdict == "agree"
    pair = verdict_of(draw(20, 0.5, 1.0))
    assert pair.verdict == "disagree" and not pair.paired
    assert {cell.verdict for cell in pair.entries} <= {"disagree", "inconclusive"}


def test_a_shift_is_found_in_its_entry_and_nowhere_else():
    pair = verdict_of(draw(20, 0.3, 1.5 * (np.arange(9) == 4)))
    assert pair.verdict == "disagree"
    assert [cell.key[-2:] for cell in pair.entries if cell.verdict == "disagree"] == [("task 1", "task 1")]


def test_a_difference_within_the_margin_is_shown_and_the_labs_agree():
    pair = verdict_of(draw(40, 0.05, 0.1))
    assert pair.shown and pair.omnibus is not None and pair.omnibus.p < 0.01
    assert pair.verdict == "agree"


def test_three_seeds_are_too_few_to_disagree():
    pair = verdict_of(draw(3, 0.1, 50.0))
    assert pair.omnibus is not None and pair.omnibus.smallest == pytest.approx(0.1)
    assert pair.verdict == "inconclusive"


def test_the_same_seeds_are_compared_with_one_another():
    """Seeds scatter by twice the margin: with different seeds the result is inconclusive, with the same they agree."""
    own, same = draw(20, 2 * MARGIN), draw(20, 2 * MARGIN, alike=0.02)
    assert verdict_of(own).verdict == "inconclusive"
    assert verdict_of(same).paired and verdict_of(same).verdict == "agree"


def test_seeds_that_one_lab_has_beyond_the_others_are_not_used():
    a, b = draw(20, 2 * MARGIN, alike=0.02)
    pair = verdict_of((a, b[b["seed"] < 12]))
    assert (pair.paired, pair.shared, pair.seeds) == (True, 12, (20, 12))
    assert pair.entries[0].n == (12, 12) and pair.verdict == "agree"
    pair = verdict_of((a[a["seed"] < 12], b[b["seed"] > 5]))
    assert (pair.paired, pair.shared, pair.entries[0].n) == (False, 6, (12, 14))


def test_rounding_in_entries_without_spread_is_not_a_disagreement():
    """The same seeds on two machines: six entries differ by rounding only, and three are chaotic and stay undecided."""
    rng = np.random.default_rng(5)
    a = rng.normal(0, 0.5, size=(20, 9))
    b = a + np.where(np.arange(9) < 6, 1e-6, rng.normal(0, 1.5, size=(20, 9)))
    pair = verdict_of((table(a, 3, 0), table(b, 3, 0)))
    assert [cell.verdict for cell in pair.entries] == ["agree"] * 6 + ["inconclusive"] * 3
    assert pair.verdict == "inconclusive"


def test_fewer_networks_that_learn_are_a_difference():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 0.02, size=(2, 20, 9))
    b[:15, :3] = np.nan
    pair = verdict_of((table(a, 3, 0), table(b, 3, 20)))
    assert pair.rates_shown and not pair.entries_shown and pair.verdict == "disagree"


def test_entries_in_which_no_network_counts_in_either_lab_are_left_out():
    a = np.random.default_rng(2).normal(0, 0.02, size=(2, 10, 9))
    a[:, :, :3] = np.nan
    pair = verdict_of((table(a[0], 3, 0), table(a[1], 3, 10)))
    assert len(pair.empty) == 3 and len(pair.entries) == 6 and pair.verdict == "agree"
    a[1, :, 3:6] = np.nan
    pair = verdict_of((table(a[0], 3, 0), table(a[1], 3, 10)))
    assert [cell.verdict for cell in pair.entries[:3]] == ["inconclusive"] * 3 and pair.verdict == "disagree"


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [5, 20])
def test_false_alarms_of_like_labs_are_at_most_five_percent(n_seeds):
    found = tally(simulated(six(0.3), n_seeds), 1000, "test")
    assert found.disagree <= 0.05


@pytest.mark.slow
def test_splits_of_one_labs_own_seeds_raise_at_most_five_percent_false_alarms():
    values = Population(3, np.full(9, 0.3), skewed=True, failing=0.1).values(np.random.default_rng(3), 40)
    found = tally(splits(table(values, 3, 0)), 1000, "test")
    assert found.any <= 0.05


@pytest.mark.slow
def test_shifts_of_one_standard_deviation_are_found_at_twenty_seeds():
    assert tally(simulated(six(0.3), 20, 0.3), 200, "test").disagree >= 0.9
