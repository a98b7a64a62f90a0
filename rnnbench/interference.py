"""From raw losses to measures. Pure functions of numbers; what each one means is said here and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


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


CELL = ["architecture", "rule", "g", "units", "first_task", "second_task"]
"""Columns of the interference table that name a cell of the matrix; its rows are the cell's seeds."""


def matrix_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell of the matrix: mean and spread of interference over the networks that count.

    A network counts if it reached its criterion on the first task and all its losses are finite; the
    others are counted in `networks` but left out of `mean` and `sd`.
    Columns: CELL, networks, counted, mean, sd (over seeds, n - 1).
    """
    counted = table[counts(table)]
    groups = counted.groupby(CELL, dropna=False, sort=False)["interference"]
    summary = pd.DataFrame({"counted": groups.size(), "mean": groups.mean(), "sd": groups.std()})
    networks = table.groupby(CELL, dropna=False, sort=False).size().rename("networks").to_frame()
    joined = networks.join(summary).reset_index()
    return joined.assign(counted=joined["counted"].fillna(0).astype(int))


def counts(table: pd.DataFrame) -> pd.Series:
    """Which rows have a meaningful interference."""
    return table["converged_first"].eq(True) & np.isfinite(table["interference"])
