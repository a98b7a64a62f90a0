"""The restricted networks of a results folder, with the prediction of the 2x2 model for each of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.reports.claims.groups import apart_from, pairs, with_names
from rnnbench.reports.claims.restricted_theory import Prediction, memory, predict
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.results.reading import Results

NETWORK = ["setting", "architecture", "rule", "g", "units", "first_task", "second_task", "seed"]


def theory_table(results: Results) -> pd.DataFrame:
    """The networks that the 2x2 model describes, with the prediction of the model.

    Args:
        results: the results of one benchmark.

    Returns:
        A row for each network and pair of tasks, with the columns of `pairs` and three more: setting, the condition;
        theory, the predicted interference; theory_learnt, whether the model itself reached both criteria.
    """
    table = pairs(results, "mode_index")
    # The model learns A first, so networks with earlier tasks are left out.
    table = table[~table["same"] & (table["earlier_tasks"] == "")].assign(setting=lambda t: t["condition"])
    names = ["setting", "architecture", "rule", "g", "first_task", "second_task"]
    kept = []
    for key, rows in table.groupby(names, sort=False, dropna=False):
        if (found := prediction(results, dict(zip(names, key, strict=True)))) is not None:
            kept.append(rows.assign(theory=found.interference, theory_learnt=found.learnt))
    return apart_from(pd.concat(kept), "drive") if kept else table[:0]


def prediction(results: Results, row: Any) -> Prediction | None:
    """Prediction of the 2x2 model for one network.

    Args:
        results: the results of one benchmark.
        row: a row of the table or a mapping with the same names: setting, architecture, rule, g and both tasks.

    Returns:
        The prediction; None if the model does not describe the network, for example because its units are not erf
        units or its rule is not plain gradient descent.
    """
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
    """The key in `matrices` of the network in a row of the table."""
    return tuple(row[name] for name in NETWORK)


def matrices(results: Results, rows: pd.DataFrame) -> dict[tuple[Any, ...], tuple[Floats, Floats]]:
    """The course of M in every network that was tracked.

    Args:
        results: the results of one benchmark.
        rows: rows of the table; only networks of their settings are included.

    Returns:
        For each key of `network_of`: the updates [update], and M [update, 2, 2] with A's pattern first.
    """
    labels = [task.label for task in results.benchmark.tasks]
    tracked = with_names(results.tracked).rename(columns={"condition": "setting"})
    tracked = tracked[(tracked["weight"] == "m") & (tracked["earlier_tasks"] == "")]
    # Where idle outputs are free, a network has the channels of its own tasks only, and a drift control has just one.
    tracked = tracked[tracked["first_task"] != tracked["second_task"]]
    tracked = tracked[tracked["setting"].isin(rows["setting"])].sort_values(["update", "row", "column"])
    found = {}
    grow = results.benchmark.channels.grow  # then the channels are in the order in which the tasks were learnt
    for key, entries in tracked.groupby(NETWORK, sort=False):
        m = entries["value"].to_numpy(float).reshape(-1, 2, 2)
        order = [0, 1] if grow else [labels.index(str(key[5])), labels.index(str(key[6]))]
        found[key] = entries["update"].to_numpy(int)[::4], m[:, order][:, :, order]
    return found
