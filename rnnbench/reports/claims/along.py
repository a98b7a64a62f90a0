"""How interference changes along g or drive, at three moments of equal progress and over the same networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures.against import interference_against
from rnnbench.reports.claims.claim import Finding
from rnnbench.reports.claims.groups import group_name, pairs
from rnnbench.reports.estimates import Direction, Estimate, estimate, informative
from rnnbench.results.comparisons import TITLES, Compared, changes, compared, reached
from rnnbench.results.intervals import by_seed_and_tasks, task_interval
from rnnbench.results.reading import Results

MOMENTS = ("criterion", "updates", "tenth")
"""The moments of the training on B at which a claim has to hold. At half of B's loss it is reported only."""
MOMENTS_IN_WORDS = (
    "at B's criterion; after equal numbers of updates (for each pair and seed the smallest over all values); and when "
    "B's loss has fallen to a tenth of its untrained loss"
)
MOST_BLOCKS = 6
"""Groups that a figure shows; the table of the report has all."""
SAME = "the pairs and seeds that count at all values at which at least half of the networks count"


def along(results: Results, across: str) -> list[tuple[str, Compared]]:
    """The comparisons of different tasks along a number, each with the name of its group.

    Args:
        results: the results of one benchmark.
        across: "g" or a condition such as "drive".
    """
    table = _counted(results)
    found = compared(table, results.curves, across) if across in table else ()
    return [(group_name(one.setting), one) for one in found]


def _counted(results: Results) -> pd.DataFrame:
    """The interference table, in which a network counts only if it learnt B too."""
    table = pairs(results)
    return table.assign(converged_first=table["counted"])


def drawn(results: Results, across: str) -> Figure:
    """Interference against a number at all moments of equal progress, with pairs and seeds, a block for each group."""
    found = [one for _, one in along(results, across)][:MOST_BLOCKS]
    return interference_against(found, _counted(results), results.curves)


def finding(
    claim: str, name: str, one: Compared, parts: Sequence[Estimate], further: Sequence[Estimate], hindrance: str = ""
) -> Finding:
    """The finding on one comparison, with notes on what was left out and on how many pairs fall."""
    criterion = reached(one, "criterion interference")
    n_networks = criterion.groupby(["first_task", "second_task", "seed"]).ngroups
    if len(one.values) < 2:
        hindrance = f"at least half of the networks count at {len(one.values)} of the values only"
    left_out = one.of_networks - n_networks if one.of_networks else 0
    return Finding(claim, name, tuple(parts), tuple(further), one.of_networks, left_out, hindrance, tuple(_notes(one)))


def _notes(one: Compared) -> list[str]:
    notes = []
    if one.left_out:
        values = ", ".join(f"{value:g}" for value in one.left_out)
        notes.append(f"{one.across} = {values} left out: fewer than half of the networks count")
    for moment in MOMENTS:
        name = f"{moment} interference"
        by_pair = changes(one, name).groupby(["first_task", "second_task"])["change"].mean()
        means = reached(one, name).groupby(one.across)[name].mean()
        if len(by_pair):
            fallen = f"{int((by_pair < 0).sum())} of {len(by_pair)} pairs fall"
            notes.append(f"{TITLES[moment]} {fallen}; the mean is smallest at {one.across} = {means.idxmin():g}")
    return notes


def change(one: Compared, moment: str, quantity: str, names: tuple[str, ...]) -> tuple[Estimate, Estimate]:
    """The change along all values, from the first to the last: the estimate over seeds, and that over tasks.

    Args:
        one: the comparison.
        moment: one of the moments of `rnnbench.results.comparisons`.
        quantity: "interference" or another of its quantities.
        names: names of the stream of random numbers.
    """
    found = changes(one, f"{moment} {quantity}")
    statement = f"change of {quantity.replace('_', ' ')} along {one.across} {TITLES[moment]}"
    over_seeds = informative(
        statement, found.groupby("seed")["change"].mean().to_numpy(float), (*names, moment, quantity)
    )
    return over_seeds, over_tasks(found, "change", statement)


def over_tasks(table: pd.DataFrame, column: str, statement: str) -> Estimate:
    """The mean of a column over pairs, with the 95 % interval over tasks; it decides nothing.

    Args:
        table: rows with the columns first_task, second_task, seed and `column`.
        column: name of the column.
        statement: what is estimated, in words.
    """
    values = by_seed_and_tasks(table, column)
    low, high = task_interval(values)
    mean = float(table.groupby("seed")[column].mean().mean())
    n_tasks = table["first_task"].nunique()
    return Estimate(f"{statement}, over tasks", mean, low, high, np.nan, "none", n_tasks)


def contrast(one: Compared, moment: str, weights: Sequence[float]) -> pd.DataFrame:
    """A weighted sum of the interference at the compared values, for each pair and seed.

    Args:
        one: the comparison.
        moment: one of the moments of `rnnbench.results.comparisons`.
        weights: a weight for each of the compared values.

    Returns:
        A table with the columns first_task, second_task, seed and contrast.
    """
    name = f"{moment} interference"
    index = ["first_task", "second_task", "seed"]
    wide = reached(one, name).pivot(index=index, columns=one.across, values=name).reindex(columns=list(one.values))
    return wide.index.to_frame(index=False).assign(contrast=wide.to_numpy(float) @ np.asarray(weights, dtype=float))


def tested(
    table: pd.DataFrame, column: str, statement: str, threshold: float, direction: Direction, names: tuple[str, ...]
) -> Estimate:
    """The mean of a column over the pairs of each seed, held against a threshold over seeds."""
    return estimate(statement, table.groupby("seed")[column].mean().to_numpy(float), threshold, direction, names)
