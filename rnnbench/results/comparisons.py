"""Interference compared across g, drive, sizes, rules and architectures: at equal progress, over the same networks.

Every comparison is made at four moments of the training on B (`MOMENTS`), of two quantities (`QUANTITIES`), over the
pairs and seeds that count at all values that are compared. Values at which fewer than half of the networks count are
left out, since otherwise hardly any network would be left.

Two tables come of it. `comparisons` has a row for each value, and `trends` says how the quantity changes along the
values of a number such as g, from all of them: the change is that of a least-squares line over the ranks of the values,
from the first to the last value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.results.columns import COMPARISONS, INTERFERENCE, MATRIX, TRENDS
from rnnbench.results.interference import counts, in_context
from rnnbench.results.intervals import by_seed_and_tasks, mean_interval, task_interval
from rnnbench.results.progress import (
    PAIR_AND_SEED,
    accuracy_lost,
    at_equal_loss,
    at_equal_updates,
    common,
    names_without,
    skill_lost,
    summary,
)

HALF, TENTH = 0.5, 0.1
FEWEST = 0.5
"""Where a smaller share of the networks counts, a value is left out of a comparison."""
MOMENTS = {
    "criterion": "when B met its criterion, or its budget of updates was spent",
    "updates": "after equal numbers of updates: for each pair and seed the smallest number over the compared values",
    "half": "when B's loss had fallen to a half of its untrained loss",
    "tenth": "when B's loss had fallen to a tenth of its untrained loss",
}
"""The moments of the training on B at which networks are compared, and what they are."""

TITLES = {
    "criterion": "at B's criterion",
    "updates": "at equal updates",
    "half": "at a half of B's untrained loss",
    "tenth": "at a tenth of B's untrained loss",
}
"""The moments as headings and in sentences."""

QUANTITIES = {
    "interference": "interference, which has no upper bound",
    "skill_lost": "skill lost, 0..1: see the column of interference.csv",
    "accuracy_lost": "accuracy lost, -1..1, of the tasks that define an accuracy",
}
"""The quantities that are compared."""

BOUNDS = {"skill_lost": (0.0, 1.0), "accuracy_lost": (-1.0, 1.0)}
"""Between which numbers a quantity lies, and so its mean."""

_NAMES = ("architecture", "rule")
"""Columns whose values have no order; each value is compared with the first one alone."""


@dataclass(frozen=True)
class Compared:
    """Networks that are compared across the values of one column.

    Attributes:
        across: name of the column, e.g. g.
        setting: values of the other columns MATRIX.
        values: the compared values, in order.
        left_out: values at which fewer than half of the networks count.
        rows: a row for each network and value, with the columns first_task, second_task, seed, `across`, and one for
            each of MOMENTS and QUANTITIES, named `moment quantity`.
        of_pairs: number of pairs of different tasks in the table.
        of_networks: number of networks of these pairs at each value.
    """

    across: str
    setting: dict[str, Any]
    values: tuple[Any, ...]
    left_out: tuple[Any, ...]
    rows: pd.DataFrame
    of_pairs: int
    of_networks: int


def compared(interference: pd.DataFrame, curves: pd.DataFrame, only: str | None = None) -> Iterator[Compared]:
    """Yield the comparisons that a benchmark allows: one for each column that varies while all others are equal.

    Args:
        interference: the interference table.
        curves: the curves table.
        only: the one column to compare across; by default every column that varies.
    """
    table = in_context(interference)
    table = table[table["first_task"] != table["second_task"]]
    for across in (name for name in _varying(table) if only in (None, name)):
        if across == "architecture":
            yield from _architectures(table, curves)
            continue
        names = names_without(table, [across]).drop(columns=["first_task", "second_task", "seed"])
        for number in pd.unique(group := names.groupby(list(names), dropna=False, sort=False).ngroup()):
            rows = table[group == number]
            setting = names[group == number].iloc[0].to_dict()
            for values in _choices(rows[across], across):
                yield _compared(rows[rows[across].isin(values)], curves, across, setting)


SIZE = ["g", "units"]
"""What belongs to an architecture, so that two architectures may be compared although they differ in it."""


def _architectures(table: pd.DataFrame, curves: pd.DataFrame) -> Iterator[Compared]:
    """Compare each architecture with the first one, where both were run in the same setting.

    They are compared at the same g and size. An architecture without g, or that was run at a single g and size, is
    compared with the first one even where that was run at others only.
    """
    names = names_without(table, ["architecture", *SIZE]).drop(columns=PAIR_AND_SEED)
    for number in pd.unique(group := names.groupby(list(names), dropna=False, sort=False).ngroup()):
        rows = table[group == number]
        reference, *others = dict.fromkeys(rows["architecture"])
        for other in others:
            for first, second in _matched(*(rows[rows["architecture"] == name] for name in (reference, other))):
                setting = names[group == number].iloc[0].to_dict() | _shared(first, second)
                yield _compared(pd.concat([first, second]), curves, "architecture", setting, SIZE)


def _matched(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The rows of two architectures to compare: at each g and size that both have, or at the only one of the second."""
    one, two = (dict(list(rows.groupby(SIZE, dropna=False, sort=False))) for rows in (first, second))
    by_text = [{str(key): rows for key, rows in each.items()} for each in (one, two)]  # a missing g equals no other one
    if same := [key for key in by_text[0] if key in by_text[1]]:
        yield from ((by_text[0][key], by_text[1][key]) for key in same)
    elif len(two) == 1:
        yield from ((rows, next(iter(two.values()))) for rows in one.values())


