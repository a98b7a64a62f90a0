"""Provenance of the results: versions, machine, dates, checksums, and the recorded descriptions of the plugins.

A benchmark.json may come from an untrusted source, so invalid entries are treated as missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnbench.benchmark.schema import ArchitectureSpec, RuleSpec, TaskSpec, digest
from rnnbench.reports.numbers import plain, whole
from rnnbench.results.document import document_of
from rnnbench.results.reading import Results

NOT_RECORDED = "not recorded"
FILES = ["benchmark.json", "*.csv", "*.parquet"]


@dataclass(frozen=True)
class Plugin:
    """The description of a plugin that was recorded with the results; texts that were not recorded are empty.

    Attributes:
        kind: "task", "architecture" or "rule".
        id: id of the plugin with its version.
        summary: what it is, in one sentence.
        details: further description.
        source: publication that it follows.
        package: package that provides it.
        package_version: version of that package.
        parameters: (description, unit) of each parameter by name.
    """

    kind: str
    id: str
    summary: str = ""
    details: str = ""
    source: str = ""
    package: str = ""
    package_version: str = ""
    parameters: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id without the version."""
        return self.id.rpartition("@")[0] or self.id


@dataclass(frozen=True)
class Provenance:
    """Provenance of one results folder.

    Attributes:
        lines: (name, value) of each item.
        files: (name, size in bytes, SHA-256) of each file.
        plugins: descriptions of the plugins by (kind, id).
        metrics: versions of the sequence metrics by name.
    """

    lines: list[tuple[str, str]]
    files: list[tuple[str, str, str]]
    plugins: dict[tuple[str, str], Plugin]
    metrics: dict[str, Any]


def provenance(results: Results) -> Provenance:
    """Read the provenance of results from benchmark.json and the other files; no plugin is imported."""
    document = document_of(results.folder / "benchmark.json")
    made = _mapping(document.get("provenance"))
    machine = _mapping(made.get("machine"))
    packages = ", ".join(f"{_text(name)} {_text(version)}" for name, version in _mapping(made.get("plugins")).items())
    lines = [
        ("time", _text(made.get("time"))),
        ("rnnbench", _text(made.get("rnnbench"))),
        ("plugin packages", packages),
        ("Python", _text(made.get("python"))),
        ("torch", _text(made.get("torch"))),
        ("numpy", _text(made.get("numpy"))),
        ("device", _text(machine.get("device"))),
        ("processor", _text(machine.get("processor"))),
        ("cores", _text(machine.get("cores"))),
        ("format of the results", _text(document.get("format"))),
        ("SHA-256 of the description", digest(results.benchmark.model_dump(mode="json"))),
    ]
    return Provenance(
        [(name, value or NOT_RECORDED) for name, value in lines],
        _files(results.folder),
        _plugins(results, _mapping(document.get("plugins"))),
        _mapping(document.get("metrics")),
    )


def _plugins(results: Results, recorded: dict[str, Any]) -> dict[tuple[str, str], Plugin]:
    benchmark = results.benchmark
    specs: dict[str, tuple[TaskSpec | ArchitectureSpec | RuleSpec, ...]]
    specs = {"task": benchmark.tasks, "architecture": benchmark.architectures, "rule": benchmark.rules}
    found = {}
    for kind, of_kind in specs.items():
        for plugin in dict.fromkeys(spec.plugin for spec in of_kind):
            described = _mapping(_mapping(recorded.get(kind)).get(plugin))
            fields = ("summary", "details", "source", "package", "package_version")
            texts = {name: _text(described.get(name)) for name in fields}
            found[kind, plugin] = Plugin(kind, plugin, **texts, parameters=_parameters(described.get("parameters")))
    return found


def _parameters(recorded: Any) -> dict[str, tuple[str, str]]:
    each = {name: _mapping(one) for name, one in _mapping(recorded).items()}
    return {name: (_text(one.get("description")), _text(one.get("unit"))) for name, one in each.items()}


def _files(folder: Path) -> list[tuple[str, str, str]]:
    paths = [path for pattern in FILES for path in sorted(folder.glob(pattern)) if path.is_file()]
    return [(p.name, whole(p.stat().st_size), hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """One that is text or a number; anything else was not recorded."""
    if isinstance(value, str):
        return value[:5000]
    return plain(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
