"""Which cells of the matrices the labs have in common, and whether they were made in the same way."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import Benchmark, digest
from rnnbench.reports.comparison.settings_diff import Difference, differences, flatten
from rnnbench.results.interference import CELL, counts, in_context

Floats = npt.NDArray[np.float64]


class CellKey(NamedTuple):
    """What names a cell of a matrix in the tables, whatever its seed."""

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
        return MatrixKey(*self[:6])


class MatrixKey(NamedTuple):
    """What names a matrix."""

    condition: str
    architecture: str
    rule: str
    g: float | None
    units: int
    earlier_tasks: str

    @property
    def title(self) -> str:
        g = "" if self.g is None else f"g = {self.g:g}"
        after = f"after {self.earlier_tasks}" if self.earlier_tasks else ""
        parts = (self.condition, self.architecture, self.rule, g, f"N = {self.units}", after)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class LeftOut:
    """Cells that are not compared, and why."""

    reason: str
    cells: tuple[CellKey, ...]


def descriptions(benchmark: Benchmark) -> dict[CellKey, dict[str, Any]]:
    """All that determines the numbers of each cell, but for the seed."""
    return {key_of(cell): _without_seed(cell) for cell in _cells(benchmark)}


def key_of(cell: Cell) -> CellKey:
    *earlier, first, second = cell.history
    architecture = cell.architecture
    return CellKey(
        cell.benchmark.condition,
        architecture.label,
        cell.rule.label,
        architecture.g,
        architecture.units,
        " > ".join(earlier),
        first,
        second,
    )


def _cells(benchmark: Benchmark) -> Iterator[Cell]:
    """Every cell of a matrix once, as its network of the first seed."""
    prefixes = {history[: k + 1]: None for history in benchmark.histories for k in range(1, len(history))}
    for setting in benchmark.settings:
        for architecture, rule, history in itertools.product(setting.architectures, setting.rules, prefixes):
            yield Cell(setting, architecture, rule, setting.seeds[0], history)


def _without_seed(cell: Cell) -> dict[str, Any]:
    return {name: value for name, value in cell.description.items() if name != "seed"}


def comparable(
    names: Sequence[str], benchmarks: Sequence[Benchmark], by_label: bool = False
) -> tuple[list[CellKey], list[LeftOut]]:
    """Cells that all labs have and made in the same way, and those that not, grouped by the reason.

    by_label   cells of the same name are compared whatever made them
    """
    known = [descriptions(benchmark) for benchmark in benchmarks]
    common: list[CellKey] = []
    reasons: dict[str, list[CellKey]] = {}
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
"""Settings that a reason names; the differences of the benchmarks list them all."""


def _reason(described: Sequence[dict[str, Any]]) -> str:
    """What differs, whichever task of the history it concerns, so that cells group by what keeps them apart."""
    found = list(dict.fromkeys(_told(one) for one in differences([dict(flatten(_by_task(one))) for one in described])))
    more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return "; ".join(found[:MOST_NAMED] + more)


def _by_task(description: dict[str, Any]) -> dict[str, Any]:
    """The description with its tasks by name, as the benchmark's differences name them."""
    tasks = {
        f"tasks[{task['label']}]": {k: v for k, v in task.items() if k != "label"} for task in description["tasks"]
    }
    order = {"tasks (order)": ", ".join(task["label"] for task in description["tasks"])}
    stages = [{k: v for k, v in stage.items() if k != "task"} for stage in description["history"]]
    return {**{k: v for k, v in description.items() if k != "tasks"}, **order, **tasks, "history": stages}


def _told(difference: Difference) -> str:
    path = re.sub(r"^history\[\d+\]\.", "", difference.path)
    return f"{path}: {' / '.join(difference.values)}"


class Places:
    """Where the rows of an interference table belong in an array [seed, cell] whose columns are `keys`."""

    def __init__(self, table: pd.DataFrame, keys: Sequence[CellKey]) -> None:
        named = in_context(table)[CELL]
        order = {key: place for place, key in enumerate(keys)}
        distinct = named.drop_duplicates()
        columns = np.array([order.get(key, -1) for key in _keys(distinct)])
        # Groups are numbered in their order of appearance, as the distinct rows stand.
        column = columns[named.groupby(CELL, sort=False, dropna=False).ngroup().to_numpy()]
        self.seeds, row = np.unique(table["seed"].to_numpy(int), return_inverse=True)
        self._asked = column >= 0
        self._at = row[self._asked], column[self._asked]
        self._shape = len(self.seeds), len(keys)

    def wide(self, value: pd.Series) -> Floats:
        """A column of the table as [seed, cell], NaN where there is no row."""
        found = np.full(self._shape, np.nan)
        found[self._at] = value.to_numpy(float, na_value=np.nan)[self._asked]
        return found


def interference_of(table: pd.DataFrame) -> pd.Series:
    """Interference of each row, NaN where the network does not count."""
    return table["interference"].astype(float).where(counts(table))


def values_of(table: pd.DataFrame, keys: Sequence[CellKey]) -> pd.DataFrame:
    """Interference [seed, cell], NaN where a network does not count; the columns are numbered as `keys`."""
    places = Places(table, keys)
    return pd.DataFrame(places.wide(interference_of(table)), index=places.seeds)


def row_keys(table: pd.DataFrame) -> list[CellKey]:
    """The key of each row of an interference table."""
    return _keys(in_context(table)[CELL])


def _keys(named: pd.DataFrame) -> list[CellKey]:
    return [
        CellKey(str(c), str(a), str(r), None if pd.isna(g) else float(g), int(n), str(e), str(first), str(second))
        for c, a, r, g, n, e, first, second in named.itertuples(index=False, name=None)
    ]
