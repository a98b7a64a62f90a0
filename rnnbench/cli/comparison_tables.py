"""Comparisons as tables for the terminal: along numbers such as g, and of rules or architectures with the first one.

Every mean stands beside means over the same pairs and seeds, and every table says over how many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from rnnbench.cli.setting_names import full_name
from rnnbench.reports.numbers import number
from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import in_context
from rnnbench.results.progress import names_without

HEADINGS = {"criterion": "criterion", "updates": "updates", "half": "1/2 loss", "tenth": "1/10 loss"}
"""Short names of the moments of the training on B at which networks are compared."""

MOMENTS = (
    "Columns: at B's criterion; after equal numbers of updates; when B's loss was 1/2 and 1/10 of untrained. Median "
    "and skill lost (0 to 1): at B's criterion."
)
COLUMNS = [*HEADINGS.values(), "median", "skill lost"]
"""Columns of numbers in a table."""

SIZE = ("g", "units")
"""Columns of a setting in which compared architectures may differ."""

MOST_IN_FULL = 8
"""With more comparisons with the first rule or architecture than this, each has one line instead of three."""


def comparison_tables(comparisons: pd.DataFrame, idle: str) -> list[Table]:
    """A table for each comparison along numbers, and for all comparisons with the first rule or architecture.

    Args:
        comparisons: the table `comparisons`.
        idle: what happened to idle outputs, as a phrase.
    """
    groups = _groups(comparisons)
    tables = [_table_of(group, idle) for group in groups]
    in_full = [table for table, group in zip(tables, groups, strict=True) if len(group) <= MOST_IN_FULL]
    if in_full:  # what the columns are is said once, since it is the same for all
        in_full[-1].caption = Text(f"{in_full[-1].caption} {MOMENTS}")
    return tables


def without_comparison(interference: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """The rows of the interference table that belong to no comparison of two or more values.

    Values that a comparison leaves out belong to it, since its table names them.

    Args:
        interference: the interference table.
        comparisons: the table `comparisons`.
    """
    table = in_context(interference)
    compared = pd.Series(False, index=table.index)
    for one in _each(comparisons):
        compared |= _belongs(table, one)
    return interference[~compared]


def _groups(comparisons: pd.DataFrame) -> list[list[pd.DataFrame]]:
    """The comparisons of each table: those with the same setting.

    Architectures may differ in g and N. They are in one table nevertheless, if each of them is compared only once.
    """
    each = [(one, one.iloc[0]) for one in _each(comparisons)]
    once: dict[tuple[str, ...], list[str]] = {}
    for one, first in each:
        once.setdefault(_key(first, SIZE), []).append(_other(one))
    groups: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    for one, first in each:
        others = once[_key(first, SIZE)]
        is_once = first["across"] == "architecture" and len(set(others)) == len(others)
        groups.setdefault(_key(first, SIZE if is_once else ()), []).append(one)
    return list(groups.values())


def _key(row: Any, without: Sequence[str]) -> tuple[str, ...]:
    """What is compared and the setting, without some of its columns."""
    return tuple(str(row[name]) for name in [*MATRIX, "across"] if name not in without)


def _other(rows: pd.DataFrame) -> str:
    """The second value of a comparison: the one that is compared with the first, if only two are compared."""
    return str(list(dict.fromkeys(rows["value"]))[1])


def _each(comparisons: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each comparison of two or more values; each starts with interference at B's criterion."""
    if comparisons.empty:
        return []
    start = (comparisons["moment"] == "criterion") & (comparisons["quantity"] == "interference")
    number_of = (start & ~start.shift(fill_value=False)).cumsum()
    each = [rows for _, rows in comparisons.groupby(number_of, sort=False)]
    return [rows for rows in each if rows["value"].nunique() > 1]


def _belongs(table: pd.DataFrame, one: pd.DataFrame) -> pd.Series:
    """Which rows of the interference table a comparison is about, [row]."""
    first = one.iloc[0]
    across = str(first["across"])
    values = {*one["value"].astype(str), *_text(first["left_out"]).split(", ")}
    found = table[across].map(_value).isin(values)
    named = names_without(table, [across])
    for name in (name for name in MATRIX if name != across):
        if name not in SIZE:
            found &= named[name].fillna("").astype(str) == _text(first[name])
        elif not pd.isna(first[name]):  # it is missing if the compared architectures differ in it
            found &= (named[name] == first[name]) | (named[name].isna() & (across == "architecture"))
    return found


def _table_of(group: Sequence[pd.DataFrame], idle: str) -> Table:
    if len(group) == 1:
        return _single(group[0], idle)
    return _with_first(group, idle) if len(group) <= MOST_IN_FULL else _compact(group, idle)


def _single(rows: pd.DataFrame, idle: str) -> Table:
    """A row for each value, all over the same networks."""
    first = rows.iloc[0]
    table = _empty(rows, COLUMNS, f"{_along(first)}{_setting([rows])}; {idle}", _caption(rows))
    for value, of_value in rows.groupby("value", sort=False):
        table.add_row(Text(str(value)), *_means(of_value))
    return table


