"""What a run writes beside its cells: benchmark.json, the tables, the figures, the analysis."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.analysis.stored_pairs import made_from
from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, TaskSpec
from rnnbench.execution.analyses import measure
from rnnbench.execution.prepare import Prepared
from rnnbench.execution.provenance import provenance
from rnnbench.plugin.description import description_of as plugin_description
from rnnbench.plugin.registry import Found, Kind, Registry, installed
from rnnbench.results.columns import ANALYSIS, CURVES, INTERFERENCE, NETWORK, ORIGIN, TABLES, measured
from rnnbench.results.document import (
    FILE,
    RESULTS_FORMAT,
    ParameterRecord,
    PluginRecord,
    ResultsDocument,
    description_of,
)
from rnnbench.results.networks import Records, condition_columns, condition_values, names_of_pair, pairs_of
from rnnbench.results.reading import read_table
from rnnbench.results.sequence_metrics import METRICS
from rnnbench.results.store import Store, remove, rename, write_text
from rnnbench.results.tables import collect, write_table, write_tables

FROM_CELLS = [table for table in TABLES if table is not ANALYSIS]
"""Tables built from the cells at the end of a run; the rows of the analysis record what they were made from."""


def write_outputs(prepared: Prepared, analysed: Callable[[int, int], Any]) -> dict[str, pd.DataFrame]:
    """Write the tables and figures of a run whose cells have been computed.

    Args:
        prepared: the run.
        analysed: called with how many pairs have been analysed, and of how many.

    Returns:
        The tables by name.
    """
    from rnnbench import figures  # here, so that a plan does not wait for matplotlib

    benchmark, folder = prepared.plan.benchmark, prepared.folder
    tables = collect(benchmark, Store(folder))
    write_tables(folder, tables, FROM_CELLS)
    figures.draw_all(tables[INTERFERENCE.name], tables[CURVES.name], folder / "figures")
    if benchmark.analyses:
        tables[ANALYSIS.name] = _analyse(prepared, analysed)
    write_table(folder, ANALYSIS, tables.get(ANALYSIS.name))
    return tables


def _analyse(prepared: Prepared, analysed: Callable[[int, int], Any]) -> pd.DataFrame:
    """The analysis table; rows whose weights have not changed are taken over from the table that is there."""
    benchmark, folder = prepared.plan.benchmark, prepared.folder
    records = Records(Store(folder))
    pairs = [(cell, made) for cell in pairs_of(benchmark) if (made := made_from(cell, records)) is not None]
    columns = measured(benchmark.analyses)
    known = _known_rows(folder / ANALYSIS.file, columns)
    new = [cell for cell, made in pairs if made not in known]
    found = measure(new, folder, prepared.workers, lambda done: analysed(done, len(new)))
    by_identity = dict(zip([cell.identity for cell in new], found, strict=True))
    rows = [
        {
            **names_of_pair(cell),
            **condition_values(cell),
            "made_from": made,
            **(by_identity.get(cell.identity) or known[made]),
        }
        for cell, made in pairs
    ]
    order = [*NETWORK, *columns, *condition_columns(benchmark), *(column.name for column in ORIGIN)]
    return pd.DataFrame(rows, columns=order).astype({"failure": "string"})


def _known_rows(path: Path, columns: list[str]) -> dict[str, dict[str, Any]]:
    """The measures of an analysis table by what they were made from; none where the table cannot be used."""
    try:
        table = read_table(path, ANALYSIS)
        whole = table[table["failure"].isna()]
        rows = whole[["made_from", *columns]].astype(dict.fromkeys(columns, float)).assign(failure=None)
    except (OSError, ValueError, KeyError):
        return {}
    return {str(row.pop("made_from")): row for row in rows.to_dict("records")}  # type: ignore[misc]


class Replaced:
    """What a run of another description finds in its folder, set aside until it is known that this one begins."""

    ASIDE = ".before"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.paths = [path for name in names if (path := folder / name).exists()]
        for path in self.paths:
            rename(path, self._aside(path))

    def put_back(self) -> None:
        for path in self.paths:
            rename(self._aside(path), path)
        self.paths = []

    def forget(self) -> None:
        for path in self.paths:
            remove(self._aside(path))

    def _aside(self, path: Path) -> Path:
        return path.with_name(path.name + self.ASIDE)


def describe(prepared: Prepared, renew: bool) -> Replaced:
    """Write benchmark.json, unless it is there already and nothing is to be computed.

    Tables of another description go first: until the run has come to its end there is nothing that fits this one.
    """
    path = prepared.folder / FILE
    description = prepared.plan.benchmark.model_dump(mode="json")
    another = path.exists() and description_of(path) != description
    replaced = Replaced(prepared.folder, [*(table.file for table in FROM_CELLS), path.name] if another else [])
    if renew or description_of(path) != description:
        metrics = {name: metric.version for name, metric in METRICS.items()}
        made = provenance(prepared.device, prepared.threads)
        document = ResultsDocument(
            format=RESULTS_FORMAT,
            benchmark=prepared.plan.benchmark,
            plugins=plugins_of(prepared.plan.benchmark, installed()),
            metrics=metrics,
            provenance=made,
        )
        write_text(path, json.dumps(document.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")
    return replaced


def plugins_of(benchmark: Benchmark, registry: Registry) -> dict[Kind, dict[str, PluginRecord]]:
    """What the plugins of a benchmark say of themselves, by kind and id, as results keep it.

    Whoever reads the results later can tell what was done and where it was published without any of the plugins.
    """
    specs: dict[Kind, Iterable[TaskSpec | ArchitectureSpec | RuleSpec]] = {
        "task": benchmark.tasks,
        "architecture": benchmark.architectures,
        "rule": benchmark.rules,
    }
    return {
        kind: {plugin: _recorded(registry.find(kind, plugin)) for plugin in sorted({spec.plugin for spec in of_kind})}
        for kind, of_kind in specs.items()
    }


def _recorded(found: Found) -> PluginRecord:
    description = plugin_description(found)
    return PluginRecord(
        summary=description.summary,
        details=description.details,
        source=str(description.source),
        package=found.package,
        package_version=found.package_version,
        parameters={p.name: ParameterRecord(description=p.description, unit=p.unit) for p in description.parameters},
    )
