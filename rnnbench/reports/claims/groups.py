"""Groups of networks that are compared with one another, and which of the networks count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from rnnbench.results.columns import MATRIX, NETWORK
from rnnbench.results.interference import counts
from rnnbench.results.reading import Results

Floats = npt.NDArray[np.float64]


def pairs(results: Results, *measures: str, beside: Sequence[str] = ()) -> pd.DataFrame:
    """The interference table with columns of the analysis, and whether each network counts.

    A network counts if its interference is meaningful (it learnt A and its losses are finite), if it learnt B too (a
    network that did not learn B had no reason to lose A), and if all named measures of it are finite.

    Args:
        results: the results of one benchmark.
        *measures: columns of the analysis to add; a network without a finite value in one of them does not count.
        beside: columns of the analysis to add if it has them; they do not affect which networks count.

    Returns:
        A row for each network and ordered pair of tasks. The column `same` says whether B is A, the column `counted`
        whether the network counts.
    """
    table = with_names(results.interference)
    table["same"] = table["first_task"] == table["second_task"]
    learnt = table["converged_second"].eq(True).fillna(False).astype(bool) if "converged_second" in table else True
    table["counted"] = counts(table) & (table["same"] | learnt)
    table["interference"] = table["interference"].astype(float)
    present = [name for name in beside if has(results.analysis, name)]
    if measures or present:
        analysis = with_names(results.analysis)[[*NETWORK, *measures, *present]].drop_duplicates(NETWORK)
        table = table.merge(analysis, on=NETWORK, how="left")
        for name in measures:
            table["counted"] &= np.isfinite(table[name].astype(float))
    return table


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """A copy that has all columns of NETWORK; condition and earlier_tasks are "" where the table does not have them."""
    table = table.copy()
    for name in ("condition", "earlier_tasks"):
        table[name] = table[name].fillna("") if name in table else ""
    return table.astype({"g": float})


def has(table: pd.DataFrame, *columns: str) -> bool:
    """Whether a table has rows and all of these columns."""
    return len(table) > 0 and all(name in table for name in columns)


def lacking(results: Results, *columns: str) -> str:
    """Why the analysis cannot be used; "" if it exists and has all of these columns."""
    missing = [name for name in columns if not has(results.analysis, name)]
    return f"{missing[0]} is missing in the analysis" if missing else ""


def without(condition: str, *names: str) -> str:
    """The label of a condition without the named values.

    Args:
        condition: label of a condition, for example "drive=0.1, x=1".
        *names: names of the values to remove.

    Returns:
        The shorter label; "drive=0.1, x=1" without drive is "x=1".
    """
    parts = [part for part in condition.split(", ") if part.partition("=")[0] not in names]
    return ", ".join(parts)


def labels_of(specs: Sequence[Any], plugin: str) -> list[str]:
    """The labels of those tasks, architectures or rules of a benchmark that use a plugin, in any version."""
    return [spec.label for spec in specs if spec.plugin.partition("@")[0] == plugin]


def apart_from(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The table without the named values in its conditions, so that rows that differ only in them form one group."""
    return table.assign(condition=[without(label, *names) for label in table["condition"]])


def groups(table: pd.DataFrame, leaving_out: Sequence[str] = ()) -> Iterator[tuple[str, pd.DataFrame]]:
    """Groups of networks that agree in all columns of MATRIX apart from those that are left out.

    Args:
        table: a row for each network and ordered pair of tasks.
        leaving_out: columns of MATRIX in which the networks of a group may differ.

    Yields:
        The name of each group and its rows, in order of appearance.
    """
    by = [name for name in MATRIX if name not in leaving_out]
    for key, rows in table.groupby(by, sort=False, dropna=False):
        yield group_name(dict(zip(by, key, strict=True))), rows


def group_name(key: dict[str, Any]) -> str:
    """Name of a group, for example "vanilla_rnn, gradient_descent, g = 0.9, N = 128, drive=0.1, after romo"."""
    parts = [str(key[name]) for name in ("architecture", "rule") if name in key]
    if "g" in key and math.isfinite(key["g"]):
        parts.append(f"g = {key['g']:g}")
    if "units" in key:
        parts.append(f"N = {key['units']}")
    if key.get("condition"):
        parts.append(str(key["condition"]))
    if key.get("earlier_tasks"):
        parts.append(f"after {key['earlier_tasks']}")
    return ", ".join(parts)