def _with_first(group: Sequence[pd.DataFrame], idle: str) -> Table:
    """Three rows for each comparison with the first value: the first, the other, and over how many networks both are.

    The numbers of networks have a row, because they differ between comparisons and between moments.
    """
    first = group[0].iloc[0]
    title = f"{_along(first)}, each with {first['value']}{_setting(group)}; {idle}"
    table = _empty(group[0], COLUMNS, title, "The two rows above each number of networks are over the same of them.")
    for rows in group:
        for value, of_value in rows.groupby("value", sort=False):
            table.add_row(Text(str(value)), *_means(of_value))
        by = _by_moment(rows)
        counts = [by[moment, "interference"]["n_networks"] for moment in HEADINGS]
        at_criterion = [by["criterion", quantity]["n_networks"] for quantity in ("interference", "skill_lost")]
        label = f"  networks, of {rows.iloc[0]['of_networks']}"
        table.add_row(Text(label), *map(str, [*counts, *at_criterion]), style="dim")
    return table


def _compact(group: Sequence[pd.DataFrame], idle: str) -> Table:
    """A row for each comparison with the first value: both means at two moments."""
    first = group[0].iloc[0]
    reference = str(first["value"])
    title = f"{_along(first)}, each with {reference}{_setting(group)}; {idle}"
    caption = (
        f"Means at B's criterion and after equal numbers of updates; beside each that of the first, {reference}, over "
        f"the same networks. All moments are in comparisons.csv."
    )
    table = _empty(group[0], ["criterion", "first", "updates", "first", "networks"], title, caption)
    for rows in group:
        other, cells = _other(rows), []
        for moment in ("criterion", "updates"):
            at = rows[(rows["moment"] == moment) & (rows["quantity"] == "interference")].set_index("value")
            cells += [number(at["mean"][other]), number(at["mean"][reference])]
        table.add_row(Text(other), *cells, _networks(rows))
    return table


def _networks(rows: pd.DataFrame) -> str:
    """Over how many networks the means at B's criterion and at equal updates are; one number if they are equal."""
    by = _by_moment(rows)
    counts = dict.fromkeys(str(by[moment, "interference"]["n_networks"]) for moment in ("criterion", "updates"))
    return f"{', '.join(counts)} of {rows.iloc[0]['of_networks']}"


def _empty(rows: pd.DataFrame, columns: Sequence[str], title: str, caption: str) -> Table:
    """A table without rows whose first column is that of the values."""
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1, 0, 0))
    is_name = rows.iloc[0]["across"] in ("rule", "architecture")
    table.add_column(_column(rows.iloc[0]), justify="left" if is_name else "right", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.caption, table.caption_justify = Text(caption), "left"
    return table


def _means(rows: pd.DataFrame) -> list[str]:
    """Means at the four moments, and the median and the skill lost at B's criterion."""
    by = _by_moment(rows)
    means = [number(by[moment, "interference"]["mean"]) for moment in HEADINGS]
    return [*means, number(by["criterion", "interference"]["median"]), number(by["criterion", "skill_lost"]["mean"])]


def _by_moment(rows: pd.DataFrame) -> dict[tuple[str, str], Any]:
    """A row for each moment and quantity; the numbers of pairs and networks are the same for all compared values."""
    return {(row["moment"], row["quantity"]): row for row in rows.to_dict("records")}


def _caption(rows: pd.DataFrame) -> str:
    """Over which networks the columns are, and which values are left out."""
    by = _by_moment(rows)
    first = by["criterion", "interference"]
    same = f"Means over the same {first['n_pairs']} of {first['of_pairs']} pairs "
    same += f"({first['n_networks']} of {first['of_networks']} networks) in each row"
    others = {HEADINGS[moment]: by[moment, "interference"] for moment in HEADINGS}
    others["skill lost"] = by["criterion", "skill_lost"]
    fewer = [text for name, row in others.items() if (text := _different(name, row, first))]
    left_out = f" Left out, since too few count: {first['left_out']}." if _text(first["left_out"]) else ""
    return f"{'; '.join([same, *fewer])}.{left_out}"


def _different(name: str, row: Any, first: Any) -> str:
    """Over how many networks a column is, if these are not the ones of the first column."""
    if row["n_networks"] == 0:
        return f"{name}: none"
    if row["n_pairs"] != first["n_pairs"]:
        return f"{name}: {row['n_pairs']} pairs ({row['n_networks']} networks)"
    return f"{name}: {row['n_networks']} networks" if row["n_networks"] != first["n_networks"] else ""


def _along(row: Any) -> str:
    return f"interference {'by' if row['across'] in ('rule', 'architecture') else 'along'} {_column(row)}"


def _column(row: Any) -> str:
    return "N" if row["across"] == "units" else str(row["across"])


def _setting(group: Sequence[pd.DataFrame]) -> str:
    """The setting that all comparisons of a table share, in brackets."""
    row = group[0].iloc[0].copy()
    for name in SIZE:
        if len({str(rows.iloc[0][name]) for rows in group}) > 1:
            row[name] = math.nan
    name = full_name(row)
    return f" ({name})" if name else ""


def _value(value: Any) -> str:
    """A value of the interference table as in the column `value` of the table `comparisons`."""
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
