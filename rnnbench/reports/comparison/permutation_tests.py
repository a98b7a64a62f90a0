"""Permutation tests of whether the labs differ at all, and in which entries; whole seeds are permuted between labs.

Two statistics cover all entries: the largest score, which detects a difference in a single entry, and the sum of
squared scores, which detects many small shifts. The smaller of their p-values is compared with its own distribution
over the same permutations, which gives the p-value of the whole test (min-p; Pesarin & Salmaso 2010, section 4.2). If
the labs are alike every arrangement of the seeds is equally likely. The p-values are then exact for any number of
seeds and any dependence between entries. Single entries are tested afterwards by step-down max-T (Westfall & Young
1993, section 2.6).

The score of an entry is the standard normal value with the same tail probability as t = difference / (error + floor)
under the entry's degrees of freedom (Wallace 1959). The floor prevents negligible differences in entries with very
little spread from dominating (Tusher, Tibshirani & Chu 2001). The normal score reduces false alarms from a few
scattered seeds when the labs have equal means and unequal spread; permutation is not exact in that case (Janssen
1997). Simulations of both effects are in docs/compare.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rnnbench.reports.comparison.resampling import N_RESAMPLES, Contrast, Design, Floats

FLOOR = 0.1
"""Added to the standard error, as a fraction of the margin."""


@dataclass(frozen=True)
class Omnibus:
    """p-values for the hypothesis that two labs do not differ.

    Attributes:
        p: p-value over all entries, from both statistics together.
        p_largest: p-value of the largest score.
        p_sum: p-value of the sum of squared scores.
        p_entries: p-value of each entry, adjusted for all other entries, [entry].
        smallest: smallest p-value that is possible with this number of seeds.
    """

    p: float
    p_largest: float
    p_sum: float
    p_entries: Floats
    smallest: float


def omnibus(design: Design, margin: float, rng: np.random.Generator, n_random: int = N_RESAMPLES) -> Omnibus:
    """Test all entries, over every arrangement of the seeds or over random ones if there are too many.

    An entry whose t is undefined under an arrangement contributes 0 to it.

    Args:
        design: values of the two labs.
        margin: difference that is regarded as negligible, in units of interference.
        rng: draws random arrangements.
        n_random: number of arrangements if not all are used.

    Raises:
        ValueError: there is no entry.
    """
    floor = FLOOR * margin
    arranged = (normal_score(one, floor) for one in design.arrangements(rng, n_random))
    return combined(normal_score(design.observed, floor), arranged, design.symmetric)


def combined(observed: Floats, arranged: Iterable[Floats], symmetric: bool) -> Omnibus:
    """Compute the p-values from scores at or above 0.

    Args:
        observed: scores of the observed arrangement, [entry].
        arranged: scores of all arrangements in chunks of [arrangement, entry], the observed one first.
        symmetric: whether every arrangement has a mirror image with the same scores.

    Raises:
        ValueError: there is no entry.
    """
    if not observed.size:
        raise ValueError("there is no entry to test")
    order = np.argsort(-observed, kind="stable")
    largest, total, exceeding = [], [], np.zeros(len(observed))
    bound = observed[order] * (1 - 1e-9)  # arrangements that differ only by rounding count as equal
    for scores in arranged:
        largest.append(scores.max(axis=1))
        total.append((scores**2).sum(axis=1))
        # From the smallest observed score upwards, each entry is compared with the largest score of the entries
        # whose observed score is not above its own.
        running = np.maximum.accumulate(scores[:, order[::-1]], axis=1)[:, ::-1]
        exceeding += (running >= bound).sum(axis=0)
    p_largest, p_total = _tail(np.concatenate(largest)), _tail(np.concatenate(total))
    both = np.minimum(p_largest, p_total)
    p_entries = np.empty(len(observed))
    p_entries[order] = np.maximum.accumulate(exceeding / len(both))
    p = float(np.mean(both <= both[0] * (1 + 1e-9)))
    # Exchanging labs with the same number of seeds only changes signs, so each arrangement has an equivalent one.
    return Omnibus(p, float(p_largest[0]), float(p_total[0]), p_entries, (2 if symmetric else 1) / len(both))


def normal_score(contrast: Contrast, floor: float) -> Floats:
    """Standard normal value with the same tail probability as t = difference / (error + floor); 0 if undefined.

    z = (8 f + 1) / (8 f + 3) sqrt(f log(1 + t^2 / f)) for f degrees of freedom. Source: Wallace 1959.

    Args:
        contrast: difference, standard error and degrees of freedom.
        floor: added to the standard error, in units of interference.

    Returns:
        Scores at or above 0, of the shape of the contrast's arrays.
    """
    difference, error, f = contrast
    t = difference / (error + floor)
    z = (8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log1p(t**2 / f))
    return np.where(np.isfinite(z), z, 0.0)


def _tail(statistic: Floats) -> Floats:
    """For each arrangement, the fraction of arrangements whose statistic is at least as large."""
    scaled = np.round(statistic / statistic.max(), 9) if statistic.max() > 0 else statistic
    ordered = np.sort(scaled)
    return np.asarray(1 - np.searchsorted(ordered, scaled, side="left") / len(scaled), dtype=float)
