"""What the terminal shows of a run: the plan and the progress."""

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
from rnnbench.messages import counted, listed
from rnnbench.plugin.executor import Report
from rnnbench.results.heartbeat import GONE, cells_in_progress


def plan_table(prepared: Prepared) -> Table:
    """A table of the networks, cells, updates, memory and time of what is still to be computed.

    Args:
        prepared: a benchmark that is ready to run.
    """
    plan = prepared.plan
    benchmark = plan.benchmark
    updates = sum(p.max_updates for p in plan.to_do)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    kinds = " x ".join(
        counted(len(each), noun)
        for each, noun in (
            (benchmark.architectures, "architecture"),
            (benchmark.rules, "rule"),
            (benchmark.seeds, "seed"),
        )
    )
    under = f" under {counted(len(benchmark.conditions), 'condition')}" if benchmark.conditions else ""
    table.add_row("benchmark", Text(f"{benchmark.name}: {counted(len(benchmark.tasks), 'task')}{under}, {kinds}"))
    through = (
        f"each learns {len(benchmark.tasks)} second tasks"
        if benchmark.protocol == "pairs"
        else f"each learns its part of {len(benchmark.protocol)} sequences"
    )
    table.add_row("networks", f"{plan.n_networks}, {through}")
    table.add_row("cells", f"{plan.n_cells}, of which {len(plan.missing)} still to be computed")
    if prepared.change:
        table.add_row("change", Text(prepared.change))
    if plan.without_weights:
        table.add_row("again", _trained_again(*plan.trained_again))
    if elsewhere := cells_in_progress(prepared.folder, time.time()) & plan.missing:
        others = f"{len(elsewhere)} of these by another run, or by one killed in the last {GONE / 60:.0f} minutes"
        table.add_row("in progress", f"{others}; both give the same numbers")
    if plan.missing:
        table.add_row("updates", f"at most {updates:,} (fewer where networks reach their criterion)")
        if prepared.device.type == "cpu":
            reduced = benchmark.dtype in BITS
            table.add_row("time loop", Text(f"torch, products in {benchmark.dtype}" if reduced else native().told))
            table.add_row("memory", Text(_memory(prepared)))
        table.add_row("time", Text(_time(prepared)))
    table.add_row("results", Text(str(prepared.folder)))
    return table


def print_plan(prepared: Prepared, console: Console) -> None:
    """Print the plan, and below it what cannot be learnt.

    Args:
        prepared: a benchmark that is ready to run.
        console: the console to print to.
    """
    console.print(plan_table(prepared))
    for warning in prepared.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))


QUIET = 60
"""Seconds between two lines of progress if the output is not a terminal."""


class LiveDisplay:
    """Shows the progress of a run in one line: cells, updates per second, time left.

    Args:
        console: the console to print to.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: Live | None = None

    def planned(self, prepared: Prepared) -> None:
        """Print the plan and begin to show progress."""
        print_plan(prepared, self.console)
        self.total = len(prepared.plan.missing)
        # Cells are weighted by their largest cost, so that the time left does not depend on which tasks come first.
        self.weights = {
            cell.identity: float(np.nan_to_num(prepared.seconds[p.first.identity])) / len(p.cells)
            for p in prepared.plan.to_do
            for cell in p.cells
            if cell.identity in prepared.plan.missing
        }
        self.at_most = prepared.at_most
        self.begin = self.last_line = time.monotonic()
        self.done, self.failed, self.updates = set[str](), 0, 0
        if self.total and self.console.is_terminal:
            self.live = Live(console=self.console, get_renderable=self._line, refresh_per_second=4, transient=True)
            self.live.start()

    def heard(self, report: Report) -> None:
        """Print the messages of a report, and count its updates and finished cells."""
        self.updates += report.updates
        for message in report.damaged:
            self.console.print(Text(message, style="yellow"), soft_wrap=True)
        for line in report.news:
            self.console.print(Text(line), soft_wrap=True)
        if not self.console.is_terminal and time.monotonic() - self.last_line > QUIET:
            self.last_line = time.monotonic()
            self.console.print(self._progress().strip(), soft_wrap=True)
        for identity, status in report.finished:
            self.done.add(identity)
            self.failed += status == "failed"

    def finished(self) -> None:
        """Stop showing progress, and print how many cells were computed in what time."""
        if self.live:
            self.live.stop()
            self.live = None
        if self.total:
            line = f"{len(self.done)} of {self.total} cells computed in {duration(time.monotonic() - self.begin)}"
            self.console.print(f"{line}, {self.updates:,} network-updates" if self.updates else line)

    def analysed(self, done: int, total: int) -> None:
        """Show the progress of the analyses in one line; if the output is not a terminal, print one line at the end.

        Args:
            done: number of pairs analysed.
            total: number of pairs to analyse.
        """
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
        # Earlier, an estimate would depend on a single cell.
        if finished <= 0.02 * weights.sum():
            return f"at most {duration(max(self.at_most - spent, 0))} left"
        return f"about {duration(spent * (weights.sum() - finished) / finished)} left"


def _trained_again(first: int, later: int) -> str:
    """Say how many networks must be trained again, at their first task and at later ones, and what they must give."""
    at = [f"{counted(first, 'network')} at the first task"] if first else []
    at += [f"{counted(later, 'network')} at a later task"] if later else []
    again = f"{listed(at)} must be trained again, because their weights are missing or damaged"
    return f"{again}; the run ends with an error if they differ from the stored ones, as on another machine"


def _memory(prepared: Prepared) -> str:
    needed, free = prepared.memory
    per_worker = f"about {needed / 1e9:.1f} GB for each worker"
    if free is None or not prepared.executor.local:
        return per_worker
    enough = (
        "" if needed * prepared.workers <= free else "; this may not be enough: try fewer workers or smaller batches"
    )
    return f"{per_worker}, {free / 1e9:.1f} GB free{enough}"


def _time(prepared: Prepared) -> str:
    where = prepared.executor.where(prepared.workers, prepared.threads)
    if prepared.device.type == "cuda":
        where += " (the GPU)"
    if prepared.executor.local:
        return f"at most {duration(prepared.at_most)} in {where}"
    return f"at most {duration(prepared.work)} of one core of this machine, in {where}"
