"""C1: sequential gradient descent forgets even when the tasks are orthogonal."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.drawing import OVER_SEEDS, forest, note
from rnnbench.reports.claims.groups import groups, labels_of, pairs, per_seed
from rnnbench.reports.estimates import estimate
from rnnbench.results.reading import Results

ID = "C1"
MORE_THAN_DRIFT = 0.1
"""A tenth of what was learnt. Training stops with a few per cent of the loss left, which could explain a smaller
difference."""
RULE = (
    "For each seed, the mean interference over pairs of different tasks, minus the mean interference when the same "
    "task is trained a second time (the drift control), is above "
    f"{MORE_THAN_DRIFT}. Where the drift control was not run, 0 is subtracted. Only networks trained by plain gradient "
    "descent are used, and only tasks with separate input and output channels and no correlation between them."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C1; "" if gradient descent learns orthogonal tasks one after the other."""
    table = _table(results)
    if table.empty:
        return "there are no networks that learn orthogonal tasks by gradient descent"
    return "" if (~table["same"]).any() else "there are no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition, architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        different, same = rows[~rows["same"]], rows[rows["same"]]
        if different.empty:
            continue
        lost = per_seed(different)
        lost = lost - per_seed(same).reindex(lost.index) if len(same) else lost
        statement = "interference of different tasks minus that of the same task again"
        part = estimate(statement, lost.to_numpy(), MORE_THAN_DRIFT, "above", (ID, name))
        counted = different[different["counted"]]
        n_pairs, of_pairs = (
            len(each[["first_task", "second_task"]].drop_duplicates()) for each in (counted, different)
        )
        notes = [f"the mean is over {n_pairs} of {of_pairs} pairs"]
        notes += [] if len(same) else ["no drift control was run"]
        findings.append(Finding.of(ID, name, different, (part,), notes=notes))
    return findings


def figure(results: Results) -> Figure:
    """Figure with one row for each group of networks."""
    findings = judge(results)
    label = "interference: different tasks minus the same task again"
    page = forest(findings, [finding.parts[0] for finding in findings], label, [MORE_THAN_DRIFT])
    note(page, results.interference, "each group over the pairs and seeds that count in it", OVER_SEEDS)
    return page


def _table(results: Results) -> pd.DataFrame:
    """The pairs of orthogonal tasks that were learnt by plain gradient descent."""
    table, benchmark = pairs(results), results.benchmark
    table = table[table["rule"].isin(labels_of(benchmark.rules, "gradient_descent"))]
    for name in ("layout", "input_correlation", "output_correlation"):
        orthogonal = "separate" if name == "layout" else 0
        if name in table:
            table = table[table[name] == orthogonal]
        elif getattr(benchmark.channels, name) != orthogonal:
            table = table[:0]
    return table


CLAIM = Claim(
    ID,
    "Forgetting of orthogonal tasks",
    "Sequential gradient descent on neuroscience tasks forgets even for orthogonal tasks.",
    RULE,
    applies,
    judge,
    figure,
)
