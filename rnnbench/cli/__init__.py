"""The command line: parsing and printing only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table
from rich.text import Text

from rnnbench.errors import RnnbenchError, Submitted


class PluginKind(StrEnum):
    """The kinds of plugins, as the command line names them."""

    task = "task"
    architecture = "architecture"
    rule = "rule"
    executor = "executor"


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)


@app.callback()
def _rnnbench() -> None:
    """rnnbench: interference between tasks in recurrent networks."""


@app.command()
def run(
    benchmark: Annotated[Path, typer.Argument(help="a benchmark file, e.g. benchmarks/neuro.yaml")],
    results: Annotated[Path, typer.Option(help="folder in which results/<name>/ is made")] = Path("results"),
    workers: Annotated[int | None, typer.Option(help="processes on this machine [default: all cores]")] = None,
    threads: Annotated[int, typer.Option(help="of each worker; more than one changes the last digits")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    executor: Annotated[
        str | None,
        typer.Option(
            help="who computes: process, serial, slurm, ..., or a YAML file of one [default: process]",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="a parameter of the executor, e.g. --set partition=short", show_default=False),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="the same as --set scheduler=..: of the cluster that dask joins", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and what it costs, train nothing")] = False,
) -> None:
    """Train what is missing of a benchmark; print the matrix; write tables and figures."""
    from rnnbench.cli import run_display as display
    from rnnbench.execution.prepare import prepare
    from rnnbench.execution.run import run as run_benchmark
    from rnnbench.loading.executor_choice import executor_of
    from rnnbench.loading.yaml_file import setting
    from rnnbench.plugin.registry import installed
    from rnnbench.results.interference import counts

    settings = [*(settings or []), *([f"scheduler={scheduler}"] if scheduler else [])]
    if settings and executor is None:
        raise RnnbenchError("--set: is a parameter of an executor; say of which with --executor")
    chosen = executor and executor_of(executor, installed(), dict(setting(text) for text in settings))
    prepared = prepare(benchmark, results, workers, device, chosen or None, threads)
    if dry_run:
        out.print(display.plan_table(prepared))
        return
    found = run_benchmark(prepared, watcher=display.LiveDisplay(out))
    for table in display.matrix_tables(found.interference, out):
        out.print(table)
    for line in display.summary_lines(found.interference):
        out.print(line)
    if left_out := int((~counts(found.interference)).sum()):
        told = f"{left_out} of {len(found.interference)} rows are not counted"
        out.print(f"{told}: the criterion on A was not reached, or a loss is not finite")
    out.print(Text(f"written to {found.folder}: tables (csv, parquet), benchmark.json, figures/"))
    broken = sorted(set(found.interference.loc[found.interference["status"] == "failed", "failure"].dropna()))
    if broken:
        for message in broken[:10]:
            out.print(Text(f"failed: {message}", style="red"))
        raise typer.Exit(1)


@app.command()
def claims(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            help="results folders, e.g. results/c2-drive [default: all finished ones in --in]", show_default=False
        ),
    ] = None,
    home: Annotated[Path, typer.Option("--in", help="folder that holds the results folders")] = Path("results"),
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="where the report goes [default: claims/ in --in]", show_default=False)
    ] = None,
) -> None:
    """Judge the claims C1 to C8 on results; print the verdicts; write a report with figures."""
    from rnnbench.reports.claims.judge import judge
    from rnnbench.reports.claims.report import terminal_table, write_report
    from rnnbench.results.reading import finished, load_results

    folders = results or finished(home)
    if not folders:
        raise RnnbenchError(
            f"{home}: no results of a finished run; try python -m rnnbench run benchmarks/claims/c2-drive.yaml"
        )
    loaded = []
    for folder in track(folders, description="reading", console=err, transient=True, disable=not err.is_terminal):
        try:
            loaded.append(load_results(folder))
        except RnnbenchError as error:
            if results:  # asked for by name
                raise
            err.print(Text(f"left out: {error}", style="yellow"), soft_wrap=True)
    judgements = judge(loaded)
    if not judgements:
        raise RnnbenchError(f"{', '.join(map(str, folders))}: no claim can be judged on these results")
    out.print(terminal_table(judgements))
    folder = out_folder or home / "claims"
    write_report(judgements, folder)
    out.print(Text(f"written to {folder}: claims.md, claims.csv, figures/"))


@app.command("trade-off")
def trade_off(
    results: Annotated[Path, typer.Argument(help="a results folder or exported file, e.g. results/rules")],
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="where table and figure go [default: RESULTS]", show_default=False)
    ] = None,
) -> None:
    """Interference, final accuracy and cost of each learning rule (or architecture): table and figure."""
    from rnnbench.reports.trade_off.report import terminal_table, write_trade_off
    from rnnbench.results.reading import load_results

    folder = out_folder or (results if results.is_dir() else results.with_suffix(""))
    out.print(terminal_table(write_trade_off(load_results(results), folder)))
    out.print(Text(f"written to {folder}: trade_off.md, trade_off.csv, trade_off.png"))


@app.command()
def report(
    results: Annotated[list[Path], typer.Argument(help="results folders or exported files, e.g. results/neuro")],
    html: Annotated[Path, typer.Option(help="the page to write")] = Path("report.html"),
) -> None:
    """Write one page on results that opens without a network: matrices, curves, verdicts, methods, provenance."""
    from rnnbench.reports.page.assemble import write_page
    from rnnbench.results.archive import opened
    from rnnbench.results.reading import load_results

    with ExitStack() as stack:
        folders = [stack.enter_context(opened(path)) for path in results]
        stack.enter_context(err.status("writing the page"))  # claims are judged anew, C4 against its theory
        write_page([load_results(folder) for folder in folders], html)
    out.print(Text(f"written to {html}"))


@app.command()
def compare(
    results: Annotated[list[Path], typer.Argument(help="results folders or exported files of two labs or more")],
    margin: Annotated[
        float, typer.Option(help="difference of interference that does not matter; declare it before looking")
    ] = 0.2,
    by_label: Annotated[
        bool, typer.Option("--by-label", help="compare cells of the same name in spite of different settings")
    ] = False,
    out_folder: Annotated[Path, typer.Option("--out", help="where the report goes")] = Path("results/compare"),
    fail_if_different: Annotated[
        bool, typer.Option("--fail-if-different", help="exit with 1 if the labs disagree")
    ] = False,
) -> None:
    """Whether labs found the same: verdict, tables, and a report with figures. Imports no plugin."""
    from rnnbench.cli.comparison_tables import tables
    from rnnbench.reports.comparison.comparison import compare_folders
    from rnnbench.reports.comparison.report import write_report
    from rnnbench.reports.comparison.wording import notes, verdict_sentence

    found = compare_folders(results, margin, by_label)
    paths = write_report(found, out_folder)
    out.print(Text(verdict_sentence(found), style="bold"))
    out.print(Text(f"margin: {margin:g}, in units of interference"))
    for note in notes(found):
        out.print(Text(note))
    for table in tables(found):
        out.print(table)
    out.print(Text(f"written to {out_folder}: {', '.join(path.name for path in paths)}"))
    if fail_if_different and found.verdict == "disagree":
        raise typer.Exit(1)


@app.command()
def theory(
    folder: Annotated[Path, typer.Option("--out", help="where figures and tables go")] = Path("results/theory"),
) -> None:
    """Compute the 2x2 mean-field theory and hold it against full networks: figures and tables (about 3 minutes)."""
    from rnnbench.reports.claims.theory.report import draw_theory

    with err.status("") as status:
        paths = draw_theory(folder, lambda step: status.update(step))
    out.print(Text(f"written to {folder}: {', '.join(path.name for path in paths)}"))


@app.command("export")
def export_command(
    results: Annotated[Path, typer.Argument(help="a results folder, e.g. results/neuro")],
    archive: Annotated[Path, typer.Argument(help="the file to write, e.g. lab-a.zip")],
    licence: Annotated[
        str | None, typer.Option(help="SPDX id or address, e.g. CC-BY-4.0 [default: not stated]")
    ] = None,
    creator: Annotated[list[str] | None, typer.Option(help="who made it: 'A. Name <ORCID>'; may be repeated")] = None,
    published: Annotated[str | None, typer.Option(help="the day, YYYY-MM-DD [default: today]")] = None,
    weights: Annotated[bool, typer.Option("--weights", help="with the trained weights, as safetensors")] = False,
    with_times: Annotated[bool, typer.Option("--with-times", help="tell when cells were computed")] = False,
    with_paths: Annotated[bool, typer.Option("--with-paths", help="leave paths of files as they are")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace the file if it is there")] = False,
) -> None:
    """Write results as one file to send: tables, cells, figures, checksums, metadata; no names, paths or times."""
    from rnnbench.results.exchange.exporting import export_results
    from rnnbench.results.exchange.redaction import Redaction
    from rnnbench.results.exchange.ro_crate import Citation

    citation = Citation(_day(published), licence, tuple(creator or ()))
    redaction = Redaction(with_times, with_paths)
    with _progress("exporting") as tell:
        names = export_results(results, archive, citation, redaction, weights, force, tell)
    out.print(Text(f"written to {archive}: {len(names)} files, {archive.stat().st_size / 1e6:.1f} MB"))
    if licence is None and not (results / "ro-crate-metadata.json").exists():
        out.print(Text("no licence stated: others may look and not use; --licence CC-BY-4.0 says they may"))


@app.command("import")
def import_command(
    archive: Annotated[Path, typer.Argument(help="a file that `rnnbench export` wrote")],
    home: Annotated[Path, typer.Option("--results", help="folder in which the results are put")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="of the new folder [default: the benchmark's]")] = None,
) -> None:
    """Check an exported file and unpack it beside one's own results. Executes nothing, replaces nothing."""
    from rnnbench.results.exchange.importing import import_results

    with _progress("importing") as tell:
        folder = import_results(archive, home, name, tell)
    out.print(Text(f"checked and written to {folder}"))


