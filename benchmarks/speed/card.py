"""Speed of a graphics card, compared with one core of the same machine and with one network at a time."""

from __future__ import annotations

import csv
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import torch
import typer
from ours import Ours
from problem import Problem
from rich.console import Console
from rich.table import Table

from rnnbench.engine.cuda_graph import EAGER, SWITCH
from rnnbench.engine.native.kernel import native

out, err = Console(width=120), Console(stderr=True)
COLUMNS = ("n_units", "batch", "population", "approach", "updates_per_second", "fraction_of_peak")
SECONDS = 1.0
"""Time of one measurement (s)."""
AT_ONCE = 10
"""Updates between two synchronisations with the card."""
SIDE = 8192
"""Size of the square matrices whose product defines the card's peak."""


def card(
    units: Annotated[list[int], typer.Option(help="units of each network; may be repeated")] = [64, 128, 256],  # noqa: B006
    populations: Annotated[list[int], typer.Option(help="networks at once; may be repeated")] = [1, 16, 64, 256, 1024],  # noqa: B006
    batch: Annotated[int, typer.Option(help="trials in a batch")] = 32,
    repeats: Annotated[int, typer.Option(help="repeats, of which the median is taken")] = 3,
    out_folder: Annotated[Path, typer.Option("--out", help="folder for card.csv")] = Path("results/speed"),
) -> None:
    """Measure network-updates per second of a card, recorded and step by step, and of one core."""
    if not torch.cuda.is_available():
        err.print("error: no CUDA device is available to torch; `card` measures one")
        raise typer.Exit(2)
    device = torch.device("cuda")
    found = list(rows(units, populations, batch, repeats, device, torch.cuda.synchronize))
    out_folder.mkdir(parents=True, exist_ok=True)
    with open(out_folder / "card.csv", "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *found])
    shown = Table(*COLUMNS, box=None, title=torch.cuda.get_device_name(device), title_justify="left")
    for row in found:
        shown.add_row(*map(str, row))
    out.print(shown)
    out.print(f"written to {out_folder / 'card.csv'}")


def rows(
    units: list[int], populations: list[int], batch: int, repeats: int, device: torch.device, wait: Callable[[], Any]
) -> Iterator[tuple[Any, ...]]:
    """Measure the rows of the table.

    The row of population 1 shows one network at a time, since a loop over many has the same rate. Trials of an update
    are drawn by one core of the host while the card computes, so that the host may limit the rate with many seeds.

    Args:
        units: numbers of units.
        populations: numbers of networks that are trained at once.
        batch: trials of an update.
        repeats: measurements, of which the median is taken.
        device: the card.
        wait: called to wait until the card has finished.

    Yields:
        Values of COLUMNS.
    """
    card_peak = peak(device, wait)
    for n in units:
        problem = Problem(n, batch)
        core = Ours(problem, 8, native().kernel is not None)
        yield n, batch, core.networks, "one_core", f"{rate(core, repeats, lambda: None):.5g}", ""
        for population in populations:
            for approach, switch in (("card", "1"), ("card_step_by_step", "0")):
                with patch.dict(os.environ, {SWITCH: switch}):
                    network = Ours(problem, population, False, device=device)
                per_second = rate(network, repeats, wait)
                fraction = per_second * problem.operations / card_peak
                yield n, batch, population, approach, f"{per_second:.5g}", f"{fraction:.4g}"


def rate(network: Ours, repeats: int, wait: Callable[[], Any]) -> float:
    """Network-updates per second, median over repeats of SECONDS each."""
    for _ in range(EAGER + 3):
        network.update()
    found = []
    for _ in range(repeats):
        wait()
        begin, calls = time.perf_counter(), 0
        while time.perf_counter() - begin < SECONDS:
            for _ in range(AT_ONCE):  # without waiting, as in a run; the wait below keeps the queue short
                network.update()
            calls += AT_ONCE
            wait()
        found.append(network.networks * calls / (time.perf_counter() - begin))
    return statistics.median(found)


def peak(device: torch.device, wait: Callable[[], Any]) -> float:
    """Floating-point operations per second of a float32 product of two large matrices."""
    a, b = torch.randn(SIDE, SIDE, device=device), torch.randn(SIDE, SIDE, device=device)
    torch.mm(a, b)
    found = []
    for _ in range(5):
        wait()
        begin = time.perf_counter()
        torch.mm(a, b)
        wait()
        found.append(2 * SIDE**3 / (time.perf_counter() - begin))
    return statistics.median(found)
