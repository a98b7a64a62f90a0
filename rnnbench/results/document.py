"""benchmark.json, the file of a results folder that describes the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from rnnbench.benchmark.schema import Benchmark, Model
from rnnbench.errors import StoreError
from rnnbench.messages import one_line

RESULTS_FORMAT = 2
"""Version of a results folder: its files and their columns. A reader refuses newer versions and reads older ones.

2: metrics of sequences are named after their authors; `accuracy_auc` in stages.csv; timing.csv.
"""

FILE = "benchmark.json"


class ParameterRecord(Model):
    """Description and unit of one parameter of a plugin."""

    description: str
    unit: str


class PluginRecord(Model):
    """How a plugin described itself when the results were computed."""

    summary: str
    details: str = ""
    source: str = Field("", description="the publication that defines it")
    package: str = ""
    package_version: str = ""
    parameters: dict[str, ParameterRecord] = Field({})


class ResultsDocument(Model):
    """Content of benchmark.json: the benchmark, the plugins, and the versions and machine that it was run with."""

    format: int = Field(ge=1, le=RESULTS_FORMAT, description="version of the format of the results folder")
    benchmark: Benchmark
    plugins: dict[Literal["task", "architecture", "rule"], dict[str, PluginRecord]] = Field(
        {}, description="descriptions of the plugins, by kind and id; not recorded in results of format 1"
    )
    metrics: dict[str, int] = Field({}, description="version of each metric in continual.csv")
    provenance: dict[str, Any] = Field({}, description="versions, machine and time; not used when results are compared")


def benchmark_of(folder: Path) -> Benchmark:
    """Read the benchmark whose results are in a folder. No plugin is imported.

    Args:
        folder: the results folder.

    Raises:
        StoreError: benchmark.json is missing, invalid or of a newer format; the message names the wrong field.
    """
    path = folder / FILE
    description = stored_description(path)
    if description is None:
        raise StoreError(f"{path}: missing or unreadable; is this the folder of a run?")
    try:
        benchmark = Benchmark.model_validate_json(json.dumps(description))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "benchmark"
        raise StoreError(f"{path}: {where}: {one_line(first['msg'], 200)}") from None
    for i, architecture in enumerate(benchmark.architectures):
        if not isinstance(architecture.parameters.get("units"), int):
            raise StoreError(f"{path}: architectures.{i}.parameters.units: missing or not a whole number")
    return benchmark


def stored_description(path: Path) -> Any:
    """Read the description of the benchmark from a benchmark.json, without checking it.

    Args:
        path: the file.

    Returns:
        The value of its key `benchmark`; None if the file is missing or unreadable or has no such key.

    Raises:
        StoreError: the file is of a newer format.
    """
    description = document_of(path).get("benchmark")
    _complete(description)
    return description


def _complete(description: Any) -> None:
    """Add what older versions did not write to the description of a benchmark: they had no dense start."""
    for holder in (description, *_mappings(description, "conditions")):
        for task in _mappings(holder, "tasks"):
            if isinstance(task.get("training"), dict):
                task["training"].setdefault("dense_start", False)


def _mappings(holder: Any, key: str) -> list[dict[str, Any]]:
    """The mappings in a list of a stored description, which may hold anything."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def document_of(path: Path) -> dict[str, Any]:
    """Read a benchmark.json, without checking it.

    Args:
        path: the file.

    Returns:
        The content; an empty dictionary if the file is missing or is not a JSON object.

    Raises:
        StoreError: the file is of a newer format.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    if isinstance(document.get("format"), int) and document["format"] > RESULTS_FORMAT:
        formats = f"format {document['format']}, this one reads up to {RESULTS_FORMAT}"
        raise StoreError(f"{path}: made by a newer rnnbench ({formats})")
    return document
