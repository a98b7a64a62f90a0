"""Rates of successful training in two labs, compared by exact tests because the rates are counts of few seeds.

Labs with different seeds are compared by Fisher's exact test (Fisher 1935, section 21.02). Labs with the same seeds are
compared by the exact test of McNemar (1947), which uses the seeds in which the outcomes differ. The p-values are
adjusted over all rates by Holm's procedure (1979). A rate for which no outcome could have given a p-value below 1 is
not counted in the adjustment (Tarone 1990, in its simplest form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from rnnbench.reports.comparison.matching import EntryKey, Floats, Places
from rnnbench.results.interference import converged

WHAT = {
    "learnt A": "networks that reached the criterion on A",
    "learnt B": "networks that then reached the criterion on B",
    "finite": "networks with finite losses throughout",
}


@dataclass(frozen=True)
class Rate:
    """One rate in two labs.

    Attributes:
        what: which rate, a key of `WHAT`.
        entry: the matrix entry; for `learnt A` the first entry of task A, because all entries of A share the networks.
        successes: number of successful networks in each lab.
        networks: number of networks in each lab.
        p: p-value for the hypothesis that the rates are equal.
        adjusted: the p-value adjusted over all rates of the two labs (Holm).
    """

    what: str
    entry: EntryKey
    successes: tuple[int, int]
    networks: tuple[int, int]
    p: float
    adjusted: float


def rates(tables: Sequence[pd.DataFrame], keys: Sequence[EntryKey], paired: bool) -> list[Rate]:
    """Compare all rates in which at least one network of either lab failed.

    Args:
        tables: interference tables of the two labs.
        keys: the entries to compare.
        paired: whether both tables have the same seeds.
    """
    places = [Places(table, keys) for table in tables]
    found = []
    for what in WHAT:
        chosen = _one_for_each_network(keys) if what == "learnt A" else range(len(keys))
        a, b = (rows.wide(_outcome(table, what)) for rows, table in zip(places, tables, strict=True))
        failed = (a == 0).any(axis=0) | (b == 0).any(axis=0)
        for j in chosen:
            if failed[j]:
                x, y = a[:, j], b[:, j]
                p = _mcnemar(x, y) if paired else _fisher(x, y)
                found.append((what, keys[j], x[np.isfinite(x)], y[np.isfinite(y)], p))
    return [
        Rate(what, key, (int(x.sum()), int(y.sum())), (len(x), len(y)), p, q)
        for (what, key, x, y, p), q in zip(found, holm([p for *_, p in found]), strict=True)
    ]


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted by Holm's procedure (1979).

    Args:
        p: p-values; those of exactly 1 are not counted in the adjustment.

    Returns:
        The adjusted p-values, in the same order.
    """
    values: npt.NDArray[np.float64] = np.asarray(p, dtype=float)
    adjusted = np.ones(len(values))
    tested = np.flatnonzero(values < 1)
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = np.arange(len(order), 0, -1) * values[order]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(one) for one in adjusted]


def _outcome(table: pd.DataFrame, what: str) -> pd.Series:
    """1 for success, 0 for failure, NaN where the rate does not apply (drift controls have no criterion on B)."""
    if what == "learnt A":
        return converged(table).astype(float)
    finite = table["status"].eq("done") & np.isfinite(table["loss_after"].astype(float))
    if what == "finite":
        return finite.astype(float)
    return table["converged_second"].astype("Float64").astype(float).where(table["first_task"] != table["second_task"])


def _one_for_each_network(keys: Sequence[EntryKey]) -> list[int]:
    """Index of the first entry of each first task in each matrix."""
    return list({(key.matrix, key.first_task): j for j, key in reversed(list(enumerate(keys)))}.values())[::-1]


def _fisher(x: Floats, y: Floats) -> float:
    (k, n), (m, total) = ((int(np.nansum(one)), int(np.isfinite(one).sum())) for one in (x, y))
    return float(stats.fisher_exact([[k, n - k], [m, total - m]]).pvalue) if n and total else 1.0


def _mcnemar(x: Floats, y: Floats) -> float:
    better, worse = int((y > x).sum()), int((y < x).sum())
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
