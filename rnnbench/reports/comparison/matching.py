"""Which entries of the interference matrices the labs have in common, and whether their settings are the same."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.benchmark.cells import Cell, joined
from rnnbench.benchmark.schema import Benchmark, digest
from rnnbench.reports.comparison.settings_diff import Difference, differences, flatten
from rnnbench.results.columns import ENTRY
from rnnbench.results.interference import counts, in_context

Floats = npt.NDArray[np.float64]


class EntryKey(NamedTuple):
    """Identifies an entry of a matrix in the tables; all seeds of the entry share the key."""

    condition: str
    architecture: str
    rule: str
    g: float | None
    units: int
    earlier_tasks: str
    first_task: str
    second_task: str

    @property
    def matrix(self) -> MatrixKey:
        """The matrix that the entry belongs to."""
        return MatrixKey(*self[:6])


class MatrixKey(NamedTuple):
    """Identifies an interference matrix in the tables."""

    condition: str
    architecture: str
    rule: str
    g: float | None
    units: int
    earlier_tasks: str

    @property
    def title(self) -> str:
        """The key as text, without its empty parts."""
        g = "" if self.g is None else f"g = {self.g:g}"
        after = f"after {self.earlier_tasks}" if self.earlier_tasks else ""
        parts = (self.condition, self.architecture, self.rule, g, f"N = {self.units}", after)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class LeftOut:
    """Entries that are not compared, and the reason."""

    reason: str
    entries: tuple[EntryKey, ...]


def descriptions(benchmark: Benchmark) -> dict[EntryKey, dict[str, Any]]:
    """All settings that determine the numbers of each entry, except the seed."""
    return {key_of(cell): _without_seed(cell) for cell in _cells(benchmark)}


def key_of(cell: Cell) -> EntryKey:
    """The key of the matrix entry that a cell belongs to."""
    *earlier, first, second = cell.history
    architecture = cell.architecture
    return EntryKey(
        cell.benchmark.condition,
        architecture.label,
        cell.rule.label,
        architecture.g,
        architecture.units,
        joined(earlier),
        first,
        second,
    )


def _cells(benchmark: Benchmark) -> Iterator[Cell]:
    """The cell of the first seed for every entry of every matrix."""
    histories = [history for history in benchmark.prefixes if len(history) > 1]
    for setting in benchmark.settings:
        for architecture, rule, history in itertools.product(setting.architectures, setting.rules, histories):
            yield Cell(setting, architecture, rule, setting.seeds[0], history)


def _without_seed(cell: Cell) -> dict[str, Any]:
    return {name: value for name, value in cell.description.items() if name != "seed"}


def comparable(
    names: Sequence[str], benchmarks: Sequence[Benchmark], by_label: bool = False
) -> tuple[list[EntryKey], list[LeftOut]]:
    """Find the entries that all labs have and measured with the same settings.

    Args:
        names: names of the labs.
        benchmarks: resolved benchmark of each lab.
        by_label: treat entries of the same name as comparable even if their settings differ.

    Returns:
        The comparable entries, and the other entries grouped by the reason why they are not comparable.
    """
    known = [descriptions(benchmark) for benchmark in benchmarks]
    common: list[EntryKey] = []
    reasons: dict[str, list[EntryKey]] = {}
    for key in dict.fromkeys(key for one in known for key in one):
        having = [name for name, one in zip(names, known, strict=True) if key in one]
        if len(having) < len(names):
            reasons.setdefault(f"only in {' and '.join(having)}", []).append(key)
        elif by_label or len({digest(one[key]) for one in known}) == 1:
            common.append(key)
        else:
            reasons.setdefault(_reason([one[key] for one in known]), []).append(key)
    return common, [LeftOut(reason, tuple(keys)) for reason, keys in reasons.items()]


MOST_NAMED = 4
"""Largest number of settings that a reason names; the report lists all differences of the benchmarks."""


def _reason(described: Sequence[dict[str, Any]]) -> str:
    """The settings that differ, without the position in the history, so that entries group by the same reason."""
    found = list(
        dict.fromkeys(_as_text(one) for one in differences([dict(flatten(_by_task(one))) for one in described]))
    )
    more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return "; ".join(found[:MOST_NAMED] + more)


def _by_task(description: dict[str, Any]) -> dict[str, Any]:
    """The description with its tasks by name, in the way the benchmark's differences name them."""
    tasks = {
        f"tasks[{task['label']}]": {k: v for k, v in task.items() if k != "label"} for task in description["tasks"]
    }
    order = {"tasks (order)": ", ".join(task["label"] for task in description["tasks"])}
    stages = [{k: v for k, v in stage.items() if k != "task"} for stage in description["history"]]
    return {**{k: v for k, v in description.items() if k != "tasks"}, **order, **tasks, "history": stages}


def _as_text(difference: Difference) -> str:
    path = re.sub(r"^history\[\d+\]\.", "", difference.path)
    return f"{path}: {' / '.join(difference.values)}"


class Places:
    """Maps the rows of an interference table to an array [seed, entry] whose columns are `keys`.

    Args:
        table: an interference table.
        keys: the entries, in the order of the columns; rows of other entries are ignored.

    Attributes:
        seeds: seeds of the table in ascending order, the rows of the array, [seed].
    """

    def __init__(self, table: pd.DataFrame, keys: Sequence[EntryKey]) -> None:
        named = in_context(table)[ENTRY]
        order = {key: index for index, key in enumerate(keys)}
        distinct = named.drop_duplicates()
        columns = np.array([order.get(key, -1) for key in _keys(distinct)])
        # ngroup() numbers the groups in order of appearance, which is also the order of the distinct rows.
        column = columns[named.groupby(ENTRY, sort=False, dropna=False).ngroup().to_numpy()]
        self.seeds, row = np.unique(table["seed"].to_numpy(int), return_inverse=True)
        self._asked = column >= 0
        self._at = row[self._asked], column[self._asked]
        self._shape = len(self.seeds), len(keys)

    def wide(self, value: pd.Series) -> Floats:
        """A column of the table as an array [seed, entry], NaN where the table has no row."""
        found = np.full(self._shape, np.nan)
        found[self._at] = value.to_numpy(float, na_value=np.nan)[self._asked]
        return found


def interference_of(table: pd.DataFrame) -> pd.Series:
    """Interference of each row; NaN where the network does not count."""
    return table["interference"].astype(float).where(counts(table))


def values_of(table: pd.DataFrame, keys: Sequence[EntryKey]) -> pd.DataFrame:
    """Interference as a table [seed, entry]; NaN where a network does not count.

    Args:
        table: an interference table.
        keys: the entries, in the order of the columns.
    """
    places = Places(table, keys)
    return pd.DataFrame(places.wide(interference_of(table)), index=places.seeds)


def row_keys(table: pd.DataFrame) -> list[EntryKey]:
    """The key of each row of an interference table."""
    return _keys(in_context(table)[ENTRY])


def _keys(named: pd.DataFrame) -> list[EntryKey]:
    return [
        EntryKey(str(c), str(a), str(r), None if pd.isna(g) else float(g), int(n), str(e), str(first), str(second))
        for c, a, r, g, n, e, first, second in named.itertuples(index=False, name=None)
    ]
