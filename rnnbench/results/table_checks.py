"""What a table read from a file must be before anyone trusts its numbers: a results folder may come from anywhere.

Nothing here knows where the file came from; a StoreError says in one line which file, column and row are wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.benchmark.cells import cells_of
from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import StoreError
from rnnbench.results.columns import INTERFERENCE, NETWORK, Table
from rnnbench.results.interference import interference

RAW = ["loss_untrained", "loss_first", "loss_after"]
TOLERANCE = 1e-6
"""Relative tolerance for rounding: the losses are written with all their digits and may be read with fewer."""


def check_interference(table: pd.DataFrame, benchmark: Benchmark, path: Path) -> None:
    """Raise StoreError unless the interference table is one of this benchmark, with each row once and sound numbers."""
    needed = [*(name for name in NETWORK if name not in ("condition", "earlier_tasks")), "status", *RAW, "interference"]
    if missing := [str(name) for name in [*needed, "converged_first"] if name not in table]:
        raise StoreError(f"{path}: has no column {missing[0]!r}")
    check_kinds(table, INTERFERENCE, path)
    key = [name for name in NETWORK if name in table]
    if (twice := table.duplicated(key)).any():
        row = table.iloc[int(np.argmax(twice))]
        raise StoreError(f"{path}: row {_place(twice)}: {_pair(row)} is listed twice")
    _check_labels(table, benchmark, path)
    if (other := ~table["status"].isin(["done", "failed"])).any():
        raise StoreError(
            f"{path}: row {_place(other)}: status {table['status'][other].iloc[0]!r} is not done or failed"
        )
    _check_quotients(table, path)
    expected = sum(cell.parent is not None for cell in cells_of(benchmark))
    if len(table) != expected:
        raise StoreError(f"{path}: {len(table)} rows where benchmark.json describes {expected} pairs; has it been cut?")


def check_kinds(table: pd.DataFrame, declared: Table, path: Path) -> None:
    """Give the truth values of a table their type, and check its numbers.

    Columns that the table lacks, and columns that are not declared, are left alone.

    Raises:
        StoreError: a column that should hold truths or numbers does not, or holds an infinity.
    """
    for name in declared.of_kind("truth"):
        if name in table:
            try:
                table[name] = table[name].astype("boolean")
            except (TypeError, ValueError):
                raise StoreError(f"{path}: {name}: expected True, False or nothing") from None
    for name in declared.of_kind("number", "whole number"):
        if name in table:
            _check_numbers(table[name], name, path)


def _check_numbers(column: pd.Series, name: str, path: Path) -> None:
    if column.isna().all():
        return
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        fault = f"row {_place(wrong)}: {column[wrong].iloc[0]!r:.60} is not a number" if wrong.any() else "no numbers"
        raise StoreError(f"{path}: {name}: {fault}")
    if (infinite := pd.Series(np.isinf(column.to_numpy(float, na_value=np.nan)), column.index)).any():
        raise StoreError(f"{path}: {name}: row {_place(infinite)}: infinity; no result is infinite")


def _check_labels(table: pd.DataFrame, benchmark: Benchmark, path: Path) -> None:
    known: dict[str, set[Any]] = {
        "architecture": {spec.label for spec in benchmark.architectures},
        "rule": {spec.label for spec in benchmark.rules},
        "first_task": {task.label for task in benchmark.tasks},
        "second_task": {task.label for task in benchmark.tasks},
        "seed": set(benchmark.seeds),
    }
    for name, labels in known.items():
        if (strange := ~table[name].isin(labels)).any():
            value = table[name][strange].iloc[0]
            told = f"{value!r:.60} is not in benchmark.json" if name != "seed" else f"{value} is not in benchmark.json"
            raise StoreError(f"{path}: row {_place(strange)}: {name} {told}")


def _check_quotients(table: pd.DataFrame, path: Path) -> None:
    """Interference must be what its three losses say."""
    own = [interference(*losses) for losses in table[RAW].astype(float).itertuples(index=False)]
    told, made = table["interference"].to_numpy(float), np.array(own, dtype=float)
    wrong = ~((np.isnan(told) & np.isnan(made)) | (np.abs(told - made) <= TOLERANCE * np.maximum(1, np.abs(made))))
    if wrong.any():
        place = int(np.argmax(wrong))
        raise StoreError(
            f"{path}: row {place + 2}: interference is {told[place]:g}, but its losses give {made[place]:g}; edited?"
        )


def _place(rows: pd.Series) -> int:
    """The line of the file with the first true row: the head is line 1."""
    return int(np.argmax(rows.to_numpy(bool))) + 2


def _pair(row: pd.Series) -> str:
    return f"{row['first_task']!r} then {row['second_task']!r}, seed {row['seed']}"
