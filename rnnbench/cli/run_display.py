"""What a person sees of a run in a terminal: the plan, how far it is, the matrix."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.engine.native.kernel import native
from rnnbench.engine.precision import BITS
from rnnbench.execution.prepare import Prepared
from rnnbench.plugin.description import description_of
from rnnbench.plugin.executor import Report
from rnnbench.plugin.registry import Found
from rnnbench.results.columns import MATRIX
from rnnbench.results.heartbeat import GONE, running
from rnnbench.results.interference import matrix_table, over_seeds
from rnnbench.results.status import LATELY, Status


def plan_table(prepared: Prepared) -> Table:
    """Cells, networks, updates and time of what is still to be done."""
    plan = prepared.plan
    benchmark = plan.benchmark
    updates = sum(p.max_updates for p in plan.to_do)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    kinds = (
        f"{len(benchmark.architectures)} architectures x {len(benchmark.rules)} rules x {len(benchmark.seeds)} seeds"
    )
    under = f" under {len(benchmark.conditions)} conditions" if benchmark.conditions else ""
    table.add_row("benchmark", Text(f"{benchmark.name}: {len(benchmark.tasks)} tasks{under}, {kinds}"))
    through = (
        f"each taken through {len(benchmark.tasks)} second tasks"
        if benchmark.protocol == "pairs"
        else f"each taken through its part of {len(benchmark.protocol)} sequences"
    )
    table.add_row("networks", f"{plan.n_networks}, {through}")
    table.add_row("cells", f"{plan.n_cells}, of which {len(plan.missing)} still to be computed")
    if elsewhere := running(prepared.folder, time.time()) & plan.missing:
        told = f"{len(elsewhere)} of these by another run, or by one killed in the last {GONE / 60:.0f} minutes"
        table.add_row("at work", f"{told}; what both compute is the same")
    if plan.missing:
        table.add_row("updates", f"at most {updates:,} (fewer where networks reach their criterion)")
        if prepared.device.type == "cpu":
            reduced = benchmark.dtype in BITS
            table.add_row("time loop", Text(f"torch, products in {benchmark.dtype}" if reduced else native().told))
            table.add_row("memory", Text(_memory(prepared)))
        table.add_row("time", Text(_time(prepared)))
    table.add_row("results", Text(str(prepared.folder)))
    return table


def status_table(status: Status, now: float) -> Group:
    """How many cells of each stage are there, why others failed, and how it goes on."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("stage", "cells", "done", "failed", "running", "missing"):
        table.add_column(name, justify="right" if name != "stage" else "left")
    for stage in status.stages:
        name = "first tasks" if stage.position == 1 else f"stage {stage.position}"
        table.add_row(name, *(f"{n:,}" for n in (stage.cells, stage.done, stage.failed, stage.running, stage.missing)))
    lines = [Text(f"{n:,} failed: {reason}", style="red") for reason, n in status.reasons.items()]
    if status.newest is not None:
        told = f"latest cell {_duration(max(0.0, now - status.newest))} ago"
        if status.seconds_left is not None:
            told += f"; at the rate of the last {LATELY / 60:g} minutes {_duration(status.seconds_left)} left"
        lines.append(Text(told))
    if not status.missing:
        ended = "finished, its tables are there" if status.tables else "all cells are there; `run` writes the tables"
        lines.append(Text(ended))
    return Group(Text(status.name, style="bold"), table, *lines)


def plugins_listing(plugins: Iterable[Found]) -> Group:
    """A line for each plugin, id and what it is, under a heading for each kind and package."""
    shown = list(plugins)
    width = max((len(found.id) for found in shown), default=0)
    groups: dict[str, Table] = {}
    for found in shown:
        origin = f"{found.kind}s from {found.package} {found.package_version}"
        if origin not in groups:
            groups[origin] = Table.grid(padding=(0, 2))
            groups[origin].add_column(width=width + 2)
        groups[origin].add_row(Text(f"  {found.id}"), Text(description_of(found).summary))
    return Group(*(part for origin, table in groups.items() for part in (Text(origin, style="bold"), table)))


QUIET = 60
"""Seconds between two lines of progress where there is no terminal to show it live."""


