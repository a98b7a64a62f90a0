"""The interference measure and its statistics over networks, as pure functions of losses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from rnnbench.results.columns import ENTRY
from rnnbench.results.intervals import mean_interval


def interference(loss_untrained: float, loss_first: float, loss_after: float) -> float:
    """Fraction of what was learnt of A that is lost after learning B.

    I(A <- B) = (L_A after B - L_A after A) / (L_A untrained - L_A after A)

    With error rates (1 - accuracy) in place of losses, the same quotient measures the loss of accuracy.

    Args:
        loss_untrained: loss on A before any training.
        loss_first: loss on A after learning A.
        loss_after: loss on A after learning B.

    Returns:
        0 if nothing is lost, 1 if A is as bad as untrained, above 1 if it is worse, below 0 if B improved A. NaN if a
        loss is missing or if training on A did not lower the loss on A.
    """
    learnt = loss_untrained - loss_first
    if not all(map(math.isfinite, (loss_untrained, loss_first, loss_after))) or learnt <= 0:
        return math.nan
    return (loss_after - loss_first) / learnt


def in_context(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the columns `condition` and `earlier_tasks`, added empty where they are missing.

    Tables of ordered pairs under a single condition may lack them.
    """
    return table.assign(**{name: "" for name in ("condition", "earlier_tasks") if name not in table})


IDLE = {"free": "idle outputs free", "zero": "idle outputs trained to zero"}


def idle_outputs(table: pd.DataFrame) -> str:
    """Say what happened to the outputs that a task does not use; no interference is understood without this.

    Args:
        table: the interference table.

    Returns:
        A phrase for a heading or a caption, e.g. "idle outputs free".
    """
    found = dict.fromkeys(table["idle_outputs"].dropna()) if "idle_outputs" in table else {}
    if len(found) > 1:
        return "idle outputs free or trained to zero, as each condition says"
    return IDLE.get(next(iter(found), ""), "idle outputs not recorded")


def converged(table: pd.DataFrame) -> pd.Series:
    """Select the rows of the interference table whose networks reached the criterion on A.

    Args:
        table: the interference table.

    Returns:
        A boolean for each row [row]; missing values of `converged_first` count as False.
    """
    return table["converged_first"].eq(True).fillna(False).astype(bool)


def counts(table: pd.DataFrame) -> pd.Series:
    """Select the rows that have a meaningful interference: A reached its criterion and every loss is finite.

    Args:
        table: the interference table.

    Returns:
        A boolean for each row [row].
    """
    return converged(table) & table["status"].eq("done") & np.isfinite(table["interference"].astype(float))


def matrix_table(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise interference for each entry of the matrix, over the networks whose interference is meaningful.

    Args:
        table: the interference table.

    Returns:
        One row for each entry, with the columns ENTRY; `networks`, their number; `converged`, how many of them
        reached the criterion on A; `counted`, how many enter the mean; `mean` and `sd` (n - 1) of these. `mean` is
        NaN if none is counted, `sd` if fewer than two are.
    """
    table = in_context(table)
    value = table["interference"].astype(float).where(counts(table))
    marked = table.assign(converged=converged(table), counted=counts(table), value=value)
    entries = marked.groupby(ENTRY, dropna=False, sort=False)
    summary = pd.DataFrame(
        {
            "networks": entries.size(),
            "converged": entries["converged"].sum(),
            "counted": entries["counted"].sum(),
            "mean": entries["value"].mean(),
            "sd": entries["value"].std(ddof=1),
        }
    )
    return summary.reset_index()


def over_seeds(table: pd.DataFrame, by: list[str], rng: np.random.Generator | None = None) -> pd.DataFrame:
    """Mean interference with its interval over seeds, for each group of rows.

    The seed is the unit of the statistics: pairs of the same seed share networks, so they are averaged first.

    Args:
        table: the interference table.
        by: the columns whose values define a group.
        rng: draws the resamples; see `mean_interval`.

    Returns:
        One row for each group, with the columns `by`; `mean`; `low` and `high`, the 95 % interval, NaN for fewer than
        five seeds; `n_seeds`, the number of seeds with a meaningful interference.
    """
    table = in_context(table)
    value = table["interference"].astype(float).where(counts(table))
    rows = []
    for names, values in value.groupby([table[name] for name in by], dropna=False, sort=False):
        seeds = values.groupby(table.loc[values.index, "seed"]).mean().dropna().to_numpy()
        low, high = mean_interval(seeds, rng)
        mean = float(seeds.mean()) if seeds.size else math.nan
        rows.append((*names, mean, low, high, seeds.size))
    summary = pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n_seeds"])
    return summary.astype({"mean": float, "low": float, "high": float, "n_seeds": int})
