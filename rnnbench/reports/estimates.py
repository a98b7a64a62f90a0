"""The rule by which an estimate supports a claim, rejects it or leaves it undecided; it is the same for all claims.

The seed is the unit of analysis. Everything is averaged within a seed first, because the pairs of tasks of one seed
share networks. An estimate is a mean over seeds with its interval (studentised bootstrap, 95 % unless several contrasts
share the error rate). Where it is tested, it also has a one-sided p-value from exact sign flips of the seeds' values
minus the threshold. Its verdict is one of:

* supported: the whole interval lies beyond the threshold on the claimed side, and p <= 0.05.
* not supported: the whole interval lies on the other side of the threshold.
* undecided: every other case, and always with fewer than five seeds.

With few seeds and skewed values an interval alone is too narrow. The test keeps the rate of wrong support below 5 %
where the values are symmetric around the threshold.
Sources: `rnnbench.results.intervals`; Fisher 1935, section 21 (sign flips).
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
from rnnbench.results.intervals import MIN_VALUES, mean_interval

Floats = npt.NDArray[np.float64]
Verdict = Literal["supported", "not supported", "undecided"]
Direction = Literal["above", "below", "away", "none"]

MIN_SEEDS = MIN_VALUES
"""With fewer seeds there is no interval, and the smallest p-value that sign flips can give, 2^-n, is above 0.05."""
LEVEL = 0.95
SIGNIFICANT = 0.05
MOST_EXACT = 15
"""Up to this many seeds all 2^n sign flips are enumerated."""
N_FLIPS = 10_000
SIGN_FLIPS = "sign flips over seeds"

GENERAL_RULE = (
    "A network counts if it learnt A and then B: both criteria were reached and the losses are finite. The seed is the "
    "unit of analysis: values are averaged within each seed first. Unless stated otherwise, intervals are "
    f"{100 * LEVEL:.0f} % studentised bootstraps over seeds, and p is the p-value of an exact one-sided sign-flip test "
    "over seeds. Supported: the whole interval lies beyond the threshold on the claimed side, and "
    f"p <= {SIGNIFICANT}. Not supported: the whole interval lies on the other side. Undecided: every other case, and "
    f"always with fewer than {MIN_SEEDS} seeds or where more than half of the networks do not count. A claim with "
    'several parts is supported if every part is supported, and not supported if any part is "not supported".'
)


@dataclass(frozen=True)
class Estimate:
    """A number that a claim is about, with its interval and threshold.

    Attributes:
        statement: what was estimated, in words.
        value: mean over seeds.
        low: lower end of the interval.
        high: upper end of the interval.
        threshold: the value that the estimate is compared with; NaN where `direction` is "none".
        direction: the claimed side. "above" and "below": above or below the threshold. "away": larger in size than
            the threshold, with either sign. "none": reported for information only; the estimate decides nothing.
        n_seeds: number of seeds that have a value.
        p: p-value; None where there is no test.
        test: name of the test; "" where there is none.
        level: confidence level of the interval.
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
        """The verdict by the rule of this module; "undecided" where the estimate decides nothing."""
        if self.n_seeds < MIN_SEEDS or not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "undecided"
        if self._short:
            return "not supported"
        return "supported" if self._beyond and (self.p is None or self.p <= SIGNIFICANT) else "undecided"

    @property
    def _beyond(self) -> bool:
        """Whether the whole interval lies beyond the threshold on the claimed side."""
        above, below = self.low > self.threshold, self.high < self.threshold
        away = above or self.high < -self.threshold
        return {"above": above, "below": below, "away": away, "none": False}[self.direction]

    @property
    def _short(self) -> bool:
        """Whether the whole interval lies on the other side of the threshold."""
        above, below = self.low > self.threshold, self.high < self.threshold
        within = below and self.low > -self.threshold
        return {"above": below, "below": above, "away": within, "none": False}[self.direction]

    @property
    def reason(self) -> str:
        """Why the verdict is "undecided"; "" if it is not, or if the estimate decides nothing."""
        if self.direction == "none" or self.verdict != "undecided":
            return ""
        if self.n_seeds < MIN_SEEDS:
            return f"too few seeds ({self.n_seeds}; {MIN_SEEDS} needed)"
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "there is no finite interval"
        if self._beyond:
            return f"p = {self.p:.2g}"
        return "the interval contains the threshold"


