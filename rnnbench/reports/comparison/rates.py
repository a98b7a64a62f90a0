"""Are as many networks' trainings successful in both labs? Exact tests, since rates are counts of few seeds.

Labs with seeds of their own: Fisher's exact test (Fisher 1935, section 21.02). Labs with the same seeds: the exact
test of McNemar (1947), on the seeds in which they differ. Over all rates by Holm (1979); a rate in which no split of
the seeds could have told the labs apart is not counted among them (Tarone 1990, in its simplest form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from rnnbench.reports.comparison.matching import CellKey, Floats, Places
from rnnbench.results.interference import converged

WHAT = {
    "learnt A": "networks that reached the criterion on A",
    "learnt B": "networks that then reached the criterion on B",
    "finite": "networks with finite losses throughout",
}


@dataclass(frozen=True)
class Rate:
    """One rate in two labs.

    cell    for `learnt A` any cell of that A stands for all: they share the networks
    p       of equal rates; adjusted: by Holm over all rates of the two labs
    """

    what: str
    cell: CellKey
    successes: tuple[int, int]
    networks: tuple[int, int]
    p: float
    adjusted: float


def rates(tables: Sequence[pd.DataFrame], keys: Sequence[CellKey], paired: bool) -> list[Rate]:
    """The rates in which any network of either lab failed; where none did there is nothing to tell."""
    places = [Places(table, keys) for table in tables]
    found = []
    for what in WHAT:
        chosen = _one_for_each_network(keys) if what == "learnt A" else range(len(keys))
        a, b = (place.wide(_outcome(table, what)) for place, table in zip(places, tables, strict=True))
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
    """Adjusted p-values (Holm 1979); those of exactly 1, which no data could have lowered, take no share."""
    values: npt.NDArray[np.float64] = np.asarray(p, dtype=float)
    adjusted = np.ones(len(values))
    tested = np.flatnonzero(values < 1)
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = np.arange(len(order), 0, -1) * values[order]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(one) for one in adjusted]


def _outcome(table: pd.DataFrame, what: str) -> pd.Series:
    """1 success, 0 failure, NaN where it does not apply: drift controls have no criterion on B."""
    if what == "learnt A":
        return converged(table).astype(float)
    finite = table["status"].eq("done") & np.isfinite(table["loss_after"].astype(float))
    if what == "finite":
        return finite.astype(float)
    return table["converged_second"].astype("Float64").astype(float).where(table["first_task"] != table["second_task"])


def _one_for_each_network(keys: Sequence[CellKey]) -> list[int]:
    """The first cell of each first task in each matrix."""
    return list({(key.matrix, key.first_task): j for j, key in reversed(list(enumerate(keys)))}.values())[::-1]


def _fisher(x: Floats, y: Floats) -> float:
    (k, n), (m, total) = ((int(np.nansum(one)), int(np.isfinite(one).sum())) for one in (x, y))
    return float(stats.fisher_exact([[k, n - k], [m, total - m]]).pvalue) if n and total else 1.0


def _mcnemar(x: Floats, y: Floats) -> float:
    better, worse = int((y > x).sum()), int((y < x).sum())
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
