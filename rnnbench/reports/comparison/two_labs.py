"""Comparison of two labs: evidence on every shared matrix entry, on the rates and on the matrices, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rnnbench.randomness import rng_for
from rnnbench.reports.comparison.intervals import Intervals, intervals
from rnnbench.reports.comparison.matching import EntryKey, Floats, MatrixKey, values_of
from rnnbench.reports.comparison.matrix_agreement import Whole, whole
from rnnbench.reports.comparison.permutation_tests import Omnibus, omnibus
from rnnbench.reports.comparison.rates import Rate, rates
from rnnbench.reports.comparison.resampling import N_RESAMPLES, Design, Independent, Paired, moments
from rnnbench.reports.comparison.verdict import (
    MIN_SEEDS,
    MIN_SEEDS_OF_SPREAD,
    RATES_SHARE,
    Agreement,
    entry_verdict,
    joint_p,
    labs_verdict,
    seeds_needed,
)
from rnnbench.results.columns import MATRIX


@dataclass(frozen=True)
class EntryFinding:
    """One entry of the interference matrix in two labs.

    Attributes:
        key: which entry.
        n: number of networks that count in each lab.
        means: mean interference over these networks in each lab.
        sds: standard deviation over these networks in each lab.
        difference: mean of lab b minus mean of lab a.
        low: lower end of the 95 % interval of the difference, simultaneous for all entries.
        high: upper end of that interval.
        alone_low: lower end of the entry's own 90 % interval, which decides on equivalence.
        alone_high: upper end of that interval.
        p: p-value of no difference, adjusted for all entries.
        seeds_needed: number of seeds in each lab that would show agreement if the labs are alike.
        verdict: whether the labs agree on this entry.
    """

    key: EntryKey
    n: tuple[int, int]
    means: tuple[float, float]
    sds: tuple[float, float]
    difference: float
    low: float
    high: float
    alone_low: float
    alone_high: float
    p: float
    seeds_needed: float
    verdict: Agreement = "inconclusive"


@dataclass(frozen=True)
class Pair:
    """The comparison of two labs.

    Attributes:
        names: names of the labs.
        margin: difference of interference that is regarded as negligible.
        paired: whether one lab has all seeds of the other; networks are then compared within the shared seeds.
        shared: number of seeds that both labs have.
        seeds: number of seeds of each lab.
        entries: the compared entries.
        empty: entries that are comparable but in which no network of either lab counts.
        omnibus: tests over all entries; None if no entry was compared.
        rates: rates of convergence and divergence.
        wholes: agreement of each matrix as a whole.
        level: error rate at which the pair was judged; 0 before it is judged.
        shown: whether a difference is shown at that level.
    """

    names: tuple[str, str]
    margin: float
    paired: bool
    shared: int
    seeds: tuple[int, int]
    entries: tuple[EntryFinding, ...]
    empty: tuple[EntryKey, ...]
    omnibus: Omnibus | None
    rates: tuple[Rate, ...]
    wholes: dict[MatrixKey, Whole]
    level: float = 0.0
    shown: bool = False

    @property
    def p_rates(self) -> float:
        """Smallest adjusted p-value of the rates; 1 if there is no rate."""
        return min((rate.adjusted for rate in self.rates), default=1.0)

    @property
    def p(self) -> float:
        """p-value of any difference between the two labs."""
        return joint_p(self.omnibus.p if self.omnibus else 1.0, self.p_rates)

    @property
    def rates_shown(self) -> bool:
        """Whether a rate is shown to differ."""
        return self.shown and self.p_rates <= RATES_SHARE * self.level

    @property
    def entries_shown(self) -> bool:
        """Whether a difference is shown in the entries together."""
        return self.shown and self.omnibus is not None and self.omnibus.p <= (1 - RATES_SHARE) * self.level

    @property
    def verdict(self) -> Agreement:
        """Whether the labs agree over all entries and rates."""
        return labs_verdict([entry.verdict for entry in self.entries], self.shown, self.rates_shown)

    def at(self, level: float, shown: bool) -> Pair:
        """Judge the pair.

        Args:
            level: error rate.
            shown: whether a difference is shown at that error rate.

        Returns:
            A copy with the verdict of each entry.
        """
        judged = replace(self, level=level, shown=shown)
        bound = (1 - RATES_SHARE) * level
        entries = [
            replace(
                entry,
                verdict=entry_verdict(
                    entry.alone_low, entry.alone_high, self.margin, judged.entries_shown and entry.p <= bound
                ),
            )
            for entry in self.entries
        ]
        return replace(judged, entries=tuple(entries))


def evidence(
    names: tuple[str, str],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    keys: Sequence[EntryKey],
    margin: float,
    resamples: int = N_RESAMPLES,
) -> Pair:
    """Compute everything about two labs that the verdict is based on.

    Args:
        names: names of the labs.
        tables: their interference tables.
        keys: the entries to compare.
        margin: difference of interference that is regarded as negligible.
        resamples: number of bootstrap resamples, and of random arrangements if not all are used.

    Returns:
        The pair, not yet judged; see `Pair.at`.
    """
    seeds = [set(table["seed"].astype(int)) for table in tables]
    shared = seeds[0] & seeds[1]
    paired = shared in seeds
    if paired:
        tables = (tables[0][tables[0]["seed"].isin(shared)], tables[1][tables[1]["seed"].isin(shared)])
    values = [values_of(table, keys) for table in tables]
    measured = (values[0].notna().any() | values[1].notna().any()).to_numpy(bool)
    kept = [key for key, known in zip(keys, measured, strict=True) if known]
    x, y = (one.loc[:, measured].to_numpy(float) for one in values)
    design: Design = Paired(x, y) if paired else Independent(x, y)
    streams = [rng_for(0, "compare", *names, what) for what in ("arrangements", "bootstrap")]
    found = omnibus(design, margin, streams[0], resamples) if kept else None
    return Pair(
        names,
        margin,
        paired,
        len(shared),
        (len(seeds[0]), len(seeds[1])),
        tuple(_findings(design, kept, found, intervals(design, margin, streams[1], resamples), margin))
        if found
        else (),
        tuple(key for key, known in zip(keys, measured, strict=True) if not known),
        found,
        tuple(rates(tables, keys, paired)),
        _wholes(kept, x, y, names),
    )


def _findings(
    design: Design, keys: Sequence[EntryKey], found: Omnibus, sizes: Intervals, margin: float
) -> Iterator[EntryFinding]:
    n, means, variances = (np.concatenate(one) for one in zip(*map(_moments, (design.a, design.b)), strict=True))
    together = np.isfinite(design.b - design.a).sum(axis=0) if isinstance(design, Paired) else n.min(axis=0)
    for j, key in enumerate(keys):
        least = int(together[j])
        low, high, alone_low, alone_high = (
            float(limit[j]) if least >= MIN_SEEDS else math.nan
            for limit in (sizes.low, sizes.high, sizes.alone_low, sizes.alone_high)
        )
        yield EntryFinding(
            key,
            (int(n[0, j]), int(n[1, j])),
            (float(means[0, j]), float(means[1, j])),
            (math.sqrt(variances[0, j]), math.sqrt(variances[1, j])),
            float(sizes.difference[j]),
            low,
            high,
            alone_low,
            alone_high,
            float(found.p_entries[j]),
            _needed(float(sizes.error[j]), least, margin),
        )


def _moments(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance over seeds, each [1, entry]."""
    return moments(values, np.ones((1, len(values))))


