"""C7: over pairs of tasks, interference increases with the correlation of the two tasks' weight updates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.figures.summary import task_order
from rnnbench.randomness import rng_for
from rnnbench.reports.claims import drawing, task_permutations
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import groups, lacking, pairs
from rnnbench.reports.estimates import LEVEL, Estimate, Floats, estimate, informative
from rnnbench.results.reading import Results

ID = "C7"
RANK = 0.3
"""A moderate association. A mediator that explains less than a tenth of the variance of ranks mediates little."""
MIN_TASKS = 4
"""With three tasks, rows and columns leave a single degree of freedom for pairs."""
TASKS_TO_PERMUTE = 5
"""Fewer tasks have too few permutations: four tasks have 24, and many of those are nearly the same."""
RULE = (
    "For each seed, the effects of the first and of the second task are removed from interference and from "
    "|cos(dW_A, dW_B)| by least squares over the ordered pairs of different tasks. What remains is about pairs, and "
    f"its rank correlation is computed. The correlation is above {RANK}. It is computed within each condition and g "
    f"and then averaged; at least {MIN_TASKS} tasks are needed. With {TASKS_TO_PERMUTE} tasks or more there is a "
    "second part: the same correlation of the two matrices, averaged over seeds, is above 0, with p <= 0.05 when the"
    " tasks of one matrix are permuted, rows and columns together. The plain rank correlation stands beside it and "
    "does not decide."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C7; "" if update correlations were measured over enough tasks."""
    if reason := lacking(results, "update_correlation"):
        return reason
    table = _table(results)
    if table.empty:
        return "there are no pairs of different tasks"
    return f"fewer than {MIN_TASKS} tasks were run" if len(task_order(table)) < MIN_TASKS else ""


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule and size, over all conditions and g."""
    findings = []
    for name, rows in groups(_table(results), leaving_out=["condition", "g"]):
        tasks = task_order(rows)
        if len(tasks) < MIN_TASKS:
            continue
        partial = _per_seed(rows, tasks, "strength", task_permutations.association)
        statement = (
            "correlation of |update correlation| and interference over pairs, without the effects of single tasks"
        )
        parts = [estimate(statement, partial, RANK, "above", (ID, name, "strength"))]
        notes = []
        if len(tasks) >= TASKS_TO_PERMUTE:
            parts.append(_of_matrices(rows, tasks, name))
        else:
            notes.append(f"{len(tasks)} tasks are too few for the permutation test ({TASKS_TO_PERMUTE} needed)")
        further = [
            informative(f"plain rank correlation of {what}", _per_seed(rows, tasks, column, _plain), (ID, name, column))
            for column, what in (
                ("strength", "|update correlation| and interference"),
                ("update_correlation", "the signed update correlation and interference"),
            )
        ]
        findings.append(Finding.of(ID, name, rows, tuple(parts), further, notes=notes))
    return findings


def _per_seed(
    rows: pd.DataFrame, tasks: list[str], column: str, associated: Callable[[Floats, Floats], Floats]
) -> list[float]:
    """The association of a column and interference for each seed, averaged over conditions and g."""
    x, y = _matrices(rows, tasks, column), _matrices(rows, tasks, "interference")
    return [float(associated(of_seed, lost)) for of_seed, lost in zip(x, y, strict=True)]


def _plain(x: Floats, y: Floats) -> Floats:
    """Spearman's correlation of the entries for different tasks, averaged over strata [stratum, n, n]."""
    ranked = (task_permutations.ranks(task_permutations.off_diagonal(values)) for values in (x, y))
    return np.nanmean(task_permutations.correlation(*ranked), axis=-1)


def _of_matrices(rows: pd.DataFrame, tasks: list[str], name: str) -> Estimate:
    """Rank correlation of the mean matrices, with an interval over seeds and a test by permuting tasks."""
    x, y = _matrices(rows, tasks, "strength"), _matrices(rows, tasks, "interference")
    mean_x, mean_y = task_permutations.mean_over_seeds(x), task_permutations.mean_over_seeds(y)
    p = task_permutations.permutation_p(mean_x, mean_y, rng_for(0, "claims", ID, name, "permutations"))
    low, high = task_permutations.interval_over_seeds(x, y, rng_for(0, "claims", ID, name, "matrices"), LEVEL)
    value = float(task_permutations.association(mean_x, mean_y))
    statement = "the same correlation of the two matrices, averaged over seeds"
    return Estimate(statement, value, low, high, 0.0, "above", len(x), p, "permutations of tasks")


def _matrices(rows: pd.DataFrame, tasks: list[str], column: str) -> Floats:
    """Matrices [seed, stratum, first task, second task] of `column`; NaN where a network does not count."""
    counted = rows[rows["counted"]]
    task_index = {task: k for k, task in enumerate(tasks)}
    strata = list(counted[["condition", "g"]].drop_duplicates().itertuples(index=False, name=None))
    seeds = sorted(counted["seed"].unique())
    matrices = np.full((len(seeds), len(strata), len(tasks), len(tasks)), math.nan)
    for k, (condition, g) in enumerate(strata):
        at_g = counted["g"].isna() if math.isnan(g) else counted["g"] == g
        for row in counted[at_g & (counted["condition"] == condition)].to_dict("records"):
            index = seeds.index(row["seed"]), k, task_index[row["first_task"]], task_index[row["second_task"]]
            matrices[index] = row[column]
    return matrices


def figure(results: Results) -> Figure:
    """Interference against the size of the update correlation, with a point for each pair, condition and g."""
    table = _table(results)
    blocks = list(groups(table, leaving_out=["condition", "g"]))[: drawing.MOST_PANELS]
    looks = style.looks_of_tasks(task_order(table))
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks), height=3.4)
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            drawing.zero_and_one(one)
            counted = rows[rows["counted"]]
            by = ["condition", "g", "first_task", "second_task"]
            means = counted.groupby(by, dropna=False)[["strength", "interference"]].mean().reset_index()
            for task, (colour, marker) in looks.items():
                points = means[means["second_task"] == task]
                name = style.pretty(task, 24)
                x, y = points["strength"], points["interference"]
                one.scatter(x, y, color=colour, marker=marker, s=22, label=name, lw=0)
            one.set(xlabel="|correlation of weight updates|", ylabel="interference", title=title)
        drawing.same_limits(axes, "y")
        page.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside upper center",
            ncols=4,
            frameon=False,
            title="second task",
        )
        drawing.note(
            page, results.interference, "a point for each pair, condition and g: mean over its seeds that count"
        )
    return page


def _table(results: Results) -> pd.DataFrame:
    table = pairs(results, "update_correlation")
    return table[~table["same"]].assign(strength=lambda t: t["update_correlation"].abs())


CLAIM = Claim(
    ID,
    "Interference and the correlation of updates",
    "Interference is mediated by the correlation between the weight updates of the two tasks.",
    RULE,
    applies,
    judge,
    figure,
)
