"""The trade-off of each learning rule: interference, final accuracy, learning of the new task, and time.

If a benchmark has several learning rules, each is compared with the reference rule, plain gradient descent, on the same
architecture. If it has only one rule, each architecture is compared with the first one. As in the claims, the seed is
the statistical unit: values are averaged over pairs of different tasks within a seed, and intervals are over seeds.
Whether interference is less than the reference's is decided in the same way as in the claims
(`rnnbench.reports.estimates`), on the pairs that count under both rules.

The mean interference of a rule stands beside those of the others. It is therefore over the pairs and seeds that count
under all rules and architectures (`rnnbench.reports.equal_pairs`). Rules under which fewer than half of the networks
count have no such mean, but still a difference from the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.benchmark.cells import split_history
from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import RnnbenchError
from rnnbench.reports.equal_pairs import EqualPairs, equal_pairs, over
from rnnbench.reports.estimates import Estimate, estimate, informative
from rnnbench.results.columns import SETTING
from rnnbench.results.interference import counts, idle_outputs, in_context
from rnnbench.results.reading import Results

PLACE = [name for name in SETTING if name != "rule"]
ESTIMATES: dict[str, str] = {
    "interference": "mean over the pairs of different tasks and seeds that count in all rows; missing where fewer than "
    "half of the networks count",
    "difference": "interference minus that of the reference, over the pairs that count under both",
    "accuracy": "accuracy after the second task, mean over both tasks if both have one (acc_lopez_paz_2017)",
    "learnt": "1 - loss on the second task after training / its untrained loss",
    "cost": "time of an update of the second task relative to the reference, including the rule's work between tasks",
}
"""Estimates and their meaning. Each has three columns: the mean over seeds, and the 95 % interval with the
suffixes `_low` and `_high`."""

TRADE_OFF_COLUMNS: dict[str, str] = {
    **dict.fromkeys([*PLACE, "rule"], "as in the other tables"),
    **{f"{name}{end}": meaning for name, meaning in ESTIMATES.items() for end in ("", "_low", "_high")},
    "updates": "number of updates of the second task relative to the reference",
    "counted": "fraction of the networks whose interference counts because they learnt the first task",
    "reached": "fraction of the networks that reached the criterion on the second task",
    "n_seeds": "number of seeds",
    "n_pairs": "number of ordered pairs of different tasks that count in all rows, over which interference is averaged",
    "of_pairs": "number of ordered pairs of different tasks",
    "n_networks": "number of pairs and seeds that count in all rows",
    "of_networks": "number of pairs and seeds",
    "idle_outputs": "what happened to the outputs that a task does not use",
    "p": "p-value of less interference than the reference (of more, if the mean is above it): sign flips over seeds, "
    "one-sided, not corrected for the number of rows",
    "verdict": "reference; less, more or as much interference as the reference; undecided; or none counts, if no "
    "network counts",
}
"""Columns of trade_off.csv and their meaning."""


def trade_off(results: Results) -> pd.DataFrame:
    """A table with one row for each rule on each architecture; the columns are described in TRADE_OFF_COLUMNS.

    Args:
        results: the results of one benchmark.

    Raises:
        RnnbenchError: there are no pairs of different tasks.
    """
    table = in_context(results.interference)
    table = table[table["first_task"] != table["second_task"]].assign(counts=counts)
    if table.empty:
        raise RnnbenchError(f"{results.folder}: no pair of different tasks, so there is no interference")
    equal = equal_pairs(table)
    rows = [_row(results, own, reference, equal) for own, reference in _with_reference(table, results.benchmark)]
    return pd.DataFrame(rows, columns=list(TRADE_OFF_COLUMNS))


def _with_reference(table: pd.DataFrame, benchmark: Benchmark) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The rows of each rule on each architecture, and the rows of their reference."""
    plain = (rule.label for rule in benchmark.rules if rule.plugin.partition("@")[0] == "gradient_descent")
    rule = next(plain, benchmark.rules[0].label)
    first = benchmark.architectures[0]
    for _, own in table.groupby([*PLACE, "rule"], sort=False, dropna=False):
        same = table[(table["rule"] == rule) & (table["condition"] == own["condition"].iloc[0])]
        if len(benchmark.rules) > 1:
            for name in ("architecture", "g", "units"):
                same = same[same[name].eq(own[name].iloc[0]) | (same[name].isna() & pd.isna(own[name].iloc[0]))]
        else:
            same = same[same["architecture"] == first.label]
            same = same[same["g"].eq(first.g) & same["units"].eq(first.units)] if first.g is not None else same
        if same.empty:
            raise RnnbenchError(f"interference.csv has no rows of the reference, {rule} on {first.label}")
        yield own, same


