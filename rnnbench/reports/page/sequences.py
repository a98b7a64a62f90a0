"""The field's figures of sequences, each under its author's name, over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.reports.page.numbers import counted, number, with_interval
from rnnbench.results.interference import bootstrap_interval
from rnnbench.results.sequence_metrics import METRICS

PLACE = ["condition", "architecture", "rule", "g", "units"]
MOST_HISTORIES = 12
"""More different sequences than this are not told one by one but averaged, those of one length together."""


@dataclass(frozen=True)
class Sequences:
    """Figures by name, with version, meaning and source; and rows of (setting, tasks, a text for each figure)."""

    metrics: list[tuple[str, str, str, str]]
    rows: list[tuple[str, str, list[str]]]


def sequences(continual: pd.DataFrame, versions: dict[str, Any]) -> Sequences | None:
    """Of the table of that name; `versions` are those that its figures were computed with, where that is known."""
    shown = [name for name in METRICS if name in continual and continual[name].notna().any()]
    if continual.empty or not shown:
        return None
    if continual["history"].nunique() <= MOST_HISTORIES:
        by = continual["history"].astype(str)
    else:
        by = continual["history"].map(
            lambda h: f"all sequences of {counted(len(str(h).split(' > ')), 'task')}, averaged"
        )
    rows = []
    for key, group in continual.assign(by=by).groupby([*PLACE, "by"], dropna=False, sort=False):
        *place, tasks = key
        rows.append((_setting(place, continual), str(tasks), [_over_seeds(group, name) for name in shown]))
    metrics = [(name, _version(name, versions), METRICS[name].meaning, METRICS[name].source) for name in shown]
    return Sequences(metrics, rows)


def _setting(values: list[Any], table: pd.DataFrame) -> str:
    """What varies among the settings, in words."""
    told = {name: value for name, value in zip(PLACE, values, strict=True) if table[name].nunique(dropna=False) > 1}
    if "g" in told:
        told["g"] = f"g = {number(told['g'])}"
    return " · ".join(
        str(value).replace("=", " = ") if name == "condition" else str(value) for name, value in told.items()
    )


def _over_seeds(rows: pd.DataFrame, name: str) -> str:
    values = rows[name].astype(float).groupby(rows["seed"]).mean().dropna().to_numpy()
    mean = values.mean() if len(values) else float("nan")
    return with_interval(mean, *bootstrap_interval(values, np.random.default_rng(0)))


def _version(name: str, versions: dict[str, Any]) -> str:
    version = versions.get(name)
    if not isinstance(version, int):
        return "version not recorded"
    today = METRICS[name].version
    return f"version {version}" + (f", explained here as in version {today}" if version != today else "")
