"""benchmark.json: what a results folder says of its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnbench.benchmark.schema import RESULTS_FORMAT, Benchmark
from rnnbench.errors import StoreError

FILE = "benchmark.json"


def benchmark_of(folder: Path) -> Benchmark:
    """The benchmark whose results are in a folder. Reads one file; no plugin is imported.

    Raises StoreError, with the field that is wrong, where there is none.
    """
    path = folder / FILE
    description = description_of(path)
    if description is None:
        raise StoreError(f"{path}: missing or unreadable; is this the folder of a run?")
    try:
        return Benchmark.model_validate_json(json.dumps(description))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "benchmark"
        raise StoreError(f"{path}: {where}: {' '.join(first['msg'].split())[:200]}") from None


def description_of(path: Path) -> Any:
    """The description in a benchmark.json; None if there is none. Raises StoreError for one of a newer format."""
    return document_of(path).get("benchmark")


def document_of(path: Path) -> dict[str, Any]:
    """All that a benchmark.json holds; empty if it is none. Raises StoreError for one of a newer format."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    if isinstance(document.get("format"), int) and document["format"] > RESULTS_FORMAT:
        told = f"format {document['format']}, this one reads up to {RESULTS_FORMAT}"
        raise StoreError(f"{path}: made by a newer rnnbench ({told})")
    return document
