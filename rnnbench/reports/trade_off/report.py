"""The trade-off as files: CSV, Markdown and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import Benchmark
from rnnbench.figures import style
from rnnbench.reports.markdown import table as markdown_table
from rnnbench.reports.numbers import with_interval
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.table import ESTIMATES, PLACE, TRADE_OFF_COLUMNS, told, trade_off
from rnnbench.results.files import write_text, write_with
from rnnbench.results.reading import Results


def write_trade_off(results: Results, folder: Path) -> pd.DataFrame:
    """Write trade_off.csv, trade_off.md and trade_off.png.

    Args:
        results: the results of one benchmark.
        folder: where the files go.

    Returns:
        The table of the trade-off.

    Raises:
        RnnbenchError: there are no pairs of different tasks.
    """
    table = trade_off(results)
    write_text(folder / "trade_off.csv", table.to_csv(index=False))
    write_with(folder / "trade_off.png", lambda path: style.save(trade_off_figure(table), path))
    write_text(folder / "trade_off.md", markdown(table, results.benchmark))
    return table


SHOWN = {
    "interference": "interference",
    "difference": "difference of interference from the reference",
    "accuracy": "final accuracy",
    "learnt": "second task learnt",
    "cost": "cost of an update",
}


def _row_texts(row: dict[Any, Any], columns: list[str]) -> list[str]:
    """A row as texts: the values that differ between rows, the estimates with their intervals, and the rest."""
    estimates = [_with_interval(row, name) for name in SHOWN]
    return [*texts_of(row, columns), *estimates, f"{row['counted']:.0%}", f"{row['reached']:.0%}", str(row["verdict"])]


def texts_of(row: dict[Any, Any], columns: list[str]) -> list[str]:
    """The values of the given columns as texts; missing values are empty."""
    return ["" if pd.isna(row[name]) else str(row[name]) for name in columns]


def _with_interval(row: dict[Any, Any], name: str) -> str:
    return with_interval(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))


def varying(table: pd.DataFrame) -> list[str]:
    """The columns that name the rows: those with more than one value, and the rule."""
    return [name for name in [*PLACE, "rule"] if name == "rule" or table[name].nunique(dropna=False) > 1]


def _head(columns: list[str], idle: str) -> list[str]:
    """The headings, with the idle outputs where they are about interference, and what the brackets are."""
    shown = [
        f"{text}{f', {idle}' if 'interference' in text else ''} (95 % interval over seeds)" for text in SHOWN.values()
    ]
    return [*columns, *shown, "first task learnt", "criterion on the second", "verdict"]


def markdown(table: pd.DataFrame, benchmark: Benchmark) -> str:
    """The table as a Markdown page, with its figure and the meaning of the columns."""
    columns = varying(table)
    idle, over = told(table)
    lines = [
        f"# What keeping old tasks costs: {benchmark.name} ({idle})",
        "",
        *([benchmark.description, ""] if benchmark.description else []),
        f"![interference ({idle}) against final accuracy and what was learnt of the second task](trade_off.png)",
        "",
        *markdown_table(_head(columns, idle), [_row_texts(row, columns) for row in table.to_dict("records")]),
        f"Made by `python -m rnnbench trade-off` from the results of `{benchmark.name}`, {len(benchmark.seeds)} seeds. "
        "Means over seeds of pairs of different tasks; in brackets 95 % intervals over seeds, for five seeds or more. "
        f"Interference ({idle}) is averaged {over}:",
        "",
        *(f"- {SHOWN[name]}: {meaning};" for name, meaning in ESTIMATES.items()),
        f"- first task learnt, criterion on the second: {TRADE_OFF_COLUMNS['counted']}; "
        f"{TRADE_OFF_COLUMNS['reached']};",
        "- verdict: less (or more) interference than the reference if the whole interval of the difference is below "
        "(or above) 0 and p <= 0.05 (sign flips over at least five seeds, one-sided, not corrected for the number of "
        "rows).",
        "",
        "A rule that learns little of the second task also forgets little of the first, so read both columns together.",
    ]
    return "\n".join(lines) + "\n"
