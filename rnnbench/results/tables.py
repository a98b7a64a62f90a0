"""The tables of a results folder: computed from its cells, and written.

What their columns mean is declared in `rnnbench.results.columns`; how a cell's rows are computed stands in
`rnnbench.results.table_rows`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import Benchmark
from rnnbench.results.columns import CONTINUAL, INTERFERENCE, STAGES, TABLES, TRACKED, Table
from rnnbench.results.networks import Relatives, condition_columns, kinds_of
from rnnbench.results.store import Store, remove, write_text, write_with
from rnnbench.results.table_rows import ROWS, Stage, continual_table


def collect(benchmark: Benchmark, store: Store) -> dict[str, pd.DataFrame]:
    """The tables of what is in the store, by name, without the analysis.

    Their rows stand in the order of the description, whoever computed the cells. `tracked` is absent where the
    architectures track no weights.
    """
    of_cells = {table.name: table for table in TABLES if table.name in ROWS}
    more = {INTERFERENCE.name: condition_columns(benchmark)}
    growing = {name: _Rows([*table.names, *more.get(name, ())]) for name, table in of_cells.items()}
    for cells in kinds_of(benchmark):
        relatives = Relatives(store)  # a row looks at networks of its own kind alone: the others can be forgotten
        for cell in cells:
            if (record := relatives.record(cell)) is None:
                continue
            stage = Stage(cell, record, relatives)
            for name, rows in growing.items():
                rows.extend(ROWS[name](stage))
    found = {name: typed(rows.table(), of_cells[name]) for name, rows in growing.items()}
    if found[TRACKED.name].empty:
        del found[TRACKED.name]
    return found | {CONTINUAL.name: continual_table(found[STAGES.name])}


def typed(table: pd.DataFrame, declared: Table) -> pd.DataFrame:
    """The table with types that have missing values: `boolean` for truths, `Int64` for numbers that are not whole yet.

    Columns that already hold whole numbers stay as they are.
    """
    whole = [name for name in declared.of_kind("whole number") if not pd.api.types.is_integer_dtype(table[name])]
    types: dict[Any, Any] = dict.fromkeys(declared.of_kind("truth"), "boolean") | dict.fromkeys(whole, "Int64")
    return table.astype(types)


def write_table(folder: Path, declared: Table, table: pd.DataFrame | None) -> None:
    """Write a table to its file, atomically; None removes what another description may have left."""
    path = folder / declared.file
    if table is None:
        remove(path)
    elif path.suffix == ".csv":
        write_text(path, table.to_csv(index=False))
    else:
        write_with(path, lambda partial: table.to_parquet(partial, index=False))


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], declared: Iterable[Table]) -> None:
    """Write the declared tables that there are, and remove the others."""
    for table in declared:
        write_table(folder, table, tables.get(table.name))


class _Rows:
    """A table that grows row by row, kept by columns: of a million rows, dicts would take gigabytes."""

    def __init__(self, columns: list[str]) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in columns}

    def append(self, row: dict[str, Any]) -> None:
        for name, values in self._columns.items():
            values.append(row.get(name, math.nan))

    def extend(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self.append(row)

    def table(self) -> pd.DataFrame:
        """The table; it leaves nothing behind here."""
        return pd.DataFrame({name: self._columns.pop(name) for name in list(self._columns)})
