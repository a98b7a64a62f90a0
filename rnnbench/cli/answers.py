"""What the terminal says after a run: tables and sentences about g, drive and other comparisons, and about pairs."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from rnnbench.reports.numbers import DASH, number
from rnnbench.results.columns import MATRIX

HEADINGS = {"criterion": "criterion", "updates": "updates", "half": "1/2 loss", "tenth": "1/10 loss"}
"""Short names of the moments of the training on B at which networks are compared."""

MOMENTS = (
    "Columns: at B's criterion; after equal numbers of updates; when B's loss was 1/2 and 1/10 of untrained. Median "
    "and skill lost (0 to 1): at B's criterion."
)
SETTING = ["condition", "architecture", "rule", "g", "units", "earlier_tasks"]


def comparison_tables(comparisons: pd.DataFrame, idle: str) -> list[Table]:
    """A table for each comparison: interference at four moments, over the same networks.

    Args:
        comparisons: the table `comparisons`.
        idle: what happened to idle outputs, as a phrase.
    """
    tables = []
    shown = comparisons[~comparisons["across"].isin(["rule", "architecture"])]
    for _, rows in shown.groupby([*SETTING, "across", "left_out"], dropna=False, sort=False):
        first = rows.iloc[0]
        table = Table(title=Text(f"interference along {_of(first)}; {idle}"), title_justify="left", box=None)
        for name in (str(first["across"]), *HEADINGS.values(), "median", "skill lost"):
            table.add_column(name, justify="right")
        for value, of_value in rows.groupby("value", sort=False):
            table.add_row(str(value), *_means(of_value))
        table.caption, table.caption_justify = Text(_caption(rows)), "left"
        tables.append(table)
    return tables


def _means(rows: pd.DataFrame) -> list[str]:
    """Means at the four moments, and the median and the skill lost at B's criterion."""
    by = {(row["moment"], row["quantity"]): row for row in rows.to_dict("records")}
    means = [number(by[moment, "interference"]["mean"]) for moment in HEADINGS]
    return [*means, number(by["criterion", "interference"]["median"]), number(by["criterion", "skill_lost"]["mean"])]


def _caption(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    counted = f"{first['n_networks']} of {first['of_networks']} networks"
    same = f"Means over the same {first['n_pairs']} of {first['of_pairs']} pairs ({counted}) in each row."
    left_out = f" Left out, since too few count: {first['left_out']}." if first["left_out"] else ""
    return f"{same} {MOMENTS}{left_out}"


def trend_lines(trends: pd.DataFrame) -> list[Text]:
    """One or two lines for each comparison of numbers: how interference changes from the first value to the last.

    Args:
        trends: the table `trends`.
    """
    lines = []
    for _, rows in trends.groupby([*SETTING, "across"], dropna=False, sort=False):
        by = {(row["moment"], row["quantity"]): row for row in rows.to_dict("records")}
        one, updates = by["criterion", "interference"], by["updates", "interference"]
        if math.isnan(one["change"]):
            lines.append(Text(f"{_of(one)}: no pair counts at all values"))
            continue
        span = f"{one['across']} {one['first']:g} to {one['last']:g}"
        changes = f"{_signed(one['change'])} at B's criterion, {_signed(updates['change'])} at equal updates"
        lines.append(Text(f"{span}: interference {changes}"))
        intervals = [
            f"{number(updates[low])} to {number(updates[high])} over {name}"
            for name, low, high in (("seeds", "low", "high"), ("tasks", "low_tasks", "high_tasks"))
            if math.isfinite(updates[low])
        ]
        if intervals:
            lines.append(Text(f"  95 % of the second: {', '.join(intervals)}"))
        lines.append(Text(f"  {one['n_falling']} of {one['n_pairs']} pairs fall; smallest at {one['smallest_at']:g}"))
        lost = (_signed(by[moment, "skill_lost"]["change"]) for moment in ("criterion", "updates"))
        lines.append(Text(f"  skill lost (0 to 1): {' and '.join(lost)}"))
    return lines


def variance_lines(decomposition: pd.DataFrame) -> list[Text]:
    """One line for each matrix: the shares of the variance between networks of A, B, the pair and the seeds.

    Args:
        decomposition: the table `decomposition`.
    """
    lines = []
    table = decomposition[decomposition["quantity"] == "interference"]
    several_g = table["g"].nunique() > 1
    for setting, rows in table.groupby(MATRIX, dropna=False, sort=False):
        names: dict[str, Any] = dict(zip(MATRIX, setting, strict=True))
        by = rows.set_index("term")
        shares = [by["value"].get(term, math.nan) for term in ("A", "B", "pair", "seeds")]
        if not all(map(math.isfinite, shares)):
            continue
        a, b, pair, seeds = (f"{100 * share:.0f} %" for share in shares)
        low, high = by["low"].get("pair", math.nan), by["high"].get("pair", math.nan)
        interval = f" ({100 * low:.0f} to {100 * high:.0f})" if math.isfinite(low) else ""
        where = ", ".join([f"g = {names['g']:g}"] * several_g + [str(names["condition"])] * bool(names["condition"]))
        prefix = f"{where}: " if where else ""
        lines.append(Text(f"{prefix}{a} A, {b} B, {pair} the pair{interval}, {seeds} seeds"))
    if lines:
        lines.insert(0, Text("of the variance between networks (interval: 95 %, over seeds):"))
    return lines


def _of(row: Any) -> str:
    """What a comparison is along, and the setting that it is made in."""
    setting = [row["architecture"], row["rule"]]
    if not pd.isna(row["g"]):
        setting.append(f"g = {row['g']:g}")
    setting += [row["condition"], f"after {row['earlier_tasks']}" if row["earlier_tasks"] else ""]
    return f"{row['across']} ({', '.join(str(part) for part in setting if part and not pd.isna(part))})"


def _signed(value: float) -> str:
    return DASH if math.isnan(value) else f"+{number(value)}" if value > 0 else number(value)
