"""C3: a second memory is learnt either by rotating the fixed point of the first or by forming a new fixed point."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.c2_drive import MIN_DRIVES
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import (
    apart_from,
    equal,
    groups,
    labels_of,
    lacking,
    paired_change,
    pairs,
    per_seed,
    rank_correlation,
    settled,
    values_of,
)
from rnnbench.reports.estimates import Estimate, estimate, informative
from rnnbench.results.reading import Results

ID = "C3"
MODE_FALL = 0.5
"""More than half of the way from rotation (1) to formation (0)."""
RANK = 0.5
"""Requires that the mode predicts which networks interfere over the whole range of drives."""
FORMATION = 0.1
"""In trials of A, B's output has less than a tenth of the squared output, so A's fixed point has stayed in place."""
RULE = (
    "The mode index is 0 for formation and 1 for rotation. For networks that learnt A and then a different task B: (a) "
    f"the mode index at the lowest drive minus that at the highest drive is above {MODE_FALL}; (b) the rank "
    "correlation of mode index and interference over the networks of a seed (all drives and pairs) is above "
    f"{RANK}; (c) the mode index at the highest drive is below {FORMATION}. A network whose activity decayed has no "
    "mode and does not count. Drives at which half of the networks or more do not count are left out and listed; at "
    f"least {MIN_DRIVES} drives must remain."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C3; "" if they can.

    They need different fixed-point tasks at three values of drive or more, and a measured mode of learning.
    """
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive were run"
    if reason := lacking(results, "mode_index"):
        return reason
    return "" if len(_table(results)) else "there are no pairs of different fixed-point tasks in unrestricted networks"


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        drives, notes = settled(rows, "drive")
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        rows = rows[rows["drive"].isin(drives)] if drives else rows
        change, formed = mode_parts(rows, drives, (ID, name))
        further = _rotations(rows, drives, name)
        parts = (change, mode_and_interference(rows, (ID, name)), formed)
        findings.append(Finding.of(ID, name, rows, parts, further, hindrance=hindrance, notes=notes))
    return findings


def mode_parts(rows: pd.DataFrame, drives: list[float], names: tuple[str, ...]) -> tuple[Estimate, Estimate]:
    """Parts (a) and (c): fall of the mode index with drive, and its value at the highest drive.

    Args:
        rows: the networks of one group, a row for each pair and seed.
        drives: the drives to use, ascending.
        names: names of the stream of random numbers.

    Returns:
        The estimate of (a), the mode index at the lowest drive minus that at the highest, compared with `MODE_FALL`;
        and the estimate of (c), the mode index at the highest drive, compared with `FORMATION`.
    """
    change = -paired_change(rows, "drive", drives[0], drives[-1], "mode_index") if drives else np.empty(0)
    highest = per_seed(rows[rows["drive"] == drives[-1]], "mode_index").to_numpy() if drives else np.empty(0)
    return (
        estimate("mode index at lowest minus highest drive", change, MODE_FALL, "above", (*names, "mode")),
        estimate("mode index at highest drive", highest, FORMATION, "below", (*names, "formation")),
    )


def mode_and_interference(rows: pd.DataFrame, names: tuple[str, ...]) -> Estimate:
    """Part (b): rank correlation of mode index and interference over the networks of each seed.

    Args:
        rows: the networks of one group, a row for each pair and seed.
        names: names of the stream of random numbers.

    Returns:
        The estimate, compared with `RANK`.
    """
    counted = rows[rows["counted"]]
    ranks = [rank_correlation(seed["mode_index"], seed["interference"]) for _, seed in counted.groupby("seed")]
    return estimate("rank correlation of mode index and interference", ranks, RANK, "above", (*names, "rank"))


