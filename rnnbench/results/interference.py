"""From raw losses to measures. Pure functions of numbers; what each one means is said here and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from rnnbench.results.columns import ENTRY


def interference(loss_untrained: float, loss_first: float, loss_after: float) -> float:
    """I(A <- B) = (L_A after B - L_A after A) / (L_A before training - L_A after A).

    0: nothing lost; 1: as bad as untrained; above 1: worse than untrained; below 0: B improved A.
    NaN where a loss is missing or where training on A did not lower its loss, so that there was nothing to lose.
    With error rates (1 - accuracy) in place of losses the same quotient measures the accuracy lost.
    """
    learnt = loss_untrained - loss_first
    if not all(map(math.isfinite, (loss_untrained, loss_first, loss_after))) or learnt <= 0:
        return math.nan
    return (loss_after - loss_first) / learnt


def bootstrap_interval(
    values: np.ndarray, rng: np.random.Generator, level: float = 0.95, n_resamples: int = 10_000
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of independent `values` [seed]; (NaN, NaN) below two of them.

    Source: Efron & Tibshirani 1993, section 13.3.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return math.nan, math.nan
    means = values[rng.integers(len(values), size=(n_resamples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def in_context(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns that a benchmark of pairs under one condition may do without: both are empty."""
    return table.assign(**{name: "" for name in ("condition", "earlier_tasks") if name not in table})


def converged(table: pd.DataFrame) -> pd.Series:
    """Which rows of the interference table are of networks that reached their criterion on A; empty is no."""
    return table["converged_first"].eq(True).fillna(False).astype(bool)


def counts(table: pd.DataFrame) -> pd.Series:
    """Which rows have a meaningful interference: the criterion on A reached, every loss finite."""
    return converged(table) & table["status"].eq("done") & np.isfinite(table["interference"].astype(float))


def matrix_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell of the matrix: mean and spread of interference over the networks that count.

    Columns: ENTRY; networks; converged, of them on A; counted, of them in the mean; mean and sd (over
    seeds, n - 1) of the counted ones, NaN where there are none (for sd: fewer than two).
    """
    table = in_context(table)
    value = table["interference"].astype(float).where(counts(table))
    marked = table.assign(converged=converged(table), counted=counts(table), value=value)
    cells = marked.groupby(ENTRY, dropna=False, sort=False)
    summary = pd.DataFrame(
        {
            "networks": cells.size(),
            "converged": cells["converged"].sum(),
            "counted": cells["counted"].sum(),
            "mean": cells["value"].mean(),
            "sd": cells["value"].std(ddof=1),
        }
    )
    return summary.reset_index()


def over_seeds(table: pd.DataFrame, by: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """One row for each group of rows alike in the columns `by`: mean interference with its interval over seeds.

    The seed is the unit: the pairs that count are averaged within a seed first, since they share networks.
    Columns: by; mean; low and high (95 % bootstrap interval, NaN below two seeds); n_seeds that count.
    """
    table = in_context(table)
    value = table["interference"].astype(float).where(counts(table))
    rows = []
    for names, values in value.groupby([table[name] for name in by], dropna=False, sort=False):
        seeds = values.groupby(table.loc[values.index, "seed"]).mean().dropna().to_numpy()
        low, high = bootstrap_interval(seeds, rng)
        mean = float(seeds.mean()) if seeds.size else math.nan
        rows.append((*names, mean, low, high, seeds.size))
    found = pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n_seeds"])
    return found.astype({"mean": float, "low": float, "high": float, "n_seeds": int})
