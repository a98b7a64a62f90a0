"""The boundary between rotation and formation in the plane of B's drive d and A's strength m (M = diag(m, 0) before B).

During a trial of B with M = diag(m, 0), B's component obeys a linear equation, because M_BB = 0, and settles at the
drive d. A's component is small and grows at the rate Gamma(kappa_B^2) m - 1. This gives three closed forms.

1. Linear stability. The driven state (0, d) is unstable along A for m above m_c(d) = 1 / Gamma(d^2), which is
   sqrt(1 + pi d^2 / 2) at g = 0. It decides what happens in an endless trial of B before B is learnt.
2. Instability within the trial. A's component grows from the offset to the state whose readout is half of the target,
   kappa_half, by the end of the trial if m int Gamma(kappa_B(t)^2) dt - T = log(kappa_half / offset). This gives
   m_T(d).
3. The strength that learning A gives. At zero loss in a long trial, Gamma* kappa* = target and
   (1 - Gamma* m) kappa* = d, so m_A(d) = (1 - d / kappa*) / Gamma*.

All three describe the start of learning B. What M_BA, M_BB and M_AA do afterwards is computed and not derived:
`mode_plane` learns B from every point of the plane. Along the line that learning A gives, m_c is an upper bound of the
transition, but neither m_c nor m_T predicts where it is. The rotation is carried by M_BA, and learning B builds M_BA
from any small component along A, whether or not that component grows. docs/theory.md has the numbers.
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
    """The strength m_c(d) = 1 / Gamma(d^2) at g = 0, above which B's driven state is unstable along A.

    Args:
        drive: [..], drive d of B.

    Returns:
        [..], m_c.
    """
    return 1 / gain(np.asarray(drive) ** 2)


def state_of_readout(target: float) -> float:
    """The state kappa with readout Gamma(kappa^2) kappa = target at g = 0.

    kappa^2 = t^2 / (1 - pi t^2 / 2) for a target t < sqrt(2 / pi).

    Args:
        target: the readout t.

    Returns:
        kappa.
    """
    return float(target / np.sqrt(1 - np.pi / 2 * target**2))


def component_of_b(times: Floats, drive: float, protocol: Protocol) -> Floats:
    """kappa_B(t) in a trial of B with M = diag(m, 0), for dt -> 0: it relaxes to the pulse and then to the drive.

    Args:
        times: [time], in tau, from 0 at the start of the trial.
        drive: input after the pulse, as a fraction of the pulse.
        protocol: the task.

    Returns:
        [time], kappa_B.
    """
    end_of_pulse = protocol.pulse + (protocol.offset - protocol.pulse) * np.exp(-1)
    after = drive * protocol.pulse + (end_of_pulse - drive * protocol.pulse) * np.exp(-(times - 1))
    during = protocol.pulse + (protocol.offset - protocol.pulse) * np.exp(-times)
    return np.where(times < 1, during, after)


def instability_in_time(drive: float, protocol: Protocol) -> float:
    """The strength m_T(d) above which A's component reaches half its target within a trial of B, in linear theory.

    Args:
        drive: drive d of B, as a fraction of the pulse.
        protocol: the task.

    Returns:
        m_T.
    """
    times = np.linspace(0, protocol.duration, 2001)
    exposure = np.trapezoid(gain(component_of_b(times, drive, protocol) ** 2), times)
    growth = np.log(state_of_readout(protocol.target / 2) / protocol.offset)
    return float((protocol.duration + growth) / exposure)


def learnt_strength(drive: Floats | float, target: float = 0.5) -> Floats:
    """The strength m_A(d) = (1 - d / kappa*) / Gamma* that learning A tends to for zero loss and long trials.

    Args:
        drive: [..], drive d of A.
        target: target of A.

    Returns:
        [..], m_A.
    """
    kappa = state_of_readout(target)
    return np.asarray((1 - np.asarray(drive) / kappa) / gain(kappa**2))


def crossing(target: float = 0.5) -> float:
    """The drive at which m_A(d) = m_c(d).

    By linear stability, what was learnt of A takes over the trials of B at smaller drives.

    Args:
        target: target of A.

    Returns:
        The drive.
    """
    low, high = 0.0, state_of_readout(target)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if learnt_strength(middle, target) > driven_instability(middle) else (low, middle)
    return low


class PlanePoint(NamedTuple):
    """A start M = diag(m, 0), and how B was learnt from it.

    Attributes:
        drive: drive of both tasks.
        m: strength of A before B is learnt.
        mode_index: mode index of A's output at the end of A's trials after B; NaN where the output decayed.
        output_before: |z_A| at the end of A's trials before B. Where it is small, there was nothing to rotate.
        converged: whether B reached its criterion.
        updates: number of updates on B.
    """

    drive: float
    m: float
    mode_index: float
    output_before: float
    converged: bool
    updates: int


def mode_plane(drives: Floats, strengths: Floats, protocol: Protocol) -> list[PlanePoint]:
    """Learn B from M = diag(m, 0) at each point of the plane.

    Args:
        drives: [point], drive of both tasks.
        strengths: [point], strength m of A.
        protocol: the task and its training.

    Returns:
        How B was learnt at each point.
    """
    m = np.zeros((len(strengths), 2, 2))
    m[:, A, A] = strengths
    return _learn_b(m, drives, protocol)


def mode_along_learning(drives: Floats, protocol: Protocol) -> list[PlanePoint]:
    """Learn A from M = 0 and then B at each drive.

    Args:
        drives: [point], drive of both tasks.
        protocol: the tasks and their training.

    Returns:
        How B was learnt at each drive; `m` is the strength that learning A gave.
    """
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
    """The drive at which rotation gives way to formation, for each m of the plane.

    Args:
        points: the points of the plane.
        level: the mode index that separates rotation from formation.

    Returns:
        For each m the largest drive at which the mode index falls through `level`, interpolated linearly; NaN if
        there is none.
    """
    found: dict[float, float] = {}
    for m in sorted({point.m for point in points}):
        row = sorted((p.drive, p.mode_index) for p in points if p.m == m and np.isfinite(p.mode_index))
        found[m] = float("nan")
        for (d0, i0), (d1, i1) in pairwise(row):
            if i0 >= level > i1:
                found[m] = d0 + (i0 - level) / (i0 - i1) * (d1 - d0)
    return found


class Transition(NamedTuple):
    """The drive at which rotation ends along the line that learning A gives, computed and by two closed forms.

    Attributes:
        computed: where the mode index falls through 1/2.
        linear_stability: where m falls through m_c.
        in_time: where m falls through m_T.
    """

    computed: float
    linear_stability: float
    in_time: float


def transition(learnt: Sequence[PlanePoint], protocol: Protocol) -> Transition:
    """Find where rotation ends along the line that learning A gives, computed and by the closed forms.

    Args:
        learnt: the points of `mode_along_learning`, with ascending drives.
        protocol: the protocol that they were computed with.

    Returns:
        The drives; NaN for those that are not crossed.
    """
    drives, m = (np.array([getattr(point, name) for point in learnt]) for name in ("drive", "m"))
    in_time = np.array([instability_in_time(float(drive), protocol) for drive in drives])
    return Transition(
        falls_through_zero(drives, np.array([point.mode_index for point in learnt]) - 0.5),
        falls_through_zero(drives, m - driven_instability(drives)),
        falls_through_zero(drives, m - in_time),
    )


def falls_through_zero(x: Floats, y: Floats) -> float:
    """Where y first falls through 0, interpolated linearly.

    Args:
        x: [point], ascending.
        y: [point].

    Returns:
        The x of the crossing; NaN if y never falls through 0.
    """
    below = np.flatnonzero((y[:-1] > 0) & (y[1:] <= 0))
    if not len(below):
        return float("nan")
    i = int(below[0])
    return float(x[i] + y[i] / (y[i] - y[i + 1]) * (x[i + 1] - x[i]))
