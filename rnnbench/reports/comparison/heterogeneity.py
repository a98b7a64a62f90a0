"""Do more than two labs scatter more than their seeds explain? Random effects, for each cell by itself.

Sources: Cochran 1954 (Q); DerSimonian & Laird 1986 (tau^2); Higgins & Thompson 2002 (I^2); Hartung & Knapp 2001 (the
interval); Welch 1951 (the distribution of Q where the errors are of few seeds: chi-squared would be too sure).
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
    """One cell over several labs.

    labs        that have a mean and an error
    q, p        Cochran's Q, and Welch's p of one mean common to the labs
    tau2        variance of the labs' true means around it
    i2          share of the scatter that is not due to the seeds, 0 to 1
    mean        over labs, of random effects
    low, high   its 95 % interval (Hartung & Knapp)
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
    """Heterogeneity of `means` [lab] with squared standard errors `variances` [lab], each of `n` seeds.

    None below three such labs.

    A lab without a mean or an error above 0 is left out: its weight is not known.
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
    """p of Q for weights w = n / s^2 whose variances s^2 are of n seeds each (Welch 1951)."""
    k = len(w)
    a = float(((1 - w / w.sum()) ** 2 / (n - 1)).sum())
    f = q / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * a)
    return float(stats.f.sf(f, k - 1, (k**2 - 1) / (3 * a)))
