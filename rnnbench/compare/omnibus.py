"""Do the labs differ at all, and in which cells? Permutation tests in which whole seeds are dealt out anew.

Two statistics look at all cells at once: the largest |t|, which finds a single cell, and the sum of t^2, which finds
many small shifts. Their p-values are combined by the smaller one, whose own distribution over the same arrangements
gives the p-value of the whole (min-p; Pesarin & Salmaso 2010, section 4.2). Where the labs are alike every
arrangement is equally likely, so these p-values are exact at any number of seeds and any dependence between cells.
The cells are then gone through by step-down max-T (Westfall & Young 1993, section 2.6).

t = difference / (error + floor): the floor keeps cells that hardly vary from shouting about differences that do not
matter (Tusher, Tibshirani & Chu 2001); it is the same for all arrangements, so the test stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.compare.resampling import N_RESAMPLES, Design, Floats

FLOOR = 0.1
"""The floor of the standard error, as a fraction of the margin."""


@dataclass(frozen=True)
class Omnibus:
    """p-values of no difference between two labs.

    p            over all cells, of the two statistics together
    p_largest    of the largest |t|
    p_sum        of the sum of t^2
    p_cells      [cell], adjusted for all the others
    smallest     the smallest p that this many seeds allow
    """

    p: float
    p_largest: float
    p_sum: float
    p_cells: Floats
    smallest: float


def omnibus(design: Design, margin: float, rng: np.random.Generator, n_random: int = N_RESAMPLES) -> Omnibus:
    """The tests of all cells, over every arrangement of the seeds or `n_random` of them.

    A cell that has no t under an arrangement adds nothing to it.

    Raises ValueError where there is no cell.
    """
    observed = studentised(*design.observed, FLOOR * margin)
    if not observed.size:
        raise ValueError("no cell to test")
    order = np.argsort(-observed, kind="stable")
    largest, total, exceeding = [], [], np.zeros(len(observed))
    bound = observed[order] * (1 - 1e-9)  # arrangements that differ in nothing but rounding are equal
    for difference, error in design.arrangements(rng, n_random):
        t = studentised(difference, error, FLOOR * margin)
        largest.append(t.max(axis=1))
        total.append((t**2).sum(axis=1))
        # From the smallest up, each cell is held against the largest of those not above it.
        running = np.maximum.accumulate(t[:, order[::-1]], axis=1)[:, ::-1]
        exceeding += (running >= bound).sum(axis=0)
    p_largest, p_total = _tail(np.concatenate(largest)), _tail(np.concatenate(total))
    combined = np.minimum(p_largest, p_total)
    p_cells = np.empty(len(observed))
    p_cells[order] = np.maximum.accumulate(exceeding / len(combined))
    p = float(np.mean(combined <= combined[0] * (1 + 1e-9)))
    # Exchanging the labs turns every t round: of two labs of as many seeds, two arrangements are alike.
    alike = 2 if design.symmetric else 1
    return Omnibus(p, float(p_largest[0]), float(p_total[0]), p_cells, alike / len(combined))


def studentised(difference: Floats, error: Floats, floor: float) -> Floats:
    """|t| with the floor added to the error; 0 where it is not known."""
    t = np.abs(difference) / (error + floor)
    return np.where(np.isfinite(t), t, 0.0)


def _tail(statistic: Floats) -> Floats:
    """For each arrangement the fraction of arrangements with a statistic as large; the first one is the real one."""
    scaled = np.round(statistic / statistic.max(), 9) if statistic.max() > 0 else statistic
    ordered = np.sort(scaled)
    return np.asarray(1 - np.searchsorted(ordered, scaled, side="left") / len(scaled), dtype=float)
