"""Two labs: the evidence on every cell they share, on their rates and on their matrices, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rnnbench.randomness import rng_for
from rnnbench.reports.comparison.intervals import Intervals, intervals
from rnnbench.reports.comparison.matching import CellKey, Floats, MatrixKey, values_of
from rnnbench.reports.comparison.matrix_agreement import Whole, whole
from rnnbench.reports.comparison.permutation_tests import Omnibus, omnibus
from rnnbench.reports.comparison.rates import Rate, rates
from rnnbench.reports.comparison.resampling import N_RESAMPLES, Design, Independent, Paired, moments
from rnnbench.reports.comparison.verdict import (
    MIN_SEEDS,
    RATES_SHARE,
    Verdict,
    cell_verdict,
    joint_p,
    labs_verdict,
    seeds_needed,
)
from rnnbench.results.interference import MATRIX


@dataclass(frozen=True)
class CellFinding:
    """One cell in two labs; differences are b - a.

    n, means, sds           of the networks that count, in either lab
    low, high               interval of the difference, at 95 % for all cells together
    alone_low, alone_high   its own at 90 %, for equivalence
    p                       of no difference, adjusted for all cells
    seeds_needed            in each lab, to show agreement of labs that are alike
    """

    key: CellKey
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
    verdict: Verdict = "inconclusive"


@dataclass(frozen=True)
class Pair:
    """Two labs compared.

    paired     one has all seeds of the other: networks of a seed are compared with one another, at the shared seeds
    shared     how many seeds both have
    seeds      how many each has
    empty      cells that are comparable but in which no network of either lab counts
    """

    names: tuple[str, str]
    margin: float
    paired: bool
    shared: int
    seeds: tuple[int, int]
    cells: tuple[CellFinding, ...]
    empty: tuple[CellKey, ...]
    omnibus: Omnibus | None
    rates: tuple[Rate, ...]
    wholes: dict[MatrixKey, Whole]
    level: float = 0.0
    shown: bool = False

    @property
    def p_rates(self) -> float:
        return min((rate.adjusted for rate in self.rates), default=1.0)

    @property
    def p(self) -> float:
        """Of any difference between the two labs."""
        return joint_p(self.omnibus.p if self.omnibus else 1.0, self.p_rates)

    @property
    def rates_shown(self) -> bool:
        return self.shown and self.p_rates <= RATES_SHARE * self.level

    @property
    def cells_shown(self) -> bool:
        """A difference is shown in the cells together."""
        return self.shown and self.omnibus is not None and self.omnibus.p <= (1 - RATES_SHARE) * self.level

    @property
    def verdict(self) -> Verdict:
        return labs_verdict([cell.verdict for cell in self.cells], self.shown, self.rates_shown)

    def at(self, level: float, shown: bool) -> Pair:
        """Judged at an error rate of `level`; `shown`: a difference is shown at it."""
        judged = replace(self, level=level, shown=shown)
        bound = (1 - RATES_SHARE) * level
        cells = [
            replace(
                cell,
                verdict=cell_verdict(
                    cell.alone_low, cell.alone_high, self.margin, judged.cells_shown and cell.p <= bound
                ),
            )
            for cell in self.cells
        ]
        return replace(judged, cells=tuple(cells))


def evidence(
    names: tuple[str, str],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    keys: Sequence[CellKey],
    margin: float,
    resamples: int = N_RESAMPLES,
) -> Pair:
    """All that is computed about two labs, before it is judged.

    tables      of interference
    keys        the cells to compare
    resamples   of the bootstrap, and arrangements where not all can be gone through
    """
    seeds = [set(table["seed"].astype(int)) for table in tables]
    shared = seeds[0] & seeds[1]
    paired = shared in seeds
    if paired:
        tables = (tables[0][tables[0]["seed"].isin(shared)], tables[1][tables[1]["seed"].isin(shared)])
    values = [values_of(table, keys) for table in tables]
    measured = (values[0].notna().any() | values[1].notna().any()).to_numpy(bool)
    kept = [key for key, there in zip(keys, measured, strict=True) if there]
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
        tuple(key for key, there in zip(keys, measured, strict=True) if not there),
        found,
        tuple(rates(tables, keys, paired)),
        _wholes(kept, x, y, names),
    )


def _findings(
    design: Design, keys: Sequence[CellKey], found: Omnibus, sizes: Intervals, margin: float
) -> Iterator[CellFinding]:
    n, means, variances = (np.concatenate(one) for one in zip(*map(_moments, (design.a, design.b)), strict=True))
    together = np.isfinite(design.b - design.a).sum(axis=0) if isinstance(design, Paired) else n.min(axis=0)
    for j, key in enumerate(keys):
        least = int(together[j])
        low, high, alone_low, alone_high = (
            float(limit[j]) if least >= MIN_SEEDS else math.nan
            for limit in (sizes.low, sizes.high, sizes.alone_low, sizes.alone_high)
        )
        yield CellFinding(
            key,
            (int(n[0, j]), int(n[1, j])),
            (float(means[0, j]), float(means[1, j])),
            (math.sqrt(variances[0, j]), math.sqrt(variances[1, j])),
            float(sizes.difference[j]),
            low,
            high,
            alone_low,
            alone_high,
            float(found.p_cells[j]),
            _needed(float(sizes.error[j]), least, margin),
        )


def _moments(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance over seeds, each [1, cell]."""
    return moments(values, np.ones((1, len(values))))


def _needed(error: float, n: int, margin: float) -> float:
    """From the standard error of the difference, which is sd sqrt(2 / n) for n seeds in each lab."""
    return seeds_needed(error * math.sqrt(n / 2), margin) if n >= MIN_SEEDS else math.nan


def _wholes(keys: Sequence[CellKey], x: Floats, y: Floats, names: tuple[str, str]) -> dict[MatrixKey, Whole]:
    means = [_moments(one)[1][0] for one in (x, y)]
    found = {}
    for matrix in dict.fromkeys(key.matrix for key in keys):
        inside = [j for j, key in enumerate(keys) if key.matrix == matrix]
        tasks = list(dict.fromkeys(task for j in inside for task in (keys[j].first_task, keys[j].second_task)))
        a, b = (matrix_of(one, keys, inside, tasks) for one in means)
        rng = rng_for(0, "compare", *names, "wholes", *(str(part) for part in matrix[: len(MATRIX)]))
        found[matrix] = whole(a, b, rng)
    return found


def matrix_of(values: Floats, keys: Sequence[CellKey], inside: Sequence[int], tasks: Sequence[str]) -> Floats:
    """Values of cells as [first task, second task], NaN where there is none."""
    matrix = np.full((len(tasks), len(tasks)), np.nan)
    for j in inside:
        matrix[tasks.index(keys[j].first_task), tasks.index(keys[j].second_task)] = values[j]
    return matrix
