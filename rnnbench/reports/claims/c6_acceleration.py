"""C6: a larger g speeds up the formation of a new fixed point much more than the rotation of an old one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import apart_from, equal, groups, pairs, per_seed, settled, too_few, values_of
from rnnbench.reports.estimates import estimate, informative
from rnnbench.results.reading import Results

ID = "C6"
DOUBLINGS = 1.0
"""One doubling more: formation speeds up by at least twice the factor of rotation."""
HIGH = 0.5
"""At this input correlation or above, B's input holds the network nearer to A's fixed point than to a new one."""
ROTATES = 0.5
"""A mode index below this shows that B was not learnt by rotation."""
MIN_G = 3
RULE = (
    "The time of formation, U_f, is the number of updates to criterion of A, learnt first, with no correlation between "
    "inputs. The time of rotation, U_r, is that of B after A at the highest input correlation, which must be at least "
    f"{HIGH}; there B's input puts the network at A's fixed point. For each seed, log2 of [U_f(smallest g) / "
    "U_f(largest g)] / [U_r(smallest g) / U_r(largest g)], averaged over the tasks that count at both values of g, is "
    f"above {DOUBLINGS}. The smallest g is the smallest value at which more than half of both kinds count. If the mode "
    f"index at the highest correlation is known and below {ROTATES}, B was not learnt by rotation and the verdict is "
    f"undecided. At least {MIN_G} values of g are needed."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C6; "" if they can.

    They need uncorrelated and highly correlated inputs, run at three values of g or more.
    """
    table = results.interference
    correlations = values_of(table, "input_correlation")
    if not correlations or correlations[0] != 0 or correlations[-1] < HIGH:
        return f"there are no conditions with input_correlation 0 and at least {HIGH}"
    if len(values_of(table, "g")) < MIN_G:
        return f"fewer than {MIN_G} values of g were run"
    return "" if len(_table(results)) else "there are no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition (apart from the input correlation), architecture, rule and size."""
    findings = []
    for name, rows in groups(_table(results), leaving_out=["g"]):
        all_g = values_of(rows, "g")
        if len(all_g) < MIN_G:
            continue
        forming, rotating = _timed(rows)
        learnt, formation_notes = settled(forming, "g")
        rotated, rotation_notes = settled(rotating, "g")
        learnt = [g for g in learnt if g in rotated]
        low, high = (learnt[0] if learnt else all_g[0]), all_g[-1]
        formation = speed_up(forming, low, high)
        rotation = speed_up(rotating, low, high)
        both = pd.DataFrame({"formation": formation, "rotation": rotation}).dropna()
        part = estimate(
            f"doublings of speed from g = {low:g} to {high:g}, formation minus rotation",
            (both["formation"] - both["rotation"]).to_numpy(float),
            DOUBLINGS,
            "above",
            (ID, name),
        )
        further = [
            informative("doublings of the speed of formation", formation, (ID, name, "formation")),
            informative("doublings of the speed of rotation", rotation, (ID, name, "rotation")),
        ]
        hindrance = _hindrance(forming, rotating, low, high, len(learnt))
        if "mode_index" in rows:
            mode = per_seed(rotating.assign(counted=rotating["counted"] & rotating["mode_index"].notna()), "mode_index")
            further.append(informative("mode index at the highest correlation", mode, (ID, name, "mode")))
            if further[-1].value < ROTATES:
                hindrance = hindrance or f"mode index {further[-1].value:.2f}: B was not learnt by rotation"
        compared = pd.concat([kind[kind["g"].isin([low, high])] for kind in (forming, rotating)])
        notes = [f"formation: {note}" for note in formation_notes] + [f"rotation: {note}" for note in rotation_notes]
        findings.append(Finding.of(ID, name, compared, (part,), further, hindrance=hindrance, notes=notes))
    return findings


def _hindrance(forming: pd.DataFrame, rotating: pd.DataFrame, low: float, high: float, n_learnt: int) -> str:
    """Why the speeds cannot be compared; "" if they can."""
    if n_learnt < MIN_G:
        return f"there are fewer than {MIN_G} values of g at which both kinds were learnt"
    if low == high:
        return "both kinds were learnt at one g only"
    for mode, kind in (("formation", forming), ("rotation", rotating)):
        if reason := too_few(kind[kind["g"] == high], f"g = {high:g} ({mode})"):
            return reason
    return ""


