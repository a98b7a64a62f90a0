"""The comparison as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.report import cell_row, matrix_rows
from rnnbench.reports.comparison.two_labs import Pair

COLOURS = {"agree": "green", "disagree": "red", "inconclusive": "yellow"}
MOST_SETTINGS = 20
MOST_CELLS = 40


def tables(comparison: Comparison) -> Iterator[Table]:
    """Settings that differ; then for every two labs the matrices, and the cells: all of few, of many the decided."""
    if comparison.settings:
        yield _settings(comparison)
    for pair in comparison.pairs:
        yield _matrices(pair)
        cells = [cell for cell in pair.cells if len(pair.cells) <= MOST_CELLS or cell.verdict == "disagree"]
        if cells:
            yield _cells(pair, [cell_row(cell) for cell in cells[:MOST_CELLS]])


def _settings(comparison: Comparison) -> Table:
    table = _table("settings that differ", ["setting", *(lab.name for lab in comparison.labs)])
    for one in comparison.settings[:MOST_SETTINGS]:
        table.add_row(Text(one.path), *(Text(value) for value in one.values))
    if (more := len(comparison.settings) - MOST_SETTINGS) > 0:
        table.add_row(Text(f"and {more} more, in compare.md", style="dim"))
    return table


def _matrices(pair: Pair) -> Table:
    heading = [
        "matrix",
        "cells",
        "agree",
        "disagree",
        "open",
        "concordance",
        "Pearson",
        "Spearman",
        "p (tasks renamed)",
    ]
    table = _table(" and ".join(pair.names), heading)
    for row in matrix_rows(pair):
        table.add_row(*map(Text, row))
    return table


def _cells(pair: Pair, rows: list[list[str]]) -> Table:
    a, b = pair.names
    heading = ["cell A ← B", f"{a} (n)", f"{b} (n)", "difference [95 %, all]", "[90 %, alone]", "p", "verdict"]
    table = _table("", heading)
    for row in rows:
        table.add_row(*map(Text, row[:-1]), Text(row[-1], style=COLOURS[row[-1]]))
    return table


def _table(title: str, heading: list[str]) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in heading:
        table.add_column(Text(column))
    return table
