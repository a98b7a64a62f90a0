"""The interference matrices: what stands in the cells of the page, and the numbers behind each cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnbench.figures.summary import task_order
from rnnbench.reports.page.colours import shade
from rnnbench.reports.page.numbers import counted, number
from rnnbench.reports.page.settings import Setting, key_of, names, setting_of
from rnnbench.results.interference import CELL, MATRIX, converged, counts, matrix_table, over_seeds

FEW = 3
"""Matrices of at most so many cells are drawn as one table: a row for each setting, a column for each pair."""


@dataclass(frozen=True)
class Cell:
    """A cell of a matrix.

    place        in the page's data
    low, high    95 % bootstrap interval of the mean over seeds
    rows         its rows of the interference table, one for each network
    """

    place: int
    setting: str
    first: str
    second: str
    networks: int
    converged: int
    counted: int
    mean: float
    sd: float
    low: float
    high: float
    rows: pd.DataFrame

    @property
    def shade(self) -> str:
        return shade(self.mean)

    @property
    def pair(self) -> str:
        return f"{self.first}, then {self.second}" if self.first != self.second else f"{self.first}, then more of it"

    @property
    def told(self) -> str:
        """The cell in words, for those who hear the page."""
        of = f"{self.counted} of {counted(self.networks, 'network')} counted"
        spread = f", standard deviation {number(self.sd)}" if np.isfinite(self.sd) else ""
        return f"{self.pair}: interference {number(self.mean)}{spread}, {of}"


@dataclass(frozen=True)
class Matrix:
    """The cells of one setting by (first, second) task."""

    name: str
    firsts: list[str]
    seconds: list[str]
    cells: dict[tuple[str, str], Cell]


@dataclass(frozen=True)
class Matrices:
    """All matrices of some results.

    common   what their settings share
    pairs    where every matrix is small: the pairs that are the columns of the one table; empty otherwise
    """

    common: str
    each: list[Matrix]
    pairs: list[tuple[str, str]]

    @property
    def cells(self) -> list[Cell]:
        return [cell for matrix in self.each for cell in matrix.cells.values()]


def matrices(table: pd.DataFrame, first_place: int = 0) -> Matrices:
    """The matrices of an interference table; its cells are numbered from `first_place` on."""
    numbers = matrix_table(table)
    intervals = over_seeds(table, CELL, np.random.default_rng(0))[["low", "high"]]
    rows = [group for _, group in table.groupby(CELL, dropna=False, sort=False)]
    settings: dict[tuple[str, ...], Setting] = {}
    of: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(numbers.to_dict("records")):
        setting = setting_of(row)
        settings.setdefault(key_of(setting), setting)
        of.setdefault(key_of(setting), []).append(place)
    common, each = names(list(settings.values()))
    found = []
    for name, places in zip(each, of.values(), strict=True):
        cells = [_cell(first_place + p, name, numbers.iloc[p], intervals.iloc[p], rows[p]) for p in places]
        tasks = task_order(numbers.iloc[places])
        firsts = [task for task in tasks if any(c.first == task for c in cells)]
        seconds = [task for task in tasks if any(c.second == task for c in cells)]
        found.append(Matrix(name, firsts, seconds, {(c.first, c.second): c for c in cells}))
    small = all(len(matrix.cells) <= FEW for matrix in found)
    pairs = list(dict.fromkeys(pair for matrix in found for pair in matrix.cells)) if small else []
    return Matrices(common, found, pairs if len(pairs) <= 2 * FEW else [])


def _cell(place: int, setting: str, row: pd.Series, interval: pd.Series, rows: pd.DataFrame) -> Cell:
    return Cell(
        place,
        setting,
        str(row["first_task"]),
        str(row["second_task"]),
        int(row["networks"]),
        int(row["converged"]),
        int(row["counted"]),
        float(row["mean"]),
        float(row["sd"]),
        float(interval["low"]),
        float(interval["high"]),
        rows,
    )


@dataclass(frozen=True)
class Summary:
    """A setting's mean over pairs of different tasks, with its interval over seeds.

    drift   the mean where A is only continued
    """

    setting: Setting
    name: str
    mean: float
    low: float
    high: float
    n_seeds: int
    drift: float
    counted: int
    networks: int


def summaries(table: pd.DataFrame) -> list[Summary]:
    """One for each setting, in the order of the table; none of a table without pairs of different tasks."""
    same = table["first_task"] == table["second_task"]
    pairs, rng = table[~same], np.random.default_rng(0)
    drift = {
        key_of(setting_of(row)): float(row["mean"]) for row in over_seeds(table[same], MATRIX, rng).to_dict("records")
    }
    marked = pairs.assign(counts=counts(pairs), converged=converged(pairs))
    of = marked.groupby(MATRIX, dropna=False, sort=False)["counts"]
    rows = over_seeds(pairs, MATRIX, rng).to_dict("records")
    settings = [setting_of(row) for row in rows]
    _, each = names(settings)
    return [
        Summary(
            setting,
            name,
            row["mean"],
            row["low"],
            row["high"],
            row["n_seeds"],
            drift.get(key_of(setting), float("nan")),
            int(n_counted),
            int(n),
        )
        for row, setting, name, n_counted, n in zip(rows, settings, each, of.sum(), of.size(), strict=True)
    ]


def columns_of_networks() -> dict[str, str]:
    """Columns of the table of a cell's networks, and what they are called in the page."""
    return {
        "seed": "seed",
        "interference": "I",
        "loss_untrained": "A untrained",
        "loss_first": "A learnt",
        "loss_after": "A after B",
        "interference_own": "I, own outputs",
        "second_loss_after": "B learnt",
        "updates_first": "updates A",
        "updates_second": "updates B",
    }