def _row(results: Results, own: pd.DataFrame, reference: pd.DataFrame, equal: EqualPairs) -> dict[str, Any]:
    names: dict[str, Any] = {name: own[name].iloc[0] for name in [*PLACE, "rule"]}
    stream = [str(value) for value in names.values()]
    counted = own["counts"]
    learnt = 1 - own["second_loss_after"] / own["second_loss_untrained"]
    lost = own["interference"].astype(float).where(own.index.isin(equal.networks.rows.index))
    difference = _difference(own, reference)
    cost, costs_of_reference = (_seconds_per_update(results.timing, rows) for rows in (own, reference))
    found = {
        "interference": informative("", _by_seed(lost, own), [*stream, "interference"]),
        "difference": estimate("", difference, 0, "below", [*stream, "difference"]),
        "accuracy": informative("", _accuracies(results.continual, own), [*stream, "accuracy"]),
        "learnt": informative("", _by_seed(learnt, own), [*stream, "learnt"]),
        "cost": informative("", (cost / costs_of_reference).to_numpy(float), [*stream, "cost"]),
    }
    is_reference = own.index.equals(reference.index)
    verdict, p = _verdict(found["difference"], difference, stream, is_reference)
    shown = {
        f"{name}{end}": value
        for name, one in found.items()
        for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
    }
    return (
        names
        | shown
        | {
            "updates": own["updates_second"].astype(float).mean() / reference["updates_second"].astype(float).mean(),
            "counted": counted.mean(),
            "reached": own["converged_second"].eq(True).fillna(False).mean(),
            "n_seeds": own["seed"].nunique(),
            "n_pairs": equal.networks.n_pairs,
            "of_pairs": equal.networks.of_pairs,
            "n_networks": equal.networks.n_networks,
            "of_networks": equal.networks.of_networks,
            "idle_outputs": idle_outputs(own),
            "p": p,
            "verdict": verdict,
        }
    )


def told(table: pd.DataFrame) -> tuple[str, str]:
    """The idle outputs of a trade-off, and over which pairs and networks its interference is, in words.

    Args:
        table: the table of `trade_off`.
    """
    idle = list(dict.fromkeys(table["idle_outputs"]))
    at = table.iloc[0]
    n_pairs, of_pairs, n_networks, of_networks = (
        int(at[name]) for name in ("n_pairs", "of_pairs", "n_networks", "of_networks")
    )
    return " or ".join(idle), over(n_pairs, of_pairs, n_networks, of_networks, same=len(table) > 1)


def _verdict(less: Estimate, difference: np.ndarray, stream: list[str], is_reference: bool) -> tuple[str, float]:
    """Whether interference is less or more than the reference's, and the p-value of the side on which it lies."""
    if is_reference:
        return "reference", math.nan
    if not less.n_seeds:
        return "none counts", math.nan
    more = estimate("", difference, 0, "above", [*stream, "difference"])
    side, verdict = (less, "less") if less.value <= 0 else (more, "more")
    if np.all(difference[np.isfinite(difference)] == 0):
        return "as much", math.nan
    return (verdict if side.verdict == "supported" else "undecided"), math.nan if side.p is None else side.p


def _by_seed(values: pd.Series, rows: pd.DataFrame) -> np.ndarray:
    """Mean of `values` within each seed, [seed]."""
    return values.groupby(rows["seed"]).mean().to_numpy(float)


def _difference(own: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """Interference minus the reference's, within each seed over the pairs that count under both, [seed]."""
    keys = ["first_task", "second_task", "earlier_tasks", "seed"]
    both = own[own["counts"]].merge(reference[reference["counts"]], on=keys, suffixes=("", "_reference"))
    difference = both["interference"].astype(float) - both["interference_reference"].astype(float)
    return _by_seed(difference, both)


def _of_same(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `table` that belong to the same rule and architecture as `rows`."""
    for name in [*PLACE, "rule"]:
        value = rows[name].iloc[0]
        table = table[table[name].isna()] if pd.isna(value) else table[table[name] == value]
    return table


def _accuracies(continual: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Average accuracy, mean over histories of different tasks within each seed, [seed]; empty if not recorded."""
    if continual.empty:
        return np.empty(0)
    same = _of_same(continual, rows)
    return _by_seed(same["acc_lopez_paz_2017"].astype(float), same)


def _seconds_per_update(timing: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Mean duration of one update of a second task in seconds, over pairs of different tasks, by seed."""
    if timing.empty:
        return pd.Series(dtype=float)
    same = _of_same(timing, rows)
    second = same[[is_pair(str(history)) for history in same["history"]]]
    sums = second.groupby("seed")[["seconds", "updates"]].sum()
    return sums["seconds"] / sums["updates"].where(sums["updates"] > 0)


def is_pair(history: str) -> bool:
    """Whether the last task of a history differs from the task before it.

    Args:
        history: tasks in the order in which they were learnt, as in the tables.
    """
    tasks = split_history(history)
    return len(tasks) > 1 and tasks[-1] != tasks[-2]
