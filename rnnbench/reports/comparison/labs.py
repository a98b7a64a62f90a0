"""A lab: a results folder with a name of its own, and who and what made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnbench.reports.comparison.settings_diff import Difference, differences, flatten
from rnnbench.results.document import document_of
from rnnbench.results.reading import Results, load_results


@dataclass(frozen=True)
class Lab:
    """Results and where they come from.

    provenance   of benchmark.json: versions of rnnbench, plugins, torch, and the machine; empty where it is not told
    """

    name: str
    results: Results
    provenance: dict[str, Any] = field(default_factory=dict)


def load_labs(paths: Sequence[Path], names: Sequence[str] | None = None) -> list[Lab]:
    """The labs, read as data; named by as much of their paths as tells them apart, unless they have names.

    Raises StoreError where a folder holds no finished run, or tables that are not what they should be.
    """
    loaded = [load_results(path) for path in paths]
    names = lab_names(paths) if names is None else names
    return [Lab(name, one, _provenance(one.folder)) for name, one in zip(names, loaded, strict=True)]


def lab_names(paths: Sequence[Path]) -> list[str]:
    """Of each path the shortest end that no other path has; the same path more than once is numbered."""
    parts = [path.resolve().parts for path in paths]
    names = []
    for place, own in enumerate(parts):
        others = [other for other in parts[:place] + parts[place + 1 :] if other != own]
        depth = next(d for d in range(1, len(own) + 1) if all(other[-d:] != own[-d:] for other in others))
        number = f" ({parts[: place + 1].count(own)})" if parts.count(own) > 1 else ""
        names.append("/".join(own[-depth:]) + number)
    return names


def version_differences(labs: Sequence[Lab]) -> list[Difference]:
    """Versions and machines in which the labs differ; when they ran is no difference."""
    told = [{name: value for name, value in lab.provenance.items() if name != "time"} for lab in labs]
    return differences([dict(flatten(one)) for one in told])


def _provenance(folder: Path) -> dict[str, Any]:
    """Versions and machine, with the versions of the format and of the named figures that the folder was written in."""
    document = document_of(folder / "benchmark.json")
    found = document.get("provenance")
    told = {"results format": document.get("format"), "metrics": document.get("metrics", {})}
    return {**(found if isinstance(found, dict) else {}), **told}
