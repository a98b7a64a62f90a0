"""Comparison of labs: what they have in common, each pair of labs, and all labs together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnbench.errors import RnnbenchError
from rnnbench.reports.comparison.heterogeneity import MIN_LABS, Heterogeneity, random_effects
from rnnbench.reports.comparison.labs import Lab, lab_names, load_labs, version_differences
from rnnbench.reports.comparison.matching import EntryKey, LeftOut, comparable, values_of
from rnnbench.reports.comparison.rates import holm
from rnnbench.reports.comparison.settings_diff import Difference, benchmark_differences
from rnnbench.reports.comparison.two_labs import Pair, evidence
from rnnbench.reports.comparison.verdict import LEVEL, MARGIN, Agreement, overall_verdict
from rnnbench.results.archive import opened
from rnnbench.results.interference import idle_outputs


@dataclass(frozen=True)
class Comparison:
    """What was compared and what was found.

    Attributes:
        labs: the labs, in the order given.
        margin: difference of interference that is regarded as negligible.
        by_label: whether entries of the same name were compared even if they were measured differently.
        settings: settings in which the benchmarks differ.
        versions: versions and machines in which the labs differ.
        left_out: entries of the interference matrices that are not comparable, with the reason.
        pairs: the result for each pair of labs.
        heterogeneity: scatter between labs for each entry that all labs have; empty for fewer than three labs.
    """

    labs: tuple[Lab, ...]
    margin: float
    by_label: bool
    settings: list[Difference]
    versions: list[Difference]
    left_out: list[LeftOut]
    pairs: list[Pair]
    heterogeneity: dict[EntryKey, Heterogeneity]

    @property
    def idle(self) -> str:
        """What happened to the outputs that a task does not use; for each lab if they differ."""
        found = {lab.name: idle_outputs(lab.results.interference) for lab in self.labs}
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        return "; ".join(f"{name}: {phrase}" for name, phrase in found.items())

    @property
    def verdict(self) -> Agreement:
        """The verdict over all labs."""
        return overall_verdict([pair.verdict for pair in self.pairs])


def compare(labs: Sequence[Lab], margin: float = MARGIN, by_label: bool = False) -> Comparison:
    """Compare two or more labs, from their tables alone. The same labs always give the same numbers.

    Args:
        labs: the labs to compare.
        margin: difference of interference that is regarded as negligible.
        by_label: compare entries of the same name even if their settings differ.

    Returns:
        The comparison of each pair of labs and of all labs together.

    Raises:
        RnnbenchError: there are fewer than two labs, the margin is not positive and finite, or the labs share no
            comparable entry.
    """
    if len(labs) < 2:
        raise RnnbenchError(f"compare: at least two results folders are needed, not {len(labs)}")
    if not (np.isfinite(margin) and margin > 0):
        raise RnnbenchError(f"compare: margin: {margin} is not a positive finite number")
    benchmarks = [lab.results.benchmark for lab in labs]
    common, left_out = comparable([lab.name for lab in labs], benchmarks, by_label)
    found = [_evidence(a, b, by_label, margin) for a, b in itertools.combinations(labs, 2)]
    if not any(pair.entries for pair in found):
        reasons = "; ".join(f"{len(one.entries)} entries: {one.reason}" for one in left_out[:3]) or "no entries"
        raise RnnbenchError(f"{' and '.join(lab.name for lab in labs)}: nothing to compare: {reasons}")
    return Comparison(
        tuple(labs),
        margin,
        by_label,
        benchmark_differences(benchmarks),
        version_differences(labs),
        left_out,
        judged(found),
        _heterogeneity(labs, common),
    )


def compare_folders(paths: Sequence[Path], margin: float = MARGIN, by_label: bool = False) -> Comparison:
    """Compare results folders, or files that were exported from them; see `compare`.

    Args:
        paths: results folders or exported files.
        margin: as in `compare`.
        by_label: as in `compare`.

    Raises:
        RnnbenchError: as in `compare`.
        StoreError: a folder or file holds no finished run.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(opened(path)) for path in paths]
        return compare(load_labs(folders, lab_names(paths)), margin, by_label)


def _evidence(a: Lab, b: Lab, by_label: bool, margin: float) -> Pair:
    names = a.name, b.name
    keys, _ = comparable(names, [a.results.benchmark, b.results.benchmark], by_label)
    return evidence(names, (a.results.interference, b.results.interference), keys, margin)


def judged(pairs: Sequence[Pair]) -> list[Pair]:
    """Judge each pair of labs at the level that Holm's procedure assigns to it.

    Holm's procedure tests the smallest p first and stops at the first p that is above its level.

    Args:
        pairs: all pairs of labs, not yet judged.

    Returns:
        The judged pairs, in the same order.
    """
    adjusted = holm([pair.p for pair in pairs])
    order = np.argsort([pair.p for pair in pairs], kind="stable")
    rank = {int(index): step for step, index in enumerate(order)}
    tested = sum(pair.p < 1 for pair in pairs)
    return [pair.at(LEVEL / max(tested - rank[index], 1), adjusted[index] <= LEVEL) for index, pair in enumerate(pairs)]


def _heterogeneity(labs: Sequence[Lab], keys: Sequence[EntryKey]) -> dict[EntryKey, Heterogeneity]:
    if len(labs) < MIN_LABS or not keys:
        return {}
    values = [values_of(lab.results.interference, keys) for lab in labs]
    n = np.array([one.count() for one in values], dtype=float)
    means, variances = np.array([one.mean() for one in values]), np.array([one.var(ddof=1) for one in values]) / n
    found = {key: random_effects(means[:, j], variances[:, j], n[:, j]) for j, key in enumerate(keys)}
    return {key: one for key, one in found.items() if one is not None}
