"""C2: interference falls as tasks rely more on their input and less on autonomous dynamics, at equal progress too."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from rnnbench.reports.claims.along import (
    MOMENTS,
    MOMENTS_IN_WORDS,
    SAME,
    along,
    change,
    contrast,
    drawn,
    finding,
    over_tasks,
    tested,
)
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import rank_correlation, values_of
from rnnbench.reports.estimates import Estimate, Floats, estimate, informative
from rnnbench.results.comparisons import TITLES, Compared, reached
from rnnbench.results.reading import Results

ID = "C2"
REMAINS = 0.5
"""At the highest drive less than half of the interference remains: a change of regime and not only a trend."""
RANK = -0.5
"""Requires a fall over the whole range of drives and not only between its two ends."""
MIN_DRIVES = 3
"""Two points cannot show a systematic fall."""
NOTHING = 0.1
"""A tenth of what was learnt. If no more is lost at any drive, there is nothing that could fall."""
RULE = (
    f"Over {SAME}: (a) interference at the highest drive minus {REMAINS} times that at the lowest is below 0, at each "
    f"of three moments of the training on B: {MOMENTS_IN_WORDS}; (b) the rank correlation of drive and interference at "
    f"B's criterion, computed for each seed over all values of drive, is below {RANK}. At least {MIN_DRIVES} values of "
    f"drive must remain. If interference is below {NOTHING} at every drive, there is nothing that could fall, and the "
    "claim is undecided. Intervals over tasks stand beside the parts and do not decide."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C2; "" if different tasks were run at three values of drive or more."""
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive were run"
    return "" if along(results, "drive") else "there are no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule, g and size, and each setting of the other conditions."""
    return [_finding(name, one) for name, one in along(results, "drive")]


def _finding(name: str, one: Compared) -> Finding:
    by_drive = _by_drive(one)
    first = by_drive[:, 0] if by_drive.size else np.empty(0)
    lowest = informative("interference at the lowest drive", first, (ID, name, "lowest"))
    parts, further = [], [lowest]
    for moment in MOMENTS:
        part, tasks = _fall(one, moment, name)
        parts.append(part)
        further += [tasks, change(one, moment, "skill_lost", (ID, name))[0]]
    half = [crossing(np.array(one.values, dtype=float), values) for values in by_drive]
    further.append(informative("drive at which interference has fallen to half", half, (ID, name, "half")))
    return finding(ID, name, one, [*parts, monotony(one, name)], further, _hindrance(one, by_drive))


def _hindrance(one: Compared, by_drive: Floats) -> str:
    if len(one.values) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive were learnt"
    most = by_drive.mean(axis=0).max()
    if most < NOTHING:
        return f"interference is {most:.2f} at most at any drive, so there is nothing that could fall"
    return ""


def _by_drive(one: Compared) -> Floats:
    """Mean interference at B's criterion of each seed at each drive, [seed, drive]."""
    rows = reached(one, "criterion interference")
    table = rows.pivot_table(index="seed", columns=one.across, values="criterion interference", aggfunc="mean")
    return table.reindex(columns=list(one.values)).to_numpy(float)


def _fall(one: Compared, moment: str, name: str) -> tuple[Estimate, Estimate]:
    """Part (a) at one moment: the estimate over seeds, and that over tasks."""
    weights = np.zeros(len(one.values))
    if len(weights) > 1:
        weights[0], weights[-1] = -REMAINS, 1
    table = contrast(one, moment, weights.tolist())
    statement = f"interference at the highest drive minus {REMAINS} times that at the lowest, {TITLES[moment]}"
    return tested(table, "contrast", statement, 0.0, "below", (ID, name, moment)), over_tasks(
        table, "contrast", statement
    )


def monotony(one: Compared, name: str) -> Estimate:
    """Part (b): rank correlation of drive and interference at B's criterion, for each seed."""
    ranks = [rank_correlation(one.values, values, at_least=MIN_DRIVES) for values in _by_drive(one)]
    return estimate("rank correlation of drive and interference", ranks, RANK, "below", (ID, name, "rank"))


def crossing(drives: Floats, values: Floats) -> float:
    """Drive at which the values first fall to half of the first value, interpolated linearly.

    Args:
        drives: [drive], ascending.
        values: [drive], interference at each drive.

    Returns:
        The drive; NaN if the first value is not above 0 or the values never fall to half of it.
    """
    half = values[0] / 2 if len(values) else math.nan
    if not half > 0:
        return math.nan
    for k in range(1, len(values)):
        if values[k] <= half < values[k - 1]:
            share = (values[k - 1] - half) / (values[k - 1] - values[k])
            return float(drives[k - 1] + share * (drives[k] - drives[k - 1]))
    return math.nan


def figure(results: Results) -> Figure:
    """Interference against drive at the moments of equal progress, with all pairs and seeds."""
    return drawn(results, "drive")


CLAIM = Claim(
    ID,
    "Less interference where the input drives",
    "Interference falls systematically as a task puts more emphasis on input-driven over autonomous dynamics.",
    RULE,
    applies,
    judge,
    figure,
)
