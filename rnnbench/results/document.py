"""benchmark.json: what a results folder says of its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from rnnbench.benchmark.schema import Benchmark, Model
from rnnbench.errors import StoreError
from rnnbench.messages import one_line

RESULTS_FORMAT = 2
"""Version of a results folder, which files it has and which columns. A reader refuses what is newer, reads what is
older. 2: figures of sequences under their authors' names, `accuracy_auc` in the stages, `timing.csv`."""

FILE = "benchmark.json"


class ParameterRecord(Model):
    """What a plugin says of one of its parameters."""

    description: str
    unit: str


class PluginRecord(Model):
    """What a plugin said of itself when the results were made."""

    summary: str
    details: str = ""
    source: str = Field("", description="where it was published")
    package: str = ""
    package_version: str = ""
    parameters: dict[str, ParameterRecord] = Field({})


class ResultsDocument(Model):
    """benchmark.json: what was run, with what, and where."""

    format: int = Field(ge=1, le=RESULTS_FORMAT, description="version of the results folder")
    benchmark: Benchmark
    plugins: dict[Literal["task", "architecture", "rule"], dict[str, PluginRecord]] = Field(
        {}, description="by kind and id; not recorded in results of format 1"
    )
    metrics: dict[str, int] = Field({}, description="version of each figure in continual.csv")
    provenance: dict[str, Any] = Field({}, description="versions, machine and time; never compared")


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
        raise StoreError(f"{path}: {where}: {one_line(first['msg'], 200)}") from None


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
