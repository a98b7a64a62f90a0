"""Where rotation ends and formation begins, in the plane of B's drive and A's strength m: M = diag(m, 0) before B.

During a trial of B with M = diag(m, 0), task B's component obeys a linear equation, since M_BB = 0, and settles at
the drive d. A's component is small and grows at the rate Gamma(kappa_B^2) m - 1. Three closed forms follow.

1. Linear stability. The driven state (0, d) is unstable along A above m_c(d) = 1 / Gamma(d^2), at g = 0
   sqrt(1 + pi d^2 / 2). It decides what an endless trial of B does before B is learnt.
2. The same in the time there is. A's component grows from the offset to the state whose readout is half the target,
   kappa_half, within the trial if  m int Gamma(kappa_B(t)^2) dt - T = log(kappa_half / offset), which gives m_T(d).
3. What learning A itself gives. At zero loss in a long trial, Gamma* kappa* = target and
   (1 - Gamma* m) kappa* = d, so m_A(d) = (1 - d / kappa*) / Gamma*.

All three are about the start of learning B. What M_BA, M_BB and M_AA do then is computed, not derived: `mode_plane`
learns B from every point of the plane. m_c bounds the transition from above along what learning A gives, and neither
m_c nor m_T predicts where it is: what carries the rotation is M_BA, which B's learning builds from any small component
along A, growing or not. docs/theory.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats, gain
from rnnbench.reports.claims.theory.protocol import A, B, Protocol, final_outputs, learn_many, untrained_loss
from rnnbench.results.modes import mode_index


def driven_instability(drive: Floats | float) -> Floats:
    """m_c(d) = 1 / Gamma(d^2) at g = 0: above it A's direction is unstable in B's driven state."""
    return 1 / gain(np.asarray(drive) ** 2)


def state_of_readout(target: float) -> float:
    """kappa with Gamma(kappa^2) kappa = target at g = 0: kappa^2 = t^2 / (1 - pi t^2 / 2), for t < sqrt(2 / pi)."""
    return float(target / np.sqrt(1 - np.pi / 2 * target**2))


def component_of_b(times: Floats, drive: float, protocol: Protocol) -> Floats:
    """kappa_B(t) in a trial of B with M = diag(m, 0): relaxation to the pulse, then to the drive (dt -> 0)."""
    end_of_pulse = protocol.pulse + (protocol.offset - protocol.pulse) * np.exp(-1)
    after = drive * protocol.pulse + (end_of_pulse - drive * protocol.pulse) * np.exp(-(times - 1))
    during = protocol.pulse + (protocol.offset - protocol.pulse) * np.exp(-times)
    return np.where(times < 1, during, after)


def instability_in_time(drive: float, protocol: Protocol) -> float:
    """m_T(d): above it A's component reaches half its target within B's trial, in linear theory."""
    times = np.linspace(0, protocol.duration, 2001)
    exposure = np.trapezoid(gain(component_of_b(times, drive, protocol) ** 2), times)
    growth = np.log(state_of_readout(protocol.target / 2) / protocol.offset)
    return float((protocol.duration + growth) / exposure)


def learnt_strength(drive: Floats | float, target: float = 0.5) -> Floats:
    """m_A(d) = (1 - d / kappa*) / Gamma*, what learning A alone tends to for zero loss and long trials."""
    kappa = state_of_readout(target)
    return np.asarray((1 - np.asarray(drive) / kappa) / gain(kappa**2))


def crossing(target: float = 0.5) -> float:
    """The drive at which m_A(d) = m_c(d): below it what A learnt takes over B's trials, in linear stability."""
    low, high = 0.0, state_of_readout(target)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if learnt_strength(middle, target) > driven_instability(middle) else (low, middle)
    return low


class PlanePoint(NamedTuple):
    """One start diag(m, 0), and how B was learnt from it.

    mode_index: of A's output at the end of A's trials after B; NaN where it decayed.
    output_before: |z_A| at the end of A's trials before B: where it is small there was nothing to rotate.
    """

    drive: float
    m: float
    mode_index: float
    output_before: float
    converged: bool
    updates: int


def mode_plane(drives: Floats, strengths: Floats, protocol: Protocol) -> list[PlanePoint]:
    """Learn B from diag(m, 0) for each of the pairs (drives[i], strengths[i])."""
    m = np.zeros((len(strengths), 2, 2))
    m[:, A, A] = strengths
    return _learn_b(m, drives, protocol)


def mode_along_learning(drives: Floats, protocol: Protocol) -> list[PlanePoint]:
    """Learn A from M = 0 and then B, at each drive; `m` is what A's learning gave."""
    first = learn_many(np.zeros((len(drives), 2, 2)), A, drives, protocol, _bounds(drives, protocol))
    return _learn_b(first.m, drives, protocol)


def _bounds(drives: Floats, protocol: Protocol) -> Floats:
    return np.array([protocol.criterion * untrained_loss(float(drive), protocol) for drive in drives])


def _learn_b(m: Floats, drives: Floats, protocol: Protocol) -> list[PlanePoint]:
    before = final_outputs(m, A, drives, protocol)
    second = learn_many(m, B, drives, protocol, _bounds(drives, protocol))
    after = final_outputs(second.m, A, drives, protocol)
    return [
        PlanePoint(
            float(drives[i]),
            float(m[i, A, A]),
            mode_index(after[i]),
            float(np.sqrt(np.mean(before[i, :, A] ** 2))),
            bool(second.converged[i]),
            int(second.updates[i]),
        )
        for i in range(len(m))
    ]


def boundary(points: list[PlanePoint], level: float = 0.5) -> dict[float, float]:
    """At each m of the plane the largest drive at which the mode index crosses `level`, interpolated; NaN if none."""
    found: dict[float, float] = {}
    for m in sorted({point.m for point in points}):
        row = sorted((p.drive, p.mode_index) for p in points if p.m == m and np.isfinite(p.mode_index))
        found[m] = float("nan")
        for (d0, i0), (d1, i1) in pairwise(row):
            if i0 >= level > i1:
                found[m] = d0 + (i0 - level) / (i0 - i1) * (d1 - d0)
    return found


class Transition(NamedTuple):
    """Drives along the line that learning A gives: where the mode index is 1/2, and where m crosses m_c and m_T."""

    computed: float
    linear_stability: float
    in_time: float


def transition(learnt: Sequence[PlanePoint], protocol: Protocol) -> Transition:
    """Where rotation ends along `learnt`, from `mode_along_learning`, and where the closed forms would have it end."""
    drives, m = (np.array([getattr(point, name) for point in learnt]) for name in ("drive", "m"))
    in_time = np.array([instability_in_time(float(drive), protocol) for drive in drives])
    return Transition(
        falls_through_zero(drives, np.array([point.mode_index for point in learnt]) - 0.5),
        falls_through_zero(drives, m - driven_instability(drives)),
        falls_through_zero(drives, m - in_time),
    )


def falls_through_zero(x: Floats, y: Floats) -> float:
    """Where y first falls through 0, interpolated between its points; NaN where it does not."""
    below = np.flatnonzero((y[:-1] > 0) & (y[1:] <= 0))
    if not len(below):
        return float("nan")
    i = int(below[0])
    return float(x[i] + y[i] / (y[i] - y[i + 1]) * (x[i + 1] - x[i]))
