"""Results folders without any training: a benchmark description, and a table of numbers given by the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulation import table

from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, TaskSpec, Training


def benchmark_of(n_tasks: int, seeds: tuple[int, ...], **changes: Any) -> Benchmark:
    """A benchmark that fits the tables of `benchmarks/compare/simulation.py`.

    Its plugins do not exist, because reading a benchmark must not need them.
    """
    tasks = tuple(
        TaskSpec(label=f"task {k}", plugin="nowhere@1", parameters={"drive": 0.1}, training=Training())
        for k in range(n_tasks)
    )
    content: dict[str, Any] = {
        "name": "simulated",
        "tasks": tasks,
        "architectures": (ArchitectureSpec(label="simulated", plugin="net@1", parameters={"units": 1, "g": 1.0}),),
        "rules": (RuleSpec(label="simulated", plugin="rule@1", parameters={"learning_rate": 0.1}),),
        "seeds": seeds,
    }
    return Benchmark(**{**content, **changes})


@pytest.fixture(name="benchmark_of")
def _benchmark_of() -> Callable[..., Benchmark]:
    return benchmark_of


@pytest.fixture
def base() -> Benchmark:
    """Three tasks and two seeds."""
    return benchmark_of(3, (0, 1))


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., Path]:
    """Function that writes a results folder: `lab(name, values, first_seed=0, provenance={}, **changes)`.

    `values` is the interference [seed, entry], with the entries of the matrix row by row; NaN means that A was not
    learnt. `changes` are changes to the benchmark. The function returns the path of the folder.
    """

    def write(
        name: str, values: np.ndarray, first_seed: int = 0, provenance: dict[str, Any] | None = None, **changes: Any
    ) -> Path:
        n_tasks = round(values.shape[1] ** 0.5)
        seeds = tuple(range(first_seed, first_seed + len(values)))
        described = benchmark_of(n_tasks, seeds, **changes).model_dump(mode="json")
        folder = tmp_path / name
        folder.mkdir(parents=True)
        document = {"format": 1, "benchmark": described, "provenance": provenance or {}}
        (folder / "benchmark.json").write_text(json.dumps(document))
        rows = table(values, n_tasks, first_seed).assign(second_converged_alone=True)
        rows.to_csv(folder / "interference.csv", index=False)
        return folder

    return write
