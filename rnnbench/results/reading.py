"""What a results folder holds, read back: files only, no plugin is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import StoreError
from rnnbench.results.archive import opened
from rnnbench.results.document import benchmark_of
from rnnbench.results.interference import in_context
from rnnbench.results.table_checks import TRUTHS, check_interference, check_numbers

FORMAT_1_FIGURES = {
    "ACC": "acc_lopez_paz_2017",
    "BWT": "bwt_lopez_paz_2017",
    "FWT": "fwt_lopez_paz_2017",
    "forgetting": "forgetting_since_learnt",
}
"""What the columns of continual.csv were called in results of format 1."""

LABELS = [
    *("condition", "architecture", "rule", "earlier_tasks", "first_task", "second_task"),
    *("history", "task_learnt", "task", "made_from"),
]
"""Columns of text, in which nothing is taken for a number or for a missing value."""


@dataclass(frozen=True)
class Results:
    """What a results folder holds, or an exported file, as pandas tables; described in `rnnbench.results.columns`.

    Empty: `analysis` where the benchmark asks for none, `tracked` where its architectures track no weights.
    """

    folder: Path
    benchmark: Benchmark
    interference: pd.DataFrame
    curves: pd.DataFrame
    stages: pd.DataFrame = field(default_factory=pd.DataFrame)
    continual: pd.DataFrame = field(default_factory=pd.DataFrame)
    analysis: pd.DataFrame = field(default_factory=pd.DataFrame)
    tracked: pd.DataFrame = field(default_factory=pd.DataFrame)
    timing: pd.DataFrame = field(default_factory=pd.DataFrame)
    computed: int = 0
    failures: dict[str, int] = field(default_factory=dict)


def load_results(path: str | Path) -> Results:
    """The tables of a results folder, or of one that was exported to a file. Reads only; no plugin is imported.

    Raises StoreError where a file is missing or not what it should be.
    """
    with opened(Path(path)) as folder:
        return replace(_load(folder), folder=Path(path))


def _load(folder: Path) -> Results:
    benchmark = benchmark_of(folder)
    try:
        interference = read_table(folder / "interference.csv")
        curves = _if_there(folder / "curves.parquet", pd.read_parquet)
        stages = _if_there(folder / "stages.csv", read_table)
        continual = _if_there(folder / "continual.csv", read_table).rename(columns=FORMAT_1_FIGURES)
        analysis = _if_there(folder / "analysis.csv", read_table)
        tracked = _if_there(folder / "tracked.parquet", pd.read_parquet)
        timing = _if_there(folder / "timing.csv", read_table)
    except FileNotFoundError as error:
        told = f"{error.filename}: missing; the run has not come to its end, the same command goes on with it"
        raise StoreError(told) from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: {' '.join(str(error).split())}") from None
    _check(folder, benchmark, interference, curves, stages)
    return Results(
        folder, benchmark, in_context(interference), in_context(curves), stages, continual, analysis, tracked, timing
    )


def _check(
    folder: Path, benchmark: Benchmark, interference: pd.DataFrame, curves: pd.DataFrame, stages: pd.DataFrame
) -> None:
    """Raise StoreError for tables that are not what they should be; give their truth values a type."""
    check_interference(interference, benchmark, folder / "interference.csv")
    for name, numbers in (("loss_first", curves), ("loss_second", curves), ("loss", stages), ("accuracy", stages)):
        if name in numbers:
            check_numbers(numbers, [name], folder / ("curves.parquet" if numbers is curves else "stages.csv"))
    truths = {"interference.csv": (interference, sorted(TRUTHS)), "stages.csv": (stages, ["converged"])}
    for file, (table, names) in truths.items():
        for name in names:
            if name in table:
                try:
                    table[name] = table[name].astype("boolean")
                except (TypeError, ValueError):
                    raise StoreError(f"{folder / file}: {name}: expected True, False or nothing") from None


def finished(home: str | Path) -> list[Path]:
    """The results folders in `home` whose runs have come to their end, by name."""
    return sorted(
        path.parent for path in Path(home).glob("*/interference.csv") if (path.parent / "benchmark.json").exists()
    )


def _if_there(path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """A table that not every run writes."""
    return read(path) if path.exists() else pd.DataFrame()


def read_table(path: Path) -> pd.DataFrame:
    """A table from its CSV file; a label stays the text it is, be it "NA" or "1"."""
    columns = pd.read_csv(path, nrows=0).columns
    empty = {name: [""] for name in columns if name not in LABELS}
    types: dict[Any, Any] = dict.fromkeys(LABELS, str) | {"failure": "string"}
    # Not in pieces: of a long table they could disagree on the type of a column that is empty at first.
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=empty, low_memory=False)
