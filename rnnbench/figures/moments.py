"""The numbers of the figures against g, drive and the like: one comparison at its four moments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.figures import style, summary
from rnnbench.results.comparisons import (
    ESTIMATE,
    HALF,
    MOMENTS,
    TENTH,
    Compared,
    comparison_table,
    reached,
    trend_table,
)
from rnnbench.results.interference import counts, in_context
from rnnbench.results.progress import at_equal_loss, common, names_without

PARTS = ("architecture", "rule", "units", "condition", "earlier_tasks")
"""Columns of a setting that are named in titles, besides g."""

QUANTITIES = ("interference", "skill_lost")
"""The quantities that are drawn."""

LONG = 29  # characters that fit above a panel


@dataclass(frozen=True)
class Series:
    """One quantity at one moment, over the same pairs and seeds at every value.

    Attributes:
        means: the columns `comparisons.ESTIMATE`, indexed by all values, NaN at those left out.
        by_seed: mean over pairs, indexed by value, with a column for each seed.
        by_task: mean over second tasks and seeds, indexed by value, with a column for each first task.
        n_pairs: number of pairs of the means.
        of_pairs: number of pairs in the benchmark.
        n_networks: number of networks at each value of the means.
        of_networks: number of networks at each value in the benchmark.
        change: the row of trends.csv: the change from the first to the last value; empty if there is none.
    """

    means: pd.DataFrame
    by_seed: pd.DataFrame
    by_task: pd.DataFrame
    n_pairs: int
    of_pairs: int
    n_networks: int
    of_networks: int
    change: dict[str, Any]

    @property
    def numbers(self) -> str:
        """How many pairs and networks these are; see `numbers_text`."""
        return numbers_text(self.n_pairs, self.of_pairs, self.n_networks, self.of_networks)


@dataclass(frozen=True)
class Block:
    """The data of one comparison's panels.

    Attributes:
        compared: the comparison.
        values: all values in ascending order, those left out included.
        series: what is drawn, by moment and quantity.
        control: mean interference of the drift controls (A, then more of A) at the criterion, indexed by value.
        used: fraction of the networks that count and have a number at a moment, by moment: of all networks, indexed by
            value; and with a column for each first task.
    """

    compared: Compared
    values: list[float]
    series: dict[tuple[str, str], Series]
    control: pd.Series
    used: dict[str, tuple[pd.Series, pd.DataFrame]]

    @property
    def parts(self) -> list[str]:
        """The parts of the setting as texts; a part without information is empty."""
        setting = self.compared.setting
        architecture, rule, units, condition, earlier = (setting.get(name, "") for name in PARTS)
        texts = style.group_parts((architecture, rule, units, condition, earlier), 28)
        texts = [text if name in setting else "" for name, text in zip(PARTS, texts, strict=True)]
        g = setting.get("g")
        return [*texts, "" if g is None or pd.isna(g) else f"g = {g:g}"]


def numbers_text(n_pairs: int, of_pairs: int, n_networks: int, of_networks: int) -> str:
    """How many pairs and networks count, e.g. "28/30 pairs, 140/150 networks"; long ones are on two lines."""
    pairs, networks = f"{n_pairs}/{of_pairs} pairs", f"{n_networks}/{of_networks} networks"
    return f"{pairs}, {networks}" if len(pairs) + len(networks) < LONG else f"{pairs},\n{networks}"


def block(one: Compared, interference: pd.DataFrame, curves: pd.DataFrame) -> Block:
    """Collect the numbers of one comparison.

    Args:
        one: a comparison of numbers.
        interference: the interference table that it was made from.
        curves: the curves table.
    """
    values = sorted([*one.values, *one.left_out])
    means, trends = comparison_table([one]), trend_table([one])
    series = {
        (moment, quantity): _series(one, values, moment, quantity, means, trends)
        for moment in MOMENTS
        for quantity in QUANTITIES
    }
    rows = rows_of(one, interference)
    different = rows["first_task"] != rows["second_task"]
    return Block(one, values, series, _control(one, rows, values), _used(one, rows[different], curves))


def is_drawn(one: Compared) -> bool:
    """Whether a comparison is one of numbers, which can be drawn along an axis."""
    values = [*one.values, *one.left_out]
    return all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)


def _series(
    one: Compared, values: list[float], moment: str, quantity: str, means: pd.DataFrame, trends: pd.DataFrame
) -> Series:
    name = f"{moment} {quantity}"
    rows = reached(one, name)
    chosen, change = (table[(table["moment"] == moment) & (table["quantity"] == quantity)] for table in (means, trends))
    ends = pd.DataFrame(chosen[list(ESTIMATE)].to_numpy(float), list(one.values), list(ESTIMATE))
    by_seed, by_task = (
        rows[name].astype(float).groupby([rows[one.across], rows[by]]).mean().unstack().reindex(values)
        for by in ("seed", "first_task")
    )
    order = [task for task in summary.task_order(one.rows) if task in by_task.columns]
    networks = ["first_task", "second_task", "seed"]
    return Series(
        ends.reindex(values),
        by_seed,
        by_task[order],
        rows.groupby(networks[:2]).ngroups,
        one.of_pairs,
        rows.groupby(networks).ngroups,
        one.of_networks,
        next(iter(change.to_dict("records")), {}),  # type: ignore[arg-type]
    )


def rows_of(one: Compared, interference: pd.DataFrame) -> pd.DataFrame:
    """All rows of a comparison: drift controls, and networks that do not count, included.

    Args:
        one: a comparison of numbers.
        interference: the interference table that it was made from.
    """
    table = in_context(interference)
    names = names_without(table, [one.across])
    mine = table[one.across].isin([*one.values, *one.left_out])
    for name, value in one.setting.items():
        mine &= names[name].isna() if pd.isna(value) else names[name].eq(value).fillna(False)
    return table[mine.astype(bool)]


def _control(one: Compared, rows: pd.DataFrame, values: list[float]) -> pd.Series:
    """The drift controls of the tasks and seeds that count at all compared values."""
    same = rows[(rows["first_task"] == rows["second_task"]) & rows[one.across].isin(one.values)]
    if same.empty:
        return pd.Series(np.nan, index=list(values))
    same = common(same, [one.across]).rows
    return same["interference"].astype(float).groupby(same[one.across]).mean().reindex(values)


def _used(one: Compared, rows: pd.DataFrame, curves: pd.DataFrame) -> dict[str, tuple[pd.Series, pd.DataFrame]]:
    counted = counts(rows)
    has: dict[str, Any] = {"criterion": counted, "updates": counted}
    for moment, fraction in (("half", HALF), ("tenth", TENTH)):
        has[moment] = counted & at_equal_loss(rows, curves, fraction)["interference_at_loss"].notna()
    tasks = summary.task_order(rows)
    used = {}
    for moment, each in has.items():
        by_task = each.astype(float).groupby([rows[one.across], rows["first_task"]]).mean().unstack()
        overall = each.astype(float).groupby(rows[one.across]).mean()
        used[moment] = overall, by_task.reindex(columns=[task for task in tasks if task in by_task])
    return used
