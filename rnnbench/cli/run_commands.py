"""The commands that train networks: run, extend, worker."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from rnnbench.cli.console import out
from rnnbench.errors import RnnbenchError

if TYPE_CHECKING:
    from rnnbench.execution.extension import Extension
    from rnnbench.execution.prepare import Prepared
    from rnnbench.plugin.executor import Executor


Workers = Annotated[int | None, typer.Option(help="number of processes on this machine (default: all cores)")]
Threads = Annotated[int, typer.Option(help="threads of each worker; more than one changes the last digits")]
Device = Annotated[str, typer.Option(help="device: auto, cpu or cuda")]
Compute = Annotated[
    str | None,
    typer.Option(
        help="where to compute: process, serial, slurm, ..., or a YAML file (default: process)", show_default=False
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="set a parameter of the executor, e.g. --set partition=short; may be repeated",
        show_default=False,
    ),
]
Figures = Annotated[bool, typer.Option("--figures/--no-figures", help="whether to draw the figures")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print the plan and its cost without training")]


def run(
    benchmark: Annotated[Path, typer.Argument(help="a benchmark file, e.g. benchmarks/neuro.yaml")],
    results: Annotated[Path, typer.Option(help="folder in which the results folder <name>/ is made")] = Path("results"),
    workers: Workers = None,
    threads: Threads = 1,
    device: Device = "auto",
    executor: Compute = None,
    settings: Settings = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="address of the dask scheduler; the same as --set scheduler=...", show_default=False),
    ] = None,
    figures: Figures = True,
    dry_run: DryRun = False,
) -> None:
    """Train the missing networks of a benchmark, print the matrices, and write tables and figures."""
    from rnnbench.execution.prepare import prepare

    settings = [*(settings or []), *([f"scheduler={scheduler}"] if scheduler else [])]
    chosen = _executor(executor, settings)
    _run(prepare(benchmark, results, workers, device, chosen, threads), figures, dry_run)


def extend(
    results: Annotated[Path, typer.Argument(help="a results folder, e.g. results/neuro, or an exported archive")],
    tasks: Annotated[
        list[str], typer.Argument(help="tasks to add: names, or as in a benchmark file: '{use: my_task, duration: 5}'")
    ],
    home: Annotated[
        Path | None,
        typer.Option(
            "--results", help="folder in which an archive is unpacked to <name>/ (default: results)", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="name of the folder for an archive (default: the benchmark's name)", show_default=False),
    ] = None,
    workers: Workers = None,
    threads: Threads = 1,
    device: Device = "auto",
    executor: Compute = None,
    settings: Settings = None,
    figures: Figures = True,
    dry_run: DryRun = False,
) -> None:
    """Add tasks to finished results: the pairs with a new task are trained, and the rows of all other pairs stay.

    If it is interrupted, the same command continues it.

    New pairs start from the stored networks of the first tasks, so their weights are needed. Where weights are missing,
    as in an archive without weights, these networks are trained again. If one then differs from the stored one, as on
    another machine, the command ends with an error, and the stored results stay as they are.

    Where every network has the channels of all tasks (shared or correlated channels, or idle_outputs: zero), a new task
    changes all networks, and all are trained anew; --dry-run says so.
    """
    from rnnbench.execution.prepare import prepare

    chosen = _executor(executor, settings or [])
    with _extension(results, tasks, home, name, dry_run) as extension:
        if extension.unpacked:
            out.print(Text(f"checked and written to {extension.folder}"))
        prepared = prepare(extension.benchmark, extension.folder.parent, workers, device, chosen, threads)
        if not extension.adds:
            missing = f"{len(prepared.plan.missing)} missing cells are" if prepared.plan.missing else "nothing is"
            out.print(Text(f"the results have these tasks already; {missing} to be computed"))
        _run(replace(prepared, folder=extension.target), figures, dry_run)


def _extension(
    results: Path, tasks: list[str], home: Path | None, name: str | None, dry_run: bool
) -> AbstractContextManager[Extension]:
    """What is extended: the results in a folder, or those of an archive, for a dry run in a temporary folder."""
    from rnnbench.execution.extension import of_archive, of_folder

    if results.is_file():
        return of_archive(results, tasks, home or Path("results"), name, dry_run)
    for option, value in (("--results", home), ("--name", name)):
        if value is not None and results.is_dir():
            raise RnnbenchError(f"{option}: is for archives; {results} is a folder, which is extended where it is")
    return nullcontext(of_folder(results, tasks))


def _executor(name: str | None, settings: list[str]) -> Executor | None:
    """The executor that was asked for, with its parameters; None for the default one."""
    from rnnbench.loading.executor_choice import executor_of
    from rnnbench.loading.yaml_file import setting
    from rnnbench.plugin.registry import installed

    if settings and name is None:
        raise RnnbenchError("--set: sets a parameter of an executor; name the executor with --executor")
    return executor_of(name, installed(), dict(setting(text) for text in settings)) if name else None


def _run(prepared: Prepared, figures: bool, dry_run: bool) -> None:
    """Print the plan; unless it is a dry run, compute what is missing and print what was found."""
    from rnnbench.cli.run_display import LiveDisplay, print_plan

    if dry_run:
        print_plan(prepared, out)
        return
    from rnnbench.cli.answers import answers
    from rnnbench.cli.matrix_tables import matrix_tables
    from rnnbench.execution.run import run as run_benchmark
    from rnnbench.results.interference import counts

    found = run_benchmark(prepared, watcher=LiveDisplay(out), figures=figures)
    for part in (*matrix_tables(found.interference, out), *answers(found, out.width)):
        out.print(part)
    if left_out := int((~counts(found.interference)).sum()):
        rows = f"{left_out} of {len(found.interference)} rows do not count"
        out.print(f"{rows}: the criterion on A was not reached, or a loss is not finite")
    drawn = ", figures/" if figures else ""
    out.print(Text(f"written to {found.folder}: tables (csv, parquet), benchmark.json{drawn}"))
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
