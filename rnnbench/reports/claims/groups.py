"""The networks that are compared with one another, and which of them count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from rnnbench.reports.claims.claim import Results
from rnnbench.results.interference import counts

Floats = npt.NDArray[np.float64]

GROUP = ["condition", "architecture", "rule", "g", "units", "earlier_tasks"]
KEY = [*GROUP, "first_task", "second_task", "seed"]


def pairs(results: Results, *measures: str, beside: Sequence[str] = ()) -> pd.DataFrame:
    """The interference table with `same` (B is A), `counted`, and the named columns of the analysis beside it.

    A network counts if its interference means something (A learnt, losses finite), if it learnt B too (a network that
    did not learn B has had no reason to lose A), and if the named measures of it are finite. What is named
    in `beside` is put there if the analysis has it, and decides nothing.
    """
    table = with_names(results.interference)
    table["same"] = table["first_task"] == table["second_task"]
    learnt = table["converged_second"].eq(True).fillna(False).astype(bool) if "converged_second" in table else True
    table["counted"] = counts(table) & (table["same"] | learnt)
    table["interference"] = table["interference"].astype(float)
    present = [name for name in beside if has(results.analysis, name)]
    if measures or present:
        analysis = with_names(results.analysis)[[*KEY, *measures, *present]].drop_duplicates(KEY)
        table = table.merge(analysis, on=KEY, how="left")
        for name in measures:
            table["counted"] &= np.isfinite(table[name].astype(float))
    return table


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """A copy that has every column of KEY, condition and earlier tasks empty where the table knows none."""
    table = table.copy()
    for name in ("condition", "earlier_tasks"):
        table[name] = table[name].fillna("") if name in table else ""
    return table.astype({"g": float})


def has(table: pd.DataFrame, *columns: str) -> bool:
    """Whether a table has rows and these columns."""
    return len(table) > 0 and all(name in table for name in columns)


def lacking(results: Results, *columns: str) -> str:
    """Why the analysis cannot be used: it is not there, or lacks a column; "" if it can."""
    missing = [name for name in columns if not has(results.analysis, name)]
    return f"no {missing[0]} in the analysis" if missing else ""


def without(condition: str, *names: str) -> str:
    """The label of a condition without the values that are compared: "drive=0.1, x=1" without drive is "x=1"."""
    parts = [part for part in condition.split(", ") if part.partition("=")[0] not in names]
    return ", ".join(parts)


def labels_of(specs: Sequence[Any], plugin: str) -> list[str]:
    """The labels of the tasks, architectures or rules of a benchmark that are of a plugin, whatever its version."""
    return [spec.label for spec in specs if spec.plugin.partition("@")[0] == plugin]


def apart_from(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The table with `names` taken out of its conditions, so that rows which differ in them alone are one group."""
    return table.assign(condition=[without(label, *names) for label in table["condition"]])


def groups(table: pd.DataFrame, leaving_out: Sequence[str] = ()) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each group of networks alike in all of GROUP but `leaving_out`, in order of appearance: its name and its rows."""
    by = [name for name in GROUP if name not in leaving_out]
    for key, rows in table.groupby(by, sort=False, dropna=False):
        yield group_name(dict(zip(by, key, strict=True))), rows


def group_name(key: dict[str, Any]) -> str:
    """E.g. "vanilla_rnn, gradient_descent, g = 0.9, N = 128, drive=0.1, after romo"."""
    words = [str(key[name]) for name in ("architecture", "rule") if name in key]
    if "g" in key and math.isfinite(key["g"]):
        words.append(f"g = {key['g']:g}")
    if "units" in key:
        words.append(f"N = {key['units']}")
    if key.get("condition"):
        words.append(str(key["condition"]))
    if key.get("earlier_tasks"):
        words.append(f"after {key['earlier_tasks']}")
    return ", ".join(words)


def values_of(table: pd.DataFrame, name: str) -> list[float]:
    """The values of a numeric column, ascending, without missing ones."""
    if name not in table:
        return []
    return sorted(float(v) for v in pd.to_numeric(table[name], errors="coerce").dropna().unique())


def settled(rows: pd.DataFrame, axis: str) -> tuple[list[float], list[str]]:
    """The values of `axis` at which more than half of the networks count, ascending, and a note on each other one."""
    values, notes = [], []
    for value in values_of(rows, axis):
        counted = rows.loc[rows[axis] == value, "counted"]
        if 2 * counted.sum() > len(counted):
            values.append(value)
        else:
            notes.append(f"{axis} = {value:g} left out: {counted.sum()} of {len(counted)} networks count")
    return values, notes


def left_out(rows: pd.DataFrame) -> int:
    """How many networks do not count."""
    return int((~rows["counted"]).sum())


def too_few(rows: pd.DataFrame, where: str) -> str:
    """Why rows on one side of a comparison cannot be used: half of them or more do not count; "" if they can."""
    counted = int(rows["counted"].sum())
    return "" if 2 * counted > len(rows) else f"{counted} of {len(rows)} networks count at {where}"


def per_seed(rows: pd.DataFrame, column: str = "interference") -> pd.Series:
    """The mean of `column` over the networks of each seed that count; indexed by seed."""
    counted = rows[rows["counted"]]
    return counted[column].astype(float).groupby(counted["seed"]).mean()


def paired_change(rows: pd.DataFrame, axis: str, start: float, end: float, column: str = "interference") -> Floats:
    """For each seed, `column` at `end` minus at `start` of `axis`, over the pairs of tasks that count at both.

    Only such pairs: otherwise a pair that is learnt at one end alone would look like an effect of `axis`.
    """
    counted = rows[rows["counted"]]
    names = ["seed", "earlier_tasks", "first_task", "second_task"]
    ends = [counted[counted[axis] == value].groupby(names)[column].mean() for value in (start, end)]
    change = (ends[1] - ends[0]).dropna()
    return change.groupby(level="seed").mean().to_numpy(float)


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike, at_least: int = 3) -> float:
    """Spearman's rank correlation; NaN below `at_least` points or where x or y is constant."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < at_least or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(spearmanr(a, b).statistic)
