"""C1: sequential gradient descent forgets even where the tasks are orthogonal."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.reports.claims.claim import Claim, Finding, Results
from rnnbench.reports.claims.drawing import forest
from rnnbench.reports.claims.groups import groups, labels_of, left_out, pairs, per_seed
from rnnbench.reports.estimates import estimate

ID = "C1"
MORE_THAN_DRIFT = 0.1
"""A tenth of what was learnt: criteria leave a few per cent of the loss, so that less could be their slack."""
RULE = (
    "Per seed, the mean interference over pairs of different tasks minus that over more of the same task (the drift "
    f"control; minus 0 where it was not run) is above {MORE_THAN_DRIFT}. Only plain gradient descent, and only tasks "
    "with input and output channels of their own and no correlation between them."
)


def applies(results: Results) -> str:
    """Empty if there are orthogonal tasks that gradient descent learns one after the other."""
    table = _table(results)
    if table.empty:
        return "no networks that learn orthogonal tasks by gradient descent"
    return "" if (~table["same"]).any() else "no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """A finding for each condition, architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        different, same = rows[~rows["same"]], rows[rows["same"]]
        if different.empty:
            continue
        lost = per_seed(different)
        lost = lost - per_seed(same).reindex(lost.index) if len(same) else lost
        said = "interference of different tasks minus that of more of the same"
        part = estimate(said, lost.to_numpy(), MORE_THAN_DRIFT, "above", (ID, name))
        notes = () if len(same) else ("no drift control was run",)
        findings.append(Finding(ID, name, (part,), notes=notes, networks=len(different), left_out=left_out(different)))
    return findings


def figure(results: Results) -> Figure:
    """A row for each group."""
    findings = judge(results)
    label = "interference: different tasks minus more of the same task"
    return forest(findings, [finding.parts[0] for finding in findings], label, [MORE_THAN_DRIFT])


def _table(results: Results) -> pd.DataFrame:
    """The pairs that were orthogonal and learnt by plain gradient descent."""
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
