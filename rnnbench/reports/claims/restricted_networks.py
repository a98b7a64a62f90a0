"""The restricted networks of a results folder beside what the 2x2 model predicts for each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.reports.claims.claim import Results
from rnnbench.reports.claims.groups import apart_from, pairs, with_names
from rnnbench.reports.claims.restricted_theory import Prediction, memory, predict
from rnnbench.reports.claims.theory.mean_field import Floats

NETWORK = ["setting", "architecture", "rule", "g", "units", "first_task", "second_task", "seed"]


def theory_table(results: Results) -> pd.DataFrame:
    """The pairs of restricted networks that the 2x2 model describes, with what it says of them.

    Columns beside those of `pairs`: setting, the condition; theory, the interference predicted; theory_learnt, whether
    the model itself reached both criteria.
    """
    table = pairs(results, "mode_index")
    # The model learns A from nothing.
    table = table[~table["same"] & (table["earlier_tasks"] == "")].assign(setting=lambda t: t["condition"])
    names = ["setting", "architecture", "rule", "g", "first_task", "second_task"]
    kept = []
    for key, rows in table.groupby(names, sort=False, dropna=False):
        if (found := prediction(results, dict(zip(names, key, strict=True)))) is not None:
            kept.append(rows.assign(theory=found.interference, theory_learnt=found.learnt))
    return apart_from(pd.concat(kept), "drive") if kept else table[:0]


def prediction(results: Results, row: Any) -> Prediction | None:
    """What the model says of one row of the table; None where it says nothing (other units, other rule)."""
    benchmark = results.benchmark
    network = _matching(benchmark.architectures, row["architecture"], row["g"])
    rule = next(rule for rule in benchmark.rules if rule.label == row["rule"])
    if network is None or network.get("nonlinearity") != "erf" or rule.plugin.partition("@")[0] != "gradient_descent":
        return None
    if rule.parameters.get("optimizer") != "sgd":
        return None
    tasks, channels = benchmark.tasks, benchmark.channels
    for condition in getattr(benchmark, "conditions", ()):
        if condition.label == row["setting"]:
            tasks, channels = condition.tasks, condition.channels
    if channels.layout != "separate" or channels.input_correlation or channels.output_correlation:
        return None
    known = {task.label: memory(task, rule.parameters["learning_rate"]) for task in tasks}
    first, second = known[row["first_task"]], known[row["second_task"]]
    g, idle_zero = float(network["g"]), channels.idle_outputs == "zero"
    return predict(first, second, float(network["dt"]), g, float(network["offset"]), idle_zero)


def _matching(architectures: Any, label: str, g: float) -> dict[str, Any] | None:
    for spec in architectures:
        if spec.plugin.partition("@")[0] == "restricted_rnn" and spec.label == label and spec.parameters["g"] == g:
            return dict(spec.parameters)
    return None


def network_of(row: Any) -> tuple[Any, ...]:
    """What names a network in `matrices`, of a row of the table."""
    return tuple(row[name] for name in NETWORK)


def matrices(results: Results, rows: pd.DataFrame) -> dict[tuple[Any, ...], tuple[Floats, Floats]]:
    """Of every network that was tracked: the updates, and M [update, 2, 2] with A's pattern first."""
    labels = [task.label for task in results.benchmark.tasks]
    tracked = with_names(results.tracked).rename(columns={"condition": "setting"})
    tracked = tracked[(tracked["weight"] == "m") & (tracked["earlier_tasks"] == "")]
    tracked = tracked[tracked["setting"].isin(rows["setting"])].sort_values(["update", "row", "column"])
    found = {}
    for key, entries in tracked.groupby(NETWORK, sort=False):
        m = entries["value"].to_numpy(float).reshape(-1, 2, 2)
        order = [labels.index(key[5]), labels.index(key[6])]
        found[key] = entries["update"].to_numpy(int)[::4], m[:, order][:, :, order]
    return found
