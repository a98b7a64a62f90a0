"""C2: interference falls as tasks rely more on their input and less on autonomous dynamics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding, Results
from rnnbench.reports.claims.groups import (
    apart_from,
    groups,
    left_out,
    paired_change,
    pairs,
    per_seed,
    rank_correlation,
    settled,
    values_of,
)
from rnnbench.reports.estimates import Estimate, Floats, estimate, informative

ID = "C2"
FALL = 0.5
"""Half of what was learnt: a change of regime, not a trend."""
RANK = -0.5
"""A systematic fall over the whole range, not one that hangs on its ends."""
MIN_DRIVES = 3
"""Two points cannot show a systematic fall."""
RULE = (
    "Over pairs of different tasks that count at both ends: (a) interference at the lowest minus that at the highest "
    f"drive is above {FALL}; (b) the rank correlation of drive and interference, per seed, is below {RANK}. Drives at "
    f"which half of the networks or more do not count are left out and named; at least {MIN_DRIVES} must stay."
)


def applies(results: Results) -> str:
    """Empty if at least three values of drive were run on different tasks."""
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive"
    return "" if len(_table(results)) else "no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """A finding for each architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        drives, notes = settled(rows, "drive")
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        rows = _at_both_ends(rows[rows["drive"].isin(drives)], drives) if drives else rows
        parts = (fall(rows, drives, (ID, name)), monotony(rows, (ID, name)))
        further = (
            informative("drive at which interference has fallen to half", _half(rows, drives), (ID, name, "half")),
        )
        findings.append(
            Finding(
                ID,
                name,
                parts,
                further,
                hindrance=hindrance,
                notes=tuple(notes),
                networks=len(rows),
                left_out=left_out(rows),
            )
        )
    return findings


def _at_both_ends(rows: pd.DataFrame, drives: list[float]) -> pd.DataFrame:
    """The rows, with those of a seed's pair that does not count at both ends taken out of what counts."""
    names = ["seed", "first_task", "second_task"]
    ends = [
        rows[(rows["drive"] == drive) & rows["counted"]].set_index(names).index for drive in (drives[0], drives[-1])
    ]
    return rows.assign(counted=rows["counted"] & rows.set_index(names).index.isin(ends[0].intersection(ends[1])))


def fall(rows: pd.DataFrame, drives: list[float], names: tuple[str, ...]) -> Estimate:
    """(a) Interference at the lowest minus that at the highest drive."""
    change = -paired_change(rows, "drive", drives[0], drives[-1]) if drives else np.empty(0)
    return estimate("interference at lowest minus highest drive", change, FALL, "above", (*names, "fall"))


def monotony(rows: pd.DataFrame, names: tuple[str, ...]) -> Estimate:
    """(b) Rank correlation of drive with the interference that each seed has there, averaged over pairs."""
    counted = rows[rows["counted"]]
    means = counted.groupby(["seed", "drive"])["interference"].mean().reset_index()
    ranks = [
        rank_correlation(seed["drive"], seed["interference"], at_least=MIN_DRIVES) for _, seed in means.groupby("seed")
    ]
    return estimate("rank correlation of drive and interference", ranks, RANK, "below", (*names, "rank"))


def _half(rows: pd.DataFrame, drives: list[float]) -> list[float]:
    seeds = pd.DataFrame({drive: per_seed(rows[rows["drive"] == drive]) for drive in drives})
    return [crossing(np.array(drives), values) for values in seeds.to_numpy(float)]


def crossing(drives: Floats, values: Floats) -> float:
    """Where `values` [drive] first fall to half of the first one, interpolated linearly; NaN if they do not."""
    half = values[0] / 2 if len(values) else math.nan
    if not half > 0:
        return math.nan
    for k in range(1, len(values)):
        if values[k] <= half < values[k - 1]:
            share = (values[k - 1] - half) / (values[k - 1] - values[k])
            return float(drives[k - 1] + share * (drives[k] - drives[k - 1]))
    return math.nan


def figure(results: Results) -> Figure:
    """Interference against drive, a panel for each architecture, rule and size, a colour for each g."""
    blocks = list(groups(_table(results), leaving_out=["g"]))[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            several = drawing.coloured_by_g(rows)
            if len(several) == 1:
                drawing.faint_pairs(one, rows, "drive")
            drawing.zero_and_one(one)
            for at_g, colour, label in several:
                drawing.mean_line(one, at_g, "drive", "interference", colour, label)
            one.set_title(title)
            drawing.number_line(one, "x", "drive")
            one.set_ylabel("interference")
            drawing.legend(one)
        drawing.same_limits(axes, "y")
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
