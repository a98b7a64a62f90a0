"""The numbers of the overview: kinds of networks side by side, over the pairs and seeds that count in all of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.figures import summary
from rnnbench.figures.moments import numbers_text
from rnnbench.results.comparisons import ESTIMATE, FEWEST, estimate
from rnnbench.results.interference import counts, in_context
from rnnbench.results.progress import PAIR_AND_SEED, Common, at_equal_updates, common

KIND = [*summary.GROUP, "g"]
MOMENTS = ("criterion", "updates")


@dataclass(frozen=True)
class AtMoment:
    """Interference of all kinds at one moment of learning B; the index of every table is the position of the kind.

    Attributes:
        means: the columns `comparisons.ESTIMATE`; NaN where there is none.
        by_seed: mean over pairs, with a column for each seed.
        by_task: mean over second tasks and seeds, with a column for each first task.
        n_networks: number of networks of each kind; 0 if no pair and seed counts in all kinds.
        numbers: over how many pairs and networks of each kind this is, as a text.
    """

    means: pd.DataFrame
    by_seed: pd.DataFrame
    by_task: pd.DataFrame
    n_networks: int
    numbers: str


@dataclass(frozen=True)
class SideBySide:
    """Kinds of networks (architecture, rule, units, condition, earlier tasks and g) that are compared.

    Attributes:
        kinds: the values of the columns KIND of each kind, in order of appearance.
        counted: how many networks of each kind count, and how many there are.
        left_out: positions of the kinds that are left out, since fewer than half of their networks count.
        moments: interference by moment.
        control: mean of the drift controls (A, then more of A) at the criterion, indexed by position.
        has_curves: whether there are curves, without which nothing is known at equal updates.
    """

    kinds: list[dict[str, Any]]
    counted: list[tuple[int, int]]
    left_out: list[int]
    moments: dict[str, AtMoment]
    control: pd.Series
    has_curves: bool


def side_by_side(interference: pd.DataFrame, curves: pd.DataFrame) -> SideBySide:
    """Compare all kinds of networks of a table.

    Args:
        interference: the interference table.
        curves: the curves table; it may be empty.
    """
    table = in_context(interference.reset_index(drop=True))
    different = table["first_task"] != table["second_task"]
    with_pairs = different.groupby([table[name] for name in KIND], dropna=False).transform("any")
    table, different = table[with_pairs], different[with_pairs]
    table = table.assign(kind=table.groupby(KIND, dropna=False, sort=False).ngroup())
    counted = counts(table)[different].groupby(table["kind"]).agg(["sum", "size"])
    left_out = counted.index[counted["sum"] < FEWEST * counted["size"]].tolist()
    compared = table[~table["kind"].isin(left_out)]
    criterion = common(compared, KIND) if len(compared) else Common(compared, 0, 0, 0, 0)
    positions = counted.index.tolist()
    same = criterion.rows[criterion.rows["first_task"] == criterion.rows["second_task"]]
    control = same["interference"].astype(float).groupby(same["kind"]).mean().reindex(positions)
    at_updates = _at_updates(criterion, curves)
    return SideBySide(
        table.drop_duplicates("kind")[KIND].to_dict("records"),  # type: ignore[arg-type]
        list(counted.itertuples(index=False, name=None)),
        left_out,
        {moment: _at(found, positions) for moment, found in zip(MOMENTS, (criterion, at_updates), strict=True)},
        control,
        len(curves) > 0,
    )


def _at_updates(criterion: Common, curves: pd.DataFrame) -> Common:
    """The networks with a curve up to the smallest number of updates over the kinds, and their interference there."""
    if curves.empty or criterion.rows.empty:
        return Common(criterion.rows.iloc[:0], 0, criterion.of_pairs, 0, criterion.of_networks)
    rows = at_equal_updates(criterion.rows, curves, KIND)
    found = common(rows.assign(interference=rows["interference_at_equal_updates"]), KIND)
    return Common(found.rows, found.n_pairs, criterion.of_pairs, found.n_networks, criterion.of_networks)


def _at(found: Common, positions: list[int]) -> AtMoment:
    rows = found.rows[found.rows["first_task"] != found.rows["second_task"]]
    rows = rows[[*PAIR_AND_SEED, "kind", "interference"]].astype({"interference": float})
    means = [estimate(rows[rows["kind"] == kind], "interference") for kind in positions]
    by_seed, by_task = (
        rows["interference"].groupby([rows["kind"], rows[name]]).mean().unstack().reindex(positions)
        for name in ("seed", "first_task")
    )
    return AtMoment(
        pd.DataFrame(means, positions, list(ESTIMATE)),
        by_seed,
        by_task,
        found.n_networks,
        numbers_text(found.n_pairs, found.of_pairs, found.n_networks, found.of_networks),
    )


def drawn(one: SideBySide) -> list[np.ndarray]:
    """Every value that is drawn, for the ends of the axis."""
    tables = [table for at in one.moments.values() for table in (at.means, at.by_seed, at.by_task)]
    return [one.control.to_numpy(float), *(table.to_numpy(float) for table in tables)]
