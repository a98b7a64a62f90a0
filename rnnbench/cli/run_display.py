"""What a person sees of a run in a terminal: the plan, how far it is, the matrix."""

from __future__ import annotations

import time

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.cli.console import duration
from rnnbench.engine.native.kernel import native
from rnnbench.engine.precision import BITS
from rnnbench.execution.prepare import Prepared
from rnnbench.plugin.executor import Report
from rnnbench.results.heartbeat import GONE, cells_in_progress


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
    if elsewhere := cells_in_progress(prepared.folder, time.time()) & plan.missing:
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
            told = f"{len(self.done)} of {self.total} cells computed in {duration(time.monotonic() - self.begin)}"
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
            self.analysis_line.plain = f" {done}/{total} pairs analysed, about {duration(left)} left"
        if done == total:
            if self.live:
                self.live.stop()
                self.live = None
            self.console.print(f"{total} pairs analysed in {duration(spent)}")

    def _progress(self) -> str:
        spent = max(time.monotonic() - self.begin, 1e-9)
        done = len(self.done & set(self.weights))
        speed = self.updates / spent
        return f" {done}/{self.total} cells  {speed:,.0f} updates/s  {duration(spent)}, {self._left(spent)}"

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
            return f"at most {duration(max(self.at_most - spent, 0))} left"
        return f"about {duration(spent * (weights.sum() - finished) / finished)} left"


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
        return f"at most {duration(prepared.at_most)} in {where}"
    return f"at most {duration(prepared.work)} of one core of this machine, in {where}"
