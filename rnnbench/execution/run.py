"""Runs a benchmark: plan, cells, executor, store, tables, figures. Knows the clock; does not know the terminal."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from rnnbench import figures
from rnnbench.analysis.stored_pairs import LAST, analysis_columns, made_from
from rnnbench.benchmark.schema import RESULTS_FORMAT, Benchmark, ResultsDocument
from rnnbench.errors import RnnbenchError, StoreError, Submitted
from rnnbench.execution.analyses import measure
from rnnbench.execution.jobs import jobs_of
from rnnbench.execution.machine import cores, memory
from rnnbench.execution.plan import Plan, bytes_of_a_worker, plan, seconds_at_most
from rnnbench.execution.provenance import provenance
from rnnbench.execution.worker import at_least_one, device_named
from rnnbench.execution.worker import threads as in_threads
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.loading.executor_choice import Choice, executor_of
from rnnbench.plugin.description import plugins_of
from rnnbench.plugin.executor import Executor, Job, Report, Work
from rnnbench.plugin.registry import installed
from rnnbench.results.columns import NAMES
from rnnbench.results.document import description_of
from rnnbench.results.heartbeat import sweep
from rnnbench.results.reading import Results, read_table
from rnnbench.results.sequence_metrics import METRICS, continual_table
from rnnbench.results.store import Store, remove, rename, write_text, write_with
from rnnbench.results.tables import Records, collect, condition_columns, condition_values, names, pairs_of

TABLES = ["interference.csv", "curves.parquet", "stages.csv", "continual.csv", "timing.csv", "tracked.parquet"]
"""Built from the cells at the end of a run; analysis.csv is not among them, whose rows say what they were made from."""


class Watcher(Protocol):
    """Follows a run, to show it to somebody."""

    def planned(self, prepared: Prepared) -> None:
        """The plan is made; nothing is trained yet."""

    def heard(self, report: Report) -> None:
        """A worker tells how far it is."""

    def finished(self) -> None:
        """Training is over, or has been interrupted."""

    def analysed(self, done: int, total: int) -> None:
        """The weights of so many pairs have been measured."""


@dataclass(frozen=True)
class Prepared:
    """A benchmark about to be run.

    workers   processes on this machine
    threads   of each worker
    memory    bytes that a worker takes at most, by estimate; and that are free here, None if unknown
    seconds   for each population still to be done (by its first cell), one worker's seconds if every budget is spent
    """

    plan: Plan
    folder: Path
    device: torch.device
    workers: int
    threads: int
    executor: Executor
    memory: tuple[int, int | None]
    seconds: dict[str, float]

    @property
    def work(self) -> float:
        """Seconds of one worker if no network reaches its criterion before its budget is spent."""
        return float(np.nansum(list(self.seconds.values())))

    @property
    def at_most(self) -> float:
        """Seconds that the whole run takes at most on this machine."""
        return self.work / self.workers


def prepare(
    benchmark: Benchmark | str | Path | dict[str, Any],
    results: str | Path = "results",
    workers: int | None = None,
    device: str = "auto",
    executor: Choice | None = None,
    threads: int = 1,
) -> Prepared:
    """Validate a benchmark, plan it and estimate its time. Writes nothing. The arguments are those of `run`.

    Raises BenchmarkError for a wrong description, RnnbenchError for an executor, a device or a folder that cannot be
    used.
    """
    if not isinstance(benchmark, Benchmark):
        benchmark = load_benchmark(benchmark)
    place = device_named(device)
    folder = Path(results) / benchmark.name
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise StoreError(f"{part}: is a file; results need a folder")
    chosen = None if executor is None else executor_of(executor, installed())
    most = _workers(workers, threads, place, chosen)
    planned = plan(benchmark, installed(), Store(folder), place)
    needed, free = bytes_of_a_worker(planned, installed(), place), memory()
    if workers is None and place.type == "cpu" and needed and free is not None:
        most = max(1, min(most, free // needed))
    n_workers = min(most, max(1, len(planned.to_do)))
    if chosen is None:
        chosen = executor_of("serial" if n_workers == 1 else "process", installed())
    with in_threads(threads):
        seconds = seconds_at_most(planned, installed(), place)
    return Prepared(planned, folder, place, n_workers, threads, chosen, (needed, free), seconds)


def _workers(asked: int | None, threads: int, device: torch.device, executor: Executor | None) -> int:
    """How many processes: what was asked for, or what the machine's cores are good for."""
    at_least_one(workers=asked, threads=threads)
    if threads > cores():
        raise RnnbenchError(f"threads: {threads} is more than the {cores()} cores that may be used here")
    alone = executor is not None and executor.name == "serial"
    if alone and asked not in (None, 1):
        raise RnnbenchError(f"workers: the executor serial has one, not {asked}; process has several")
    if asked is not None and threads > 1 and asked * threads > cores():
        told = f"{asked} of {threads} threads each are more than the {cores()} cores that may be used here"
        raise RnnbenchError(f"workers: {told}; they would slow each other down")
    if asked is None:
        return 1 if alone or device.type == "cuda" else max(1, cores() // threads)
    return asked


def run(
    benchmark: Benchmark | str | Path | dict[str, Any] | Prepared,
    results: str | Path = "results",
    workers: int | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
    executor: Choice | None = None,
    threads: int = 1,
) -> Results:
    """Compute what is missing of a benchmark and write its tables and figures to results/<name>/.

    benchmark   a file, the same as a dict, or what `load_benchmark` or `prepare` returned
    workers     processes on this machine; as many as cores allow unless told otherwise, 1 on a GPU
    device      auto, cpu or cuda
    executor    who computes: a plugin's name, {"use": name, parameters}, or a YAML file of that; unless told otherwise
                `process` where there are several workers and `serial` where there is one
    threads     of each worker; with more than one the last digits of results differ

    Interrupted, it loses the populations under way; the same call goes on from there.
    """
    prepared = (
        benchmark
        if isinstance(benchmark, Prepared)
        else prepare(benchmark, results, workers, device, executor, threads)
    )
    return _write(prepared, compute(prepared, watcher), watcher)


def compute(prepared: Prepared, watcher: Watcher | None = None) -> dict[str, str]:
    """Have what is missing computed by the executor, without tables; how each of these cells ended, by identity."""
    if watcher:
        watcher.planned(prepared)
    to_do = sorted(
        prepared.plan.to_do,
        key=lambda p: (len(p.first.history), -np.nan_to_num(prepared.seconds[p.first.identity])),
    )
    replaced = _describe(prepared, renew=bool(to_do))
    statuses: dict[str, str] = {}
    begun = False

    def hear(report: Report) -> None:
        nonlocal begun
        begun = True
        statuses.update(report.finished)
        if watcher:
            watcher.heard(report)

    jobs = jobs_of(to_do, prepared.seconds)
    place = (prepared.folder, jobs, str(prepared.device), prepared.workers, prepared.threads)
    folder = _Folder(prepared, hear)
    try:
        if jobs:
            prepared.executor.run(Work(*place, hear, folder.left, folder.look))
    except BaseException as error:
        folder.look()
        if not begun and not isinstance(error, Submitted):  # what was there before stays what it was
            replaced.put_back()
        raise
    finally:
        replaced.forget()
        sweep(prepared.folder, time.time())
        if watcher:
            watcher.finished()
    return statuses


class _Folder:
    """What has come of a run by its files, whoever writes them.

    A cell is there when its file is not what it was when the run was planned: a failed one that is tried again had one
    before, and somebody else may be writing them already.
    """

    def __init__(self, prepared: Prepared, tell: Callable[[Report], Any]) -> None:
        self.store, self.tell = Store(prepared.folder), tell
        self.missing, self.stale = prepared.plan.missing, prepared.plan.stale
        self.unseen = set(self.missing)

    def left(self, jobs: Sequence[Job]) -> list[Job]:
        return [
            job for job in jobs if any(identity in self.missing and self._waits(identity) for identity in job.cells)
        ]

    def look(self) -> None:
        """Tell of the cells that are there and were not at the last look."""
        come = [identity for identity in self.unseen if not self._waits(identity)]
        self.unseen.difference_update(come)
        records = filter(None, map(self.store.peek, come))
        if ended := tuple((record.identity, record.result.status) for record in records):
            self.tell(Report(finished=ended))

    def _waits(self, identity: str) -> bool:
        return self.store.stamp(identity) in (None, self.stale.get(identity))


def _write(prepared: Prepared, statuses: dict[str, str], watcher: Watcher | None) -> Results:
    benchmark, folder = prepared.plan.benchmark, prepared.folder
    tables = collect(benchmark, Store(folder))
    write_text(folder / "interference.csv", tables.interference.to_csv(index=False))
    write_text(folder / "stages.csv", tables.stages.to_csv(index=False))
    continual = continual_table(tables.stages)
    write_text(folder / "continual.csv", continual.to_csv(index=False))
    write_text(folder / "timing.csv", tables.timing.to_csv(index=False))
    write_with(folder / "curves.parquet", lambda path: tables.curves.to_parquet(path, index=False))
    if len(tables.tracked):
        write_with(folder / "tracked.parquet", lambda path: tables.tracked.to_parquet(path, index=False))
    figures.draw_all(tables.interference, tables.curves, folder / "figures")
    analysis = pd.DataFrame()
    for name, wanted in (("tracked.parquet", len(tables.tracked)), ("analysis.csv", benchmark.analyses)):
        if not wanted:  # another description may have left it
            remove(folder / name)
    if benchmark.analyses:
        analysis = _analyse(prepared, watcher)
        write_text(folder / "analysis.csv", analysis.to_csv(index=False))
    failures = Counter(status for status in statuses.values() if status == "failed")
    return Results(
        folder,
        benchmark,
        tables.interference,
        tables.curves,
        tables.stages,
        continual,
        analysis,
        tables.tracked,
        tables.timing,
        len(statuses),
        dict(failures),
    )


def _analyse(prepared: Prepared, watcher: Watcher | None) -> pd.DataFrame:
    """The analysis table; rows whose weights are what they were are taken over from the one that is there."""
    benchmark, folder = prepared.plan.benchmark, prepared.folder
    records = Records(Store(folder))
    pairs = [(cell, made) for cell in pairs_of(benchmark) if (made := made_from(cell, records)) is not None]
    columns = analysis_columns(benchmark)
    known = _known_rows(folder / "analysis.csv", list(columns))
    new = [cell for cell, made in pairs if made not in known]

    def tell(done: int) -> None:
        if watcher:
            watcher.analysed(done, len(new))

    found = dict(zip([c.identity for c in new], measure(new, prepared.folder, prepared.workers, tell), strict=True))
    rows = [
        names(cell) | condition_values(cell) | {"made_from": made} | (found.get(cell.identity) or known[made])
        for cell, made in pairs
    ]
    order = [name for name in columns if name not in LAST]
    return pd.DataFrame(rows, columns=[*order, *condition_columns(benchmark), *LAST]).astype({"failure": "string"})


def _known_rows(path: Path, columns: list[str]) -> dict[str, dict[str, Any]]:
    """The measures of an analysis table by what they were made from; none where it is not what it should be."""
    try:
        table = read_table(path)
        measured = [name for name in columns if name not in NAMES and name not in LAST]
        whole = table[table["failure"].isna()]
        rows = whole[["made_from", *measured]].astype(dict.fromkeys(measured, float)).assign(failure=None)
    except (OSError, ValueError, KeyError):
        return {}
    return {str(row.pop("made_from")): row for row in rows.to_dict("records")}  # type: ignore[misc]


class _Replaced:
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


def _describe(prepared: Prepared, renew: bool) -> _Replaced:
    """Write benchmark.json, unless it is there already and nothing is to be computed.

    Tables of another description go first: until the run has come to its end there is nothing that fits this one.
    """
    path = prepared.folder / "benchmark.json"
    description = prepared.plan.benchmark.model_dump(mode="json")
    another = path.exists() and description_of(path) != description
    replaced = _Replaced(prepared.folder, [*TABLES, path.name] if another else [])
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
