"""Measure the error rates and the power of `compare` with simulated labs and with the seeds of one lab, split in two.

    python benchmarks/compare/simulation.py [RESULTS]     print the tables of docs/compare.md (about half an hour)

RESULTS is a results folder with many seeds, e.g. of benchmarks/compare/forty-seeds.yaml. Without it, the rows of split
seeds are left out. The simulations include every step from tables of interference to the verdict. An entry is an
element of the interference matrix, that is an ordered pair of tasks.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from rnnbench.randomness import rng_for
from rnnbench.reports.comparison.comparison import judged
from rnnbench.reports.comparison.matching import EntryKey, Floats, interference_of, row_keys
from rnnbench.reports.comparison.matrix_agreement import off_diagonal, quadratic_assignment
from rnnbench.reports.comparison.two_labs import Pair, evidence
from rnnbench.reports.comparison.verdict import MARGIN, Agreement
from rnnbench.results.interference import in_context
from rnnbench.results.reading import load_results

RESAMPLES = 1000
"""Resamples of each test; fewer than in `compare`. The tests stay exact, and a thousand runs take only minutes."""

VERDICTS: tuple[Agreement, ...] = ("agree", "disagree", "inconclusive")
Tables = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Population:
    """Distribution from which labs draw networks. Entries with the same seed, first or second task are correlated.

    Attributes:
        n_tasks: number of tasks; the matrix has n_tasks x n_tasks entries.
        sds: standard deviation over seeds, [entry].
        shared: fractions of the variance that, within a seed, are common to all entries, to those with the same first
            task, and to those with the same second task.
        skewed: whether values are log-normal (skewness 1.8) and not normal.
        failing: fraction of networks that do not learn A. All entries with that A and seed are then missing.
    """

    n_tasks: int
    sds: Floats
    shared: tuple[float, float, float] = (0.2, 0.2, 0.1)
    skewed: bool = False
    failing: float = 0.0

    def values(self, rng: np.random.Generator, n_seeds: int) -> Floats:
        """Draw interference [seed, entry] with mean 0; NaN means that a network does not count."""
        n, (every, first, second) = self.n_tasks, self.shared
        z = np.sqrt(every) * rng.normal(size=(n_seeds, 1, 1)) + np.sqrt(first) * rng.normal(size=(n_seeds, n, 1))
        z = z + np.sqrt(second) * rng.normal(size=(n_seeds, 1, n))
        z = z + np.sqrt(1 - every - first - second) * rng.normal(size=(n_seeds, n, n))
        if self.skewed:
            s = 0.5
            z = (np.exp(s * z) - np.exp(s**2 / 2)) / np.sqrt((np.exp(s**2) - 1) * np.exp(s**2))
        z = np.where(rng.random((n_seeds, n, 1)) < self.failing, np.nan, z)
        return np.asarray(z.reshape(n_seeds, n * n) * self.sds, dtype=float)


def population(n_tasks: int, rng: np.random.Generator) -> Population:
    """A population with spreads like those of the reference results: log-normal around 0.2, small on the diagonal."""
    sds = 0.2 * np.exp(0.8 * rng.normal(size=(n_tasks, n_tasks)))
    sds[np.eye(n_tasks, dtype=bool)] = 0.01
    return Population(n_tasks, sds.ravel())


def table(values: Floats, n_tasks: int, first_seed: int) -> pd.DataFrame:
    """The values [seed, entry] as a table of interference."""
    seeds, entries = np.indices(values.shape)
    learnt = np.isfinite(values).ravel()
    return pd.DataFrame(
        {
            "condition": "",
            "architecture": "simulated",
            "rule": "simulated",
            "g": 1.0,
            "units": 1,
            "earlier_tasks": "",
            "first_task": np.char.add("task ", (entries // n_tasks).astype(str)).ravel(),
            "second_task": np.char.add("task ", (entries % n_tasks).astype(str)).ravel(),
            "seed": seeds.ravel() + first_seed,
            "status": "done",
            "converged_first": learnt,
            "converged_second": True,
            "loss_untrained": 1.0,
            "loss_first": np.where(learnt, 0.0, 1.0),
            "loss_after": np.where(learnt, values.ravel(), 1.0),
            "interference": values.ravel(),
        }
    )


def verdict_of(tables: Tables, margin: float = MARGIN) -> Pair:
    """The verdict on two tables of interference."""
    keys: list[EntryKey] = list(dict.fromkeys(row_keys(tables[0])))
    return judged([evidence(("a", "b"), tables, keys, margin, RESAMPLES)])[0]


def unlike(everyone: Population, n_seeds: tuple[int, int], ratio: float) -> Callable[[np.random.Generator], Tables]:
    """Return a function that draws two labs with equal means and different seeds.

    The standard deviations of the second lab are `ratio` times those of the first.
    """

    def draw(rng: np.random.Generator) -> Tables:
        a, b = everyone.values(rng, n_seeds[0]), ratio * everyone.values(rng, n_seeds[1])
        return table(a, everyone.n_tasks, 0), table(b, everyone.n_tasks, n_seeds[0])

    return draw


def simulated(
    everyone: Population, n_seeds: int, shift: Floats | float = 0.0, alike: float | None = None
) -> Callable[[np.random.Generator], Tables]:
    """Return a function that draws two labs from one population.

    Args:
        everyone: the population.
        n_seeds: number of seeds of each lab.
        shift: added to the second lab, [entry] or one number.
        alike: None if the labs have different seeds. Otherwise they have the same seeds, and noise with this standard
            deviation is added to the values of each lab.
    """

    def draw(rng: np.random.Generator) -> Tables:
        a = everyone.values(rng, n_seeds)
        if alike is None:
            b = everyone.values(rng, n_seeds)
        else:
            noise = alike * rng.normal(size=(2, *a.shape))
            a, b = a + noise[0], a + noise[1]
        second = 0 if alike is not None else n_seeds
        return table(a, everyone.n_tasks, 0), table(b + shift, everyone.n_tasks, second)

    return draw


def splits(interference: pd.DataFrame, shift: float = 0.0) -> Callable[[np.random.Generator], Tables]:
    """Return a function that splits the seeds of one lab at random into two labs.

    `shift`, in units of the standard deviation of each entry, is added to the second lab.
    """
    found = in_context(interference)
    seeds = np.array(sorted(set(found["seed"])))
    keys = pd.Series(row_keys(found), index=found.index)
    sds = interference_of(found).groupby(keys).transform("std")

    def draw(rng: np.random.Generator) -> Tables:
        chosen = rng.permutation(seeds)[: len(seeds) // 2]
        inside = found["seed"].isin(chosen)
        moved = found.assign(interference=found["interference"] + shift * sds)
        return found[inside], moved[~inside]

    return draw


@dataclass(frozen=True)
class Tally:
    """Results of many runs.

    Attributes:
        runs: number of runs.
        any: fraction of runs in which a difference is shown, over all entries, in one entry, or in a rate.
        agree: fraction of runs with the verdict that the labs agree.
        disagree: fraction of runs with the verdict that they disagree.
        inconclusive: fraction of runs with neither.
    """

    runs: int
    any: float
    agree: float
    disagree: float
    inconclusive: float


def tally(draw: Callable[[np.random.Generator], Tables], runs: int, name: str, margin: float = MARGIN) -> Tally:
    """Count the verdicts of `runs` draws. The random numbers depend on `name` and on the number of the run."""
    pairs = [verdict_of(draw(rng_for(0, "simulation", name, run)), margin) for run in range(runs)]
    verdicts = Counter(pair.verdict for pair in pairs)
    shares = {one: verdicts[one] / runs for one in VERDICTS}
    return Tally(runs, sum(pair.shown for pair in pairs) / runs, **shares)


def one_entry(everyone: Population, sds: float) -> Floats:
    """A shift [entry] of the entry with the median spread, by `sds` of its standard deviations; 0 for the others."""
    order = np.argsort(everyone.sds)
    shift = np.zeros_like(everyone.sds)
    shift[order[len(order) // 2]] = sds * everyone.sds[order[len(order) // 2]]
    return shift


def scenarios(interference: pd.DataFrame | None) -> Iterator[tuple[str, Callable[[np.random.Generator], Tables], int]]:
    """Yield the name, the function that draws two labs, and the number of runs of each row of the table."""
    six = population(6, rng_for(0, "simulation", "population"))
    skewed, failing = replace(six, skewed=True), replace(six, failing=0.1)
    if interference is not None:
        yield "alike: one lab's own 40 seeds, split", splits(interference), 1000
    for n in (5, 10, 20):
        yield f"alike: {n} seeds, normal", simulated(six, n), 1000
    yield "alike: 20 seeds, skewed", simulated(skewed, 20), 1000
    yield "alike: 20 seeds, 10 % of networks fail", simulated(failing, 20), 1000
    yield "alike: the same 20 seeds, their values as far apart as other seeds", simulated(six, 20, alike=0.2), 1000
    yield "alike: the same 20 seeds, their values hardly apart", simulated(six, 20, alike=0.01), 300
    for n_a, n_b, ratio in ((20, 20, 2.0), (20, 20, 5.0), (20, 5, 2.0), (20, 5, 5.0)):
        yield (
            f"same means, the second {ratio:g} times as scattered: {n_a} and {n_b} seeds",
            unlike(six, (n_a, n_b), ratio),
            300,
        )
    if interference is not None:
        yield "every entry shifted by 1 sd: the split seeds", splits(interference, 1.0), 300
    for n in (10, 20):
        yield f"every entry shifted by 1 sd: {n} seeds, normal", simulated(six, n, six.sds), 300
    together = replace(six, shared=(0.7, 0.1, 0.1))
    yield (
        "every entry shifted by 1 sd: 20 seeds, entries of a seed correlated by 0.7",
        simulated(together, 20, six.sds),
        300,
    )
    yield "every entry shifted by 1 sd: 20 seeds, skewed", simulated(skewed, 20, six.sds), 300
    yield "every entry shifted by 0.5 sd: 20 seeds, normal", simulated(six, 20, 0.5 * six.sds), 300
    for sds in (1.0, 1.5, 2.0):
        yield f"one entry shifted by {sds:g} sd: 20 seeds, normal", simulated(six, 20, one_entry(six, sds)), 300


def verdicts_table(interference: pd.DataFrame | None) -> Iterator[str]:
    """The verdicts in each scenario, as lines of a Markdown table."""
    yield "| labs | runs | a difference is shown | agree | disagree | inconclusive |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, draw, runs in scenarios(interference):
        # The names seed the random numbers. Those of the published table were seeded when an entry was called a cell.
        t = tally(draw, runs, name.replace("entries", "cells").replace("entry", "cell"))
        yield f"| {name} | {runs} | {t.any:.3f} | {t.agree:.3f} | {t.disagree:.3f} | {t.inconclusive:.3f} |"


def agreement_table() -> Iterator[str]:
    """How often like labs are shown to agree, by the spread over seeds in units of the margin, as a Markdown table."""
    yield "| sd over seeds / margin | 5 seeds | 10 seeds | 20 seeds | 40 seeds | the same 5 seeds | the same 20 seeds |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for ratio in (0.1, 0.25, 0.5, 1.0):
        everyone = Population(6, np.full(36, ratio * MARGIN))
        draws = [simulated(everyone, n) for n in (5, 10, 20, 40)]
        draws += [simulated(everyone, n, alike=0.1 * ratio * MARGIN) for n in (5, 20)]
        rates = [f"{tally(draw, 100, f'agreement {column}').agree:.2f}" for column, draw in enumerate(draws)]
        yield f"| {ratio:g} | {' | '.join(rates)} |"


def association_rates(n_tasks: int, effects: float, runs: int) -> tuple[float, float]:
    """How often p <= 0.05 for two independent matrices: by permuting tasks, and by the usual test of a correlation.

    Args:
        n_tasks: number of rows and columns of a matrix.
        effects: fraction of the variance of each matrix that is due to rows and columns.
        runs: number of pairs of matrices.

    Returns:
        The rate of false positives of quadratic assignment and of Pearson's test of the off-diagonal entries.
    """
    assigned = naive = 0
    for run in range(runs):
        rng = rng_for(0, "simulation", "association", n_tasks, run)
        a, b = (_with_effects(rng, n_tasks, effects) for _ in range(2))
        assigned += quadratic_assignment(a, b, rng, RESAMPLES) <= 0.05
        naive += stats.pearsonr(*off_diagonal(a, b), alternative="greater").pvalue <= 0.05
    return assigned / runs, naive / runs


def _with_effects(rng: np.random.Generator, n: int, effects: float) -> Floats:
    """A random matrix [n, n] with row and column effects."""
    rows, columns = rng.normal(size=(n, 1)), rng.normal(size=(1, n))
    own = rng.normal(size=(n, n))
    return np.asarray(np.sqrt(effects / 2) * (rows + columns) + np.sqrt(1 - effects) * own, dtype=float)


def association_table(runs: int = 2000) -> Iterator[str]:
    """The rates of false positives of both tests of association, as lines of a Markdown table."""
    yield "| tasks | variance due to rows and columns | false positives, tasks permuted | false positives, naive |"
    yield "| --- | --- | --- | --- |"
    for n_tasks in (5, 6, 10, 20):
        for effects in (0.0, 0.5, 0.8):
            assigned, naive = association_rates(n_tasks, effects, runs if n_tasks < 10 else runs // 2)
            yield f"| {n_tasks} | {effects:g} | {assigned:.3f} | {naive:.3f} |"


def main() -> None:
    """Print the tables as Markdown."""
    interference = load_results(Path(sys.argv[1])).interference if len(sys.argv) > 1 else None
    for part in (verdicts_table(interference), agreement_table(), association_table()):
        for line in part:
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
