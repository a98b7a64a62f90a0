"""The interference matrices of the page: the numbers of each entry and of its networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnbench.figures.summary import task_order
from rnnbench.messages import counted
from rnnbench.reports.equal_pairs import ACROSS, EqualPairs, equal_pairs, over
from rnnbench.reports.numbers import number
from rnnbench.reports.page.colours import shade
from rnnbench.reports.page.settings import Setting, key_of, names, setting_of
from rnnbench.results.columns import ENTRY, MATRIX
from rnnbench.results.interference import counts, idle_outputs, matrix_table, over_seeds
from rnnbench.results.intervals import mean_interval

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
        idle: what happened to the outputs that a task does not use.
        mean: mean interference over the pairs of different tasks and seeds of this matrix that count.
        over: over how many of how many pairs and networks that is; empty without pairs of different tasks.
        firsts: first tasks, in the order of the rows.
        seconds: second tasks, in the order of the columns.
        entries: the entries by (first, second) task.
    """

    name: str
    idle: str
    mean: float
    over: str
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
        idle: what happened to the outputs that a task does not use.
    """

    common: str
    each: list[Matrix]
    pairs: list[tuple[str, str]]
    idle: str

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
    intervals = over_seeds(table, ENTRY)[["low", "high"]]
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
        own = pd.concat([rows[i] for i in indices])
        idle, (mean, text) = idle_outputs(own), _own_mean(own)
        label = f"{name}; {idle}"
        entries = [_entry(first_place + i, label, numbers.iloc[i], intervals.iloc[i], rows[i]) for i in indices]
        tasks = task_order(numbers.iloc[indices])
        firsts = [task for task in tasks if any(entry.first == task for entry in entries)]
        seconds = [task for task in tasks if any(entry.second == task for entry in entries)]
        found.append(
            Matrix(name, idle, mean, text, firsts, seconds, {(entry.first, entry.second): entry for entry in entries})
        )
    small = all(len(matrix.entries) <= FEW for matrix in found)
    pairs = list(dict.fromkeys(pair for matrix in found for pair in matrix.entries)) if small else []
    return Matrices(common, found, pairs if len(pairs) <= 2 * FEW else [], idle_outputs(table))


def _own_mean(rows: pd.DataFrame) -> tuple[float, str]:
    """Mean over the pairs of different tasks of one matrix that count, and over how many it is."""
    pairs = rows[rows["first_task"] != rows["second_task"]]
    used = pairs[counts(pairs)]
    n_pairs, of_pairs = (len(each[["first_task", "second_task"]].drop_duplicates()) for each in (used, pairs))
    text = over(n_pairs, of_pairs, len(used), len(pairs), same=False) if len(pairs) else ""
    return float(used["interference"].astype(float).mean()), text


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
    """Mean interference of one setting over the pairs of different tasks and seeds that count at all settings.

    Attributes:
        setting: the setting.
        name: its name.
        mean: mean over these pairs and seeds; NaN if the setting is left out.
        low: lower end of the 95 % interval over seeds; NaN with fewer than five seeds.
        high: upper end of that interval.
        n_seeds: number of these seeds.
        drift: mean of the drift controls (A, then more of A) that count at all settings; NaN if there are none.
        counted: number of networks that count at this setting.
        networks: number of networks of this setting.
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


@dataclass(frozen=True)
class Summaries:
    """Mean interference of all settings, over the same pairs and seeds.

    Attributes:
        each: one summary for each setting, in the order of the table; empty without pairs of different tasks.
        equal: the pairs and seeds.
        left_out: names of the settings that are left out because fewer than half of their networks count.
        idle: what happened to the outputs that a task does not use.
    """

    each: list[Summary]
    equal: EqualPairs
    left_out: list[str]
    idle: str

    @property
    def over(self) -> str:
        """Over how many of how many pairs the means are, and which settings are left out."""
        return self.equal.text + (f"; left out: {', '.join(self.left_out)}" if self.left_out else "")


def summaries(table: pd.DataFrame) -> Summaries:
    """Summarise every setting over the pairs and seeds that count at all of them.

    Args:
        table: an interference table.
    """
    equal = equal_pairs(table)
    chosen = dict(_by_setting(equal.networks.rows))
    groups = _by_setting(table[table["first_task"] != table["second_task"]])
    settings = [setting_of(rows.iloc[0]) for _, rows in groups]
    _, each = names(settings)
    found = [
        _summary(setting, name, rows, chosen.get(key, rows[:0]))
        for (key, rows), setting, name in zip(groups, settings, each, strict=True)
    ]
    left_out = {tuple(str(one[column]) for column in ACROSS) for one in equal.left_out}
    missing = [one.name for one in found if tuple(str(one.setting[column]) for column in ACROSS) in left_out]
    return Summaries(found, equal, missing, idle_outputs(table))


def _by_setting(table: pd.DataFrame) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    groups = [rows for _, rows in table.groupby(MATRIX, dropna=False, sort=False)]
    return [(key_of(setting_of(rows.iloc[0])), rows) for rows in groups]


def _summary(setting: Setting, name: str, rows: pd.DataFrame, equal: pd.DataFrame) -> Summary:
    same = equal["first_task"] == equal["second_task"]
    values = equal["interference"].astype(float)
    by_seed = values[~same].groupby(equal.loc[~same, "seed"]).mean()
    low, high = mean_interval(by_seed)
    mean, drift = float(values[~same].mean()), float(values[same].mean())
    return Summary(setting, name, mean, low, high, len(by_seed), drift, int(counts(rows).sum()), len(rows))


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