def estimate(
    statement: str,
    values: npt.ArrayLike,
    threshold: float,
    direction: Direction,
    names: Sequence[str | int],
    tested: bool = True,
    level: float = LEVEL,
) -> Estimate:
    """Mean over seeds with its interval and, if asked for, a test against the threshold.

    Args:
        statement: what is estimated, in words.
        values: [seed], one value for each seed; seeds with a value that is not finite are left out.
        threshold: the value that the mean is compared with.
        direction: the claimed side of the threshold; see `Estimate`.
        names: names of the stream of random numbers. The same names give the same interval.
        tested: whether to add the p-value of a sign-flip test; it exists for "above" and "below" only.
        level: confidence level of the interval.

    Returns:
        The estimate; its value is NaN if no seed has a finite value.
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    low, high = mean_interval(known, rng_for(0, "claims", *names, "interval"), level)
    p = None
    if tested and len(known) and direction in ("above", "below"):
        excess = known - threshold if direction == "above" else threshold - known
        p = sign_flip_p(excess, rng_for(0, "claims", *names, "flips"))
    mean = float(known.mean()) if len(known) else math.nan
    return Estimate(
        statement, mean, low, high, threshold, direction, len(known), p, SIGN_FLIPS if p is not None else "", level
    )


def informative(statement: str, values: npt.ArrayLike, names: Sequence[str | int]) -> Estimate:
    """An estimate that is reported for information and decides nothing.

    Args:
        statement: what is estimated, in words.
        values: [seed], one value for each seed; seeds with a value that is not finite are left out.
        names: names of the stream of random numbers.

    Returns:
        An estimate without threshold or test.
    """
    return estimate(statement, values, math.nan, "none", names, tested=False)


def sign_flip_p(excess: Floats, rng: np.random.Generator) -> float:
    """One-sided p-value of a sign-flip test that the mean is above 0.

    The p-value is the fraction of the 2^n sign patterns whose sum is at least as large as the observed sum. Where 2^n
    is too many, 10 000 patterns are used: the observed one and random ones.

    Args:
        excess: [seed], independent values that are symmetric around 0 if there is no effect.
        rng: used for the random patterns only.

    Returns:
        The p-value.
    """
    n = len(excess)
    if n <= MOST_EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n))).reshape(-1, n)
    else:
        signs = np.vstack([np.ones(n), rng.choice([1.0, -1.0], size=(N_FLIPS - 1, n))])
    # Sums that differ from the observed sum only by rounding count as equal to it.
    tolerance = 1e-12 * float(np.abs(excess).sum())
    return float(np.mean(signs @ excess >= excess.sum() - tolerance))


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Verdict on a claim whose parts must all hold.

    Args:
        verdicts: the verdict on each part.

    Returns:
        "supported" if every part is supported, "not supported" if any part is "not supported", else "undecided".
        Without parts, "undecided".
    """
    if "not supported" in verdicts:
        return "not supported"
    return "supported" if verdicts and all(v == "supported" for v in verdicts) else "undecided"


def combine_any(verdicts: Sequence[Verdict]) -> Verdict:
    """Verdict on a claim for which one supported contrast is enough.

    Args:
        verdicts: the verdict on each contrast.

    Returns:
        "supported" if any contrast is supported, "not supported" if every contrast is "not supported", else
        "undecided". Without contrasts, "undecided".
    """
    if "supported" in verdicts:
        return "supported"
    return "not supported" if verdicts and all(v == "not supported" for v in verdicts) else "undecided"
