"""Interference compared at equal progress, as texts for the page: a table for each comparison, and its trend in words.

The numbers are those of the tables `comparisons` and `trends`; results of older versions, which lack them, are
summarised from the interference table and the curves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.messages import listed
from rnnbench.reports.equal_pairs import over
from rnnbench.reports.numbers import number, plain
from rnnbench.reports.page.settings import parts
from rnnbench.results.columns import COMPARISONS, DECOMPOSITION, MATRIX, TRENDS
from rnnbench.results.comparisons import MOMENTS, QUANTITIES, TITLES
from rnnbench.results.interference import idle_outputs
from rnnbench.results.reading import Results
from rnnbench.results.tables import summaries

WORDS = {"interference": "interference", "skill_lost": "skill lost", "accuracy_lost": "accuracy lost"}
LITTLE = 0.1
"""A change smaller than this is called "hardly changes": a tenth of what was learnt, as in the claims."""
COLUMNS = [
    *((moment, "interference") for moment in MOMENTS),
    ("criterion", "skill_lost"),
    ("criterion", "accuracy_lost"),
]
"""(moment, quantity) of the columns of the tables; the last one only if some task has an accuracy."""


def summary_tables(results: Results) -> dict[str, pd.DataFrame]:
    """The tables that summarise the results, computed if the folder does not have them.

    Args:
        results: the results of one benchmark.

    Returns:
        The tables `comparisons`, `trends` and `decomposition` by name.
    """
    names = [declared.name for declared in (COMPARISONS, TRENDS, DECOMPOSITION)]
    if all(name in results.tables for name in names):
        return {name: results.tables[name] for name in names}
    if results.curves.empty:
        return {name: pd.DataFrame() for name in names}
    return summaries(results.interference, results.curves)


@dataclass(frozen=True)
class Cell:
    """A mean in a table of a comparison.

    Attributes:
        mean: mean over the same pairs and seeds.
        lines: its median and its intervals, one text for each that there is.
    """

    mean: str
    lines: list[str]


@dataclass(frozen=True)
class Comparison:
    """A comparison as texts for the page.

    Attributes:
        id: part of the ids of its HTML elements.
        title: what is compared, and what is the same for all networks.
        idle: what happened to the outputs that a task does not use.
        across: name of the column of values.
        over: over which pairs and networks the means are, and which values are left out.
        headings: heading of each column, and over how many networks it is if not all that count reached the moment.
        rows: each value and its cells.
        trend: the trend in sentences; empty where values have no order.
    """

    id: str
    title: str
    idle: str
    across: str
    over: str
    headings: list[tuple[str, str]]
    rows: list[tuple[str, list[Cell]]]
    trend: list[str]


def comparisons(results: Results, tables: dict[str, pd.DataFrame]) -> tuple[list[Comparison], str]:
    """The comparisons of a benchmark.

    Args:
        results: the results of one benchmark.
        tables: the tables `comparisons` and `trends`, by name.

    Returns:
        The comparisons, and why there are none if they could not be read; the reason is empty otherwise.
    """
    table = tables["comparisons"]
    if table.empty:
        return [], ""
    idle = idle_outputs(results.interference)
    try:
        start = (table["moment"] == "criterion") & (table["quantity"] == "interference")
        number_of = (start & ~start.shift(fill_value=False)).cumsum()
        groups = [rows for _, rows in table.groupby(number_of, sort=False)]
        return [_comparison(str(k), rows, tables["trends"], idle) for k, rows in enumerate(groups, start=1)], ""
    except Exception as error:  # tables of other origin may lack a column; the rest of the page is still shown
        return [], f"{type(error).__name__}: {' '.join(str(error).split())}"


def _comparison(id: str, rows: pd.DataFrame, trends: pd.DataFrame, idle: str) -> Comparison:
    first = rows.iloc[0]
    across = str(first["across"])
    name = "N" if across == "units" else across
    values = list(dict.fromkeys(rows["value"].astype(str)))
    by = {(row["moment"], row["quantity"], str(row["value"])): row for row in rows.to_dict("records")}
    columns = [one for one in COLUMNS if one[1] != "accuracy_lost" or _known(by, values, *one)]
    fixed = [part for part in fixed_parts(first).values() if part]
    pairs = [by[moment, quantity, values[0]] for moment, quantity in columns]
    notes = ["" if _numbers(one) == _numbers(pairs[0]) else _short(one) for one in pairs]
    headings = [f"{WORDS[quantity]} {TITLES[moment]}" for moment, quantity in columns]
    left_out = _text(first["left_out"])
    return Comparison(
        id,
        " · ".join([f"{name} = {listed([plain_value(value) for value in values])}", *fixed]),
        idle,
        name,
        over(*_numbers(pairs[0])) + (f"; left out: {name} = {left_out}" if left_out else ""),
        list(zip(headings, notes, strict=True)),
        [(plain_value(value), [_cell(by[m, q, value]) for m, q in columns]) for value in values],
        _trend(first, trends, name, idle),
    )


def fixed_parts(row: Any) -> dict[str, str]:
    """The parts of a setting that all compared networks share, in words.

    Args:
        row: a row with the columns MATRIX, empty where values are compared.
    """
    known = {name: _text(row[name]) for name in MATRIX if name not in ("g", "units")}
    setting: dict[str, Any] = {**known, "g": row["g"], "units": row["units"]}
    if pd.isna(setting["units"]):
        return {name: text for name, text in parts({**setting, "units": 0}).items() if name != "units"}
    return parts(setting)


def plain_value(value: str) -> str:
    """The text of a compared value, with a minus sign where it is below 0."""
    return value.replace("-", "−") if value[:1] == "-" else value


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _numbers(row: Any) -> tuple[int, int, int, int]:
    """Numbers of pairs and networks, of how many, of a row."""
    return int(row["n_pairs"]), int(row["of_pairs"]), int(row["n_networks"]), int(row["of_networks"])


def _short(row: Any) -> str:
    return f"over {int(row['n_pairs'])} pairs ({int(row['n_networks'])} networks), which reached this"


def ends(row: Any) -> list[str]:
    """The 95 % intervals of a row, one text for each that there is.

    Args:
        row: a row with the columns low, high, low_tasks and high_tasks.
    """
    each = (("seeds", row["low"], row["high"]), ("tasks", row["low_tasks"], row["high_tasks"]))
    return [
        f"over {unit} {number(low)} to {number(high)}"
        for unit, low, high in each
        if math.isfinite(low) and math.isfinite(high)
    ]


def _cell(row: Any) -> Cell:
    if not math.isfinite(row["mean"]):
        return Cell(number(math.nan), [])
    median = [f"median {number(row['median'])}"] if row["quantity"] == "interference" else []
    return Cell(number(row["mean"]), [*median, *ends(row)])


def _trend(first: pd.Series, trends: pd.DataFrame, name: str, idle: str) -> list[str]:
    """The trend of a comparison in sentences."""
    if trends.empty:
        return []
    same = pd.Series(True, index=trends.index)
    for column in (*MATRIX, "across"):
        mine = first[column]
        same &= trends[column].isna() if pd.isna(mine) else trends[column].astype(str).eq(str(mine))
    rows = {(row["moment"], row["quantity"]): row for row in trends[same].to_dict("records")}
    known = [name for name in QUANTITIES if _has_change(rows.get(("criterion", name)))]
    if "interference" not in known:
        return []
    at = rows["criterion", "interference"]
    start = f"From {name} = {plain(at['first'])} to {plain(at['last'])}, "
    sentences = [f"{start if quantity == 'interference' else ''}{_changes(rows, quantity, idle)}" for quantity in known]
    found = {(moment, quantity): direction(rows[moment, quantity]) for moment in MOMENTS for quantity in known}
    return [*sentences, conclusion(found, idle)]


def _known(by: dict[tuple[str, str, str], Any], values: list[str], moment: str, quantity: str) -> bool:
    """Whether some value has a mean of the quantity."""
    rows = (by.get((moment, quantity, value)) for value in values)
    return any(row is not None and math.isfinite(row["mean"]) for row in rows)


def _has_change(row: Any) -> bool:
    return row is not None and math.isfinite(row["change"])


def _changes(rows: dict[tuple[str, str], Any], quantity: str, idle: str) -> str:
    """One sentence about a quantity: its change at every moment, and where it falls."""
    each = []
    for moment, where in TITLES.items():
        row = rows[moment, quantity]
        between = f" [95 % {'; '.join(ends(row))}]" if ends(row) else ""
        each.append(f"by {number(row['change'])} {where}{between}")
    at = rows["criterion", quantity]
    name = "interference" if quantity == "interference" else f"The {WORDS[quantity]}"
    return (
        f"{name} ({idle}) changes {listed(each)}. At B's criterion, "
        f"{int(at['n_falling'])} of {int(at['n_pairs'])} pairs fall; the mean is smallest at "
        f"{plain(at['smallest_at'])} and largest at {plain(at['largest_at'])}."
    )


def direction(row: Any) -> str:
    """What a row of the table `trends` shows: a fall, a rise, hardly any change, or nothing."""
    if not math.isfinite(row["change"]):
        return "is not known"
    if abs(row["change"]) < LITTLE:
        return "hardly changes"
    if row["low"] <= 0 <= row["high"]:
        return "is not shown to change"
    return "falls" if row["change"] < 0 else "rises"


def conclusion(found: dict[tuple[str, str], str], idle: str) -> str:
    """Whether the direction of a trend depends on the moment or on the quantity.

    Args:
        found: the direction at each moment and of each quantity.
        idle: what happened to the outputs that a task does not use.
    """
    told = {}
    quantities = list(dict.fromkeys(quantity for _, quantity in found))
    for quantity in quantities:
        word = WORDS[quantity]
        by_word: dict[str, list[str]] = {}
        for moment, where in TITLES.items():
            by_word.setdefault(found[moment, quantity], []).append(where)
        if len(by_word) == 1:
            told[quantity] = f"{word} {next(iter(by_word))} at all four moments"
        else:
            told[quantity] = f"{word} " + ", but ".join(f"{verb} {listed(at)}" for verb, at in by_word.items())
    on = []
    if any(found[moment, "interference"] != found[moment, other] for moment in MOMENTS for other in quantities):
        on.append("the quantity")
    if any(found[moment, quantity] != found["criterion", quantity] for moment in MOMENTS for quantity in quantities):
        on.append("the moment")
    if not on:
        return f"The conclusion ({idle}) depends neither on the quantity nor on the moment: {'; '.join(told.values())}."
    return f"The conclusion ({idle}) depends on {listed(on)}: {'; '.join(told.values())}."
