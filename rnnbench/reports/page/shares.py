"""Rows, columns and pairs of the interference matrices, as texts for the page: what explains the differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.reports.numbers import number
from rnnbench.reports.page.progress import WORDS, ends
from rnnbench.reports.page.settings import key_of, names, setting_of
from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import idle_outputs, in_context
from rnnbench.results.reading import Results

SHARES = {"A": "A (rows)", "B": "B (columns)", "pair": "the pair", "seeds": "the seed"}
"""Terms of the decomposition that are shares of the variance between networks, and their headings."""


@dataclass(frozen=True)
class Decomposed:
    """The decomposition of one matrix as texts for the page.

    Attributes:
        name: name of the setting, and the quantity.
        idle: what happened to the outputs that a task does not use.
        over: number of pairs, seeds and networks.
        cells: for each column, the value and the intervals that there are.
        sentence: the result in one sentence; empty for the skill lost.
    """

    name: str
    idle: str
    over: str
    cells: list[tuple[str, list[str]]]
    sentence: str


def headings() -> list[str]:
    """Headings of the columns of the table."""
    shares = [f"share of {heading}" for heading in SHARES.values()]
    return ["mean", *shares, "additive R²", "1 + L₀(B)/L₀(A)"]


def decomposed(results: Results, table: pd.DataFrame) -> tuple[list[Decomposed], str]:
    """The decomposition of every matrix with pairs of different tasks.

    Args:
        results: the results of one benchmark.
        table: the table `decomposition`.

    Returns:
        The decompositions, and why there are none if they could not be read; the reason is empty otherwise.
    """
    if table.empty:
        return [], ""
    try:
        known = table[table["n_networks"] > 0]
        groups = [rows for _, rows in known.groupby([*MATRIX, "quantity"], dropna=False, sort=False)]
        settings = [setting_of(_with_text(rows.iloc[0])) for rows in groups]
        _, each = names(settings) if settings else ("", [])
        idle = _idle(results.interference)
        return [
            _decomposed(name, idle.get(key_of(setting), idle_outputs(results.interference)), rows)
            for name, setting, rows in zip(each, settings, groups, strict=True)
        ], ""
    except Exception as error:  # tables of other origin may lack a column; the rest of the page is still shown
        return [], f"{type(error).__name__}: {' '.join(str(error).split())}"


def _with_text(row: pd.Series) -> dict[str, Any]:
    """The row with "" for a missing condition and missing earlier tasks."""
    missing = {name: "" for name in ("condition", "earlier_tasks") if pd.isna(row[name])}
    return {str(name): value for name, value in row.items()} | missing


def _idle(interference: pd.DataFrame) -> dict[tuple[str, ...], str]:
    groups = in_context(interference).groupby(MATRIX, dropna=False, sort=False)
    return {key_of(setting_of(rows.iloc[0])): idle_outputs(rows) for _, rows in groups}


def _decomposed(name: str, idle: str, rows: pd.DataFrame) -> Decomposed:
    by = {row["term"]: row for row in rows.to_dict("records")}
    quantity = WORDS[rows["quantity"].iloc[0]]
    cells = [(number(by["mean"]["value"]), ends(by["mean"]))]
    cells += [(_percent(by[term]["value"]), _ends_percent(by[term])) for term in SHARES]
    cells.append((_percent(by["additive R2"]["value"]), []))
    predicted = quantity == "interference"  # 1 + L0(B)/L0(A) says nothing about a part between 0 and 1
    rank, r2 = (number(by[f"prediction {name}"]["value"]) for name in ("rank", "R2"))
    cells.append((f"R² {r2}", [f"rank correlation {rank}"]) if predicted else (number(math.nan), []))
    at = by["mean"]
    over = f"{int(at['n_pairs'])} pairs, {int(at['n_seeds'])} seeds, {int(at['n_networks'])} networks"
    return Decomposed(f"{quantity} · {name}", idle, over, cells, _sentence(name, idle, by) if predicted else "")


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %".replace("-", "−") if math.isfinite(value) else number(math.nan)


def _ends_percent(row: Any) -> list[str]:
    each = (("seeds", row["low"], row["high"]), ("tasks", row["low_tasks"], row["high_tasks"]))
    return [f"over {unit} {_percent(a)} to {_percent(b)}" for unit, a, b in each if math.isfinite(a + b)]


def _sentence(name: str, idle: str, by: dict[str, Any]) -> str:
    """Where the variance between the networks of one matrix comes from, in one sentence."""
    start = f"{name} ({idle}): "
    if not math.isfinite(by["pair"]["value"]):
        return f"{start}too few tasks or seeds to separate rows, columns and pairs."
    a, b, pair, seed = (_percent(by[term]["value"]) for term in SHARES)
    between = _ends_percent(by["pair"])
    interval = f" [95 % {'; '.join(between)}]" if between else ""
    return (
        f"{start}of the variance of interference between networks, {a} is due to the first task, {b} to the second, "
        f"{pair} to the pair{interval} and {seed} to the seed."
    )