def _needed(error: float, n: int, margin: float) -> float:
    """Seeds needed, from the standard error of the difference, which is sd sqrt(2 / n) for n seeds in each lab."""
    return seeds_needed(error * math.sqrt(n / 2), margin) if n >= MIN_SEEDS_OF_SPREAD else math.nan


def _wholes(keys: Sequence[EntryKey], x: Floats, y: Floats, names: tuple[str, str]) -> dict[MatrixKey, Whole]:
    means = [_moments(one)[1][0] for one in (x, y)]
    found = {}
    for matrix in dict.fromkeys(key.matrix for key in keys):
        inside = [j for j, key in enumerate(keys) if key.matrix == matrix]
        tasks = list(dict.fromkeys(task for j in inside for task in (keys[j].first_task, keys[j].second_task)))
        a, b = (matrix_of(one, keys, inside, tasks) for one in means)
        rng = rng_for(0, "compare", *names, "wholes", *(str(part) for part in matrix[: len(MATRIX)]))
        found[matrix] = whole(a, b, rng)
    return found


def matrix_of(values: Floats, keys: Sequence[EntryKey], inside: Sequence[int], tasks: Sequence[str]) -> Floats:
    """Arrange the values of entries as a matrix.

    Args:
        values: one value for each entry, [entry].
        keys: the entries.
        inside: indices of the entries that belong to the matrix.
        tasks: tasks in the order of the rows and columns.

    Returns:
        The matrix [first task, second task], NaN where there is no value.
    """
    matrix = np.full((len(tasks), len(tasks)), np.nan)
    for j in inside:
        matrix[tasks.index(keys[j].first_task), tasks.index(keys[j].second_task)] = values[j]
    return matrix