def _shared(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any]:
    """The g and size of two architectures where they agree or only one has it; missing where they differ."""
    found: dict[str, Any] = {}
    for name in SIZE:
        values = pd.unique(pd.concat([first[name], second[name]]).dropna())
        found[name] = values[0] if len(values) == 1 else math.nan
    return found


def _varying(table: pd.DataFrame) -> list[str]:
    """The columns with more than one value: g, units, parameters of conditions, rules and architectures."""
    of_conditions = [str(name) for name in table if name not in (*INTERFERENCE.names, *MATRIX)]
    return [name for name in ("g", "units", *of_conditions, *_NAMES) if table[name].dropna().nunique() > 1]


def _choices(column: pd.Series, across: str) -> Iterator[list[Any]]:
    """The sets of values that are compared: all numbers together, and each name with the first one."""
    values = list(dict.fromkeys(column.dropna()))
    if across in _NAMES or not pd.api.types.is_numeric_dtype(column):
        yield from ([values[0], value] for value in values[1:])
    elif len(values) > 1:
        yield sorted(values)


def _compared(
    table: pd.DataFrame, curves: pd.DataFrame, across: str, setting: dict[str, Any], may_differ: Sequence[str] = ()
) -> Compared:
    """Compare rows across the values of a column; other columns that `may_differ` are ignored."""
    values = list(dict.fromkeys(table[across]))
    values = sorted(values) if across not in _NAMES and pd.api.types.is_numeric_dtype(table[across]) else values
    share = counts(table).groupby(table[across]).mean()
    left_out = tuple(value for value in values if share[value] < FEWEST)
    used = table[~table[across].isin(left_out)]
    chosen = common(used, [across, *may_differ]) if len(used) else None
    rows = _with_moments(chosen.rows, curves, [across, *may_differ]) if chosen is not None else used
    return Compared(
        across,
        setting,
        tuple(value for value in values if value not in left_out),
        left_out,
        rows,
        0 if chosen is None else chosen.of_pairs,
        0 if chosen is None else chosen.of_networks,
    )


def _with_moments(rows: pd.DataFrame, curves: pd.DataFrame, across: Sequence[str]) -> pd.DataFrame:
    """Add a column for each moment and quantity."""
    equal = at_equal_updates(rows, curves, across).reindex(rows.index)
    at = {"criterion": rows["interference"], "updates": equal["interference_at_equal_updates"]}
    updates = {"updates": equal["equal_updates"]}
    for moment, fraction in (("half", HALF), ("tenth", TENTH)):
        found = at_equal_loss(rows, curves, fraction)
        at[moment], updates[moment] = found["interference_at_loss"], found["update_at_loss"]
    untrained, first = (rows[name].astype(float) for name in ("loss_untrained", "loss_first"))
    accuracy = rows.reindex(columns=["accuracy_first", "accuracy_after"]).astype(float)
    columns: dict[str, Any] = {"criterion accuracy_lost": accuracy["accuracy_first"] - accuracy["accuracy_after"]}
    columns |= {f"{moment} accuracy_lost": accuracy_lost(rows, curves, update) for moment, update in updates.items()}
    for moment, interference in at.items():
        columns[f"{moment} interference"] = interference.astype(float)
        loss = first + interference * (untrained - first)
        columns[f"{moment} skill_lost"] = skill_lost(untrained, first, loss)
    return rows.assign(**columns)


def comparison_table(found: list[Compared]) -> pd.DataFrame:
    """The means of all comparisons: a row for each comparison, moment, quantity and value.

    Args:
        found: the comparisons.

    Returns:
        The table `comparisons`. A moment that some network did not reach is given over the pairs and seeds that reached
        it at all values.
    """
    rows = [
        row for one in found for moment in MOMENTS for quantity in QUANTITIES for row in _means(one, moment, quantity)
    ]
    return pd.DataFrame(rows, columns=COMPARISONS.names)


