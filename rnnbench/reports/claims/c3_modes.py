"""C3: a second memory is learnt by rotating the first one's fixed point, or by forming a new one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.c2_drive import MIN_DRIVES
from rnnbench.reports.claims.claim import Claim, Finding, Results
from rnnbench.reports.claims.groups import (
    apart_from,
    groups,
    labels_of,
    lacking,
    left_out,
    paired_change,
    pairs,
    per_seed,
    rank_correlation,
    settled,
    values_of,
)
from rnnbench.reports.estimates import Estimate, estimate, informative

ID = "C3"
MODE_FALL = 0.5
"""More than half the way from rotation (1) to formation (0)."""
RANK = 0.5
"""The mode tells which networks interfere, over the whole range."""
FORMATION = 0.1
"""A's trials lead to B's output with less than a tenth of the squared output: A's fixed point stayed."""
RULE = (
    "With the mode index (0: formation, 1: rotation) of networks that learnt A, then a different B: (a) mode index at "
    f"the lowest minus that at the highest drive is above {MODE_FALL}; (b) the rank correlation of mode index and "
    f"interference over a seed's networks (drives and pairs) is above {RANK}; (c) the mode index at the highest drive "
    f"is below {FORMATION}. A network whose activity decayed has no mode and does not count. Drives at which half of "
    f"the networks or more do not count are left out and named; at least {MIN_DRIVES} must stay."
)


def applies(results: Results) -> str:
    """Empty if at least three values of drive were run on different tasks and the mode of learning was measured."""
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive"
    if reason := lacking(results, "mode_index"):
        return reason
    return "" if len(_table(results)) else "no pairs of different fixed-point tasks in unrestricted networks"


def judge(results: Results) -> list[Finding]:
    """A finding for each architecture, rule, g and size."""
    findings = []
    for name, rows in groups(_table(results)):
        drives, notes = settled(rows, "drive")
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        rows = rows[rows["drive"].isin(drives)] if drives else rows
        change, formed = mode_parts(rows, drives, (ID, name))
        further = _rotations(rows, drives, name)
        parts = (change, mode_and_interference(rows, (ID, name)), formed)
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


def mode_parts(rows: pd.DataFrame, drives: list[float], names: tuple[str, ...]) -> tuple[Estimate, Estimate]:
    """(a) the fall of the mode index from the lowest to the highest of `drives`, and (c) its value there."""
    change = -paired_change(rows, "drive", drives[0], drives[-1], "mode_index") if drives else np.empty(0)
    highest = per_seed(rows[rows["drive"] == drives[-1]], "mode_index").to_numpy() if drives else np.empty(0)
    return (
        estimate("mode index at lowest minus highest drive", change, MODE_FALL, "above", (*names, "mode")),
        estimate("mode index at highest drive", highest, FORMATION, "below", (*names, "formation")),
    )


def mode_and_interference(rows: pd.DataFrame, names: tuple[str, ...]) -> Estimate:
    """(b) Rank correlation of mode index and interference over each seed's networks."""
    counted = rows[rows["counted"]]
    ranks = [rank_correlation(seed["mode_index"], seed["interference"]) for _, seed in counted.groupby("seed")]
    return estimate("rank correlation of mode index and interference", ranks, RANK, "above", (*names, "rank"))


def _rotations(rows: pd.DataFrame, drives: list[float], name: str) -> tuple[Estimate, ...]:
    """The angle by which A's fixed points moved, at both ends, where it was measured."""
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
    """For each architecture, rule and size: mode index and angle against drive, and interference against mode index."""
    blocks = list(groups(_table(results), leaving_out=["g"]))[: drawing.MOST_PANELS // 3]
    with style.look("ticks"):
        page, axes = drawing.panels(3 * len(blocks))
        for place, (title, (_, rows)) in enumerate(zip(_titles(blocks), blocks, strict=True)):
            mode, angle, scatter = axes[3 * place : 3 * place + 3]
            for at_g, colour, label in drawing.coloured_by_g(rows):
                drawing.mean_line(mode, at_g, "drive", "mode_index", colour, label)
                if "rotation_angle" in rows:
                    drawing.mean_line(angle, at_g, "drive", "rotation_angle", colour, label)
            mode.set(ylabel="mode index", ylim=(-0.05, 1.05), title=title)
            mode.text(0.98, 0.97, "1: rotation", transform=mode.transAxes, ha="right", va="top", color=style.MUTED)
            mode.text(0.02, 0.03, "0: formation", transform=mode.transAxes, va="bottom", color=style.MUTED)
            angle.set(ylabel="angle A's fixed points moved (rad)", ylim=(-0.05, 0.5 * np.pi + 0.05))
            if not rows.get("rotation_angle", pd.Series(dtype=float)).notna().any():
                angle.text(0.5, 0.5, "not measured", transform=angle.transAxes, ha="center", color=style.MUTED)
            for one in (mode, angle):
                drawing.number_line(one, "x", "drive")
            drawing.legend(angle)
            _scatter(page, scatter, rows)
    return page


def _titles(blocks: list[tuple[str, pd.DataFrame]]) -> list[str]:
    return drawing.titles([name for name, _ in blocks])


def _scatter(page: Figure, axes: Axes, rows: pd.DataFrame) -> None:
    """Each network that counts: interference against mode index, coloured by drive."""
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
    # Networks in which only a 2x2 matrix learns are another claim's.
    restricted = labels_of(results.benchmark.architectures, "restricted_rnn")
    return apart_from(table[both & ~table["architecture"].isin(restricted)], "drive")


CLAIM = Claim(
    ID,
    "Rotation or formation",
    "In the fixed-point (working-memory) task, B is learnt either by rotating A's fixed point in phase space or by "
    "forming a new one; rotation goes with autonomous dynamics and with interference, formation with input-driven "
    "dynamics and without.",
    RULE,
    applies,
    judge,
    figure,
)
