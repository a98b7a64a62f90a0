"""Duration of a run against the number of machines: python benchmarks/speed/scaling.py measure|model.

`measure` determines what executors add to the computation on this machine: the time for a cell with almost no training,
for each installed executor, and the time from the start of a worker to its first job. `model` takes the jobs of a
benchmark, whose longest durations are measured here, and schedules them on an increasing number of cores.
"""

from __future__ import annotations

import csv
import heapq
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import yaml
from rich.console import Console

from rnnbench.benchmark.cells import cells_of
from rnnbench.execution.plan import CPU_CHUNK
from rnnbench.execution.run import compute, prepare
from rnnbench.execution.worker import threads
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainers
from rnnbench.training.cost import seconds_per_update
from rnnbench.training.setting import Settings

out = Console(width=120)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
TASKS = [{"use": "fixed_points", "label": f"task {k}", "duration": 6, "loss_start": 3} for k in range(4)]


def hardly_trained(seeds: int) -> dict[str, Any]:
    """A benchmark of eighty cells for each seed, with one update each."""
    network = {"use": "vanilla_rnn", "units": 4, "learn": "recurrent", "sweep": {"g": [0.2, 0.4, 0.6, 0.8]}}
    training = {"batch": 2, "max_updates": 1, "evaluate_every": 1, "evaluation_trials": 2}
    return {"name": "trivial", "tasks": TASKS, "architectures": [network], "seeds": seeds, "training": training}


def seconds(executor: Any, seeds: int, workers: int) -> tuple[float, int]:
    """Wall-clock time of a run (s) without planning and tables, and the number of its cells."""
    with tempfile.TemporaryDirectory() as home:
        prepared = prepare(hardly_trained(seeds), home, workers, "cpu", executor)
        begin = time.perf_counter()
        cells = len(compute(prepared))
        return time.perf_counter() - begin, cells


@app.command()
def measure(
    small: Annotated[int, typer.Option(help="seeds of the smaller of two runs whose difference is taken")] = 2,
    large: Annotated[int, typer.Option(help="seeds of the larger run")] = 12,
) -> None:
    """Measure the time for a cell beyond its training, and for the start of a worker, on this machine."""
    out.print("| executor | seconds for a cell | start (s) |")
    out.print("|---|---|---|")
    with _dask() as dask:
        choices: list[tuple[str, Any, int]] = [("serial", "serial", 1), ("process, 2 workers", "process", 2)]
        if dask:
            choices.append(("dask, 2 workers", {"use": "dask", "scheduler": dask}, 2))
        for name, executor, workers in choices:
            seconds(executor, 1, workers)  # a first run, in which workers of a running cluster load modules
            (few, n), (many, m) = (seconds(executor, seeds, workers) for seeds in (small, large))
            per_cell = (many - few) / (m - n)
            out.print(f"| {name} | {per_cell:.4f} | {few - n * per_cell:.1f} |")
    if shutil.which("sbatch"):
        # One array element for each job, against one for each stage: the difference is the cost of elements.
        slurm = {"use": "slurm", "poll": 0.2}
        (many, n), (few, _) = (seconds(slurm | {"minutes": m}, small, 1) for m in (1e-6, 60.0))
        elements = math.ceil(n / CPU_CHUNK)
        out.print(f"slurm: {elements} elements of one job each {many:.0f} s, 2 elements {few:.0f} s")


@contextmanager
def _dask() -> Iterator[str]:
    """Run a scheduler with two workers; yields its address file, or an empty text if dask is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        yield ""
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        programs = [["dask_scheduler", "--port", "0", "--no-dashboard"], *[["dask_worker", "--nthreads", "1"]] * 2]
        started = []
        for program, *options in programs:
            command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(file), *options]
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder))
        time.sleep(6)
        try:
            yield str(file)
        finally:
            for process in started:
                process.terminate()
                process.wait()


@dataclass(frozen=True)
class Stage:
    """Jobs of one stage.

    Attributes:
        jobs: number of jobs by their duration (s).
    """

    jobs: dict[float, int]

    def seconds(self, cores: int, overhead: float) -> float:
        """Time until the last job is done (s), if the longest job always goes to the next free core (Graham 1969)."""
        free = [0.0] * min(cores, sum(self.jobs.values()))
        heapq.heapify(free)
        for duration, count in sorted(self.jobs.items(), reverse=True):
            for _ in range(count):
                heapq.heapreplace(free, free[0] + duration + overhead)
        return max(free)


@app.command()
def model(
    benchmark: Annotated[Path, typer.Argument(help="benchmark file: tasks, networks and training")],
    seeds: int = 10,
    connectivities: Annotated[int, typer.Option(help="values of g")] = 8,
    rules: int = 10,
    cores: Annotated[int, typer.Option(help="cores of a node, each as fast as one of this machine")] = 64,
    overhead: Annotated[float, typer.Option(help="time for a job beyond its training (s)")] = 0.1,
    start: Annotated[float, typer.Option(help="time to start a worker from a node's disk (s)")] = 30.0,
    tables: Annotated[float, typer.Option(help="time for planning and tables, for each cell (s)")] = 0.002,
    out_file: Annotated[Path | None, typer.Option("--out", help="write the table to this CSV file")] = None,
) -> None:
    """Estimate the hours of a benchmark on 1, 10, 100 and 1000 nodes if every budget is spent."""
    described = yaml.safe_load(benchmark.read_text())
    described |= {"seeds": 1}
    one = load_benchmark(described)
    networks = seeds * connectivities * rules
    trainers = CellTrainers(Settings(installed()), torch.device("cpu"))
    seconds_by_task: dict[str, float] = {}
    stages = [Stage({}), Stage({})]
    for cell in cells_of(one):
        if cell.architecture != one.architectures[0]:
            continue  # connectivities are given by the option, not by a sweep in the file
        label = cell.history[-1]
        if label not in seconds_by_task:
            with threads():
                update = seconds_per_update(trainers.of(cell.benchmark), cell, time.perf_counter)
            seconds_by_task[label] = update * cell.task.training.max_updates
        # Networks of one seed and rule that differ in connectivity form a population, which is split into chunks.
        jobs = stages[len(cell.history) - 1].jobs
        chunk = min(CPU_CHUNK, connectivities)
        key = seconds_by_task[label] * chunk
        jobs[key] = jobs.get(key, 0) + math.ceil(connectivities / chunk) * seeds * rules
    cells = networks * (len(one.tasks) + len(one.histories))
    work = sum(s * n for stage in stages for s, n in stage.jobs.items())
    out.print(f"{one.name}: {cells:,} cells, {work / 3600:,.0f} hours of one core if every budget is spent")
    rows = [("nodes", "cores", "hours", "efficiency")]
    for nodes in (1, 10, 100, 1000):
        total = nodes * cores
        duration = sum(stage.seconds(total, overhead) + start for stage in stages) + tables * cells
        rows.append((str(nodes), f"{total}", f"{duration / 3600:.1f}", f"{work / (duration * total):.2f}"))
    for row in rows:
        out.print("| " + " | ".join(row) + " |")
    if out_file:
        with open(out_file, "w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    app(prog_name="benchmarks/speed/scaling.py")
