"""Scatter between three or more labs beyond what their seeds explain: random effects, for each entry separately.

Sources: Cochran 1954 (Q); DerSimonian & Laird 1986 (tau^2); Higgins & Thompson 2002 (I^2); Hartung & Knapp 2001 (the
interval); Welch 1951 (the distribution of Q). Welch's distribution is used because the standard errors are estimated
from few seeds, for which chi-squared gives p-values that are too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
MIN_LABS = 3
LEVEL = 0.95


@dataclass(frozen=True)
class Heterogeneity:
    """One entry of the interference matrix over several labs.

    Attributes:
        labs: number of labs that have a mean and a standard error.
        q: Cochran's Q.
        p: Welch's p-value for the hypothesis that all labs have the same true mean.
        tau2: variance of the labs' true means around the common mean.
        i2: share of the scatter that seeds do not explain, 0 to 1.
        mean: random-effects mean over labs.
        low: lower end of the 95 % interval of the mean (Hartung & Knapp).
        high: upper end of that interval.
    """

    labs: int
    q: float
    p: float
    tau2: float
    i2: float
    mean: float
    low: float
    high: float

    @property
    def tau(self) -> float:
        """Standard deviation between labs, in units of interference."""
        return math.sqrt(self.tau2)


def random_effects(means: Floats, variances: Floats, n: Floats) -> Heterogeneity | None:
    """Random-effects estimate of the scatter between labs.

    A lab without a mean, or without a standard error above 0, is left out because its weight is unknown.

    Args:
        means: mean interference of each lab, [lab].
        variances: squared standard error of each mean, [lab].
        n: number of seeds of each lab, [lab].

    Returns:
        The estimate, or None if fewer than three labs remain.
    """
    known = np.isfinite(means) & np.isfinite(variances) & (variances > 0)
    y, v, n = means[known], variances[known], n[known]
    k = len(y)
    if k < MIN_LABS:
        return None
    w_seeds = w = 1 / v
    fixed = w @ y / w.sum()
    q = float(w @ (y - fixed) ** 2)
    tau2 = max(0.0, (q - (k - 1)) / float(w.sum() - (w**2).sum() / w.sum()))
    i2 = max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0
    w = 1 / (v + tau2)
    mean = float(w @ y / w.sum())
    error = math.sqrt(float(w @ (y - mean) ** 2) / ((k - 1) * float(w.sum())))
    half = float(stats.t.ppf((1 + LEVEL) / 2, k - 1)) * error
    return Heterogeneity(k, q, welch_p(w_seeds, q, n), tau2, i2, mean, mean - half, mean + half)


def welch_p(w: Floats, q: float, n: Floats) -> float:
    """p-value of Cochran's Q when the variances are estimated from few seeds (Welch 1951).

    Args:
        w: weights n / s^2, where s^2 is the variance over the n seeds of a lab, [lab].
        q: Cochran's Q.
        n: number of seeds of each lab, [lab].
    """
    k = len(w)
    a = float(((1 - w / w.sum()) ** 2 / (n - 1)).sum())
    f = q / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * a)
    return float(stats.f.sf(f, k - 1, (k**2 - 1) / (3 * a)))
