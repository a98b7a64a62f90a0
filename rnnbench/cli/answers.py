"""What the terminal says after a run, below the matrices: comparisons, how interference changes, and its variance.

Each table or block of lines says in its heading what happened to idle outputs. A line names what varies between the
lines of its block, and nothing that is the same in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from rnnbench.cli.comparison_tables import comparison_tables, without_comparison
from rnnbench.cli.console import folded
from rnnbench.cli.matrix_tables import control_line, summary_lines
from rnnbench.cli.setting_names import varying_names
from rnnbench.reports.numbers import DASH, number
from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import idle_outputs
from rnnbench.results.reading import Results


def answers(results: Results, width: int) -> Iterator[Table | Text]:
    """Yield the tables and lines.

    Means that are in no comparison have lines of their own, each of which says over how many pairs it is.

    Args:
        results: the results of a run.
        width: number of columns of the terminal.
    """
    table, idle = results.interference, idle_outputs(results.interference)
    alone = without_comparison(table, results.comparisons)
    yield from comparison_tables(results.comparisons, idle)
    yield from control_line(table.drop(alone.index))
    yield from trend_lines(results.trends, idle, width)
    yield from summary_lines(alone, idle, width)
    yield from variance_lines(results.decomposition, idle, width)


def trend_lines(trends: pd.DataFrame, idle: str, width: int = 80) -> list[Text]:
    """How interference changes from the first value to the last: a few lines for each comparison of numbers.

    Args:
        trends: the table `trends`.
        idle: what happened to idle outputs, as a phrase.
        width: number of columns of the terminal.
    """
    if trends.empty:
        return []
    found = []
    for _, rows in trends.groupby([*MATRIX, "across"], dropna=False, sort=False):
        found.append({(row["moment"], row["quantity"]): row for row in rows.to_dict("records")})
    names = varying_names([by["criterion", "interference"] for by in found])
    lines = [folded(["change of interference (95 % intervals),", f"{idle}:"], width)]
    for by, name in zip(found, names, strict=True):
        lines += [folded(chunks, width) for chunks in _trend(by, name)]
    return lines


def _trend(by: dict[tuple[str, str], Any], name: str) -> list[list[str]]:
    """The lines about one comparison, each as chunks: at equal updates, at B's criterion, and the skill lost."""
    criterion, updates, lost = (
        by[key] for key in (("criterion", "interference"), ("updates", "interference"), ("updates", "skill_lost"))
    )
    across = "N" if criterion["across"] == "units" else criterion["across"]
    along = ", ".join(filter(None, [f"{across} {criterion['first']:g} to {criterion['last']:g}", name]))
    if math.isnan(criterion["change"]):
        return [[f"{along}: no pair counts at all values"]]
    over_tasks = _over(updates, "tasks")
    return [
        [f"{along},", f"equal updates: {_change(updates)}", _in_brackets(_over(updates, "seeds"), over_tasks)],
        [f"  at B's criterion: {_change(criterion)}", _in_brackets(_over(criterion, "seeds"))],
        [f"  skill lost (0 to 1), equal updates: {_signed(lost['change'])}", _in_brackets(_over(lost, "seeds"))],
    ]


def _change(row: Any) -> str:
    """The change, and in how many pairs it is a fall; both are of the same moment."""
    if math.isnan(row["change"]):
        return DASH
    return f"{_signed(row['change'])}, {row['n_falling']} of {row['n_pairs']} pairs fall"


def variance_lines(decomposition: pd.DataFrame, idle: str, width: int = 80) -> list[Text]:
    """The shares of the variance between networks that A, B, the seeds and the pair have, in each matrix.

    Args:
        decomposition: the table `decomposition`.
        idle: what happened to idle outputs, as a phrase.
        width: number of columns of the terminal.
    """
    if decomposition.empty:
        return []
    table = decomposition[decomposition["quantity"] == "interference"]
    matrices = [rows for _, rows in table.groupby(MATRIX, dropna=False, sort=False) if _has_shares(rows)]
    if not matrices:
        return []
    names = varying_names([rows.iloc[0] for rows in matrices])
    over = [f"over {rows.iloc[0]['n_networks']} networks" for rows in matrices]
    if len(set(over)) == 1:  # it needs no words if all are over equally many
        over = [""] * len(over)
    lines = [folded(["variance of interference between networks (95 % intervals),", f"{idle}:"], width)]
    return lines + [folded(_shares(*each), width) for each in zip(matrices, names, over, strict=True)]


def _has_shares(rows: pd.DataFrame) -> bool:
    values = rows.set_index("term")["value"]
    return all(math.isfinite(values.get(term, math.nan)) for term in ("A", "B", "pair", "seeds"))


def _shares(rows: pd.DataFrame, name: str, over: str) -> list[str]:
    """The line about one matrix as chunks."""
    by = {row["term"]: row for row in rows.to_dict("records")}
    a, b, seeds, pair = (f"{100 * by[term]['value']:.0f} %" for term in ("A", "B", "seeds", "pair"))
    each = (_over(by["pair"], unit, percent=True) for unit in ("seeds", "tasks"))
    r2 = by.get("additive R2", {"value": math.nan})["value"]
    more = [f"additive R² {number(r2)}"] * math.isfinite(r2) + [over] * bool(over)
    shares = [f"{name}:"] * bool(name) + [f"{a} A,", f"{b} B,", f"{seeds} seeds,", f"{pair} the pair"]
    interval = _in_brackets(*each, between=", ")
    before = [interval] if interval else [shares.pop()]
    return [*shares, *(f"{chunk};" for chunk in [*before, *more][:-1]), *[*before, *more][-1:]]


def _over(row: Any, unit: str, percent: bool = False) -> str:
    """The 95 % interval of a row over seeds or tasks; empty if there is none."""
    low, high = (row["low"], row["high"]) if unit == "seeds" else (row["low_tasks"], row["high_tasks"])
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    ends = (f"{100 * end:.0f}" for end in (low, high)) if percent else (number(end) for end in (low, high))
    return f"{' to '.join(ends)} over {unit}"


def _in_brackets(*texts: str, between: str = "; ") -> str:
    known = [text for text in texts if text]
    return f"({between.join(known)})" if known else ""


def _signed(value: float) -> str:
    return DASH if math.isnan(value) else f"+{number(value)}" if value > 0 else number(value)