def _day(text: str | None) -> str:
    """A day as YYYY-MM-DD; today where none is given."""
    try:
        return (date.today() if text is None else date.fromisoformat(text)).isoformat()
    except ValueError:
        raise RnnbenchError(f"published: {text!r:.40} is no day; write it as in 2026-01-31") from None


@contextmanager
def _progress(told: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work, where there is somebody to see it; what it gives is called with (done, total)."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(told, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@app.command("status")
def status_command(results: Annotated[Path, typer.Argument(help="a results folder, e.g. results/neuro")]) -> None:
    """How far a run is, whoever computes it: cells done, failed and missing, from files alone."""
    from rnnbench.cli import run_display as display
    from rnnbench.results.status import status_of

    now = time.time()
    out.print(display.status_table(status_of(results, now), now))


@app.command()
def worker(
    results: Annotated[Path, typer.Argument(help="the results folder of a run, e.g. results/neuro")],
    jobs: Annotated[Path, typer.Argument(help="a file of bundles of jobs, as an executor writes it")],
    element: Annotated[int, typer.Option(help="which line of the file, from 0")] = 0,
    workers: Annotated[int, typer.Option(help="processes")] = 1,
    threads: Annotated[int, typer.Option(help="of each process")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
) -> None:
    """Compute a part of a run: for schedulers, which start it where there is room. Safe to start twice."""
    from rnnbench.execution.bundles import compute_bundle
    from rnnbench.execution.worker import check_options
    from rnnbench.loading.executor_choice import executor_of
    from rnnbench.plugin.executor import Report
    from rnnbench.plugin.registry import installed

    def tell(report: Report) -> None:
        for line in (*report.damaged, *report.news, *(f"{identity} {end}" for identity, end in report.finished)):
            print(line, flush=True)

    check_options(device, workers, threads)
    here = executor_of("serial" if workers == 1 else "process", installed())
    compute_bundle(results, jobs, element, here, workers, device, threads, tell)


@app.command()
def schema(
    kind: Annotated[str | None, typer.Argument(help="benchmark or cell: print the JSON Schema of that file")] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="write all schemas and the columns here")] = None,
) -> None:
    """The format of results: JSON Schemas of its files, and what each column of its tables means."""
    from rnnbench.results import schemas as formats

    if out_folder is not None:
        out.print(Text(f"written to {out_folder}: {', '.join(p.name for p in formats.write_schemas(out_folder))}"))
    elif kind in formats.SCHEMAS:
        print(formats.schema(kind), end="")
    elif kind is None:
        print(formats.columns_page(), end="")
    else:
        raise RnnbenchError(f"schema: {kind!r:.40} is not {' or '.join(formats.SCHEMAS)}")


