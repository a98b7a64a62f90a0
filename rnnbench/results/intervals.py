"""Confidence intervals of a mean over seeds, and of a mean over ordered pairs of tasks across tasks.

There is one kind of interval: a symmetric studentised bootstrap (bootstrap-t; Efron & Tibshirani 1993, section 12.5;
symmetric: Hall 1988). Each resample is divided by its own standard error. A fifth of the standard error of the values
is added to all standard errors, because a resample of few values may have hardly any spread (the constant s0 of
Tusher, Tibshirani & Chu 2001). Below five values there is no interval.

Coverage of the 95 % intervals in a simulation, at 5 / 10 / 20 values. Normal: 96 / 95 / 95 % (BCa: 83 / 90 / 93 %).
Lognormal, sigma = 1: 86 / 86 / 89 % (BCa: 74 / 82 / 87 %). Two equal clusters: 94 / 99 / 95 % (BCa: 94 / 97 / 96 %).
Two clusters of 80 and 20 %: 68 / 89 / 98 % (BCa: 66 / 87 / 97 %). Five values of a very skewed distribution are
therefore too few for any of these intervals: a third of such samples have no value of the smaller cluster. Without the
added fifth, intervals of five values cover 98, 90, 94 and 71 %, but are on average up to five times as wide.

An interval over seeds says how well the mean of these tasks is known. An interval over tasks says how well the mean of
all tasks of this kind is known, if the tasks are a sample of them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.randomness import rng_for

Floats = npt.NDArray[np.float64]

MIN_VALUES = 5
"""With fewer values there is no interval."""
LEVEL = 0.95
N_RESAMPLES = 10_000
FLOOR = 0.2
"""Added to the standard error of every resample, as a fraction of the standard error of the values."""
NO_INTERVAL = (math.nan, math.nan)


def mean_interval(
    values: npt.ArrayLike, rng: np.random.Generator | None = None, level: float = LEVEL, n_resamples: int = N_RESAMPLES
) -> tuple[float, float]:
    """Confidence interval of the mean of independent values, by a symmetric studentised bootstrap.

    Args:
        values: the values [seed].
        rng: draws the resamples. By default all intervals are drawn from the same stream, so that the same values have
            the same interval in every table, figure and page.
        level: coverage of the interval, 0..1.
        n_resamples: number of bootstrap resamples.

    Returns:
        Lower and upper end of the interval; (NaN, NaN) for fewer than five values or if a value is not finite. Equal
        values have an interval of width 0.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < MIN_VALUES or not np.isfinite(values).all():
        return NO_INTERVAL
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return mean, mean
    error = float(values.std(ddof=1)) / math.sqrt(n)
    rng = rng or rng_for(0, "resamples")
    resamples = values[rng.integers(n, size=(n_resamples, n))]
    errors = resamples.std(axis=1, ddof=1) / math.sqrt(n)
    t = np.abs(resamples.mean(axis=1) - mean) / (errors + FLOOR * error)
    half = float(np.quantile(t, level, method="higher")) * (1 + FLOOR) * error
    return mean - half, mean + half


def pseudo_values(whole: npt.ArrayLike, without: npt.ArrayLike) -> Floats:
    """Tukey's pseudo-values of a statistic, which stand for the contributions of single seeds or tasks.

    Their mean is the jackknife estimate of the statistic, and their spread gives its standard error. The pseudo-values
    of a mean are the values themselves. Source: Tukey 1958; for variance components Arvesen & Schmitz 1970.

    Args:
        whole: the statistic of all n units [..].
        without: the statistic without each of the units [unit, ..].

    Returns:
        The pseudo-values [unit, ..].
    """
    without = np.asarray(without, dtype=float)
    n = len(without)
    return n * np.asarray(whole, dtype=float) - (n - 1) * without


