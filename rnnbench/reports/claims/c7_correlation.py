"""C7: interference increases with the correlation between the weight updates of the two tasks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.figures.summary import task_order
from rnnbench.randomness import rng_for
from rnnbench.reports.claims import drawing, task_permutations
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import groups, lacking, pairs, rank_correlation, values_of
from rnnbench.reports.estimates import LEVEL, Estimate, Floats, estimate, informative
from rnnbench.results.reading import Results

ID = "C7"
RANK = 0.3
"""A moderate association. A mediator that explains less than a tenth of the variance of ranks mediates little."""
MIN_TASKS = 3
MIN_DRIVES = 3
TASKS_TO_PERMUTE = 5
"""Fewer tasks have too few permutations: four tasks have 24, and many of those are nearly the same."""
RULE = (
    "For each seed, the rank correlation of interference and |cos(dW_A, dW_B)| over ordered pairs of different tasks "
    f"is above {RANK}. It is computed within each condition and g and then averaged; with fewer than {MIN_TASKS} tasks "
    f"it is computed over pairs and conditions together, within each g. With {TASKS_TO_PERMUTE} tasks or more there is "
    "a second part: the rank correlation of the two matrices, averaged over seeds, is above 0, with p <= 0.05 when the "
    "tasks of one matrix are permuted, rows and columns together."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C7; "" if update correlations were measured over enough tasks or drives."""
    if reason := lacking(results, "update_correlation"):
        return reason
    table = _table(results)
    if table.empty:
        return "there are no pairs of different tasks"
    if len(task_order(table)) < MIN_TASKS and len(values_of(table, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_TASKS} tasks and fewer than {MIN_DRIVES} values of drive were run"
    return ""


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule and size, over all conditions and g."""
    findings = []
    for name, rows in groups(_table(results), leaving_out=["condition", "g"]):
        tasks = task_order(rows)
        statement = "rank correlation of |update correlation| and interference"
        parts = [estimate(statement, _ranks(rows, tasks, "strength"), RANK, "above", (ID, name, "strength"))]
        notes = []
        if len(tasks) >= TASKS_TO_PERMUTE:
            parts.append(_of_matrices(rows, tasks, name))
        else:
            notes.append(f"{len(tasks)} tasks are too few for the permutation test ({TASKS_TO_PERMUTE} needed)")
        signed = _ranks(rows, tasks, "update_correlation")
        statement = "rank correlation of the signed update correlation and interference"
        further = (informative(statement, signed, (ID, name, "signed")),)
        findings.append(Finding.of(ID, name, rows, tuple(parts), further, notes=notes))
    return findings


def _ranks(rows: pd.DataFrame, tasks: list[str], column: str) -> list[float]:
    """Rank correlation of `column` and interference for each seed, averaged over the strata that have enough pairs."""
    counted = rows[rows["counted"]]
    found = []
    for _, seed in counted.groupby("seed"):
        each = [rank_correlation(s[column], s["interference"]) for _, s in seed.groupby(_strata(tasks), dropna=False)]
        known = [r for r in each if math.isfinite(r)]
        found.append(float(np.mean(known)) if known else math.nan)
    return found


def _strata(tasks: list[str]) -> list[str]:
    """The columns within whose values the rank correlation is computed."""
    return ["condition", "g"] if len(tasks) >= MIN_TASKS else ["g"]


def _of_matrices(rows: pd.DataFrame, tasks: list[str], name: str) -> Estimate:
    """Rank correlation of the mean matrices, with an interval over seeds and a test by permuting tasks."""
    x, y = _matrices(rows, tasks, "strength"), _matrices(rows, tasks, "interference")
    mean_x, mean_y = task_permutations.mean_over_seeds(x), task_permutations.mean_over_seeds(y)
    p = task_permutations.permutation_p(mean_x, mean_y, rng_for(0, "claims", ID, name, "permutations"))
    low, high = task_permutations.interval_over_seeds(x, y, rng_for(0, "claims", ID, name, "matrices"), LEVEL)
    value = float(task_permutations.association(mean_x, mean_y))
    statement = "rank correlation of the two matrices, averaged over seeds"
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