@app.command("list")
def list_plugins(
    kind: Annotated[PluginKind | None, typer.Argument(help="only the plugins of one kind")] = None,
) -> None:
    """The plugins found: tasks, architectures, learning rules, executors, by package and version."""
    from rnnbench.cli import run_display as display
    from rnnbench.plugin.registry import installed

    registry = installed()
    out.print(display.plugins_listing(one for one in registry.found.values() if kind in (None, one.kind)))
    for broken in registry.broken:
        out.print(Text(f"not loaded: {broken.package}: {broken.reason}", style="red"))


@app.command()
def describe(name: Annotated[str, typer.Argument(help="a plugin, e.g. flip_flop or flip_flop@1")]) -> None:
    """What a plugin is, its source, and its parameters with types, bounds, units and defaults."""
    from rnnbench.plugin.description import describe as description_by_name
    from rnnbench.plugin.registry import installed

    told = description_by_name(name, installed())
    found = told.found
    out.print(Text.assemble((found.id, "bold"), f"  {found.kind}, from {found.package} {found.package_version}"))
    out.print(Text(told.summary))
    if told.details:
        out.print(Text(f"\n{told.details}"))
    if told.source:
        out.print(Text(f"\nsource: {told.source}"))
    table = Table(box=None, padding=(0, 2, 0, 0), title=None)
    for column in ("parameter", "type", "default", "bounds", "unit", "meaning"):
        table.add_column(column, no_wrap=column in ("parameter", "bounds", "unit"), overflow="fold")
    for p in told.parameters:
        table.add_row(*(Text(x) for x in (p.name, p.type, p.default, p.bounds, p.unit, p.description)))
    out.print()
    out.print(table)


