"""Time to plan, resume, collect and read against the number of cells: python benchmarks/speed/scale.py.

Cells are written without training, so that a folder looks like that of a finished run of many seeds with the smallest
possible records.
"""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from safetensors.numpy import save

from rnnbench.benchmark.cells import cells_of
from rnnbench.benchmark.schema import Benchmark
from rnnbench.execution.plan import plan
from rnnbench.execution.run import prepare, run
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.registry import installed
from rnnbench.results.reading import load_results
from rnnbench.results.records import Curve, Result, Scores, record_bytes, sealed
from rnnbench.results.store import Store
from rnnbench.training.setting import Settings

out, err = Console(width=120), Console(stderr=True)
TASKS = [{"use": "fixed_points", "label": f"task {k}", "duration": 6, "loss_start": 3} for k in range(10)]


def benchmark_of(cells: int) -> Benchmark:
    """A benchmark of about so many cells: ten tasks give 110 cells for each seed and connectivity."""
    networks = max(1, round(cells / 110))
    g = [round(0.01 * k, 2) for k in range(1, 11)] if networks >= 10 else [0.5]
    network = {"use": "vanilla_rnn", "units": 8, "learn": "recurrent", "sweep": {"g": g}}
    rules = [{"use": "gradient_descent", "learning_rate": 0.01}]
    described = {"name": "scale", "tasks": TASKS, "architectures": [network], "rules": rules}
    return load_benchmark({**described, "seeds": max(1, networks // len(g)), "training": {"max_updates": 1}})


def write_cells(benchmark: Benchmark, store: Store) -> int:
    """Write every cell as if it had been trained, without the protection against power cuts of a real run."""
    labels = [task.label for task in benchmark.tasks]
    after = {label: Scores(loss=0.1, own_loss=0.1) for label in labels}
    before = {label: Scores(loss=1.0, own_loss=1.0) for label in labels}
    weights = save({"weights.w_rec": np.zeros((8, 8), np.float32)})
    count = 0
    for cell in track(cells_of(benchmark), description="writing", console=err, disable=not err.is_terminal):
        known = list(dict.fromkeys(cell.history))
        curve = Curve(updates=[0], loss={k: [1.0] for k in known}, accuracy={k: [None] for k in known})
        first = before if len(cell.history) == 1 else {}
        sha256 = None if cell.parent else hashlib.sha256(weights).hexdigest()
        done = {"status": "done", "converged": True, "updates": 1, "arrays_sha256": sha256}
        result = Result(**done, before=first, after=after, curve=curve)
        path = store.path(cell.identity)
        path.parent.mkdir(parents=True, exist_ok=True)
        if sha256:
            store.arrays_path(cell.identity, sha256).write_bytes(weights)
        path.write_bytes(record_bytes(sealed(cell.identity, cell.description, result, {})))
        count += 1
    return count


def seconds(function: Callable[[], Any]) -> float:
    """Wall-clock time of a call (s)."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def measured(benchmark: Benchmark, home: str) -> str:
    """Measure one size; returns a line of the table."""
    folder, device = Path(home) / benchmark.name, torch.device("cpu")
    new = seconds(lambda: plan(benchmark, Settings(installed()), Store(folder), device))
    count = write_cells(benchmark, Store(folder))
    resumed = seconds(lambda: prepare(benchmark, home, device="cpu"))
    first, again = (seconds(lambda: run(benchmark, home, device="cpu")) for _ in range(2))
    opened = seconds(lambda: load_results(folder))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"| {count:,} | {new:.1f} | {resumed:.1f} | {first:.1f} | {again:.1f} | {opened:.1f} | {memory:.1f} |"


def main(cells: Annotated[list[int] | None, typer.Option(help="number of cells; may be repeated")] = None) -> None:
    """Print the seconds of each part, in one process."""
    out.print("| cells | plan | plan a finished run | tables and figures | run it again | open | memory (GB) |")
    out.print("|---|---|---|---|---|---|---|")
    for n_cells in cells or [1_000, 10_000, 100_000]:
        with tempfile.TemporaryDirectory() as home:
            out.print(measured(benchmark_of(n_cells), home))


if __name__ == "__main__":
    typer.run(main)
