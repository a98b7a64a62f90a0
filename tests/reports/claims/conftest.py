"""Made-up results with a known truth."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnbench.benchmark.schema import ArchitectureSpec, Channels, RuleSpec, TaskSpec, Training

Row = dict[str, Any]


@dataclass(frozen=True)
class MadeUp:
    """The attributes of `rnnbench.Results` that the claims use."""

    benchmark: Any
    interference: pd.DataFrame
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    analysis: pd.DataFrame = field(default_factory=pd.DataFrame)
    tracked: pd.DataFrame = field(default_factory=pd.DataFrame)
    stages: pd.DataFrame = field(default_factory=pd.DataFrame)


def made_up_benchmark(tasks: Sequence[str], name: str = "made-up", **others: Any) -> Any:
    """A stand-in for a benchmark with these tasks; `others` replace or add attributes."""
    attributes = {
        "name": name,
        "tasks": [TaskSpec(label=t, plugin="fixed_points@1", parameters={}, training=Training()) for t in tasks],
        "architectures": [ArchitectureSpec(label="rnn", plugin="vanilla_rnn@1", parameters={"units": 128})],
        "rules": [RuleSpec(label="sgd", plugin="gradient_descent@1", parameters={"optimizer": "sgd"})],
        "channels": Channels(),
        "claims": (),
    }
    return SimpleNamespace(**{**attributes, **others})


def _make(
    interference: Callable[[Row, np.random.Generator], float],
    tasks: Sequence[str] = ("a", "b", "c"),
    seeds: int = 10,
    g: Sequence[float] = (0.9,),
    units: Sequence[int] = (128,),
    conditions: dict[str, Sequence[float]] | None = None,
    histories: Sequence[str] = ("",),
    learnt: Callable[[Row], bool] = lambda row: True,
    analysis: Callable[[Row, np.random.Generator], Row] | None = None,
    columns: Callable[[Row, np.random.Generator], Row] = lambda row, rng: {},
    diagonal: bool = True,
    benchmark: Any = None,
    architecture: str = "rnn",
) -> MadeUp:
    """Make results of every ordered pair of tasks; `interference`, `learnt`, `analysis` and `columns` take a row.

    A row has g, units, first_task, second_task, earlier_tasks, seed and a value for each name in `conditions`. All
    functions share one random number generator with a fixed seed, so the results are the same at every call.
    """
    rng = np.random.default_rng(3)
    conditions = conditions or {}
    rows, analysed = [], []
    for values in itertools.product(*conditions.values()):
        condition = dict(zip(conditions, values, strict=True))
        label = ", ".join(f"{name}={value}" for name, value in condition.items())
        for one_g, n, history, first, second, seed in itertools.product(
            g, units, histories, tasks, tasks, range(seeds)
        ):
            if first == second and not diagonal:
                continue
            key = {
                "condition": label,
                "architecture": architecture,
                "rule": "sgd",
                "g": one_g,
                "units": n,
                "earlier_tasks": history,
                "first_task": first,
                "second_task": second,
                "seed": seed,
            }
            row = key | condition
            lost = rng.normal(0, 0.01) if first == second else interference(row, rng)
            reached = learnt(row)
            rows.append(
                key
                | {
                    "status": "done",
                    "converged_first": reached,
                    "converged_second": pd.NA if first == second else reached,
                    "updates_first": 100,
                    "updates_second": 100,
                    "loss_untrained": 0.1,
                    "loss_first": 0.001,
                    "loss_after": 0.001 + lost * 0.099,
                    "second_loss_untrained": 0.1,
                    "interference": lost,
                }
                | columns(row, rng)
                | condition
            )
            if analysis is not None and first != second:
                analysed.append(key | condition | analysis(row, rng))
    table = pd.DataFrame(rows).astype({"converged_first": "boolean", "converged_second": "boolean"})
    return MadeUp(benchmark or made_up_benchmark(tasks), table, _curves(table), pd.DataFrame(analysed))


def _curves(table: pd.DataFrame) -> pd.DataFrame:
    """Curves with three looks: B's loss falls exponentially to 2 %, and what is lost of A is lost at once and stays."""
    looks = pd.DataFrame({"part": [0.0, 0.001, 1.0]})
    curves = table.merge(looks, how="cross")
    lost = curves["loss_first"] + curves["interference"] * (curves["loss_untrained"] - curves["loss_first"])
    return curves.assign(
        update=curves["part"] * curves["updates_second"].astype(float),
        loss_first=curves["loss_first"].where(curves["part"] == 0, lost),
        loss_second=0.1 * 0.02 ** curves["part"],
    )


@pytest.fixture(scope="session")
def make() -> Callable[..., MadeUp]:
    """Make results; see `_make`."""
    return _make


@pytest.fixture(scope="session")
def make_benchmark() -> Callable[..., Any]:
    """Make a stand-in for a benchmark; see `made_up_benchmark`."""
    return made_up_benchmark
