"""C6: in a network that knows A, a larger g speeds up forming B's fixed point much more than rotating A's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import apart_from, equal, groups, lacking, pairs, per_seed, settled, values_of
from rnnbench.reports.estimates import estimate, informative
from rnnbench.results.reading import Results

ID = "C6"
DOUBLINGS = 1.0
"""One doubling more: formation speeds up by at least twice the factor of rotation."""
HIGH = 0.5
"""At this input correlation or above, B's input holds the network nearer to A's fixed point than to a new one."""
HALFWAY = 0.5
"""B was formed if the mode index is below this, and rotated if it is above."""
MIN_G = 3
RULE = (
    "Both times are numbers of updates to criterion of B in the network that knows A, in the same condition but for "
    "the input correlation. The time of formation is that with no correlation between inputs, at values of g where "
    f"the mean mode index is below {HALFWAY}; the time of rotation is that at the highest input correlation, which "
    f"must be at least {HIGH} (there B's input puts the network at A's fixed point), where the mean mode index is "
    f"above {HALFWAY}. Values of g at which half of the networks or more do not count, or have the other mode, are "
    "left out. For each seed, log2 of [U_f(smallest g) / U_f(largest g)] / [U_r(smallest g) / U_r(largest g)], "
    f"averaged over the tasks that count at both values of g, is above {DOUBLINGS}. At least {MIN_G} values of g are "
    "needed. Beside it stand the gain from each g to the next, and the formation of A in a fresh network, which do not "
    "decide."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C6; "" if they can.

    They need uncorrelated and highly correlated inputs, run at three values of g or more, and the mode index.
    """
    table = results.interference
    correlations = values_of(table, "input_correlation")
    if not correlations or correlations[0] != 0 or correlations[-1] < HIGH:
        return f"there are no conditions with input_correlation 0 and at least {HIGH}"
    if len(values_of(table, "g")) < MIN_G:
        return f"fewer than {MIN_G} values of g were run"
    if reason := lacking(results, "mode_index"):
        return reason
    return "" if len(_table(results)) else "there are no pairs of different tasks"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition (apart from the input correlation), architecture, rule and size."""
    blocks = groups(_table(results), leaving_out=["g"])
    return [_finding(name, rows) for name, rows in blocks if len(values_of(rows, "g")) >= MIN_G]


def _finding(name: str, rows: pd.DataFrame) -> Finding:
    forming, rotating, fresh = _timed(rows)
    usable, notes = _usable(forming, rotating)
    low, high = (usable[0], usable[-1]) if len(usable) > 1 else (math.nan, math.nan)
    speeds = {"formation": speed_up(forming, low, high), "rotation": speed_up(rotating, low, high)}
    both = pd.DataFrame(speeds).dropna()
    statement = f"doublings of speed from g = {low:g} to {high:g}, formation minus rotation"
    gained = (both["formation"] - both["rotation"]).to_numpy(float)
    part = estimate(statement, gained, DOUBLINGS, "above", (ID, name))
    further = [
        informative(f"doublings of the speed of {kind}", speed, (ID, name, kind)) for kind, speed in speeds.items()
    ]
    for start, end in itertools.pairwise(usable):
        step = f"from g = {start:g} to {end:g}"
        further += [
            informative(f"doublings of the speed of {kind} {step}", speed_up(each, start, end), (ID, name, kind, step))
            for kind, each in (("formation", forming), ("rotation", rotating))
        ]
    known = settled(fresh, "g")[0]
    if len(known) > 1:
        statement = f"doublings of the speed of forming A in a fresh network, from g = {known[0]:g} to {known[-1]:g}"
        further.append(informative(statement, speed_up(fresh, known[0], known[-1]), (ID, name, "fresh")))
    hindrance = f"formation and rotation are known at {len(usable)} values of g only" if len(usable) < MIN_G else ""
    compared = pd.concat([kind[kind["g"].isin(usable or values_of(kind, "g"))] for kind in (forming, rotating)])
    return Finding.of(ID, name, compared, (part,), further, hindrance=hindrance, notes=notes)


def _usable(forming: pd.DataFrame, rotating: pd.DataFrame) -> tuple[list[float], list[str]]:
    """The values of g at which both kinds were learnt, each by its own mode, and a note on each other value."""
    usable, notes = [], []
    for g in values_of(forming, "g"):
        reasons = []
        for kind, rows, is_own in (("formation", forming, np.less), ("rotation", rotating, np.greater)):
            at = rows[rows["g"] == g]
            mode = per_seed(at, "mode_index").mean()
            if 2 * at["counted"].sum() <= len(at):
                reasons.append(f"{kind}: {at['counted'].sum()} of {len(at)} networks count")
            elif not is_own(mode, HALFWAY):
                reasons.append(f"{kind}: the mode index is {mode:.2f}")
        if reasons:
            notes.append(f"g = {g:g} is left out ({'; '.join(reasons)})")
        else:
            usable.append(g)
    return usable, notes


def _timed(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three tables with `updates`: formation and rotation of B (a row for each pair), and A in a fresh network."""
    timed = rows.assign(updates=rows["updates_second"].astype(float))
    forming = timed[timed["input_correlation"] == 0]
    rotating = timed[timed["input_correlation"] == timed["input_correlation"].max()]
    formed = forming["converged_first"].eq(True).fillna(False).astype(bool)
    # The number of updates on the first task does not depend on the second task.
    fresh = forming.assign(updates=forming["updates_first"].astype(float), counted=formed, second_task="")
    fresh = fresh[fresh["earlier_tasks"] == ""].drop_duplicates(["g", "seed", "first_task"])
    return forming, rotating, fresh


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
    """Updates that B takes by formation and by rotation, and A in a fresh network, with a panel for each group."""
    blocks = [b for b in groups(_table(results), leaving_out=["g"]) if len(values_of(b[1], "g")) >= MIN_G]
    blocks = blocks[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        for one, title, (_, rows) in zip(axes, drawing.titles([name for name, _ in blocks]), blocks, strict=True):
            forming, rotating, fresh = _timed(rows)
            usable, _ = _usable(forming, rotating)
            for kind, label, colour, known in (
                (forming, "B by formation (after A)", "#31688e", usable),
                (rotating, "B by rotation (after A)", "#c65383", usable),
                (fresh, "A in a fresh network", "#9a9a9a", settled(fresh, "g")[0]),
            ):
                _line(one, equal(kind[kind["g"].isin(known)], "g")[0], label, colour)
            one.set_yscale("log", base=2)
            one.yaxis.set_major_formatter("{x:g}")
            one.set_title(drawing.with_numbers(title, "" if usable else "no g with both modes"))
            drawing.number_line(one, "x", "g")
            one.set_ylabel("updates to criterion")
        drawing.same_limits(axes, "y")
        drawing.shared_legend(page, axes[0])
        drawing.note(page, results.interference, drawing.EQUAL, drawing.OVER_SEEDS)
    return page


def _line(axes: Axes, rows: pd.DataFrame, label: str, colour: str) -> None:
    """Draw the geometric mean of the updates of one kind of learning, with all seeds as dots."""
    rows = rows.assign(doublings=np.log2(rows["updates"].clip(lower=1)))
    counted = rows[rows["counted"]]
    axes.plot(counted["g"], counted["updates"], "o", ms=2.5, color=colour, alpha=0.35, lw=0)
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
