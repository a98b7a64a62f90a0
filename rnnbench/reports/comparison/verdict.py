"""When labs agree, disagree, or the seeds are too few to tell: one rule for cells and for the whole.

A difference is shown if its test says so after all that was looked at is accounted for. It is negligible if its
interval lies within the margin, which is declared before looking.

    cell     agree          its own 90 % interval lies within the margin
             disagree       not so, and the difference is shown: in the labs as wholes, and in this cell among all
             inconclusive   neither
    labs     agree          every cell agrees, and no rate of convergence is shown to differ
             disagree       not so, and a difference is shown, in the cells together or in a rate
             inconclusive   neither

That all cells agree needs no correction for their number: it is said only if each of its parts is shown at 5 % by
itself (intersection-union, Berger 1982). That a single cell agrees is at 5 % for that cell. Any difference, in cells
or rates, is shown with an error of at most LEVEL for two labs together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from scipy import stats

from rnnbench.reports.comparison.intervals import EQUIVALENCE_LEVEL

Verdict = Literal["agree", "disagree", "inconclusive"]

MARGIN = 0.2
"""A difference that does not matter, in units of interference: a fifth of all that was learnt."""
LEVEL = 0.04
"""Error rate of a shown difference: so far below 5 % that 1000 comparisons of like with like stay below it."""
RATES_SHARE = 0.25
"""Of LEVEL, for rates of convergence and divergence; the rest is for the cells."""
MIN_SEEDS = 3
"""Networks that count in each lab below which a cell has no interval."""


def joint_p(p_cells: float, p_rates: float) -> float:
    """p of any difference, by weighted Bonferroni: at or below LEVEL where cells or rates use up their share."""
    return min(1.0, p_cells / (1 - RATES_SHARE), p_rates / RATES_SHARE)


def cell_verdict(low: float, high: float, margin: float, shown: bool) -> Verdict:
    """Of one cell with the interval [low, high] of its own."""
    if -margin < low and high < margin:
        return "agree"
    return "disagree" if shown else "inconclusive"


def labs_verdict(cells: Sequence[Verdict], shown: bool, rates_shown: bool) -> Verdict:
    """Of two labs. `shown`: a difference is shown, in cells or rates; `rates_shown`: in rates."""
    if cells and all(verdict == "agree" for verdict in cells) and not rates_shown:
        return "agree"
    return "disagree" if shown else "inconclusive"


def overall_verdict(pairs: Sequence[Verdict]) -> Verdict:
    """Of several labs: they agree if any two do."""
    if "disagree" in pairs:
        return "disagree"
    return "agree" if pairs and all(verdict == "agree" for verdict in pairs) else "inconclusive"


def seeds_needed(sd: float, margin: float, power: float = 0.9) -> float:
    """Seeds in each lab that show two like labs of standard deviation `sd` to be within the margin.

    sd   of a seed; of labs with the same seeds, that of the differences over sqrt(2)
    n = 2 (sd / margin)^2 (z_{1 - alpha} + z_{(1 + power) / 2})^2. Source: Chow, Shao & Wang 2008, section 3.2.3.
    """
    z = stats.norm.ppf([1 - EQUIVALENCE_LEVEL, (1 + power) / 2]).sum()
    return math.ceil(2 * (sd / margin * float(z)) ** 2)
