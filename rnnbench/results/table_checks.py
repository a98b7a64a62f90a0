"""Checks of tables that were read from files: a results folder may have been edited or come from someone else.

A StoreError says in one line which file, column and row are wrong. Row numbers are line numbers of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.benchmark.cells import cells_of
from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import StoreError
from rnnbench.results.column import Table
from rnnbench.results.columns import ANALYSIS, CURVES, INTERFERENCE, NETWORK
from rnnbench.results.interference import interference

RAW = ["loss_untrained", "loss_first", "loss_after"]
TOLERANCE = 1e-6
"""Relative tolerance for rounding when losses are read back."""


def check_interference(table: pd.DataFrame, benchmark: Benchmark, path: Path) -> None:
    """Check that an interference table belongs to a benchmark and is complete and consistent.

    Args:
        table: the table; its columns of truth values get their type.
        benchmark: the benchmark whose results it should hold.
        path: the file, for messages.

    Raises:
        StoreError: a column is missing; a value is not of its column's type; a label is not in the benchmark; a row is
            missing or listed twice; or an interference is not the quotient of its losses.
    """
    needed = [*(name for name in NETWORK if name not in ("condition", "earlier_tasks")), "status", *RAW, "interference"]
    if missing := [str(name) for name in [*needed, "converged_first"] if name not in table]:
        raise StoreError(f"{path}: has no column {missing[0]!r}")
    check_kinds(table, INTERFERENCE, path)
    key = [name for name in NETWORK if name in table]
    if (repeated := table.duplicated(key)).any():
        row = table.iloc[int(np.argmax(repeated))]
        raise StoreError(f"{path}: row {_line(repeated)}: {_pair(row)} is listed twice")
    _check_labels(table, benchmark, path)
    if (other := ~table["status"].isin(["done", "failed"])).any():
        raise StoreError(f"{path}: row {_line(other)}: status {table['status'][other].iloc[0]!r} is not done or failed")
    _check_quotients(table, path)
    expected = sum(cell.parent is not None for cell in cells_of(benchmark))
    if len(table) != expected:
        raise StoreError(
            f"{path}: {len(table)} rows where benchmark.json describes {expected} pairs; is the file truncated?"
        )


def with_columns(table: pd.DataFrame, declared: Table, path: Path) -> pd.DataFrame:
    """The table with all columns that are declared, so that whoever reads it need not ask which ones there are.

    Columns that older versions did not write are added without values. The analysis keeps the columns that it has,
    because they depend on the benchmark.

    Args:
        table: the table as it was read.
        declared: the declaration of the table.
        path: the file, for messages.

    Raises:
        StoreError: a column that names the network of a row is missing.
    """
    # A benchmark of pairs under one condition may leave out the columns that `in_context` adds.
    known = [*table, *(("condition", "earlier_tasks") if declared in (INTERFERENCE, CURVES) else ())]
    for name in declared.names:
        if name in (*NETWORK, "history") and name not in known:
            raise StoreError(f"{path}: has no column {name!r}")
    if declared is ANALYSIS:
        return table
    empty: dict[str, Any] = {"text": ("string", pd.NA), "truth": ("boolean", pd.NA)}
    absent = {}
    for column in declared.columns:
        if column.name not in known:
            dtype, value = empty.get(column.kind, ("float64", np.nan))
            absent[column.name] = pd.Series(value, table.index, dtype=dtype)
    return table.assign(**absent)


def check_kinds(table: pd.DataFrame, declared: Table, path: Path) -> None:
    """Convert the columns of truth values to their type and check the columns of numbers.

    Declared columns that the table lacks, and columns that are not declared, are ignored.

    Args:
        table: the table, which is changed in place.
        declared: its declaration.
        path: the file, for messages.

    Raises:
        StoreError: a column of truth values or numbers holds something else, or an infinity where there can be none.
    """
    for name in declared.of_kind("truth"):
        if name in table:
            try:
                table[name] = table[name].astype("boolean")
            except (TypeError, ValueError):
                raise StoreError(f"{path}: {name}: expected True, False or an empty field") from None
    for name in declared.of_kind("number", "whole number"):
        if name in table:
            _check_numbers(table[name], declared.finite, f"{path}: {name}")


def _check_numbers(column: pd.Series, finite: bool, where: str) -> None:
    if column.isna().all():
        return
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        if not wrong.any():
            raise StoreError(f"{where}: expected numbers")
        raise StoreError(f"{where}: row {_line(wrong)}: {column[wrong].iloc[0]!r:.60} is not a number")
    infinite = pd.Series(np.isinf(column.to_numpy(float, na_value=np.nan)), column.index)
    if finite and infinite.any():
        raise StoreError(f"{where}: row {_line(infinite)}: infinity is not allowed")


def _check_labels(table: pd.DataFrame, benchmark: Benchmark, path: Path) -> None:
    known: dict[str, set[Any]] = {
        "architecture": {spec.label for spec in benchmark.architectures},
        "rule": {spec.label for spec in benchmark.rules},
        "first_task": {task.label for task in benchmark.tasks},
        "second_task": {task.label for task in benchmark.tasks},
        "seed": set(benchmark.seeds),
    }
    for name, labels in known.items():
        if (unknown := ~table[name].isin(labels)).any():
            value = table[name][unknown].iloc[0]
            shown = f"{value}" if name == "seed" else f"{value!r:.60}"
            raise StoreError(f"{path}: row {_line(unknown)}: {name} {shown} is not in benchmark.json")


def _check_quotients(table: pd.DataFrame, path: Path) -> None:
    """Check that each interference is the quotient of the three losses in its row."""
    quotients = [interference(*losses) for losses in table[RAW].astype(float).itertuples(index=False)]
    found, expected = table["interference"].to_numpy(float), np.array(quotients, dtype=float)
    close = np.abs(found - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))
    wrong = ~((np.isnan(found) & np.isnan(expected)) | close)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise StoreError(
            f"{path}: row {i + 2}: interference is {found[i]:g}, but its losses give {expected[i]:g}; was it edited?"
        )


def _line(rows: pd.Series) -> int:
    """Return the line of the file that holds the first row marked True; the header is line 1."""
    return int(np.argmax(rows.to_numpy(bool))) + 2


def _pair(row: pd.Series) -> str:
    return f"{row['first_task']!r} then {row['second_task']!r}, seed {row['seed']}"
