"""The commands that read results and write reports. Only `theory` imports plugins, the engine and torch."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from rich.text import Text

from rnnbench.cli.console import err, out
from rnnbench.errors import RnnbenchError


def status(results: Annotated[Path, typer.Argument(help="a results folder, e.g. results/neuro")]) -> None:
    """Show the progress of a run: how many cells are done, failed, running and missing.

    Only files are read, so that it works wherever the run is computed.
    """
    from rnnbench.cli.status_table import status_table
    from rnnbench.results.status import status_of

    now = time.time()
    out.print(status_table(status_of(results, now), now))


def claims(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            help="results folders, e.g. results/c2-drive (default: all finished ones in --in)", show_default=False
        ),
    ] = None,
    home: Annotated[Path, typer.Option("--in", help="folder that contains the results folders")] = Path("results"),
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="folder for the report (default: claims/ in --in)", show_default=False)
    ] = None,
) -> None:
    """Judge the claims C1 to C8 on results, print the verdicts, and write a report with figures."""
    from rnnbench.cli.report_tables import claims_table
    from rnnbench.reports.claims.judge import judge
    from rnnbench.reports.claims.report import write_report
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
            if results:  # the user named this folder
                raise
            err.print(Text(f"left out: {error}", style="yellow"), soft_wrap=True)
    judgements = judge(loaded)
    if not judgements:
        raise RnnbenchError(f"{', '.join(map(str, folders))}: no claim can be judged on these results")
    out.print(claims_table(judgements))
    folder = out_folder or home / "claims"
    write_report(judgements, folder)
    out.print(Text(f"written to {folder}: claims.md, claims.csv, figures/"))


def trade_off(
    results: Annotated[Path, typer.Argument(help="a results folder or exported file, e.g. results/rules")],
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="folder for the table and the figure (default: RESULTS)", show_default=False),
    ] = None,
) -> None:
    """Compare interference, final accuracy and cost of learning rules or architectures, as table and figure."""
    from rnnbench.cli.report_tables import trade_off_table
    from rnnbench.reports.trade_off.report import write_trade_off
    from rnnbench.results.reading import load_results

    folder = out_folder or (results if results.is_dir() else results.with_suffix(""))
    out.print(trade_off_table(write_trade_off(load_results(results), folder)))
    out.print(Text(f"written to {folder}: trade_off.md, trade_off.csv, trade_off.png"))


def report(
    results: Annotated[list[Path], typer.Argument(help="results folders or exported files, e.g. results/neuro")],
    html: Annotated[Path, typer.Option(help="the HTML file to write")] = Path("report.html"),
) -> None:
    """Write one HTML page about results: matrices, curves, verdicts, methods, provenance.

    The page needs no internet connection.
    """
    from rnnbench.reports.page.assemble import write_page
    from rnnbench.results.archive import opened
    from rnnbench.results.reading import load_results

    with ExitStack() as stack:
        folders = [stack.enter_context(opened(path)) for path in results]
        stack.enter_context(err.status("writing the page"))  # slow, because claims are judged, and C4 with its theory
        write_page([load_results(folder) for folder in folders], html)
    out.print(Text(f"written to {html}"))


def compare(
    results: Annotated[list[Path], typer.Argument(help="results folders or exported files of at least two labs")],
    margin: Annotated[
        float,
        typer.Option(help="largest difference of interference that does not matter; choose it before you see results"),
    ] = 0.2,
    by_label: Annotated[
        bool, typer.Option("--by-label", help="compare entries with the same labels even if their settings differ")
    ] = False,
    out_folder: Annotated[Path, typer.Option("--out", help="folder for the report")] = Path("results/compare"),
    fail_if_different: Annotated[
        bool, typer.Option("--fail-if-different", help="exit with code 1 if the labs disagree")
    ] = False,
) -> None:
    """Compare results of several labs, print a verdict and tables, and write a report with figures.

    No plugin is imported.
    """
    from rnnbench.cli.report_tables import comparison_tables
    from rnnbench.reports.comparison.comparison import compare_folders
    from rnnbench.reports.comparison.report import write_report
    from rnnbench.reports.comparison.wording import notes, verdict_sentence

    found = compare_folders(results, margin, by_label)
    paths = write_report(found, out_folder)
    out.print(Text(verdict_sentence(found), style="bold"))
    out.print(Text(f"margin: {margin:g}, in units of interference"))
    for note in notes(found):
        out.print(Text(note))
    for table in comparison_tables(found):
        out.print(table)
    out.print(Text(f"written to {out_folder}: {', '.join(path.name for path in paths)}"))
    if fail_if_different and found.verdict == "disagree":
        raise typer.Exit(1)


def theory(
    folder: Annotated[Path, typer.Option("--out", help="folder for figures and tables")] = Path("results/theory"),
) -> None:
    """Compute the 2x2 mean-field theory and compare it with full networks, as figures and tables (about 3 minutes)."""
    from rnnbench.reports.claims.theory.report import draw_theory

    with err.status("") as status:
        paths = draw_theory(folder, lambda step: status.update(step))
    out.print(Text(f"written to {folder}: {', '.join(path.name for path in paths)}"))


def schema(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="benchmark or cell, to print the JSON Schema of that file (default: the meaning of all columns)"
        ),
    ] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="folder to which all schemas and the columns are written")
    ] = None,
) -> None:
    """Print the format of results: JSON Schemas of its files, and what each column of its tables means."""
    from rnnbench.results import schemas

    if out_folder is not None:
        out.print(Text(f"written to {out_folder}: {', '.join(p.name for p in schemas.write_schemas(out_folder))}"))
    elif kind in schemas.SCHEMAS:
        print(schemas.schema(kind), end="")
    elif kind is None:
        print(schemas.columns_page(), end="")
    else:
        raise RnnbenchError(f"schema: {kind!r:.40} is not {' or '.join(schemas.SCHEMAS)}")
