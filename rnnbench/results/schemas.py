"""Documentation of the format of results: JSON Schemas and a page with the meaning of every column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnbench.benchmark.schema import FORMAT, Model
from rnnbench.results.column import Table
from rnnbench.results.columns import TABLES
from rnnbench.results.document import RESULTS_FORMAT, ResultsDocument
from rnnbench.results.files import write_text
from rnnbench.results.records import Record

SCHEMAS: dict[str, tuple[type[Model], str]] = {
    "benchmark": (ResultsDocument, f"benchmark.json of a results folder, format {RESULTS_FORMAT}"),
    "cell": (Record, f"cells/ab/<identity>.json of a results folder, format {FORMAT}"),
}
"""Model and title of each kind of JSON file."""


def schema(kind: str) -> str:
    """Return the JSON Schema (2020-12) of a kind of file, as text.

    Args:
        kind: a key of SCHEMAS.

    Raises:
        KeyError: the kind is not in SCHEMAS.
    """
    model, title = SCHEMAS[kind]
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps(dialect | {k: v for k, v in model.model_json_schema().items() if k != "title"}, indent=1) + "\n"


def columns_page() -> str:
    """Return the page that describes every table and column, in Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Columns of the tables"
    yield ""
    yield "Written by `python -m rnnbench schema --out docs/schemas` from the declarations in the code."
    yield "The files of a results folder: [results-format.md](../results-format.md)."
    for table in TABLES:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.file}", "", table.meaning, "", "| column | type | meaning |", "|---|---|---|")
    for column in table.columns:
        yield f"| `{column.name}` | {column.kind} | {column.meaning.replace('|', chr(92) + '|')} |"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema and the page of columns.

    Args:
        folder: where the files are written.

    Returns:
        The paths of the files.
    """
    files: dict[str, Any] = {f"{kind}.schema.json": schema(kind) for kind in SCHEMAS} | {"columns.md": columns_page()}
    for name, text in files.items():
        write_text(folder / name, text)
    return [folder / name for name in files]
