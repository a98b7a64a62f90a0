"""How a run grows with machines: python benchmarks/speed/scaling.py measure|model.

`measure` takes, on this machine, what an executor adds to the computing: seconds for a cell that is hardly trained at
all, by each executor that is here, and what a worker takes from its start to its first job. `model` takes the plan of a
benchmark (how long each of its jobs takes at most, measured here) and deals it out to more and more cores.
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

out = Console(width=120)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
TASKS = [{"use": "fixed_points", "label": f"task {k}", "duration": 6, "loss_start": 3} for k in range(4)]


def hardly_trained(seeds: int) -> dict[str, Any]:
    """Eighty cells a seed, of one update each."""
    network = {"use": "vanilla_rnn", "units": 4, "sweep": {"g": [0.2, 0.4, 0.6, 0.8]}}
    training = {"batch": 2, "max_updates": 1, "evaluate_every": 1, "evaluation_trials": 2}
    return {"name": "trivial", "tasks": TASKS, "architectures": [network], "seeds": seeds, "training": training}


def seconds(executor: Any, seeds: int, workers: int) -> tuple[float, int]:
    """Wall-clock seconds that a run takes, its plan and tables left out, and its cells."""
    with tempfile.TemporaryDirectory() as home:
        prepared = prepare(hardly_trained(seeds), home, workers, "cpu", executor)
        begin = time.perf_counter()
        cells = len(compute(prepared))
        return time.perf_counter() - begin, cells


@app.command()
def measure(
    small: Annotated[int, typer.Option(help="seeds of the smaller of two runs, whose difference is taken")] = 2,
    large: Annotated[int, typer.Option(help="seeds of the larger")] = 12,
) -> None:
    """Seconds for each cell beyond its training, and for the start of a worker, on this machine."""
    out.print("| executor | seconds for a cell | start (s) |")
    out.print("|---|---|---|")
    with _dask() as dask:
        choices: list[tuple[str, Any, int]] = [("serial", "serial", 1), ("process, 2 workers", "process", 2)]
        if dask:
            choices.append(("dask, 2 workers", {"use": "dask", "scheduler": dask}, 2))
        for name, executor, workers in choices:
            seconds(executor, 1, workers)  # what a standing cluster's workers load once
            (few, n), (many, m) = (seconds(executor, seeds, workers) for seeds in (small, large))
            each = (many - few) / (m - n)
            out.print(f"| {name} | {each:.4f} | {few - n * each:.1f} |")
    if shutil.which("sbatch"):
        # As many elements as jobs against one element for each stage: what an element costs beside its jobs.
        slurm = {"use": "slurm", "poll": 0.2}
        (many, n), (few, _) = (seconds(slurm | {"minutes": m}, small, 1) for m in (1e-6, 60.0))
        elements = math.ceil(n / CPU_CHUNK)
        out.print(f"slurm: {elements} elements of one job each {many:.0f} s, 2 elements {few:.0f} s")


@contextmanager
def _dask() -> Iterator[str]:
    """Address file of a scheduler with two workers; empty without the package."""
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
    """Jobs of one stage by how long they take (s): seconds -> how many."""

    jobs: dict[float, int]

    def seconds(self, cores: int, overhead: float) -> float:
        """Until the last is done, the longest first to whichever core is free (Graham 1969)."""
        free = [0.0] * min(cores, sum(self.jobs.values()))
        heapq.heapify(free)
        for each, count in sorted(self.jobs.items(), reverse=True):
            for _ in range(count):
                heapq.heapreplace(free, free[0] + each + overhead)
        return max(free)


@app.command()
def model(
    benchmark: Annotated[Path, typer.Argument(help="its tasks, networks and training")],
    seeds: int = 10,
    connectivities: Annotated[int, typer.Option(help="values of g")] = 8,
    rules: int = 10,
    cores: Annotated[int, typer.Option(help="of a node, each as fast as this one")] = 64,
    overhead: Annotated[float, typer.Option(help="for each job beyond its training (s)")] = 0.1,
    start: Annotated[float, typer.Option(help="of a worker, on a node's disk (s)")] = 30.0,
    tables: Annotated[float, typer.Option(help="planning and tables, for each cell (s)")] = 0.002,
    out_file: Annotated[Path | None, typer.Option("--out", help="write the table here as csv")] = None,
) -> None:
    """Hours of a benchmark at full scale on 1, 10, 100 and 1000 nodes, if every budget is spent."""
    described = yaml.safe_load(benchmark.read_text())
    described |= {"seeds": 1}
    one = load_benchmark(described)
    networks = seeds * connectivities * rules
    trainers = CellTrainers(installed(), torch.device("cpu"))
    each: dict[str, float] = {}
    stages = [Stage({}), Stage({})]
    for cell in cells_of(one):
        if cell.architecture != one.architectures[0]:
            continue  # the file may sweep connectivities of its own
        label = cell.history[-1]
        if label not in each:
            with threads():
                update = trainers.of(cell.benchmark).seconds_per_update(cell, time.perf_counter)
            each[label] = update * cell.task.training.max_updates
        # Networks of one seed and rule that differ in connectivity are a population, cut into chunks.
        jobs = stages[len(cell.history) - 1].jobs
        chunk = min(CPU_CHUNK, connectivities)
        key = each[label] * chunk
        jobs[key] = jobs.get(key, 0) + math.ceil(connectivities / chunk) * seeds * rules
    cells = networks * (len(one.tasks) + len(one.histories))
    work = sum(s * n for stage in stages for s, n in stage.jobs.items())
    out.print(f"{one.name}: {cells:,} cells, {work / 3600:,.0f} hours of one core if every budget is spent")
    rows = [("nodes", "cores", "hours", "efficiency")]
    for nodes in (1, 10, 100, 1000):
        total = nodes * cores
        took = sum(stage.seconds(total, overhead) + start for stage in stages) + tables * cells
        rows.append((str(nodes), f"{total}", f"{took / 3600:.1f}", f"{work / (took * total):.2f}"))
    for row in rows:
        out.print("| " + " | ".join(row) + " |")
    if out_file:
        with open(out_file, "w", newline="") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    app(prog_name="benchmarks/speed/scaling.py")
