"""The commands that train networks: run, worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rnnbench.cli.console import out
from rnnbench.errors import RnnbenchError


def run(
    benchmark: Annotated[Path, typer.Argument(help="a benchmark file, e.g. benchmarks/neuro.yaml")],
    results: Annotated[Path, typer.Option(help="folder in which the results folder <name>/ is made")] = Path("results"),
    workers: Annotated[
        int | None, typer.Option(help="number of processes on this machine (default: all cores)")
    ] = None,
    threads: Annotated[int, typer.Option(help="threads of each worker; more than one changes the last digits")] = 1,
    device: Annotated[str, typer.Option(help="device: auto, cpu or cuda")] = "auto",
    executor: Annotated[
        str | None,
        typer.Option(
            help="where to compute: process, serial, slurm, ..., or a YAML file (default: process)",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="set a parameter of the executor, e.g. --set partition=short; may be repeated",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="address of the dask scheduler; the same as --set scheduler=...", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and its cost without training")] = False,
) -> None:
    """Train the missing networks of a benchmark, print the matrices, and write tables and figures."""
    from rnnbench.cli.run_display import LiveDisplay, plan_table
    from rnnbench.execution.prepare import prepare
    from rnnbench.loading.executor_choice import executor_of
    from rnnbench.loading.yaml_file import setting
    from rnnbench.plugin.registry import installed

    settings = [*(settings or []), *([f"scheduler={scheduler}"] if scheduler else [])]
    if settings and executor is None:
        raise RnnbenchError("--set: sets a parameter of an executor; name the executor with --executor")
    chosen = executor and executor_of(executor, installed(), dict(setting(text) for text in settings))
    prepared = prepare(benchmark, results, workers, device, chosen or None, threads)
    if dry_run:
        out.print(plan_table(prepared))
        return
    from rnnbench.cli.matrix_tables import matrix_tables, summary_lines
    from rnnbench.execution.run import run as run_benchmark
    from rnnbench.results.interference import counts

    found = run_benchmark(prepared, watcher=LiveDisplay(out))
    for table in matrix_tables(found.interference, out):
        out.print(table)
    for line in summary_lines(found.interference):
        out.print(line)
    if left_out := int((~counts(found.interference)).sum()):
        rows = f"{left_out} of {len(found.interference)} rows do not count"
        out.print(f"{rows}: the criterion on A was not reached, or a loss is not finite")
    out.print(Text(f"written to {found.folder}: tables (csv, parquet), benchmark.json, figures/"))
    broken = sorted(set(found.interference.loc[found.interference["status"] == "failed", "failure"].dropna()))
    if broken:
        for message in broken[:10]:
            out.print(Text(f"failed: {message}", style="red"))
        raise typer.Exit(1)


def worker(
    results: Annotated[Path, typer.Argument(help="the results folder of a run, e.g. results/neuro")],
    jobs: Annotated[Path, typer.Argument(help="a file of bundles of jobs that an executor wrote")],
    element: Annotated[int, typer.Option(help="line of the file, counted from 0")] = 0,
    workers: Annotated[int, typer.Option(help="number of processes")] = 1,
    threads: Annotated[int, typer.Option(help="threads of each process")] = 1,
    device: Annotated[str, typer.Option(help="device: cpu or cuda")] = "cpu",
) -> None:
    """Compute a part of a run. Schedulers start this command on the nodes of a cluster.

    It is safe to start it twice.
    """
    from rnnbench.execution.jobs import compute_bundle
    from rnnbench.execution.worker import check_options
    from rnnbench.loading.executor_choice import executor_of
    from rnnbench.plugin.executor import Report
    from rnnbench.plugin.registry import installed

    def print_report(report: Report) -> None:
        cells = (f"{identity} {status}" for identity, status in report.finished)
        for line in (*report.damaged, *report.news, *cells):
            print(line, flush=True)

    check_options(device, workers, threads)
    here = executor_of("serial" if workers == 1 else "process", installed())
    compute_bundle(results, jobs, element, here, workers, device, threads, print_report)