def jackknife_interval(
    whole: float, without: npt.ArrayLike, rng: np.random.Generator | None = None, level: float = LEVEL
) -> tuple[float, float]:
    """Confidence interval of a statistic, from what it is without each seed or without each task.

    It is the interval of the mean of the pseudo-values, moved to the statistic. It does not follow the jackknife's
    correction of bias, which is noise for rank correlations.

    Args:
        whole: the statistic of all n units.
        without: the statistic without each of the units [unit].
        rng: draws the resamples; see `mean_interval`.
        level: coverage of the interval, 0..1.

    Returns:
        Lower and upper end of the interval; (NaN, NaN) for fewer than five units or if a number is not finite.
    """
    values = pseudo_values(whole, without)
    if len(values) < MIN_VALUES:
        return NO_INTERVAL
    return mean_interval(values - values.mean() + whole, rng, level)


def task_interval(
    values: npt.ArrayLike, rng: np.random.Generator | None = None, level: float = LEVEL
) -> tuple[float, float]:
    """Confidence interval across tasks of the mean over ordered pairs of different tasks.

    Pairs that share a task are not independent, so the task is the unit: leaving out a task leaves out its row and its
    column. The interval is a `jackknife_interval` over tasks. (A bootstrap that draws rows
    and columns together, without the pairs of a task with its own copy, is too narrow; see below.)

    Sources: Arvesen 1969 (jackknife of statistics of pairs); Owen 2007 (the bootstrap of rows and columns). In a model
    with random rows, columns and pairs, with several shares of the variance, the 95 % interval covers 95 to 97 % of
    the true means with 6 tasks and 94 to 95 % with 10 tasks; it covers 99 % where there are no rows and columns, and
    92 to 96 % with lognormal rows and columns. The percentile bootstrap of rows and columns covers 86 to 93 %.

    Args:
        values: [.., task A, task B], e.g. [seed, task A, task B]; NaN where a value is missing. The diagonal is not
            used, and each pair is averaged over the leading axes first.
        rng: draws the resamples; see `mean_interval`.
        level: coverage of the interval, 0..1.

    Returns:
        Lower and upper end of the interval; (NaN, NaN) for fewer than five tasks. Tasks without any pair are left out.
    """
    pairs = pair_means(np.asarray(values, dtype=float))
    known = np.isfinite(pairs)
    used = known.any(axis=0) | known.any(axis=1)
    pairs, known = pairs[np.ix_(used, used)], known[np.ix_(used, used)]
    if len(pairs) < MIN_VALUES:
        return NO_INTERVAL
    filled = np.where(known, pairs, 0.0)
    sums = filled.sum() - filled.sum(axis=0) - filled.sum(axis=1)
    numbers = known.sum() - known.sum(axis=0) - known.sum(axis=1)
    if (numbers == 0).any():
        return NO_INTERVAL
    return jackknife_interval(filled.sum() / known.sum(), sums / numbers, rng, level)


def pair_means(values: Floats) -> Floats:
    """Means of matrices over the leading axes.

    Args:
        values: [.., task A, task B], NaN where a value is missing.

    Returns:
        The means [task A, task B], NaN on the diagonal and where every value is missing.
    """
    n = values.shape[-1]
    stacked = values.reshape(math.prod(values.shape[:-2]), n, n)
    known = np.isfinite(stacked) & ~np.eye(n, dtype=bool)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(number, 1), math.nan)


def by_seed_and_tasks(table: pd.DataFrame, column: str) -> Floats:
    """Arrange one column of a table of pairs as matrices, for `task_interval`.

    Args:
        table: rows of one setting with the columns first_task, second_task, seed and `column`. Rows that should not
            count must have been left out. Several rows of the same pair and seed are averaged.
        column: name of the column of values.

    Returns:
        The values [seed, task A, task B], NaN where there is no row. Seeds and tasks are in order of appearance.
    """
    tasks = list(dict.fromkeys([*table["first_task"], *table["second_task"]]))
    seeds = list(dict.fromkeys(table["seed"]))
    values = np.full((len(seeds), len(tasks), len(tasks)), math.nan)
    by = [table["seed"], table["first_task"], table["second_task"]]
    means = table[column].astype(float).groupby(by).mean().rename("value").reset_index()
    index = (
        means["seed"].map(seeds.index),
        means["first_task"].map(tasks.index),
        means["second_task"].map(tasks.index),
    )
    values[tuple(each.to_numpy(int) for each in index)] = means["value"]
    return values
