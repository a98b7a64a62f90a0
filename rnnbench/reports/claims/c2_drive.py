"""C2: interference falls as tasks rely more on their input and less on autonomous dynamics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import (
    apart_from,
    equal,
    groups,
    paired_change,
    pairs,
    per_seed,
    rank_correlation,
    settled,
    values_of,
)
from rnnbench.reports.estimates import Estimate, Floats, estimate, informative
from rnnbench.results.reading import Results

ID = "C2"
FALL = 0.5
"""Half of what was learnt. A fall of this size is a change of regime and not only a trend."""
RANK = -0.5
"""Requires a fall over the whole range of drives and not only between its two ends."""
MIN_DRIVES = 3
"""Two points cannot show a systematic fall."""
RULE = (
    "For pairs of different tasks that count at both the lowest and the highest drive: (a) interference at the lowest "
    f"drive minus interference at the highest drive is above {FALL}; (b) the rank correlation of drive and "
    f"interference, computed for each seed, is below {RANK}. Drives at which half of the networks or more do not count "
    f"are left out and listed; at least {MIN_DRIVES} drives must remain."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C2; "" if different tasks were run at three values of drive or more."""
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive were run"
    return "" if len(_table(results)) else "there are no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        drives, notes = settled(rows, "drive")
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        rows = _at_both_ends(rows[rows["drive"].isin(drives)], drives) if drives else rows
        parts = (fall(rows, drives, (ID, name)), monotony(rows, (ID, name)))
        further = (
            informative("drive at which interference has fallen to half", _half(rows, drives), (ID, name, "half")),
        )
        findings.append(Finding.of(ID, name, rows, parts, further, hindrance=hindrance, notes=notes))
    return findings


def _at_both_ends(rows: pd.DataFrame, drives: list[float]) -> pd.DataFrame:
    """Set `counted` to false for the pairs of a seed that do not count at both the lowest and the highest drive."""
    names = ["seed", "first_task", "second_task"]
    lowest, highest = (
        rows[(rows["drive"] == drive) & rows["counted"]].set_index(names).index for drive in (drives[0], drives[-1])
    )
    return rows.assign(counted=rows["counted"] & rows.set_index(names).index.isin(lowest.intersection(highest)))


def fall(rows: pd.DataFrame, drives: list[float], names: tuple[str, ...]) -> Estimate:
    """Part (a): interference at the lowest drive minus interference at the highest drive.

    Args:
        rows: the networks of one group, a row for each pair and seed.
        drives: the drives to use, ascending.
        names: names of the stream of random numbers.

    Returns:
        The estimate, compared with `FALL`.
    """
    change = -paired_change(rows, "drive", drives[0], drives[-1]) if drives else np.empty(0)
    return estimate("interference at lowest minus highest drive", change, FALL, "above", (*names, "fall"))


def monotony(rows: pd.DataFrame, names: tuple[str, ...]) -> Estimate:
    """Part (b): rank correlation of drive and interference, for each seed.

    Interference is averaged over the pairs of a seed at each drive before it is ranked.

    Args:
        rows: the networks of one group, a row for each pair and seed.
        names: names of the stream of random numbers.

    Returns:
        The estimate, compared with `RANK`.
    """
    counted = rows[rows["counted"]]
    means = counted.groupby(["seed", "drive"])["interference"].mean().reset_index()
    ranks = [
        rank_correlation(seed["drive"], seed["interference"], at_least=MIN_DRIVES) for _, seed in means.groupby("seed")
    ]
    return estimate("rank correlation of drive and interference", ranks, RANK, "below", (*names, "rank"))


def _half(rows: pd.DataFrame, drives: list[float]) -> list[float]:
    """For each seed, the drive at which interference has fallen to half."""
    seeds = pd.DataFrame({drive: per_seed(rows[rows["drive"] == drive]) for drive in drives})
    return [crossing(np.array(drives), values) for values in seeds.to_numpy(float)]


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
    """Interference against drive, with a panel for each architecture, rule and size and a colour for each g."""
    blocks = list(groups(_table(results), leaving_out=["g"]))[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            rows, numbers = equal(rows, "g", "drive")
            by_g = drawing.coloured_by_g(rows)
            if len(by_g) == 1:
                drawing.faint_pairs(one, rows, "drive")
            drawing.zero_and_one(one)
            for at_g, colour, label in by_g:
                drawing.mean_line(one, at_g, "drive", "interference", colour, label)
            one.set_title(drawing.with_numbers(title, numbers))
            drawing.number_line(one, "x", "drive")
            one.set_ylabel("interference")
            drawing.legend(one)
        drawing.same_limits(axes, "y")
        drawing.note(page, results.interference, drawing.EQUAL, drawing.OVER_SEEDS)
    return page


def _table(results: Results) -> pd.DataFrame:
    table = pairs(results)
    return apart_from(table[~table["same"]], "drive")


CLAIM = Claim(
    ID,
    "Less interference where the input drives",
    "Interference falls systematically as a task puts more emphasis on input-driven over autonomous dynamics.",
    RULE,
    applies,
    judge,
    figure,
)