def _means(one: Compared, moment: str, quantity: str) -> Iterator[dict[str, Any]]:
    chosen = reached(one, f"{moment} {quantity}")
    for value in one.values:
        rows = chosen[chosen[one.across] == value]
        known = estimate(rows, f"{moment} {quantity}")
        if quantity in BOUNDS:
            known = {name: float(np.clip(number, *BOUNDS[quantity])) for name, number in known.items()}
        yield _names(one, moment, quantity, rows) | {"value": _text(value), **known}


ESTIMATE = ("mean", "median", "low", "high", "low_tasks", "high_tasks")


def estimate(rows: pd.DataFrame, column: str) -> dict[str, float]:
    """Mean and median over pairs and seeds, and the intervals of the mean over seeds and over tasks.

    Args:
        rows: a row for each network that counts, with the columns first_task, second_task, seed and `column`.
        column: name of the column of values.

    Returns:
        The numbers, by the names ESTIMATE; NaN if there is none.
    """
    values = rows[column].astype(float)
    known = summary(values)
    seeds = mean_interval(values.groupby(rows["seed"]).mean())
    tasks = task_interval(by_seed_and_tasks(rows, column))
    return dict(zip(ESTIMATE, (known.mean, known.median, *seeds, *tasks), strict=True))


def trend_table(found: list[Compared]) -> pd.DataFrame:
    """How each quantity changes along the values of a number: a row for each comparison, moment and quantity.

    Args:
        found: the comparisons; those of names are left out.

    Returns:
        The table `trends`.
    """
    rows = [
        _trend(one, moment, quantity)
        for one in found
        if one.across not in _NAMES and len(one.values) > 1 and not isinstance(one.values[0], str)
        for moment in MOMENTS
        for quantity in QUANTITIES
    ]
    return pd.DataFrame(rows, columns=TRENDS.names)


def _trend(one: Compared, moment: str, quantity: str) -> dict[str, Any]:
    name = f"{moment} {quantity}"
    chosen, found = reached(one, name), changes(one, name)
    by_seed, by_pair = (found.groupby(by)["change"].mean() for by in ("seed", ["first_task", "second_task"]))
    low, high = mean_interval(by_seed)
    low_tasks, high_tasks = task_interval(by_seed_and_tasks(found, "change"))
    means = chosen.groupby(one.across)[name].mean()
    return _names(one, moment, quantity, chosen) | {
        "first": one.values[0],
        "last": one.values[-1],
        "change": float(by_seed.mean()) if len(by_seed) else math.nan,
        "low": low,
        "high": high,
        "low_tasks": low_tasks,
        "high_tasks": high_tasks,
        "n_falling": int((by_pair < 0).sum()),
        "smallest_at": means.idxmin() if means.notna().any() else math.nan,
        "largest_at": means.idxmax() if means.notna().any() else math.nan,
    }


def changes(one: Compared, name: str) -> pd.DataFrame:
    """How a quantity changes along all values, for each pair and seed: a least-squares line over ranks of the values.

    Args:
        one: the comparison, of a number.
        name: column of `one.rows`, `moment quantity`.

    Returns:
        A table with the columns first_task, second_task, seed and `change`, that of the line from the first to the last
        value.
    """
    wide = reached(one, name).pivot(index=PAIR_AND_SEED, columns=one.across, values=name)
    last = len(one.values) - 1
    ranks = np.arange(last + 1) - last / 2
    scale = last / float(ranks @ ranks) if last > 0 else 0.0
    change = wide.reindex(columns=list(one.values)).to_numpy(float) @ ranks * scale
    return wide.index.to_frame(index=False).assign(change=change)


def reached(one: Compared, name: str) -> pd.DataFrame:
    """Return the rows of the pairs and seeds with a number at all compared values.

    Args:
        one: the comparison.
        name: column of `one.rows`, `moment quantity`.
    """
    keys = [one.rows[column] for column in ("first_task", "second_task", "seed")]
    if one.rows.empty or name not in one.rows:
        return one.rows.assign(**{name: math.nan})
    number = one.rows[name].notna().groupby(keys).transform("sum")
    return one.rows[number == len(one.values)]


def _names(one: Compared, moment: str, quantity: str, rows: pd.DataFrame) -> dict[str, Any]:
    """The values of the columns that name a row, and over how many pairs and networks it is."""
    pairs = rows.groupby(["first_task", "second_task"]).ngroups
    return {
        **one.setting,
        "across": one.across,
        "left_out": ", ".join(_text(value) for value in one.left_out),
        "moment": moment,
        "quantity": quantity,
        "n_pairs": pairs,
        "of_pairs": one.of_pairs,
        "n_networks": rows.groupby(["first_task", "second_task", "seed"]).ngroups,
        "of_networks": one.of_networks,
    }


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
