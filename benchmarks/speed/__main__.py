"""Speed of rnnbench and of programs that a user would otherwise write: python benchmarks/speed COMMAND."""

from __future__ import annotations

import csv
import json
import platform
import statistics
from pathlib import Path
from typing import Annotated

import torch
import typer
from card import card
from costs import denormals, matrix, trials, workers
from figure import draw
from measure import Row, peak, rows
from ours import approaches
from peers import PEERS
from problem import Problem
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from rnnbench.execution.provenance import provenance

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out, err = Console(), Console(stderr=True)
FOLDER = Path("results/speed")


@app.callback()
def _one_thread() -> None:
    """Measure in one thread with denormals flushed, as in every worker of rnnbench."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@app.command()
def table(
    units: Annotated[list[int], typer.Option(help="units of each network; may be repeated")] = [64, 128, 256, 512],  # noqa: B006
    batches: Annotated[list[int], typer.Option(help="trials in a batch; may be repeated")] = [32, 256],  # noqa: B006
    populations: Annotated[list[int], typer.Option(help="networks trained together; may be repeated")] = [1, 4, 16, 64],  # noqa: B006
    repeats: Annotated[int, typer.Option(help="interleaved repeats, of which the median is taken")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="batches of 32 and populations of 1 and 4 only")] = False,
    without: Annotated[
        list[str], typer.Option(help="approach to leave out, such as torch_compile; may be repeated")
    ] = [],  # noqa: B006
    out_folder: Annotated[
        Path, typer.Option("--out", help="folder for speed.csv, machine.json and speed.png")
    ] = FOLDER,
) -> None:
    """Measure network-updates per second of every approach at every size, side by side."""
    if quick:
        batches, populations = [32], [1, 4]
    names = [name for name in [*PEERS, *approaches()] if name not in without]
    sizes = [(n, b, p) for n in units for b in batches for p in populations]
    found: list[Row] = []
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("measuring", total=len(sizes))
        for n, b, p in sizes:
            # The speed of a loop over single networks does not depend on their number, so that it is measured once.
            looped = [name for name in names if name in PEERS]
            measured = names if p == populations[0] else [name for name in names if name not in looped]
            new = list(rows(Problem(n, b), p, measured, repeats))
            once = [row for row in found if (row.n_units, row.batch) == (n, b) and row.approach in looped]
            if p != populations[0]:
                first = [row for row in once if row.population == populations[0]]
                new += [Row(n, b, p, r.approach, r.updates_per_second, r.fraction_of_peak, r.spread) for r in first]
            found += new
            bar.advance(task)
    write(found, out_folder)
    show(found)
    out.print(f"written to {out_folder}: speed.csv, machine.json, speed.png")


def write(found: list[Row], folder: Path) -> None:
    """Write speed.csv, machine.json and speed.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "speed.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n_units", "batch", "population", "approach", "updates_per_second", "fraction_of_peak"])
        for r in found:
            rate, part = f"{r.updates_per_second:.5g}", f"{r.fraction_of_peak:.4g}"
            writer.writerow([r.n_units, r.batch, r.population, r.approach, rate, part])
    machine = provenance(torch.device("cpu"))
    described = {**machine["machine"], "peak_gflops": round(statistics.median(peak() for _ in range(3)) / 1e9, 1)}
    described |= {"torch": machine["torch"], "numpy": machine["numpy"], "python": platform.python_version()}
    (folder / "machine.json").write_text(json.dumps(described | {"engine": machine["engine"]}, indent=1) + "\n")
    draw(folder / "speed.csv", described, folder / "speed.png")


def show(found: list[Row]) -> None:
    """Print the rates, one line for each size; those of rnnbench also as multiples of the research loop."""
    names = list(dict.fromkeys(row.approach for row in found))
    shown = Table(box=None, padding=(0, 2, 0, 0), title="network-updates per second", title_justify="left")
    for name in ("N", "batch", "population", *names):
        shown.add_column(name, justify="right")
    for size in dict.fromkeys((row.n_units, row.batch, row.population) for row in found):
        rates = {r.approach: r for r in found if (r.n_units, r.batch, r.population) == size}
        base = rates["research_loop"].updates_per_second if "research_loop" in rates else None
        texts = []
        for name in names:
            row = rates.get(name)
            times = f" ({row.updates_per_second / base:.1f}x)" if row and base and name in approaches() else ""
            texts.append(f"{row.updates_per_second:.4g}{times}\n{100 * row.fraction_of_peak:.0f} %" if row else "-")
        shown.add_row(*map(str, size), *texts)
    out.print(shown)


app.command("workers")(workers)
app.command("trials")(trials)
app.command("denormals")(denormals)
app.command("matrix")(matrix)
app.command("card")(card)

if __name__ == "__main__":
    app(prog_name="benchmarks/speed")
