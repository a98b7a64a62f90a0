"""The tables of a results folder: collecting their rows from the cells, and writing them.

`rnnbench.results.columns` declares what their columns mean; `rnnbench.results.table_rows` computes the rows of a cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import Benchmark
from rnnbench.results.column import Table
from rnnbench.results.columns import (
    COMPARISONS,
    CONTINUAL,
    CURVES,
    DECOMPOSITION,
    INTERFERENCE,
    STAGES,
    TABLES,
    TRACKED,
    TRENDS,
)
from rnnbench.results.comparisons import compared, comparison_table, trend_table
from rnnbench.results.decomposition import decomposition_table
from rnnbench.results.files import remove, write_text, write_with
from rnnbench.results.networks import Relatives, condition_columns, kinds_of
from rnnbench.results.store import Store
from rnnbench.results.table_rows import ROWS, Stage, continual_table


def collect(benchmark: Benchmark, store: Store) -> dict[str, pd.DataFrame]:
    """Compute the tables from the cells in a store, all except `analysis`.

    The order of the rows follows the description of the benchmark and does not depend on who computed the cells.

    Args:
        benchmark: the benchmark whose cells are read.
        store: the store; cells that it does not have are left out.

    Returns:
        The tables by name. `tracked` is missing if the architectures track no weights.
    """
    of_cells = {table.name: table for table in TABLES if table.name in ROWS}
    more = {INTERFERENCE.name: condition_columns(benchmark)}
    rows_of_tables = {name: _Rows([*table.names, *more.get(name, ())]) for name, table in of_cells.items()}
    for cells in kinds_of(benchmark):
        relatives = Relatives(store)  # a row needs only networks of its own kind, so the records of others are dropped
        for cell in cells:
            if (record := relatives.record(cell)) is None:
                continue
            stage = Stage(cell, record, relatives)
            for name, rows in rows_of_tables.items():
                rows.extend(ROWS[name](stage))
    tables = {name: typed(rows.table(), of_cells[name]) for name, rows in rows_of_tables.items()}
    if tables[TRACKED.name].empty:
        del tables[TRACKED.name]
    tables[CONTINUAL.name] = continual_table(tables[STAGES.name])
    return tables | summaries(tables[INTERFERENCE.name], tables[CURVES.name])


def summaries(interference: pd.DataFrame, curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Compute the tables that summarise others: comparisons at equal progress, trends, and decompositions.

    Args:
        interference: the interference table.
        curves: the curves table.

    Returns:
        The tables `comparisons`, `trends` and `decomposition` by name.
    """
    found = list(compared(interference, curves))
    return {
        COMPARISONS.name: typed(comparison_table(found), COMPARISONS),
        TRENDS.name: typed(trend_table(found), TRENDS),
        DECOMPOSITION.name: typed(decomposition_table(interference), DECOMPOSITION),
    }


def typed(table: pd.DataFrame, declared: Table) -> pd.DataFrame:
    """Return the table with column types that allow missing values: `boolean` and `Int64`.

    Columns of whole numbers that already have an integer type keep it.

    Args:
        table: the table.
        declared: its declaration, which says which columns hold truth values and whole numbers.
    """
    if table.empty:
        return table
    whole = [name for name in declared.of_kind("whole number") if not pd.api.types.is_integer_dtype(table[name])]
    types: dict[Any, Any] = dict.fromkeys(declared.of_kind("truth"), "boolean") | dict.fromkeys(whole, "Int64")
    return table.astype(types)


def write_table(folder: Path, declared: Table, table: pd.DataFrame | None) -> None:
    """Write a table to its file atomically.

    Args:
        folder: the results folder.
        declared: the declaration of the table.
        table: the table; None removes a file that an earlier description may have left.

    Raises:
        StoreError: the file cannot be written or removed.
    """
    path = folder / declared.file
    if table is None:
        remove(path)
    elif path.suffix == ".csv":
        write_text(path, table.to_csv(index=False))
    else:
        write_with(path, lambda partial: table.to_parquet(partial, index=False))


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], declared: Iterable[Table]) -> None:
    """Write tables to their files, and remove the files of declared tables that are not among them.

    Args:
        folder: the results folder.
        tables: the tables by name.
        declared: the declarations of the tables to write or remove.

    Raises:
        StoreError: a file cannot be written or removed.
    """
    for table in declared:
        write_table(folder, table, tables.get(table.name))


class _Rows:
    """A table that grows row by row. It is kept by columns, since a million rows as dictionaries take gigabytes."""

    def __init__(self, columns: list[str]) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in columns}

    def append(self, row: dict[str, Any]) -> None:
        for name, values in self._columns.items():
            values.append(row.get(name, math.nan))

    def extend(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self.append(row)

    def table(self) -> pd.DataFrame:
        """Return the table and release the rows, so that they are not in memory twice."""
        return pd.DataFrame({name: self._columns.pop(name) for name in list(self._columns)})
