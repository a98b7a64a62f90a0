"""Reading results: only files are read, no plugin is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import StoreError
from rnnbench.messages import one_line
from rnnbench.results.archive import opened
from rnnbench.results.column import Table
from rnnbench.results.columns import CONTINUAL, CURVES, INTERFERENCE, TABLES
from rnnbench.results.document import benchmark_of
from rnnbench.results.interference import in_context
from rnnbench.results.table_checks import check_interference, check_kinds, with_columns

FORMAT_1_FIGURES = {
    "ACC": "acc_lopez_paz_2017",
    "BWT": "bwt_lopez_paz_2017",
    "FWT": "fwt_lopez_paz_2017",
    "forgetting": "forgetting_since_learnt",
}
"""Columns of continual.csv in results of format 1, with their names today."""

TABLE_NAMES = [table.name for table in TABLES]


@dataclass(frozen=True)
class Results:
    """The content of a results folder or an archive.

    Each table that is declared in `rnnbench.results.columns` is an attribute of its name: `results.interference`,
    `results.curves`, and so on. A table that is not in the folder is empty: `analysis` if the benchmark asks for no
    analyses, `tracked` if its architectures track no weights.

    Attributes:
        folder: the folder or archive from which the results were read.
        benchmark: the resolved benchmark.
        tables: the tables in the folder, by name.
        computed: number of cells that this run computed; 0 for results that were read.
        failures: how many of these cells failed, by status.
    """

    folder: Path
    benchmark: Benchmark
    tables: Mapping[str, pd.DataFrame]
    computed: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLE_NAMES and "tables" in self.__dict__:
            return self.tables.get(name, pd.DataFrame())
        raise AttributeError(f"Results has no attribute {name!r}; its tables are {', '.join(TABLE_NAMES)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *TABLE_NAMES]


def load_results(path: str | Path) -> Results:
    """Read the tables of a results folder or of an exported archive. No plugin is imported.

    Args:
        path: the folder or the archive.

    Raises:
        StoreError: a file is missing or invalid.
    """
    with opened(Path(path)) as folder:
        return replace(_load(folder), folder=Path(path))


def _load(folder: Path) -> Results:
    benchmark = benchmark_of(folder)
    if not (folder / INTERFERENCE.file).exists():
        raise StoreError(
            f"{folder / INTERFERENCE.file}: missing; the run has not come to its end, the same command continues it"
        )
    tables = {}
    for declared in TABLES:
        path = folder / declared.file
        if not path.exists():
            continue
        try:
            tables[declared.name] = read_table(path, declared)
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: {one_line(error)}") from None
        if declared is CONTINUAL:
            tables[declared.name] = tables[declared.name].rename(columns=FORMAT_1_FIGURES)
        if declared is INTERFERENCE:
            check_interference(tables[declared.name], benchmark, path)
        else:
            check_kinds(tables[declared.name], declared, path)
        tables[declared.name] = with_columns(tables[declared.name], declared, path)
    for name in (INTERFERENCE.name, CURVES.name):
        if name in tables:
            tables[name] = in_context(tables[name])
    tables[INTERFERENCE.name] = _with_idle_outputs(tables[INTERFERENCE.name], benchmark)
    return Results(folder, benchmark, tables)


def _with_idle_outputs(table: pd.DataFrame, benchmark: Benchmark) -> pd.DataFrame:
    """Fill in the column `idle_outputs`, which older versions did not write, from the description."""
    by_condition = {setting.condition: setting.channels.idle_outputs for setting in benchmark.settings}
    return table.assign(idle_outputs=table["condition"].map(by_condition))


def finished(home: str | Path) -> list[Path]:
    """Return the results folders in `home` whose runs have finished, sorted by name."""
    return sorted(
        path.parent for path in Path(home).glob("*/interference.csv") if (path.parent / "benchmark.json").exists()
    )


def read_table(path: Path, declared: Table) -> pd.DataFrame:
    """Read a table from its file. Columns of text are read as text, even where they hold `NA` or `1`.

    Args:
        path: the csv or parquet file.
        declared: the declaration of the table.
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    labels = [column.name for column in declared.columns if column.kind == "text" and not column.may_be_missing]
    types: dict[Any, Any] = dict.fromkeys(labels, str)
    types |= {column.name: "string" for column in declared.columns if column.may_be_missing}
    empty = {name: [""] for name in pd.read_csv(path, nrows=0).columns if name not in labels}
    # low_memory reads a long table in pieces, which may disagree on the type of a column that is empty at first.
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=empty, low_memory=False)
