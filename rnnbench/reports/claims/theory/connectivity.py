"""The effect of g in networks that learn only the 2x2 matrix M: a larger g raises interference.

g enters the 2x2 model only through the gain Gamma. A larger g adds private variance, so Gamma falls and M has to be
larger for the same readout. Nothing is propagated through g J, because the gradient on M depends only on the two
patterns. So there is no speed-up by g, unlike in a network that learns the full W (see the module `amplification`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats, variance_at_readout
from rnnbench.reports.claims.theory.protocol import A, B, Protocol, learn_many, untrained_loss


class Connectivity(NamedTuple):
    """The 2x2 model after learning A and then B at one g.

    Attributes:
        g: strength of the random connectivity.
        drive: drive of both tasks.
        loss_first: loss on A after learning A.
        loss_after: loss on A after learning B.
        interference: interference of B with A; NaN where A was not learnt at all.
        m_first: M_AA after learning A.
        variance_at_target: variance Delta of a unit's state at the stationary state whose readout is the target.
        converged: whether both tasks reached their criterion.
    """

    g: float
    drive: float
    loss_first: float
    loss_after: float
    interference: float
    m_first: float
    variance_at_target: float
    converged: bool


def interference_against_g(gs: Floats, drive: float, protocol: Protocol) -> list[Connectivity]:
    """Interference in the 2x2 model at several g.

    Args:
        gs: [g], strengths of the random connectivity.
        drive: drive of both tasks.
        protocol: the tasks and their training.

    Returns:
        A row for each g.
    """
    gs = np.asarray(gs, dtype=float)
    drives = np.full(len(gs), drive)
    untrained = np.array([untrained_loss(drive, protocol, g) for g in gs])
    bounds = protocol.criterion * untrained
    first = learn_many(np.zeros((len(gs), 2, 2)), A, drives, protocol, bounds, gs)
    second = learn_many(first.m, B, drives, protocol, bounds, gs)
    # With no updates this only evaluates the loss on A after B.
    after = learn_many(second.m, A, drives, protocol.with_(max_updates=0), bounds, gs)
    return [
        Connectivity(
            float(gs[i]),
            drive,
            float(first.loss[i]),
            float(after.loss[i]),
            _interference(float(untrained[i]), float(first.loss[i]), float(after.loss[i])),
            float(first.m[i, A, A]),
            variance_at_readout(protocol.target, float(gs[i])),
            bool(first.converged[i] and second.converged[i]),
        )
        for i in range(len(gs))
    ]


def _interference(untrained: float, first: float, after: float) -> float:
    """I(A <- B); NaN where A was not learnt at all."""
    return (after - first) / (untrained - first) if untrained > first else float("nan")