def values_of(table: pd.DataFrame, name: str) -> list[float]:
    """The distinct values of a numeric column, ascending, without missing values; [] if there is no such column."""
    if name not in table:
        return []
    return sorted(float(v) for v in pd.to_numeric(table[name], errors="coerce").dropna().unique())


def settled(rows: pd.DataFrame, axis: str) -> tuple[list[float], list[str]]:
    """The values of a column at which more than half of the networks count.

    Args:
        rows: the networks of one group.
        axis: the column, for example "drive" or "g".

    Returns:
        The values, ascending, and a note on each value that is left out.
    """
    values, notes = [], []
    for value in values_of(rows, axis):
        counted = rows.loc[rows[axis] == value, "counted"]
        if 2 * counted.sum() > len(counted):
            values.append(value)
        else:
            notes.append(f"{axis} = {value:g} is left out: {counted.sum()} of {len(counted)} networks count")
    return values, notes


def equal(rows: pd.DataFrame, *axes: str) -> tuple[pd.DataFrame, str]:
    """Restrict the networks that count to those whose means can stand side by side.

    These are the pairs and seeds that count at all values at which more than half of the networks count.

    Args:
        rows: the networks of one group.
        *axes: the columns whose values stand side by side, for example "g" or "drive".

    Returns:
        The rows, in which `counted` is true for these networks only; and the number of their pairs and networks in
        words.
    """
    keys = [rows[name] for name in ("seed", "earlier_tasks", "first_task", "second_task")]
    value = rows.groupby([rows[name] for name in axes], dropna=False, sort=False).ngroup()
    kept = rows["counted"].groupby(value).transform("mean") > 0.5
    at = value.where(rows["counted"] & kept).groupby(keys).transform("nunique")
    chosen = rows.assign(counted=rows["counted"] & kept & (at == value[kept].nunique()))
    pair, network = (
        ["earlier_tasks", "first_task", "second_task"],
        ["seed", "earlier_tasks", "first_task", "second_task"],
    )
    used = chosen[chosen["counted"]]
    (n_pairs, of_pairs), (n, of) = (
        (len(used[names].drop_duplicates()), len(rows[names].drop_duplicates())) for names in (pair, network)
    )
    return chosen, f"{n_pairs} of {of_pairs} pairs, {n} of {of} networks"


def left_out(rows: pd.DataFrame) -> int:
    """Number of networks that do not count."""
    return int((~rows["counted"]).sum())


def too_few(rows: pd.DataFrame, where: str) -> str:
    """Why rows on one side of a comparison cannot be used; "" if more than half of them count.

    Args:
        rows: the networks on that side.
        where: the side in words, for example "g = 0.9".

    Returns:
        The reason or "".
    """
    counted = int(rows["counted"].sum())
    return "" if 2 * counted > len(rows) else f"only {counted} of {len(rows)} networks count at {where}"


def per_seed(rows: pd.DataFrame, column: str = "interference") -> pd.Series:
    """Mean of a column over the networks of each seed that count; indexed by seed."""
    counted = rows[rows["counted"]]
    return counted[column].astype(float).groupby(counted["seed"]).mean()


def paired_change(rows: pd.DataFrame, axis: str, start: float, end: float, column: str = "interference") -> Floats:
    """Change of a column between two values of another column, for each seed.

    Only the pairs of tasks that count at both values are used. Otherwise a pair that is learnt at only one of them
    would look like an effect of `axis`.

    Args:
        rows: the networks of one group.
        axis: the column that is varied, for example "drive".
        start: value of `axis` whose mean is subtracted.
        end: value of `axis` from whose mean it is subtracted.
        column: the column that changes.

    Returns:
        [seed], the mean over pairs of `column` at `end` minus `column` at `start`.
    """
    counted = rows[rows["counted"]]
    names = ["seed", "earlier_tasks", "first_task", "second_task"]
    at_start, at_end = (counted[counted[axis] == value].groupby(names)[column].mean() for value in (start, end))
    change = (at_end - at_start).dropna()
    return change.groupby(level="seed").mean().to_numpy(float)


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike, at_least: int = 3) -> float:
    """Spearman's rank correlation over the points at which both x and y are finite.

    Args:
        x: [point].
        y: [point].
        at_least: smallest number of points.

    Returns:
        The correlation; NaN with fewer than `at_least` points, or if x or y is constant.
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < at_least or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(spearmanr(a, b).statistic)