def _timed(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables with `updates`: formation (a row for each first task) and rotation (a row for each pair)."""
    highest = rows["input_correlation"].max()
    forming = rows[(rows["input_correlation"] == 0) & (rows["earlier_tasks"] == "")].drop_duplicates(
        ["g", "seed", "first_task"]
    )
    rotating = rows[rows["input_correlation"] == highest]
    formed = forming["converged_first"].eq(True).fillna(False).astype(bool)
    return (
        # The number of updates on the first task does not depend on the second task.
        forming.assign(updates=forming["updates_first"].astype(float), counted=formed, second_task=""),
        rotating.assign(updates=rotating["updates_second"].astype(float)),
    )


def speed_up(rows: pd.DataFrame, low: float, high: float) -> pd.Series:
    """How many times the speed of learning doubles from one g to another, for each seed.

    This is log2(updates at `low` / updates at `high`), averaged over the networks of a seed that count at both. A
    number of updates below one is taken as one.

    Args:
        rows: networks with the columns g, seed, first_task, second_task, updates and counted.
        low: the g to start from.
        high: the g to compare it with.

    Returns:
        Doublings, indexed by seed.
    """
    counted = rows[rows["counted"]]
    counted = counted.assign(doublings=np.log2(counted["updates"].clip(lower=1)))
    names = ["seed", "first_task", "second_task"]
    at_low, at_high = (counted[counted["g"] == g].groupby(names)["doublings"].mean() for g in (low, high))
    return (at_low - at_high).dropna().groupby(level="seed").mean()


def figure(results: Results) -> Figure:
    """Speed of formation and rotation relative to the smallest g, with a panel for each group."""
    blocks = [b for b in groups(_table(results), leaving_out=["g"]) if len(values_of(b[1], "g")) >= MIN_G]
    blocks = blocks[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            kinds = _timed(rows)
            learnt = [g for g in settled(kinds[0], "g")[0] if g in settled(kinds[1], "g")[0]]
            equal_kinds = [equal(kind[kind["g"].isin(learnt)], "g") for kind in kinds]
            one.axhline(1, color="#cfcfcf", lw=0.8, zorder=0)
            for (kind, _), label, colour in zip(
                equal_kinds, ("formation (A first)", "rotation (B after A)"), ("#31688e", "#c65383"), strict=True
            ):
                if learnt:
                    _line(one, kind, learnt, label, colour)
            one.set_yscale("log", base=2)
            one.yaxis.set_major_formatter("{x:g}")
            one.set_title(drawing.with_numbers(title, f"rotation: {equal_kinds[1][1]}"))
            drawing.number_line(one, "x", "g")
            one.set_ylabel(f"speed relative to g = {learnt[0]:g}" if learnt else "speed")
        drawing.same_limits(axes, "y")
        drawing.shared_legend(page, axes[0])
        drawing.note(page, results.interference, drawing.EQUAL, drawing.OVER_SEEDS)
    return page


def _line(axes: Axes, kind: pd.DataFrame, learnt: list[float], label: str, colour: str) -> None:
    """Draw the mean speed of one kind of learning, relative to the smallest g at which it was learnt."""
    seeds = pd.DataFrame({g: speed_up(kind, learnt[0], g) for g in learnt})
    rows = seeds.rename_axis("seed").reset_index().melt("seed", var_name="g", value_name="doublings")
    rows = rows.assign(counted=rows["doublings"].notna(), g=rows["g"].astype(float))
    drawing.mean_line(axes, rows, "g", "doublings", colour, label, power_of=2.0)


def _table(results: Results) -> pd.DataFrame:
    table = pairs(results, beside=("mode_index",))
    return apart_from(table[~table["same"]], "input_correlation")


CLAIM = Claim(
    ID,
    "Connectivity accelerates formation",
    "g accelerates new formation much more than rotation, so formation wins the race to zero loss.",
    RULE,
    applies,
    judge,
    figure,
)
