"""Effect of reduced precision on interference: python benchmarks/speed/precision.py.

The same networks are trained on the same trials in float64, in float32, and in float32 with products in tf32 and
bfloat16. The table shows how far interference is from that in float64, beside the spread over seeds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console

from rnnbench.execution.run import run

out = Console(width=120)
PAIR = ["g", "first_task", "second_task", "seed"]


def described(dtype: str, units: int, seeds: int) -> dict[str, Any]:
    """The benchmark in one precision, with N units and a number of seeds."""
    return {
        "name": dtype,
        "tasks": [{"use": "fixed_points", "target_amplitude": 1.0}, "flip_flop", "cycling"],
        "architectures": [{"use": "vanilla_rnn", "units": units, "learn": "all", "sweep": {"g": [0.5, 1.5, 2.5]}}],
        "rules": [{"use": "gradient_descent", "optimizer": "adam", "learning_rate": 1e-3}],
        "seeds": seeds,
        "training": {"batch": 32, "max_updates": 400, "criterion": {"relative_loss": 0.02}},
        "dtype": dtype,
    }


def main(
    units: Annotated[int, typer.Option(help="units of each network")] = 64,
    seeds: Annotated[int, typer.Option(help="seeds of each network")] = 4,
) -> None:
    """Print for each g the root mean square of I minus I in float64, and the spread over seeds."""
    with tempfile.TemporaryDirectory() as home:
        found = {
            dtype: run(described(dtype, units, seeds), Path(home), device="cpu").interference.set_index(PAIR)
            for dtype in ("float64", "float32", "tf32", "bfloat16")
        }
    exact = found["float64"]
    pairs = exact.index.get_level_values("first_task") != exact.index.get_level_values("second_task")
    spread = exact[pairs].groupby(["g", "first_task", "second_task"])["interference"].std().groupby("g").mean()
    columns: dict[str, pd.Series[float]] = {"spread over seeds": spread}
    for dtype in ("float32", "tf32", "bfloat16"):
        difference = (found[dtype]["interference"] - exact["interference"])[pairs]
        columns[dtype] = difference.pow(2).groupby("g").mean().pipe(np.sqrt)
        columns[f"{dtype}, mean"] = difference.groupby("g").mean()
        columns[f"{dtype}, updates"] = (
            (found[dtype]["updates_first"] / exact["updates_first"])[pairs].groupby("g").mean()
        )
    out.print(pd.DataFrame(columns).round(4).to_string())


if __name__ == "__main__":
    typer.run(main)
