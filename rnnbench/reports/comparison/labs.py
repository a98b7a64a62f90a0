"""A lab: a results folder with a distinct name, and the versions and the machine that produced it."""

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
    """The results of one lab and where they come from.

    Attributes:
        name: a name that no other lab of the comparison has.
        results: the results, read as data.
        provenance: versions of rnnbench, plugins and torch, and the machine, from benchmark.json; empty if not
            recorded.
    """

    name: str
    results: Results
    provenance: dict[str, Any] = field(default_factory=dict)


def load_labs(paths: Sequence[Path], names: Sequence[str] | None = None) -> list[Lab]:
    """Read the labs from results folders.

    Args:
        paths: results folders.
        names: names of the labs; by default the shortest parts of the paths that distinguish them.

    Raises:
        StoreError: a folder holds no finished run, or its tables are invalid.
    """
    loaded = [load_results(path) for path in paths]
    names = lab_names(paths) if names is None else names
    return [Lab(name, one, _provenance(one.folder)) for name, one in zip(names, loaded, strict=True)]


def lab_names(paths: Sequence[Path]) -> list[str]:
    """The shortest end of each path that no other path has; a path that is given several times is numbered."""
    parts = [path.resolve().parts for path in paths]
    names = []
    for index, own in enumerate(parts):
        others = [other for other in parts[:index] + parts[index + 1 :] if other != own]
        depth = next(d for d in range(1, len(own) + 1) if all(other[-d:] != own[-d:] for other in others))
        number = f" ({parts[: index + 1].count(own)})" if parts.count(own) > 1 else ""
        names.append("/".join(own[-depth:]) + number)
    return names


def version_differences(labs: Sequence[Lab]) -> list[Difference]:
    """Versions and machines in which the labs differ; the time of the run is ignored."""
    recorded = [{name: value for name, value in lab.provenance.items() if name != "time"} for lab in labs]
    return differences([dict(flatten(one)) for one in recorded])


def _provenance(folder: Path) -> dict[str, Any]:
    """Versions and machine, with the versions of the results format and of the sequence metrics."""
    document = document_of(folder / "benchmark.json")
    found = document.get("provenance")
    versions = {"results format": document.get("format"), "metrics": document.get("metrics", {})}
    return {**(found if isinstance(found, dict) else {}), **versions}
