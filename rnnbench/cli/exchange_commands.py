"""The commands that exchange results with other labs: export, import."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from rnnbench.cli.console import out, progress
from rnnbench.errors import RnnbenchError


def export(
    results: Annotated[Path, typer.Argument(help="a results folder, e.g. results/neuro")],
    archive: Annotated[Path, typer.Argument(help="the file to write, e.g. lab-a.zip")],
    licence: Annotated[
        str | None, typer.Option(help="licence as SPDX id or URL, e.g. CC-BY-4.0 (default: not stated)")
    ] = None,
    creator: Annotated[
        list[str] | None, typer.Option(help="person who made the results: 'A. Name <ORCID>'; may be repeated")
    ] = None,
    published: Annotated[str | None, typer.Option(help="date of publication, YYYY-MM-DD (default: today)")] = None,
    weights: Annotated[
        Literal["none", "first-tasks", "all"],
        typer.Option(help="trained weights to include: first-tasks are enough to add tasks to the results"),
    ] = "none",
    with_times: Annotated[
        bool, typer.Option("--with-times", help="include the times when cells were computed")
    ] = False,
    with_paths: Annotated[bool, typer.Option("--with-paths", help="include paths of files")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
) -> None:
    """Write results to one file that can be sent: tables, cells, figures, checksums, metadata.

    Names of users and machines are left out, and so are paths and times unless options include them.
    """
    from rnnbench.results.exchange.exporting import export_results
    from rnnbench.results.exchange.redaction import Redaction
    from rnnbench.results.exchange.ro_crate import Citation

    chosen: dict[str, Literal["none", "first tasks", "all"]] = {"first-tasks": "first tasks", "all": "all"}
    citation = Citation(_date(published), licence, tuple(creator or ()))
    redaction = Redaction(with_times, with_paths)
    with progress("exporting") as report:
        names = export_results(results, archive, citation, redaction, chosen.get(weights, "none"), force, report)
    out.print(Text(f"written to {archive}: {len(names)} files, {archive.stat().st_size / 1e6:.1f} MB"))
    if not any(name.startswith("cells/") for name in names):
        out.print(Text("it holds tables only: without the cells nobody can add tasks to it (rnnbench extend)"))
    if licence is None and not (results / "ro-crate-metadata.json").exists():
        out.print(Text("no licence is stated, so others may not use the results; --licence CC-BY-4.0 allows it"))


def import_(
    archive: Annotated[Path, typer.Argument(help="a file that `rnnbench export` wrote")],
    home: Annotated[Path, typer.Option("--results", help="folder in which the new results folder is made")] = Path(
        "results"
    ),
    name: Annotated[
        str | None, typer.Option(help="name of the new results folder (default: the benchmark's name)")
    ] = None,
) -> None:
    """Check an exported file and unpack it to a new results folder.

    Nothing in the file is executed, and no existing results are replaced.
    """
    from rnnbench.results.exchange.importing import import_results

    with progress("importing") as report:
        folder = import_results(archive, home, name, report)
    out.print(Text(f"checked and written to {folder}"))


def _date(text: str | None) -> str:
    """A date as YYYY-MM-DD; today if none is given."""
    try:
        return (date.today() if text is None else date.fromisoformat(text)).isoformat()
    except ValueError:
        raise RnnbenchError(f"published: {text!r:.40} is not a date; write it as in 2026-01-31") from None
