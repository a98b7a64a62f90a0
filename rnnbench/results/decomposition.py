"""How much of the interference between pairs of tasks is due to A, to B, to the pair, and to the seed.

    I(A, B) = mean + row(A) + column(B) + pair(A, B) + what differs between seeds

The effects are those of the least-squares fit to the pair means. The shares of the variance between single cells (one
network each) come from unbiased variance components: `rnnbench.results.variance_components`. Intervals over seeds and
over tasks are those of `rnnbench.results.intervals`, by the jackknife (Arvesen & Schmitz 1970).

Coverage of the 95 % intervals of the shares in simulations (6 and 10 tasks, 5 and 10 seeds, normal effects, shares of
0 to 0.8): over seeds, 92 to 99 % for the shares of these very tasks; over tasks, 89 to 100 % for the shares of the
population that the tasks are drawn from. The lowest figures are those of A and B where each makes 40 % of the
variance, and of B with a share of 0.1 and 10 tasks. Intervals over tasks are wide (about 0.9 for a pairs' share of 0.4
with 6 tasks, 0.6 with 10), because six tasks give only six values for the variance between tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from rnnbench.results.columns import DECOMPOSITION, MATRIX
from rnnbench.results.comparisons import BOUNDS
from rnnbench.results.interference import counts, in_context
from rnnbench.results.intervals import (
    NO_INTERVAL,
    Floats,
    by_seed_and_tasks,
    jackknife_interval,
    pair_means,
    task_interval,
)
from rnnbench.results.variance_components import TERMS, Cells, shares_of, variance_components


class Bounded(NamedTuple):
    """A number with its 95 % intervals; the ends are NaN where there is no interval.

    Attributes:
        value: the number.
        low: lower end of the interval over seeds.
        high: upper end of the interval over seeds.
        low_tasks: lower end of the interval over tasks.
        high_tasks: upper end of the interval over tasks.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    low_tasks: float = math.nan
    high_tasks: float = math.nan


@dataclass(frozen=True)
class Decomposition:
    """The decomposition of the interference of one setting.

    Attributes:
        n_pairs: number of ordered pairs of different tasks with a network that counts.
        n_seeds: number of seeds with a network that counts.
        n_cells: number of networks that count.
        mean: mean over pairs.
        rows: effect of each task as A, with its interval over seeds.
        columns: effect of each task as B, with its interval over seeds.
        pairs: one row for each pair, with first_task, second_task, mean (over seeds) and effect (the mean minus the
            additive fit).
        variances: unbiased estimates of the variances between single cells, by the names in `TERMS`. They may be
            negative, and are NaN where the cells do not determine them.
        shares: shares of the variance between single cells; negative estimates of a variance are taken as 0.
        additive_r2: share of the variance between pair means that rows and columns alone explain. For n tasks and pairs
            without any row or column effect its expectation is (2 n - 2) / (n (n - 1) - 1), e.g. 0.34 for 6 tasks.
        prediction_rank: Spearman's correlation of the pair means with 1 + L0(B) / L0(A); L0 is the untrained loss.
        prediction_r2: 1 - sum (mean - prediction)^2 / sum (mean - average mean)^2, without a fitted parameter; below 0
            if the prediction is worse than the average.
    """

    n_pairs: int
    n_seeds: int
    n_cells: int
    mean: Bounded
    rows: dict[str, Bounded]
    columns: dict[str, Bounded]
    pairs: pd.DataFrame
    variances: dict[str, float]
    shares: dict[str, Bounded]
    additive_r2: float
    prediction_rank: float
    prediction_r2: float


class _Fit(NamedTuple):
    """Mean, effects of rows and columns [task], and the fitted pairs [task A, task B]."""

    mean: float
    rows: Floats
    columns: Floats
    fitted: Floats


