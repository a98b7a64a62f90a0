"""What a results folder holds, read back: files only, no plugin is imported."""

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
from rnnbench.results.columns import CONTINUAL, CURVES, INTERFERENCE, TABLES, Table
from rnnbench.results.document import benchmark_of
from rnnbench.results.interference import in_context
from rnnbench.results.table_checks import check_interference, check_kinds

FORMAT_1_FIGURES = {
    "ACC": "acc_lopez_paz_2017",
    "BWT": "bwt_lopez_paz_2017",
    "FWT": "fwt_lopez_paz_2017",
    "forgetting": "forgetting_since_learnt",
}
"""What the columns of continual.csv were called in results of format 1."""

TABLE_NAMES = [table.name for table in TABLES]


@dataclass(frozen=True)
class Results:
    """What a results folder or an exported file holds.

    Each table that is declared in `rnnbench.results.columns` is an attribute of its name: `results.interference`,
    `results.curves`, and so on. A table that is not in the folder is empty: `analysis` where the benchmark asks for
    none, `tracked` where its architectures track no weights.

    Attributes:
        folder: where the results were read from.
        benchmark: the resolved description.
        tables: the tables that there are, by name.
        computed: cells that this run computed; 0 for results that were read.
        failures: how many of these failed, by status.
    """

    folder: Path
    benchmark: Benchmark
    tables: Mapping[str, pd.DataFrame]
    computed: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLE_NAMES and "tables" in self.__dict__:
            return self.tables.get(name, pd.DataFrame())
        raise AttributeError(f"Results has no {name!r}; its tables are {', '.join(TABLE_NAMES)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *TABLE_NAMES]


def load_results(path: str | Path) -> Results:
    """The tables of a results folder, or of one that was exported to a file.

    Only files are read; no plugin is imported.

    Raises:
        StoreError: a file is missing, or is not what it should be.
    """
    with opened(Path(path)) as folder:
        return replace(_load(folder), folder=Path(path))


def _load(folder: Path) -> Results:
    benchmark = benchmark_of(folder)
    if not (folder / INTERFERENCE.file).exists():
        raise StoreError(
            f"{folder / INTERFERENCE.file}: missing; the run has not come to its end, the same command goes on with it"
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
        if declared is not INTERFERENCE:
            check_kinds(tables[declared.name], declared, path)
    check_interference(tables[INTERFERENCE.name], benchmark, folder / INTERFERENCE.file)
    for name in (INTERFERENCE.name, CURVES.name):
        if name in tables:
            tables[name] = in_context(tables[name])
    return Results(folder, benchmark, tables)


def finished(home: str | Path) -> list[Path]:
    """The results folders in `home` whose runs have come to their end, by name."""
    return sorted(
        path.parent for path in Path(home).glob("*/interference.csv") if (path.parent / "benchmark.json").exists()
    )


def read_table(path: Path, declared: Table) -> pd.DataFrame:
    """A table from its file; text stays the text it is, be it "NA" or "1"."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    labels = [column.name for column in declared.columns if column.kind == "text" and not column.may_be_missing]
    types: dict[Any, Any] = dict.fromkeys(labels, str)
    types |= {column.name: "string" for column in declared.columns if column.may_be_missing}
    empty = {name: [""] for name in pd.read_csv(path, nrows=0).columns if name not in labels}
    # Not in pieces: of a long table they could disagree on the type of a column that is empty at first.
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=empty, low_memory=False)