class LiveDisplay:
    """A line that shows how far a run is: cells, updates per second, time left."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: Live | None = None

    def planned(self, prepared: Prepared) -> None:
        self.console.print(plan_table(prepared))
        self.total = len(prepared.plan.missing)
        # A cell weighs what it costs at most, so that the time left does not hang on which tasks come first.
        self.weights = {
            cell.identity: float(np.nan_to_num(prepared.seconds[p.first.identity])) / len(p.cells)
            for p in prepared.plan.to_do
            for cell in p.cells
            if cell.identity in prepared.plan.missing
        }
        self.at_most = prepared.at_most
        self.begin = self.told = time.monotonic()
        self.done, self.failed, self.updates = set[str](), 0, 0
        if self.total and self.console.is_terminal:
            self.live = Live(console=self.console, get_renderable=self._line, refresh_per_second=4, transient=True)
            self.live.start()

    def heard(self, report: Report) -> None:
        self.updates += report.updates
        for message in report.damaged:
            self.console.print(Text(message, style="yellow"), soft_wrap=True)
        for line in report.news:
            self.console.print(Text(line), soft_wrap=True)
        if not self.console.is_terminal and time.monotonic() - self.told > QUIET:
            self.told = time.monotonic()
            self.console.print(self._progress().strip(), soft_wrap=True)
        for identity, status in report.finished:
            self.done.add(identity)
            self.failed += status == "failed"

    def finished(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None
        if self.total:
            told = f"{len(self.done)} of {self.total} cells computed in {_duration(time.monotonic() - self.begin)}"
            self.console.print(f"{told}, {self.updates:,} network-updates" if self.updates else told)

    def analysed(self, done: int, total: int) -> None:
        """A line that grows while the weights are measured; without a terminal one line at the end."""
        if done == 1:
            self.begin = time.monotonic()
            self.live = None
            if self.console.is_terminal:
                self.analysis_line = Text()
                self.live = Live(self.analysis_line, console=self.console, refresh_per_second=4, transient=True)
                self.live.start()
        spent = time.monotonic() - self.begin
        if self.live:
            left = spent * (total - done) / max(done, 1)
            self.analysis_line.plain = f" {done}/{total} pairs analysed, about {_duration(left)} left"
        if done == total:
            if self.live:
                self.live.stop()
                self.live = None
            self.console.print(f"{total} pairs analysed in {_duration(spent)}")

    def _progress(self) -> str:
        spent = max(time.monotonic() - self.begin, 1e-9)
        done = len(self.done & set(self.weights))
        speed = self.updates / spent
        return f" {done}/{self.total} cells  {speed:,.0f} updates/s  {_duration(spent)}, {self._left(spent)}"

    def _line(self) -> Group:
        line = Table.grid()
        done = len(self.done & set(self.weights))
        line.add_row(ProgressBar(self.total, done, width=30), Text(self._progress()))
        return Group(line, *([Text(f"{self.failed} failed", style="red")] if self.failed else []))

    def _left(self, spent: float) -> str:
        weights = np.array(list(self.weights.values()))
        finished = sum(self.weights[i] for i in self.done if i in self.weights)
        # Too early a guess would be one cell's luck.
        if finished <= 0.02 * weights.sum():
            return f"at most {_duration(max(self.at_most - spent, 0))} left"
        return f"about {_duration(spent * (weights.sum() - finished) / finished)} left"


def matrix_tables(table: pd.DataFrame, console: Console) -> list[Table]:
    """The interference matrix of each architecture, rule and g: mean and spread over seeds.

    Of a matrix too wide for the console, what each task loses and what it costs the others.
    """
    matrices: dict[str, list[dict[Any, Any]]] = {}
    for row in matrix_table(table).to_dict("records"):
        matrices.setdefault(f"interference I(A ← B): {_name(row)}", []).append(row)
    shown = []
    for title, rows in matrices.items():
        grid = _grid(title, rows)
        fits = Measurement.get(console, console.options.update(max_width=10_000), grid).minimum <= console.width
        shown.append(grid if fits else _digest(title, rows))
    return shown


def _grid(title: str, rows: list[dict[Any, Any]]) -> Table:
    cells = {(row["first_task"], row["second_task"]): _cell(row) for row in rows}
    grid = Table(title=Text(title), title_justify="left", padding=(0, 1), show_lines=True)
    seconds = list(dict.fromkeys(second for _, second in cells))
    grid.add_column("first task A")
    for second in seconds:
        grid.add_column(Text(second.replace("_", " ")), justify="right")
    for first in dict.fromkeys(first for first, _ in cells):
        grid.add_row(
            Text(first.replace("_", " ")),
            *(cells.get((first, second), Text("-", style="dim")) for second in seconds),
        )
    return grid


def _digest(title: str, rows: list[dict[Any, Any]]) -> Table:
    """What each task loses to the others, and what it costs them: means over the cells in which networks count."""
    cells = pd.DataFrame(rows)
    others = cells[cells["first_task"] != cells["second_task"]]
    lost, costs = (others.groupby(name, sort=False)["mean"] for name in ("first_task", "second_task"))
    digest = Table(title=Text(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("task", "loses", "most to", "costs", "most"):
        digest.add_column(name, justify="right" if name in ("loses", "costs") else "left", no_wrap=True)
    for task in dict.fromkeys(row["first_task"] for row in rows):
        worst = [_worst(others, "first_task", task, "second_task"), _worst(others, "second_task", task, "first_task")]
        means = [f"{group.mean().get(task, math.nan):.2f}".replace("nan", "-") for group in (lost, costs)]
        digest.add_row(Text(task), means[0], worst[0], means[1], worst[1])
    digest.caption = "Means over the other tasks. The whole matrix is too wide for this terminal; it is in the figures."
    digest.caption_justify = "left"
    return digest


def _worst(cells: pd.DataFrame, by: str, task: str, partner: str) -> Text:
    """The partner with which interference is largest, and how large."""
    mine = cells[(cells[by] == task) & cells["mean"].notna()]
    if mine.empty:
        return Text("-", style="dim")
    row = mine.sort_values("mean").iloc[-1]
    return Text(f"{row[partner]} {row['mean']:.2f}")


def summary_lines(table: pd.DataFrame) -> list[Text]:
    """For each matrix its mean over pairs of different tasks, with its interval over seeds, and the drift control's."""
    same = table["first_task"] == table["second_task"]
    rng = np.random.default_rng(0)
    control = over_seeds(table[same], MATRIX, rng).to_dict("records")
    lines = []
    for pairs in over_seeds(table[~same], MATRIX, rng).to_dict("records"):
        if pairs["n_seeds"] == 0:
            lines.append(Text(f"{_name(pairs)}: no network counts"))
            continue
        drift = next((c["mean"] for c in control if all(str(c[n]) == str(pairs[n]) for n in MATRIX)), math.nan)
        continued = "" if math.isnan(drift) else f", {drift + 0.0:.2f} where A is only continued"
        interval = f"95 % interval over {pairs['n_seeds']} seeds: {pairs['low']:.2f} to {pairs['high']:.2f}"
        if pairs["n_seeds"] == 1:
            interval = "one seed, no interval"
        lines.append(Text(f"{_name(pairs)}: {pairs['mean']:.2f} between different tasks ({interval}){continued}"))
    return lines


