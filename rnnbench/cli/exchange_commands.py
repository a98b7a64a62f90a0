"""Commands that send and receive results: export, import."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rnnbench.cli.console import out, progress
from rnnbench.errors import RnnbenchError


def export(
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
    with progress("exporting") as report:
        names = export_results(results, archive, citation, redaction, weights, force, report)
    out.print(Text(f"written to {archive}: {len(names)} files, {archive.stat().st_size / 1e6:.1f} MB"))
    if licence is None and not (results / "ro-crate-metadata.json").exists():
        out.print(Text("no licence stated: others may look and not use; --licence CC-BY-4.0 says they may"))


def import_(
    archive: Annotated[Path, typer.Argument(help="a file that `rnnbench export` wrote")],
    home: Annotated[Path, typer.Option("--results", help="folder in which the results are put")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="of the new folder [default: the benchmark's]")] = None,
) -> None:
    """Check an exported file and unpack it beside one's own results. Executes nothing, replaces nothing."""
    from rnnbench.results.exchange.importing import import_results

    with progress("importing") as report:
        folder = import_results(archive, home, name, report)
    out.print(Text(f"checked and written to {folder}"))


def _day(text: str | None) -> str:
    """A day as YYYY-MM-DD; today where none is given."""
    try:
        return (date.today() if text is None else date.fromisoformat(text)).isoformat()
    except ValueError:
        raise RnnbenchError(f"published: {text!r:.40} is not a date; write it as in 2026-01-31") from None