@app.command()
def new(
    kind: Annotated[PluginKind, typer.Argument(help="task, architecture, rule or executor")],
    name: Annotated[str, typer.Argument(help="of the plugin, e.g. my-task")],
    home: Annotated[Path, typer.Option("--in", help="folder in which the package's own is made")] = Path("."),
) -> None:
    """Write a plugin package that runs at once: one short module, a test, a README, a benchmark to try it with."""
    from rnnbench.plugin.registry import installed
    from rnnbench.plugin.scaffold import new_package

    folder = new_package(kind.value, name, home, installed())
    out.print(Text(f"written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}"))
    out.print(Text(f"next: pip install -e {folder}, then python -m rnnbench check {name.replace('-', '_')}"))


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="a plugin, e.g. flip_flop or flip_flop@1")],
    kind: Annotated[
        PluginKind | None, typer.Option(help="where the name stands for several plugins", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="a parameter, e.g. --set drive=0.5", show_default=False)
    ] = None,
) -> None:
    """Hold a plugin against everything that rnnbench asks of it: a verdict for each check; exit code 1 if one fails."""
    from rnnbench.loading.plugin_choice import plugin_named
    from rnnbench.plugin.registry import installed
    from rnnbench.testing import checks_of
    from rnnbench.testing.check import judge, title

    plugin = plugin_named(name, kind.value if kind else None, settings or [], installed())
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("check", "verdict", "found"):
        table.add_column(column, overflow="fold")
    colours = {"passed": "green", "failed": "red", "skipped": "dim", "note": "cyan"}
    failed = 0
    with err.status("") as status:
        for one in checks_of(plugin):
            status.update(title(one))
            verdict = judge(one, plugin)
            failed += verdict.outcome == "failed"
            table.add_row(
                Text(verdict.check), Text(verdict.outcome, style=colours[verdict.outcome]), Text(verdict.found)
            )
    out.print(table)
    out.print(Text(f"{plugin.id()}: {f'{failed} failed' if failed else 'all passed'}"))
    if failed:
        raise typer.Exit(1)


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it; typer turns the interrupt into it."""


def main() -> None:
    """Run the command line; what a user can mend is one line on stderr and exit code 2."""
    try:
        code = app(standalone_mode=False) or 0
    except Submitted as told:
        print(told)
        code = 0
    except RnnbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except typer.TyperException as error:
        wrong = " ".join(error.format_message().split()).rstrip(".")
        print(f"error: {wrong}; see --help", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted; the same command goes on from here", file=sys.stderr)
    sys.exit(code)
