"""When an estimate supports a claim, decides against it, or leaves it undecided: one rule for all claims.

The seed is the unit: everything is averaged within a seed first, since the pairs of a seed share networks. An
estimate is a mean over seeds with its interval (percentile bootstrap, 95 % unless several contrasts share it) and,
where it has a test, a p-value (exact sign flips of the seeds' values minus the threshold, one-sided). It is

    supported       the whole interval lies beyond the threshold on the claimed side, and p <= 0.05
    not supported   the whole interval lies on the other side
    undecided       anything else; always with fewer than five seeds

A percentile bootstrap of few seeds is too narrow by itself: the test is what keeps wrong support below 5 %.
Sources: Efron & Tibshirani 1993, section 13.3; Fisher 1935, section 21 (sign flips).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnbench.randomness import rng_for
from rnnbench.results.interference import bootstrap_interval

Floats = npt.NDArray[np.float64]
Verdict = Literal["supported", "not supported", "undecided"]
Direction = Literal["above", "below", "away", "none"]

MIN_SEEDS = 5
"""Below this the smallest p that sign flips can give, 2^-n, is above 0.05."""
LEVEL = 0.95
SIGNIFICANT = 0.05
MOST_EXACT = 15
"""Up to this many seeds all 2^n flips are gone through."""
N_FLIPS = 10_000
SIGN_FLIPS = "sign flips over seeds"

GENERAL_RULE = (
    "A network counts if it learnt A and then B (both criteria reached, losses finite). The seed is the unit: values "
    f"are averaged within a seed first. Intervals are {100 * LEVEL:.0f} % percentile bootstraps over seeds, p is of an "
    "exact sign-flip test over seeds, one-sided, unless said otherwise. Supported: the whole interval lies beyond the "
    f"threshold on the claimed side, and p <= {SIGNIFICANT}. Not supported: the whole interval lies on the other side. "
    f"Undecided: all else, and always with fewer than {MIN_SEEDS} seeds or where more than half of the networks do not "
    "count. A claim of several parts is supported if all are, and not supported if any is not."
)


@dataclass(frozen=True)
class Estimate:
    """A number that a claim is about.

    value, low, high   the mean over seeds and its interval
    threshold          what it is held against; NaN where direction is "none"
    direction          the claimed side: above or below the threshold; away: beyond it in size, of either sign;
                       none: told for information, decides nothing
    n_seeds            seeds that have a value
    p, test            p-value and what it is of; None and "" where there is no test
    level              of the interval
    """

    statement: str
    value: float
    low: float
    high: float
    threshold: float
    direction: Direction
    n_seeds: int
    p: float | None = None
    test: str = ""
    level: float = LEVEL

    @property
    def verdict(self) -> Verdict:
        """By the rule above; "undecided" where the estimate decides nothing."""
        if self.n_seeds < MIN_SEEDS or not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "undecided"
        if self._short:
            return "not supported"
        return "supported" if self._beyond and (self.p is None or self.p <= SIGNIFICANT) else "undecided"

    @property
    def _beyond(self) -> bool:
        """The whole interval lies beyond the threshold, on the claimed side."""
        above, below = self.low > self.threshold, self.high < self.threshold
        away = above or self.high < -self.threshold
        return {"above": above, "below": below, "away": away, "none": False}[self.direction]

    @property
    def _short(self) -> bool:
        """The whole interval lies on the other side."""
        above, below = self.low > self.threshold, self.high < self.threshold
        within = below and self.low > -self.threshold
        return {"above": below, "below": above, "away": within, "none": False}[self.direction]

    @property
    def reason(self) -> str:
        """Why it is undecided, "" where it is not."""
        if self.direction == "none" or self.verdict != "undecided":
            return ""
        if self.n_seeds < MIN_SEEDS:
            return f"too few seeds ({self.n_seeds}; {MIN_SEEDS} needed)"
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "no interval"
        if self._beyond:
            return f"p = {self.p:.2g}"
        return "the interval reaches over the threshold"


def estimate(
    statement: str,
    values: npt.ArrayLike,
    threshold: float,
    direction: Direction,
    names: Sequence[str | int],
    tested: bool = True,
    level: float = LEVEL,
) -> Estimate:
    """The mean of `values` [seed], its interval, and the test against `threshold`; seeds without a value are left out.

    names   of the stream of random numbers: the same names, the same interval
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    low, high = bootstrap_interval(known, rng_for(0, "claims", *names, "interval"), level)
    p = None
    if tested and len(known) and direction in ("above", "below"):
        excess = known - threshold if direction == "above" else threshold - known
        p = sign_flip_p(excess, rng_for(0, "claims", *names, "flips"))
    mean = float(known.mean()) if len(known) else math.nan
    return Estimate(
        statement, mean, low, high, threshold, direction, len(known), p, SIGN_FLIPS if p is not None else "", level
    )


def informative(statement: str, values: npt.ArrayLike, names: Sequence[str | int]) -> Estimate:
    """An estimate that is told but decides nothing."""
    return estimate(statement, values, math.nan, "none", names, tested=False)


def sign_flip_p(excess: Floats, rng: np.random.Generator) -> float:
    """One-sided p of a mean above 0, for independent `excess` [seed], each symmetric around 0 if there is no effect.

    The fraction of the 2^n ways to flip signs whose sum is as large as the one seen; of 10 000 random ways,
    the one seen included, where 2^n would be too many.
    """
    n = len(excess)
    if n <= MOST_EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n))).reshape(-1, n)
    else:
        signs = np.vstack([np.ones(n), rng.choice([1.0, -1.0], size=(N_FLIPS - 1, n))])
    # Flips that differ from the data in nothing but rounding count as equal to it.
    slack = 1e-12 * float(np.abs(excess).sum())
    return float(np.mean(signs @ excess >= excess.sum() - slack))


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Of a claim with several parts: supported if all are, not supported if any is not, else undecided."""
    if "not supported" in verdicts:
        return "not supported"
    return "supported" if verdicts and all(v == "supported" for v in verdicts) else "undecided"


def combine_any(verdicts: Sequence[Verdict]) -> Verdict:
    """Of a claim that one of several contrasts is enough for: not supported only if none of them leaves it open."""
    if "supported" in verdicts:
        return "supported"
    return "not supported" if verdicts and all(v == "not supported" for v in verdicts) else "undecided"