def _name(row: dict[Any, Any]) -> str:
    g = "" if pd.isna(row["g"]) else f", g = {row['g']:g}"
    condition = f", {row['condition'].replace('=', ' = ')}" if row["condition"] else ""
    earlier = f", after {row['earlier_tasks']}" if row["earlier_tasks"] else ""
    return f"{row['architecture']}, {row['rule']}, N = {row['units']}{g}{condition}{earlier}"


def _cell(row: dict[Any, Any]) -> Text:
    counted, networks, mean = row["counted"], row["networks"], row["mean"]
    if counted == 0:
        return Text(f"none of {networks}", style="dim")
    is_control = row["first_task"] == row["second_task"]
    style = "dim" if is_control else "red" if mean >= 1 else "yellow" if mean >= 0.1 else "green"
    text = Text(f"{round(mean, 2) + 0.0:.2f}", style=style)  # + 0.0: no minus zero
    if not pd.isna(row["sd"]):
        text.append(f"\n±{row['sd']:.2f}", style="dim")
    if counted < networks:
        text.append(f" {counted}/{networks}", style="bold")
    return text


def _memory(prepared: Prepared) -> str:
    needed, free = prepared.memory
    told = f"about {needed / 1e9:.1f} GB a worker"
    if free is None or not prepared.executor.local:
        return told
    enough = "" if needed * prepared.workers <= free else ": may not be enough, try fewer workers or smaller batches"
    return f"{told}, {free / 1e9:.1f} GB free{enough}"


def _time(prepared: Prepared) -> str:
    where = prepared.executor.where(prepared.workers, prepared.threads)
    if prepared.device.type == "cuda":
        where += " (the GPU)"
    if prepared.executor.local:
        return f"at most {_duration(prepared.at_most)} in {where}"
    return f"at most {_duration(prepared.work)} of one core of this machine, in {where}"


def _duration(seconds: float) -> str:
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60:02d} min"
