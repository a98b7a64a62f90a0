"""The interference matrices of the page: the numbers of each entry and of its networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnbench.figures.summary import task_order
from rnnbench.messages import counted
from rnnbench.reports.numbers import number
from rnnbench.reports.page.colours import shade
from rnnbench.reports.page.settings import Setting, key_of, names, setting_of
from rnnbench.results.columns import ENTRY, MATRIX
from rnnbench.results.interference import converged, counts, matrix_table, over_seeds

FEW = 3
"""Matrices with at most this number of entries are shown in one table: a row for each setting, a column per pair."""


@dataclass(frozen=True)
class Entry:
    """An entry of an interference matrix.

    Attributes:
        place: index in the data of the page.
        setting: name of the matrix's setting.
        first: the task learnt first (A).
        second: the task learnt second (B).
        networks: number of networks.
        converged: number of networks that reached the criterion on A.
        counted: number of networks that count.
        mean: mean interference over the networks that count.
        sd: standard deviation over these networks.
        low: lower end of the 95 % interval of the mean over seeds.
        high: upper end of that interval.
        rows: its rows of the interference table, one for each network.
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
        """Class of its colour."""
        return shade(self.mean)

    @property
    def pair(self) -> str:
        """The pair of tasks in words."""
        return f"{self.first}, then {self.second}" if self.first != self.second else f"{self.first}, then more of it"

    @property
    def told(self) -> str:
        """The entry in words, for screen readers."""
        of = f"{self.counted} of {counted(self.networks, 'network')} counted"
        spread = f", standard deviation {number(self.sd)}" if np.isfinite(self.sd) else ""
        return f"{self.pair}: interference {number(self.mean)}{spread}, {of}"


@dataclass(frozen=True)
class Matrix:
    """The interference matrix of one setting.

    Attributes:
        name: name of the setting.
        firsts: first tasks, in the order of the rows.
        seconds: second tasks, in the order of the columns.
        entries: the entries by (first, second) task.
    """

    name: str
    firsts: list[str]
    seconds: list[str]
    entries: dict[tuple[str, str], Entry]


@dataclass(frozen=True)
class Matrices:
    """All interference matrices of some results.

    Attributes:
        common: what all settings share.
        each: the matrices.
        pairs: if every matrix is small, the pairs of tasks that are the columns of the common table; empty otherwise.
    """

    common: str
    each: list[Matrix]
    pairs: list[tuple[str, str]]

    @property
    def entries(self) -> list[Entry]:
        """The entries of all matrices."""
        return [entry for matrix in self.each for entry in matrix.entries.values()]


def matrices(table: pd.DataFrame, first_place: int = 0) -> Matrices:
    """The interference matrices of a table.

    Args:
        table: an interference table.
        first_place: index of the first entry in the data of the page.
    """
    numbers = matrix_table(table)
    intervals = over_seeds(table, ENTRY, np.random.default_rng(0))[["low", "high"]]
    rows = [group for _, group in table.groupby(ENTRY, dropna=False, sort=False)]
    settings: dict[tuple[str, ...], Setting] = {}
    of: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(numbers.to_dict("records")):
        setting = setting_of(row)
        settings.setdefault(key_of(setting), setting)
        of.setdefault(key_of(setting), []).append(index)
    common, each = names(list(settings.values()))
    found = []
    for name, indices in zip(each, of.values(), strict=True):
        entries = [_entry(first_place + i, name, numbers.iloc[i], intervals.iloc[i], rows[i]) for i in indices]
        tasks = task_order(numbers.iloc[indices])
        firsts = [task for task in tasks if any(entry.first == task for entry in entries)]
        seconds = [task for task in tasks if any(entry.second == task for entry in entries)]
        found.append(Matrix(name, firsts, seconds, {(entry.first, entry.second): entry for entry in entries}))
    small = all(len(matrix.entries) <= FEW for matrix in found)
    pairs = list(dict.fromkeys(pair for matrix in found for pair in matrix.entries)) if small else []
    return Matrices(common, found, pairs if len(pairs) <= 2 * FEW else [])


def _entry(place: int, setting: str, row: pd.Series, interval: pd.Series, rows: pd.DataFrame) -> Entry:
    return Entry(
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
    """Mean interference of one setting over all pairs of different tasks.

    Attributes:
        setting: the setting.
        name: its name.
        mean: mean over pairs and seeds.
        low: lower end of the 95 % interval over seeds.
        high: upper end of that interval.
        n_seeds: number of seeds with a network that counts.
        drift: mean of the drift controls (A, then more of A); NaN if there are none.
        counted: number of networks that count.
        networks: number of networks.
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
    """One summary for each setting, in the order of the table; empty without pairs of different tasks.

    Args:
        table: an interference table.
    """
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
    """Columns of the table of an entry's networks, and their headings in the page."""
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
