"""The numbers that the figures show, as pure functions of the tables: means, spreads, counts and intervals.

A network that did not reach the criterion on A, or whose loss is not finite, has no meaningful interference. It is
left out of every mean here but included in every count, so that a figure can say how many networks were left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.results.columns import NETWORK
from rnnbench.results.interference import converged, counts, in_context

Floats = npt.NDArray[np.float64]

GROUP = ["architecture", "rule", "units", "condition", "earlier_tasks"]
Group = tuple[str, str, int, str, str]
NEEDED = [name for name in NETWORK if name not in ("condition", "earlier_tasks")]
INTERFERENCE_COLUMNS = [*NEEDED, "status", "converged_first", "interference"]
CURVE_COLUMNS = [*NEEDED, "update", "loss_first", "loss_second"]


def require_columns(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Check that a table has the given columns.

    Args:
        table: the table.
        columns: columns that it must have.
        name: name of the table for the message.

    Raises:
        ValueError: a column is missing.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"the {name} table lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")


def task_order(table: pd.DataFrame) -> list[str]:
    """Tasks in the order in which they first appear as first task; tasks that are only second come last."""
    return list(dict.fromkeys([*table["first_task"], *table["second_task"]]))


def groups(table: pd.DataFrame) -> Iterator[tuple[Group, pd.DataFrame]]:
    """Each (architecture, rule, units, condition, earlier tasks) of `table` in order of appearance, with its rows."""
    for key, rows in in_context(table).groupby(GROUP, sort=False, dropna=False):
        labels: Any = key
        yield (str(labels[0]), str(labels[1]), int(labels[2]), str(labels[3]), str(labels[4])), rows


def values_of_g(table: pd.DataFrame) -> list[float]:
    """The values of g in ascending order; NaN, for an architecture without g, comes last and once."""
    return [float(g) for g in np.sort(table["g"].astype(float).unique())]


def rows_at_g(table: pd.DataFrame, g: float) -> pd.DataFrame:
    """The rows at `g`, where NaN selects the rows without g."""
    column = table["g"].astype(float)
    return table[column.isna() if np.isnan(g) else column == g]


def relative_curves(curves: pd.DataFrame, interference: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put the losses of the curves on scales that can be compared across tasks.

    Args:
        curves: the curves table.
        interference: the interference table, which has the untrained losses and the convergence of each network.

    Returns:
        `curves` with these columns. `first` is (L_A(t) - L_A(0)) / (L_A untrained - L_A(0)), the interference as a
        curve, or L_A(t) / L_A(0) without an interference table. `second` is L_B(t) / L_B(0). `network` is a number
        for each network. `converged` and `counted` are the same at every point of a network. A network with
        any non-finite `first` is not counted. Without an interference table all are assumed to have converged.
    """
    curves = in_context(curves)
    if interference is None:
        table = curves.assign(converged=True, counted=True)
    else:
        known = in_context(interference).assign(converged=converged(interference), counted=counts(interference))
        known = known[[*NETWORK, "loss_untrained", "converged", "counted"]].drop_duplicates(NETWORK, keep="last")
        table = curves.merge(known, on=NETWORK, how="left")
        table["converged"] = table["converged"].eq(True).fillna(False).astype(bool)
        table["counted"] = table["counted"].eq(True).fillna(False).astype(bool)
    start = table[table["update"] == 0].drop_duplicates(NETWORK)[[*NETWORK, "loss_first", "loss_second"]]
    table = table.merge(start, on=NETWORK, how="left", suffixes=("", "_start"))
    with np.errstate(all="ignore"):
        if interference is None:
            table["first"] = table["loss_first"] / table["loss_first_start"]
        else:
            lost = table["loss_first"] - table["loss_first_start"]
            table["first"] = lost / (table["loss_untrained"] - table["loss_first_start"])
        table["second"] = table["loss_second"] / table["loss_second_start"]
    table["network"] = table.groupby(NETWORK, sort=False, dropna=False).ngroup()
    finite = pd.Series(np.isfinite(table["first"]), index=table.index)
    table["counted"] &= finite.groupby(table["network"]).transform("all")
    return table


def networks(curves: pd.DataFrame, column: str) -> list[tuple[Floats, Floats]]:
    """The curve of each network.

    Args:
        curves: rows of the table that `relative_curves` returns.
        column: column of the values, `first` or `second`.

    Returns:
        (updates, values) of each network, each [point], in ascending order of updates.
    """
    ordered = curves[["network", "update", column]].sort_values(["network", "update"])
    return [
        (rows["update"].to_numpy(float), rows[column].to_numpy(float))
        for _, rows in ordered.groupby("network", sort=False)
    ]


def mean_curve(lines: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Average curves of different lengths, over all networks at every point.

    A network that stopped training keeps its last value to the end, because an average over only those still in
    training would show the slow ones. Between its own points a network is interpolated linearly.

    Args:
        lines: (updates, values) of each network, each [point], with ascending updates.

    Returns:
        Every update at which any network has a point, and the mean there, each [point].
    """
    if not lines:
        return np.empty(0), np.empty(0)
    grid = np.unique(np.concatenate([updates for updates, _ in lines]))
    # np.interp keeps the last value beyond the end of a curve.
    return grid, np.mean([np.interp(grid, updates, values) for updates, values in lines], axis=0)
