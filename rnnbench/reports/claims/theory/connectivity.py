"""The effect of g where only the 2x2 matrix M is learnt: it raises interference, for it only lowers the gain.

g enters the 2x2 model through Gamma alone. A larger g adds private variance, so Gamma falls and M has to be larger for
the same readout; nothing is propagated through g J, since the gradient on M sees the two patterns only. The speed-up
that larger g brings to a network that learns the full W (see `amplification` beside this file) is therefore absent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats, variance_at_readout
from rnnbench.reports.claims.theory.protocol import A, B, Protocol, learn_many, untrained_loss


class Connectivity(NamedTuple):
    """A and then B learnt in the 2x2 model at one g; losses on A relative to its untrained loss."""

    g: float
    drive: float
    loss_first: float
    loss_after: float
    interference: float
    m_first: float
    variance_at_target: float
    converged: bool


def interference_against_g(gs: Floats, drive: float, protocol: Protocol) -> list[Connectivity]:
    """Interference in the 2x2 model, where g only lowers the gain Gamma and accelerates nothing."""
    gs = np.asarray(gs, dtype=float)
    drives = np.full(len(gs), drive)
    untrained = np.array([untrained_loss(drive, protocol, g) for g in gs])
    bounds = protocol.criterion * untrained
    first = learn_many(np.zeros((len(gs), 2, 2)), A, drives, protocol, bounds, gs)
    second = learn_many(first.m, B, drives, protocol, bounds, gs)
    # One look at A after B: the loss that learning A from there would start with.
    again = learn_many(second.m, A, drives, protocol.with_(max_updates=0), bounds, gs)
    return [
        Connectivity(
            float(gs[i]),
            drive,
            float(first.loss[i]),
            float(again.loss[i]),
            _interference(float(untrained[i]), float(first.loss[i]), float(again.loss[i])),
            float(first.m[i, A, A]),
            variance_at_readout(protocol.target, float(gs[i])),
            bool(first.converged[i] and second.converged[i]),
        )
        for i in range(len(gs))
    ]


def _interference(untrained: float, first: float, after: float) -> float:
    """I(A <- B); NaN where A was not learnt at all."""
    return (after - first) / (untrained - first) if untrained > first else float("nan")
