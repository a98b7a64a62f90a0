"""Verdicts, trade-offs and comparisons as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from rich.table import Table
from rich.text import Text

from rnnbench.reports.claims.judge import Judgement
from rnnbench.reports.claims.report import numbers_of
from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.report import entry_row, matrix_rows
from rnnbench.reports.comparison.two_labs import Pair
from rnnbench.reports.numbers import number, with_interval
from rnnbench.reports.trade_off.report import texts_of, varying
from rnnbench.reports.trade_off.table import told

STYLES = {"supported": "green", "not supported": "red", "undecided": "yellow"}
COLOURS = {"agree": "green", "disagree": "red", "inconclusive": "yellow"}
MOST_SETTINGS = 20
"""How many settings that differ are shown at most."""
MOST_ENTRIES = 40
"""How many entries of the matrices of two labs are shown at most."""


def claims_table(judgements: Sequence[Judgement]) -> Table:
    """A table with a row for each finding: claim, results with idle outputs, networks, deciding estimates, verdict.

    Args:
        judgements: a claim and its findings on each results folder.
    """
    table = Table(padding=(0, 1), show_lines=True)
    for column in ("claim", "results", "networks compared", "estimates", "verdict"):
        table.add_column(column, overflow="fold")
    for judgement in judgements:
        results = Text(judgement.name).append(f"\n{judgement.idle}", style="dim")
        for finding in judgement.findings:
            estimates = "\n".join(
                f"{one.statement}: {' '.join(part for part in numbers_of(one)[:2] if part)}" for one in finding.parts
            )
            verdict = Text(finding.verdict, style=STYLES[finding.verdict])
            if finding.reason:
                verdict.append(f"\n{finding.reason}", style="dim")
            table.add_row(finding.claim, results, Text(finding.group), Text(estimates), verdict)
        if judgement.why_not:
            reason = Text(judgement.why_not, style="dim")
            table.add_row(judgement.claim.id, results, Text("not judged", style="dim"), reason, "")
    return table


def trade_off_table(table: pd.DataFrame) -> Table:
    """The table of trade-offs with idle outputs in its heading; only interference has an interval.

    Args:
        table: what `write_trade_off` returned.
    """
    columns = varying(table)
    idle, over = told(table)
    grid = _table(f"interference I and what it costs; {idle}", [])
    grid.padding, grid.caption_justify = (0, 1, 0, 0), "left"
    grid.caption = Text(
        f"I: {over}; acc: final accuracy; B: second task learnt; A: networks that learnt the first task"
    )
    for name in [*columns, "I", "95 %", "acc", "B", "cost", "A", ""]:
        grid.add_column(name, no_wrap=name not in columns, overflow="fold")  # a verdict is not cut off
    for row in table.to_dict("records"):
        mean, low, high = (row[f"interference{end}"] for end in ("", "_low", "_high"))
        interval = with_interval(mean, low, high).partition(" ")[2]
        numbers = [number(mean), interval, *(number(row[n]) for n in ("accuracy", "learnt", "cost"))]
        verdict = Text(row["verdict"], style={"less": "green", "more": "red"}.get(row["verdict"], ""))
        grid.add_row(*map(Text, [*texts_of(row, columns), *numbers, f"{row['counted']:.0%}"]), verdict)
    return grid


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """The settings that differ, and the matrices and entries of every two labs.

    If there are more than MOST_ENTRIES entries, only those on which the labs disagree are shown.

    Args:
        comparison: what `compare_folders` returned.
    """
    if comparison.settings:
        yield _settings(comparison)
    for pair in comparison.pairs:
        yield _matrices(pair)
        entries = [entry for entry in pair.entries if len(pair.entries) <= MOST_ENTRIES or entry.verdict == "disagree"]
        if entries:
            yield _entries(pair, [entry_row(entry) for entry in entries[:MOST_ENTRIES]])


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
        "entries",
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


def _entries(pair: Pair, rows: list[list[str]]) -> Table:
    a, b = pair.names
    heading = ["entry A ← B", f"{a} (n)", f"{b} (n)", "difference [95 %, all]", "[90 %, alone]", "p", "verdict"]
    table = _table("", heading)
    for row in rows:
        table.add_row(*map(Text, row[:-1]), Text(row[-1], style=COLOURS[row[-1]]))
    return table


def _table(title: str, heading: list[str]) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in heading:
        table.add_column(Text(column))
    return table
