"""The format of results for those who read them without rnnbench: JSON Schemas, and what every column holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnbench.analysis.stored_pairs import COLUMNS, LAST
from rnnbench.benchmark.schema import FORMAT, RESULTS_FORMAT, Model, ResultsDocument
from rnnbench.results.columns import (
    BOOLEAN,
    CONTINUAL_COLUMNS,
    CURVES_COLUMNS,
    INTERFERENCE_COLUMNS,
    NAMES,
    STAGES_COLUMNS,
    TABLES,
    TIMING_COLUMNS,
    TRACKED_COLUMNS,
    WHOLE,
)
from rnnbench.results.sequence_metrics import METRICS
from rnnbench.results.store import Record, write_text
from rnnbench.results.table_checks import TEXT

SCHEMAS: dict[str, tuple[type[Model], str]] = {
    "benchmark": (ResultsDocument, f"benchmark.json of a results folder, format {RESULTS_FORMAT}"),
    "cell": (Record, f"cells/ab/<identity>.json of a results folder, format {FORMAT}"),
}
"""Model and title of each kind of JSON file."""

TEXTS = {*TEXT, "history", "task_learnt", "task", "made_from", "weight"}
TRUTHS = {*BOOLEAN, "converged"}
NUMBERS = {*WHOLE, "seed", "units", "update", "updates", "stage", "row", "column"}


def schema(kind: str) -> str:
    """The JSON Schema (2020-12) of a kind of file, as text. KeyError for a kind that is not in SCHEMAS."""
    model, title = SCHEMAS[kind]
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps(dialect | {k: v for k, v in model.model_json_schema().items() if k != "title"}, indent=1) + "\n"


def tables() -> dict[str, dict[str, str]]:
    """The columns of every table and what they mean."""
    measured: dict[str, str] = {name: told for columns in COLUMNS.values() for name, told in columns.items()}
    return {
        "interference.csv": INTERFERENCE_COLUMNS,
        "stages.csv": STAGES_COLUMNS,
        "continual.csv": CONTINUAL_COLUMNS | {name: metric.meaning for name, metric in METRICS.items()},
        "curves.parquet": CURVES_COLUMNS,
        "analysis.csv": NAMES | measured | LAST,
        "tracked.parquet": TRACKED_COLUMNS,
        "timing.csv": TIMING_COLUMNS,
    }


def columns_page() -> str:
    """Every table and column in Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Columns of the tables"
    yield ""
    yield "Written by `python -m rnnbench schema --out docs/schemas` from what the tables themselves are made by."
    yield "How the files go together: [results-format.md](../results-format.md)."
    for name, columns in tables().items():
        yield from _table(name, columns)


def _table(name: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"## {name}", "", TABLES[name], "", "| column | type | meaning |", "|---|---|---|")
    for column, meaning in columns.items():
        yield f"| `{column}` | {kind_of(column)} | {meaning.replace('|', chr(92) + '|')} |"


def kind_of(column: str) -> str:
    """What a column holds: text, truth (True, False or empty), whole number, or number."""
    if column in TEXTS:
        return "text"
    if column in TRUTHS:
        return "truth"
    return "whole number" if column in NUMBERS else "number"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema and the page of columns to `folder`."""
    files: dict[str, Any] = {f"{kind}.schema.json": schema(kind) for kind in SCHEMAS} | {"columns.md": columns_page()}
    for name, text in files.items():
        write_text(folder / name, text)
    return [folder / name for name in files]