def decompose(table: pd.DataFrame, column: str = "interference") -> Decomposition:
    """Decompose the interference of one setting into mean, rows, columns, pairs and seeds.

    Args:
        table: rows of the interference table of one setting (condition, architecture, rule, g, size and earlier
            tasks). Networks that do not count and pairs of a task with itself are left out.
        column: column of the values; a network without a finite value is left out.

    Returns:
        The decomposition. What the table does not determine is NaN, e.g. the shares with fewer than four tasks.
    """
    rows = _counted(table, column)
    values = by_seed_and_tasks(rows, column)
    tasks = list(dict.fromkeys([*rows["first_task"], *rows["second_task"]]))
    means = pair_means(values)
    fit = _additive(means)
    effects = _effects(fit, values)
    mean, rows_of, columns_of = effects[0], effects[1 : 1 + len(tasks)], effects[1 + len(tasks) :]
    variances, shares = _variances(values)
    pairs = _pair_table(tasks, means, fit)
    return Decomposition(
        n_pairs=len(pairs),
        n_seeds=len(values),
        n_cells=int(np.isfinite(values).sum()),
        mean=Bounded(*mean[:3], *task_interval(values)),
        rows={task: each for task, each in zip(tasks, rows_of, strict=True) if math.isfinite(each.value)},
        columns={task: each for task, each in zip(tasks, columns_of, strict=True) if math.isfinite(each.value)},
        pairs=pairs,
        variances=dict(zip(TERMS, variances.tolist(), strict=True)),
        shares=dict(zip(TERMS, shares, strict=True)),
        additive_r2=_r2(pairs["mean"], pairs["mean"] - pairs["effect"]),
        **_prediction(rows, pairs),
    )


