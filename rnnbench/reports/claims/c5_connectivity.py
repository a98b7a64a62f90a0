"""C5: stronger random initial connectivity reduces interference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import equal, groups, paired_change, pairs, settled, too_few, values_of
from rnnbench.reports.estimates import estimate
from rnnbench.results.reading import Results

ID = "C5"
CHANGE = -0.1
"""A tenth of what was learnt. A smaller change of interference would not matter to a learner."""
RULE = (
    "For each seed, interference at the largest g minus interference at the smallest g at which more than half of the "
    "networks count, averaged over the pairs of different tasks that count at both values of g, is below "
    f"{CHANGE}. Smaller values of g, which are left out, are listed."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C5; "" if different tasks were run at two values of g or more."""
    table = _table(results)
    if table.empty:
        return "there are no pairs of different tasks"
    has_several = any(len(values_of(rows, "g")) > 1 for _, rows in groups(table, leaving_out=["g"]))
    return "" if has_several else "fewer than two values of g were run"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition, architecture, rule and size."""
    findings = []
    for name, rows in groups(_table(results), leaving_out=["g"]):
        all_g = values_of(rows, "g")
        if len(all_g) < 2:
            continue
        learnt, notes = settled(rows, "g")
        low, high = (learnt[0] if learnt else all_g[0]), all_g[-1]
        compared = rows[rows["g"].isin([low, high])]
        hindrance = too_few(rows[rows["g"] == high], f"g = {high:g}")
        if low == high:
            hindrance = "more than half of the networks count at the largest g only"
        change = paired_change(rows, "g", low, high) if low < high else np.empty(0)
        part = estimate(f"interference at g = {high:g} minus g = {low:g}", change, CHANGE, "below", (ID, name))
        findings.append(Finding.of(ID, name, compared, (part,), hindrance=hindrance, notes=notes))
    return findings


def figure(results: Results) -> Figure:
    """Interference against g, with a panel for each condition, architecture, rule and size.

    Faint lines show single pairs of tasks.
    """
    blocks = [block for block in groups(_table(results), leaving_out=["g"]) if len(values_of(block[1], "g")) > 1]
    blocks = blocks[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            rows, numbers = equal(rows, "g")
            drawing.faint_pairs(one, rows, "g")
            drawing.zero_and_one(one)
            drawing.mean_line(one, rows, "g", "interference", label="mean over pairs, 95 % over seeds")
            one.plot([], [], label="one pair of tasks", **drawing.FAINT)
            one.set_title(drawing.with_numbers(title, numbers))
            drawing.number_line(one, "x", "g")
            one.set_ylabel("interference")
        drawing.same_limits(axes, "y")
        drawing.shared_legend(page, axes[0])
        drawing.note(page, results.interference, drawing.EQUAL, drawing.OVER_SEEDS)
    return page


def _table(results: Results) -> pd.DataFrame:
    table = pairs(results)
    return table[~table["same"]]


CLAIM = Claim(
    ID,
    "Less interference with stronger connectivity",
    "Across tasks, larger random initial connectivity g reduces interference.",
    RULE,
    applies,
    judge,
    figure,
)
