"""Writes the outputs of a run other than its cells: benchmark.json, tables, figures and the analysis."""

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
from rnnbench.plugin.description import description_of
from rnnbench.plugin.registry import Found, Kind, Registry, installed
from rnnbench.results.analysis_columns import ORIGIN, measured
from rnnbench.results.columns import ANALYSIS, CURVES, INTERFERENCE, NETWORK, TABLES
from rnnbench.results.document import (
    FILE,
    RESULTS_FORMAT,
    ParameterRecord,
    PluginRecord,
    ResultsDocument,
    stored_description,
)
from rnnbench.results.files import remove, rename, write_bytes, write_text
from rnnbench.results.networks import Records, condition_columns, condition_values, names_of_pair, pairs_of
from rnnbench.results.reading import read_table
from rnnbench.results.sequence_metrics import METRICS
from rnnbench.results.store import Store
from rnnbench.results.tables import collect, write_table, write_tables

FROM_CELLS = [table for table in TABLES if table is not ANALYSIS]
"""Tables built from the cells at the end of a run: all except analysis.csv, whose rows record their own inputs."""


def write_outputs(prepared: Prepared, analysed: Callable[[int, int], Any], figures: bool) -> dict[str, pd.DataFrame]:
    """Write the tables and figures of a run whose cells have been computed.

    Args:
        prepared: the run.
        analysed: called with the number of pairs that have been analysed, and the number of pairs to be analysed.
        figures: whether to draw the figures; if not, those that are there are removed.

    Returns:
        The tables by name.
    """
    benchmark, folder = prepared.plan.benchmark, prepared.folder
    tables = collect(benchmark, Store(folder))
    write_tables(folder, tables, FROM_CELLS)
    _draw(tables, folder / "figures", figures)
    if benchmark.analyses:
        tables[ANALYSIS.name] = _analyse(prepared, analysed)
    write_table(folder, ANALYSIS, tables.get(ANALYSIS.name))
    return tables


def _draw(tables: dict[str, pd.DataFrame], folder: Path, figures: bool) -> None:
    """Draw the figures, or only remove those of earlier tables."""
    if not figures and not folder.exists():
        return
    # Imported here because matplotlib is slow to import, and a plan does not need it.
    from rnnbench.figures import draw_all, remove_all

    if figures:
        draw_all(tables[INTERFERENCE.name], tables[CURVES.name], folder)
    else:
        remove_all(folder)


def _analyse(prepared: Prepared, analysed: Callable[[int, int], Any]) -> pd.DataFrame:
    """The analysis table. Rows whose weights have not changed are taken from the existing table."""
    benchmark, folder = prepared.plan.benchmark, prepared.folder
    records = Records(Store(folder))
    pairs = [(cell, inputs) for cell in pairs_of(benchmark) if (inputs := made_from(cell, records)) is not None]
    columns = measured(benchmark.analyses)
    known = _known_rows(folder / ANALYSIS.file, columns)
    new = [cell for cell, inputs in pairs if inputs not in known]
    new_measures = measure(new, folder, prepared.workers, lambda done: analysed(done, len(new)))
    by_identity = dict(zip([cell.identity for cell in new], new_measures, strict=True))
    rows = [
        {
            **names_of_pair(cell),
            **condition_values(cell),
            "made_from": inputs,
            **(by_identity.get(cell.identity) or known[inputs]),
        }
        for cell, inputs in pairs
    ]
    order = [*NETWORK, *columns, *condition_columns(benchmark), *(column.name for column in ORIGIN)]
    return pd.DataFrame(rows, columns=order).astype({"failure": "string"})


def _known_rows(path: Path, columns: list[str]) -> dict[str, dict[str, Any]]:
    """The measures in an analysis table by the column `made_from`; none if the table cannot be used."""
    try:
        table = read_table(path, ANALYSIS)
        complete = table[table["failure"].isna()]
        rows = complete[["made_from", *columns]].astype(dict.fromkeys(columns, float)).assign(failure=None)
    except (OSError, ValueError, KeyError):
        return {}
    return {str(row.pop("made_from")): row for row in rows.to_dict("records")}  # type: ignore[misc]


class Replaced:
    """Files of another description in the results folder, set aside until it is known whether this run begins.

    They are renamed, except for benchmark.json: it is copied, so that a run killed at any moment can be continued.

    Args:
        folder: the results folder.
        names: names of the files; those that do not exist are ignored.
    """

    ASIDE = ".before"
    """Added to the names of the files."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.paths = [path for name in names if (path := folder / name).exists()]
        for path in self.paths:
            if path.name == FILE:
                write_bytes(self._aside(path), path.read_bytes(), replace=True)
            else:
                rename(path, self._aside(path))

    def put_back(self) -> None:
        """Give the files their names back, because the run has not begun."""
        for path in self.paths:
            rename(self._aside(path), path)
        self.paths = []

    def forget(self) -> None:
        """Delete the files, because the run has begun."""
        for path in self.paths:
            remove(self._aside(path))

    def _aside(self, path: Path) -> Path:
        return path.with_name(path.name + self.ASIDE)


def describe(prepared: Prepared, renew: bool) -> Replaced:
    """Write benchmark.json, unless it exists with the same description and `renew` is false.

    Tables of another description are set aside first, since they would not fit the new benchmark.json.

    Args:
        prepared: the run.
        renew: whether benchmark.json is written in any case, because cells are to be computed.

    Returns:
        The files that were set aside.
    """
    path = prepared.folder / FILE
    stored, description = stored_description(path), prepared.plan.benchmark.model_dump(mode="json")
    another = path.exists() and stored != description
    text = _document(prepared) if renew or stored != description else None
    replaced = Replaced(prepared.folder, [*(table.file for table in FROM_CELLS), path.name] if another else [])
    if text is not None:
        write_text(path, text)
    return replaced


def _document(prepared: Prepared) -> str:
    """The content of benchmark.json."""
    document = ResultsDocument(
        format=RESULTS_FORMAT,
        benchmark=prepared.plan.benchmark,
        plugins=plugins_of(prepared.plan.benchmark, installed()),
        metrics={name: metric.version for name, metric in METRICS.items()},
        provenance=provenance(prepared.device, prepared.threads),
    )
    return json.dumps(document.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def plugins_of(benchmark: Benchmark, registry: Registry) -> dict[Kind, dict[str, PluginRecord]]:
    """The descriptions of a benchmark's plugins as they are stored with results, by kind and id.

    With them, results can be understood without the plugins.

    Args:
        benchmark: the benchmark.
        registry: where the plugins are found.
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
    description = description_of(found)
    return PluginRecord(
        summary=description.summary,
        details=description.details,
        source=str(description.source),
        package=found.package,
        package_version=found.package_version,
        parameters={p.name: ParameterRecord(description=p.description, unit=p.unit) for p in description.parameters},
    )