def _counted(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows of pairs of different tasks whose network counts and has a finite value."""
    different = table["first_task"] != table["second_task"]
    return table[different & counts(table) & np.isfinite(table[column].astype(float))]


def _additive(means: Floats) -> _Fit:
    """Least-squares fit of mean + row + column to the pair means; effects of rows, and of columns, sum to 0.

    Args:
        means: [task A, task B], NaN where there is no value.

    Returns:
        The fit; NaN for a task that is never A, or never B, and for all effects if the pairs do not determine them. The
        mean is then that over pairs.
    """
    n = len(means)
    first, second = np.nonzero(np.isfinite(means))
    rows, columns = np.unique(first), np.unique(second)
    parts = [np.ones((len(first), 1)), first[:, None] == rows, second[:, None] == columns]
    design = np.hstack([*parts[:1], *(each.astype(float) for each in parts[1:])])
    sums = np.zeros((2, design.shape[1]))
    sums[0, 1 : 1 + len(rows)] = sums[1, 1 + len(rows) :] = 1
    target = np.concatenate([means[first, second], [0, 0]])
    found = np.full((2, n), math.nan)
    mean = float(means[first, second].mean()) if len(first) else math.nan
    if len(first):
        solution, _, rank, _ = np.linalg.lstsq(np.vstack([design, sums]), target, rcond=None)
        if rank == design.shape[1]:
            mean = float(solution[0])
            found[0, rows], found[1, columns] = solution[1 : 1 + len(rows)], solution[1 + len(rows) :]
    return _Fit(mean, found[0], found[1], mean + found[0][:, None] + found[1])


def _effects(fit: _Fit, values: Floats) -> list[Bounded]:
    """The mean and the effects of rows and columns, with their intervals over seeds.

    For a complete table they are the intervals of the mean of the effects in each seed.
    """
    n_seeds = len(values)
    whole = np.concatenate([[fit.mean], fit.rows, fit.columns])
    each = [_additive(pair_means(np.delete(values, seed, axis=0))) for seed in range(n_seeds)] if n_seeds > 1 else []
    without = np.array([np.concatenate([[one.mean], one.rows, one.columns]) for one in each])
    if not each:
        return [Bounded(float(value)) for value in whole]
    return [Bounded(float(v), *jackknife_interval(v, without[:, k])) for k, v in enumerate(whole)]


def _variances(values: Floats) -> tuple[Floats, list[Bounded]]:
    """The variance components, and their shares with intervals over seeds and over tasks, [term]."""
    seed, first, second = np.nonzero(np.isfinite(values))
    cells = Cells(first, second, seed, values[seed, first, second])
    variances = variance_components(cells)
    over_seeds = _share_intervals(cells, variances, range(values.shape[0]), Cells.without_seed)
    over_tasks = _share_intervals(cells, variances, range(values.shape[-1]), Cells.without_task)
    ends = zip(shares_of(variances).tolist(), over_seeds, over_tasks, strict=True)
    return variances, [Bounded(share, *by_seed, *by_task) for share, by_seed, by_task in ends]


def _share_intervals(
    cells: Cells,
    variances: Floats,
    units: Iterable[int],
    without: Callable[[Cells, int], Cells],
) -> list[tuple[float, float]]:
    """Intervals of the shares, cut off at 0 and 1, by the jackknife over seeds or tasks."""
    if not np.isfinite(variances).all() or variances.sum() <= 0:
        return [NO_INTERVAL] * len(TERMS)
    each = np.array([variance_components(without(cells, unit)) for unit in units])
    with np.errstate(all="ignore"):  # without a unit there may be no variance, and then there is no interval
        whole, others = variances / variances.sum(), each / each.sum(axis=1, keepdims=True)
    found = [jackknife_interval(whole[k], others[:, k]) for k in range(len(TERMS))]
    return [
        (min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)) if math.isfinite(low) else NO_INTERVAL
        for low, high in found
    ]


def _pair_table(tasks: list[str], means: Floats, fit: _Fit) -> pd.DataFrame:
    """The pairs with their means and effects, in the order of the tasks."""
    first, second = np.nonzero(np.isfinite(means))
    mean = means[first, second]
    names = {"first_task": [tasks[k] for k in first], "second_task": [tasks[k] for k in second]}
    return pd.DataFrame({**names, "mean": mean, "effect": mean - fit.fitted[first, second]})


def _prediction(rows: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, float]:
    """How well 1 + L0(B) / L0(A) predicts the pair means."""
    unknown = {"prediction_rank": math.nan, "prediction_r2": math.nan}
    if not {"loss_untrained", "second_loss_untrained"} <= set(rows) or len(pairs) < 3:
        return unknown
    ratio = 1 + rows["second_loss_untrained"].astype(float) / rows["loss_untrained"].astype(float)
    by_pair = ratio.groupby([rows["first_task"], rows["second_task"]]).mean()
    predicted = pairs[["first_task", "second_task"]].apply(lambda pair: by_pair[tuple(pair)], axis=1).astype(float)
    if not np.isfinite(predicted).all():
        return unknown
    varies = np.ptp(predicted) > 0 and np.ptp(pairs["mean"]) > 0
    rank = float(spearmanr(predicted, pairs["mean"]).statistic) if varies else math.nan
    return {"prediction_rank": rank, "prediction_r2": _r2(pairs["mean"], predicted)}


def _r2(values: pd.Series, predicted: pd.Series) -> float:
    """1 - the sum of squared errors relative to that of the mean; NaN if the values do not vary."""
    total = float(((values - values.mean()) ** 2).sum())
    return 1 - float(((values - predicted) ** 2).sum(skipna=False)) / total if total > 0 else math.nan


def decompositions(interference: pd.DataFrame) -> Iterator[tuple[dict[str, Any], str, Decomposition]]:
    """Yield the decomposition of every matrix of a benchmark, for interference and for the skill lost.

    Args:
        interference: the interference table.

    Yields:
        The values of the columns MATRIX, the quantity, and the decomposition.
    """
    for setting, rows in in_context(interference).groupby(MATRIX, dropna=False, sort=False):
        for quantity in (name for name in ("interference", "skill_lost") if name in rows):
            yield dict(zip(MATRIX, setting, strict=True)), quantity, decompose(rows, quantity)


def decomposition_table(interference: pd.DataFrame) -> pd.DataFrame:
    """Decompose every matrix of a benchmark, for interference and for the skill lost.

    Args:
        interference: the interference table.

    Returns:
        The table `decomposition`: a row for each matrix, quantity and term.
    """
    found = []
    for names, quantity, one in decompositions(interference):
        numbers = {"n_pairs": one.n_pairs, "n_seeds": one.n_seeds, "n_networks": one.n_cells}
        for term, bounded in _terms(one, quantity).items():
            variance = {"variance": one.variances.get(term, math.nan)}
            found.append(names | {"quantity": quantity, "term": term} | bounded._asdict() | variance | numbers)
    return pd.DataFrame(found, columns=DECOMPOSITION.names)


def _terms(one: Decomposition, quantity: str) -> dict[str, Bounded]:
    """The terms of the table. Only interference is predicted; the mean of a bounded quantity stays in its bounds."""
    bounded = quantity in BOUNDS
    rank, r2 = (math.nan, math.nan) if bounded else (one.prediction_rank, one.prediction_r2)
    return {
        "mean": Bounded(*(float(np.clip(number, *BOUNDS[quantity])) for number in one.mean)) if bounded else one.mean,
        **one.shares,
        "additive R2": Bounded(one.additive_r2),
        "prediction rank": Bounded(rank),
        "prediction R2": Bounded(r2),
    }
