"""The trade-off as files and as a table for the terminal."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from rnnbench.benchmark.schema import Benchmark
from rnnbench.figures import style
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.table import ESTIMATES, PLACE, TRADE_OFF_COLUMNS, trade_off
from rnnbench.results.reading import Results
from rnnbench.results.store import write_text, write_with


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
    "interference": "interference (95 % interval)",
    "difference": "difference from the reference",
    "accuracy": "final accuracy",
    "learnt": "second task learnt",
    "cost": "cost of an update",
}


def _row_texts(row: dict[Any, Any], columns: list[str]) -> list[str]:
    """A row as texts: the values that differ between rows, the estimates with their intervals, and the rest."""
    estimates = [_with_interval(row, name) for name in SHOWN]
    return [*_texts(row, columns), *estimates, f"{row['counted']:.0%}", f"{row['reached']:.0%}", str(row["verdict"])]


def _texts(row: dict[Any, Any], columns: list[str]) -> list[str]:
    return ["" if pd.isna(row[name]) else str(row[name]) for name in columns]


def _number(value: float) -> str:
    return f"{value + 0.0:.2f}" if math.isfinite(value) else "-"


def _with_interval(row: dict[Any, Any], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if not math.isfinite(value):
        return "-"
    interval = f" ({low + 0.0:.2f} to {high + 0.0:.2f})" if math.isfinite(low) else ""
    return f"{value + 0.0:.2f}{interval}"


def _varying(table: pd.DataFrame) -> list[str]:
    """The columns that name the rows: those with more than one value, and the rule."""
    return [name for name in [*PLACE, "rule"] if name == "rule" or table[name].nunique(dropna=False) > 1]


def _head(columns: list[str]) -> list[str]:
    return [*columns, *SHOWN.values(), "first task learnt", "criterion on the second", "verdict"]


def terminal_table(table: pd.DataFrame) -> Table:
    """The table for the terminal, in which only interference has an interval."""
    columns = _varying(table)
    legend = "acc: final accuracy; B: second task learnt; A: networks that learnt the first task"
    grid = Table(box=None, padding=(0, 1, 0, 0), caption=legend, caption_justify="left")
    for name in [*columns, "I", "95 %", "acc", "B", "cost", "A", ""]:
        grid.add_column(name, no_wrap=True)
    for row in table.to_dict("records"):
        interval = _with_interval(row, "interference").partition(" ")[2]
        numbers = [_number(row["interference"]), interval, *(_number(row[n]) for n in ("accuracy", "learnt", "cost"))]
        verdict = Text(row["verdict"], style={"less": "green", "more": "red"}.get(row["verdict"], ""))
        grid.add_row(*map(Text, [*_texts(row, columns), *numbers, f"{row['counted']:.0%}"]), verdict)
    return grid


def markdown(table: pd.DataFrame, benchmark: Benchmark) -> str:
    """The table as a Markdown page, with its figure and the meaning of the columns."""
    columns = _varying(table)
    head = _head(columns)
    lines = [
        f"# What keeping old tasks costs: {benchmark.name}",
        "",
        *([benchmark.description, ""] if benchmark.description else []),
        "![interference against final accuracy and against what was learnt of the second task](trade_off.png)",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(
            f"| {' | '.join(text.replace('|', chr(92) + '|') for text in _row_texts(row, columns))} |"
            for row in table.to_dict("records")
        ),
        "",
        f"Made by `python -m rnnbench trade-off` from the results of `{benchmark.name}`, {len(benchmark.seeds)} seeds. "
        "Means over seeds with 95 % bootstrap intervals, over all pairs of different tasks:",
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
