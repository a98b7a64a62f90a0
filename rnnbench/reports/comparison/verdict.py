"""The rule by which labs agree, disagree, or the result is inconclusive, for single entries and for whole labs.

A difference is shown if its test is significant after correction for everything that was tested. A difference is
negligible if its interval lies within the margin, which is chosen in advance.

    entry    agree          its own 90 % interval lies within the margin
             disagree       the interval does not, and a difference is shown both over all entries and in this entry
             inconclusive   neither
    labs     agree          every entry agrees, and no rate of convergence is shown to differ
             disagree       not so, and a difference is shown, over all entries or in a rate
             inconclusive   neither

The statement that all entries agree needs no correction for their number, because it is made only if each entry by
itself is shown to agree at 5 % (intersection-union test, Berger 1982). The statement that a single entry agrees has an
error of 5 % for that entry. Any difference between two labs, in entries or rates, is shown with an error of at most
LEVEL.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from scipy import stats

from rnnbench.reports.comparison.intervals import EQUIVALENCE_LEVEL
from rnnbench.results.intervals import MIN_VALUES

Agreement = Literal["agree", "disagree", "inconclusive"]

MARGIN = 0.2
"""A difference that is regarded as negligible, in units of interference: a fifth of what was learnt."""
LEVEL = 0.04
"""Error rate of a shown difference. It is below 5 % so that 1000 simulated comparisons of like labs stay below 5 %."""
RATES_SHARE = 0.25
"""Fraction of LEVEL for the rates of convergence and divergence; the rest is for the entries."""
MIN_SEEDS = MIN_VALUES
"""An entry has no interval, so it cannot be shown to agree, if fewer networks than this count in one of the labs."""
MIN_SEEDS_OF_SPREAD = 3
"""The number of seeds that would be needed is not estimated from the spread of fewer networks than this."""


def joint_p(p_entries: float, p_rates: float) -> float:
    """p-value of any difference, by a weighted Bonferroni correction.

    Args:
        p_entries: p-value over all entries.
        p_rates: smallest adjusted p-value of the rates.

    Returns:
        A p-value that is at most LEVEL if either part is at most its share of LEVEL.
    """
    return min(1.0, p_entries / (1 - RATES_SHARE), p_rates / RATES_SHARE)


def entry_verdict(low: float, high: float, margin: float, shown: bool) -> Agreement:
    """Agreement on one entry.

    Args:
        low: lower end of the entry's own 90 % interval.
        high: upper end of that interval.
        margin: difference that is regarded as negligible.
        shown: whether a difference is shown, over all entries and in this entry.
    """
    if -margin < low and high < margin:
        return "agree"
    return "disagree" if shown else "inconclusive"


def labs_verdict(entries: Sequence[Agreement], shown: bool, rates_shown: bool) -> Agreement:
    """Agreement on two labs.

    Args:
        entries: verdict on each entry.
        shown: whether a difference is shown, in entries or rates.
        rates_shown: whether a difference is shown in rates.
    """
    if entries and all(verdict == "agree" for verdict in entries) and not rates_shown:
        return "agree"
    return "disagree" if shown else "inconclusive"


def overall_verdict(pairs: Sequence[Agreement]) -> Agreement:
    """Agreement on several labs: they agree if every pair agrees, and disagree if any pair disagrees."""
    if "disagree" in pairs:
        return "disagree"
    return "agree" if pairs and all(verdict == "agree" for verdict in pairs) else "inconclusive"


def seeds_needed(sd: float, margin: float, power: float = 0.9) -> float:
    """Number of seeds in each lab that are needed to show that two like labs differ by less than the margin.

    n = 2 (sd / margin)^2 (z_{1 - alpha} + z_{(1 + power) / 2})^2. Source: Chow, Shao & Wang 2008, section 3.2.3.

    Args:
        sd: standard deviation over seeds; for paired seeds, the standard deviation of the differences over sqrt(2).
        margin: difference that is regarded as negligible.
        power: probability of showing agreement if the true difference is 0.
    """
    z = stats.norm.ppf([1 - EQUIVALENCE_LEVEL, (1 + power) / 2]).sum()
    return math.ceil(2 * (sd / margin * float(z)) ** 2)
