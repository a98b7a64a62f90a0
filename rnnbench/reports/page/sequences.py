"""Sequence metrics of the field, each named after its authors, as means over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.benchmark.cells import split_history
from rnnbench.messages import counted
from rnnbench.reports.numbers import number, with_interval
from rnnbench.results.columns import SETTING
from rnnbench.results.intervals import mean_interval
from rnnbench.results.sequence_metrics import METRICS

MOST_HISTORIES = 12
"""If there are more different sequences than this, those of the same length are averaged."""


@dataclass(frozen=True)
class Sequences:
    """The sequence metrics of some results as texts.

    Attributes:
        metrics: (name, version, meaning, source) of each metric.
        rows: (setting, tasks, one text for each metric).
    """

    metrics: list[tuple[str, str, str, str]]
    rows: list[tuple[str, str, list[str]]]


def sequences(continual: pd.DataFrame, versions: dict[str, Any]) -> Sequences | None:
    """Summarise the sequence metrics over seeds.

    Args:
        continual: the table of sequence metrics.
        versions: versions that the metrics were computed with, by name; unknown ones are missing.

    Returns:
        The metrics, or None if the table has none.
    """
    shown = [name for name in METRICS if name in continual and continual[name].notna().any()]
    if continual.empty or not shown:
        return None
    if continual["history"].nunique() <= MOST_HISTORIES:
        by = continual["history"].astype(str)
    else:
        by = continual["history"].map(
            lambda h: f"all sequences of {counted(len(split_history(str(h))), 'task')}, averaged"
        )
    rows = []
    for key, group in continual.assign(by=by).groupby([*SETTING, "by"], dropna=False, sort=False):
        *setting, tasks = key
        rows.append((_setting(setting, continual), str(tasks), [_over_seeds(group, name) for name in shown]))
    metrics = [(name, _version(name, versions), METRICS[name].meaning, METRICS[name].source) for name in shown]
    return Sequences(metrics, rows)


def _setting(values: list[Any], table: pd.DataFrame) -> str:
    """The values of a setting that differ between settings, in words."""
    varied = {name: value for name, value in zip(SETTING, values, strict=True) if table[name].nunique(dropna=False) > 1}
    if "g" in varied:
        varied["g"] = f"g = {number(varied['g'])}"
    return " · ".join(
        str(value).replace("=", " = ") if name == "condition" else str(value) for name, value in varied.items()
    )


def _over_seeds(rows: pd.DataFrame, name: str) -> str:
    values = rows[name].astype(float).groupby(rows["seed"]).mean().dropna().to_numpy()
    mean = values.mean() if len(values) else float("nan")
    return with_interval(mean, *mean_interval(values))


def _version(name: str, versions: dict[str, Any]) -> str:
    version = versions.get(name)
    if not isinstance(version, int):
        return "version not recorded"
    today = METRICS[name].version
    return f"version {version}" + (f", explained here as in version {today}" if version != today else "")