def _rotations(rows: pd.DataFrame, drives: list[float], name: str) -> tuple[Estimate, ...]:
    """The angle by which A's fixed points moved, at the lowest and highest drive, where it was measured."""
    if "rotation_angle" not in rows or not drives:
        return ()
    known = rows.assign(counted=rows["counted"] & rows["rotation_angle"].notna())
    return tuple(
        informative(
            f"angle by which A's fixed points moved at the {word} drive (rad)",
            per_seed(known[known["drive"] == drive], "rotation_angle"),
            (ID, name, "angle", word),
        )
        for word, drive in (("lowest", drives[0]), ("highest", drives[-1]))
    )


def figure(results: Results) -> Figure:
    """Mode index and angle against drive, and interference against mode index, for each architecture, rule and size."""
    blocks = list(groups(_table(results), leaving_out=["g"]))[: drawing.MOST_PANELS // 3]
    with style.look("ticks"):
        page, axes = drawing.panels(3 * len(blocks))
        for block, (title, (_, rows)) in enumerate(zip(_titles(blocks), blocks, strict=True)):
            mode, angle, scatter = axes[3 * block : 3 * block + 3]
            rows, numbers = equal(rows, "g", "drive")
            for at_g, colour, label in drawing.coloured_by_g(rows):
                drawing.mean_line(mode, at_g, "drive", "mode_index", colour, label)
                if "rotation_angle" in rows:
                    drawing.mean_line(angle, at_g, "drive", "rotation_angle", colour, label)
            mode.set(ylabel="mode index", ylim=(-0.05, 1.05), title=drawing.with_numbers(title, numbers))
            mode.text(0.98, 0.97, "1: rotation", transform=mode.transAxes, ha="right", va="top", color=style.MUTED)
            mode.text(0.02, 0.03, "0: formation", transform=mode.transAxes, va="bottom", color=style.MUTED)
            angle.set(ylabel="angle A's fixed points moved (rad)", ylim=(-0.05, 0.5 * np.pi + 0.05))
            if not rows.get("rotation_angle", pd.Series(dtype=float)).notna().any():
                angle.text(0.5, 0.5, "not measured", transform=angle.transAxes, ha="center", color=style.MUTED)
            for one in (mode, angle):
                drawing.number_line(one, "x", "drive")
            drawing.legend(angle)
            _scatter(page, scatter, rows)
        drawing.note(page, results.interference, drawing.EQUAL, drawing.OVER_SEEDS)
    return page


def _titles(blocks: list[tuple[str, pd.DataFrame]]) -> list[str]:
    return drawing.titles([name for name, _ in blocks])


def _scatter(page: Figure, axes: Axes, rows: pd.DataFrame) -> None:
    """Draw interference against mode index, a point for each network that counts, coloured by drive."""
    counted = rows[rows["counted"]]
    drawing.zero_and_one(axes)
    points = axes.scatter(
        counted["mode_index"], counted["interference"], c=counted["drive"], s=14, cmap="viridis", alpha=0.8, lw=0
    )
    axes.set(xlabel="mode index", ylabel="interference", xlim=(-0.05, 1.05))
    page.colorbar(points, ax=axes, label="drive", pad=0.02)


def _table(results: Results) -> pd.DataFrame:
    table = pairs(results, "mode_index", beside=("rotation_angle",))
    memories = labels_of(results.benchmark.tasks, "fixed_points")
    both = table["first_task"].isin(memories) & table["second_task"].isin(memories) & ~table["same"]
    # C4 covers the networks in which only a 2x2 matrix is learnt.
    restricted = labels_of(results.benchmark.architectures, "restricted_rnn")
    return apart_from(table[both & ~table["architecture"].isin(restricted)], "drive")


CLAIM = Claim(
    ID,
    "Rotation or formation",
    "In the fixed-point (working-memory) task, B is learnt either by rotating A's fixed point in phase space or by "
    "forming a new one; rotation goes with autonomous dynamics and with interference, formation goes with input-driven "
    "dynamics and without interference.",
    RULE,
    applies,
    judge,
    figure,
)
