"""How far networks of N units are from the 2x2 model, along the learning of A and then of B.

The field F of a network differs from the model's by an average over N units of mean zero, so to first order M and
the losses at a given update differ by something Gaussian of order N^-1/2, with a factor that grows while the path is
unstable: two paths that differ little at a watershed end up far apart. No quantity here is even in the fluctuation,
so nothing should fall as 1/N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rnnbench.reports.claims.theory import two_by_two
from rnnbench.reports.claims.theory.full_network import FullNetworks, gaussian_patterns
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.protocol import A, B, Protocol, pulse_episode, untrained_loss
from rnnbench.reports.claims.theory.two_by_two import Episode, Learning


@dataclass(frozen=True)
class Setting:
    """A name, the drive of both tasks, and the protocol."""

    name: str
    drive: float
    protocol: Protocol

    @property
    def episodes(self) -> tuple[Episode, Episode]:
        """A's trials and B's."""
        a, b = (pulse_episode(task, self.drive, self.protocol) for task in (A, B))
        return a, b

    @property
    def bound(self) -> float:
        """The loss to stop at: the model's, so that networks of every size stop at the same."""
        return self.protocol.criterion * untrained_loss(self.drive, self.protocol)


SETTINGS = (
    Setting("rotation", 0.02, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.1)),
    Setting("formation", 0.15, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.1)),
    # With an offset no larger than chance overlaps, chance decides to which side A's fixed point is rotated.
    Setting("rotation, small offset", 0.02, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.02)),
)


@dataclass(frozen=True)
class Sequence:
    """A learnt from M = 0, then B. `second.losses` [1 + update, (L_B, L_A)]."""

    first: Learning
    second: Learning


def model_sequence(setting: Setting) -> Sequence:
    """The 2x2 model's path."""
    p, (a, b) = setting.protocol, setting.episodes
    first = two_by_two.learn(np.zeros((2, 2)), a, p.dt, p.rate, p.max_updates, setting.bound, start=p.start)
    second = two_by_two.learn(first.m[-1], b, p.dt, p.rate, p.max_updates, setting.bound, (a,), start=p.start)
    return Sequence(first, second)


def network_sequences(setting: Setting, n_units: int, seeds: range) -> list[Sequence]:
    """The paths of networks of `n_units`, one for each seed, which its patterns are drawn with."""
    p, (a, b) = setting.protocol, setting.episodes
    patterns = [gaussian_patterns(n_units, np.random.default_rng([seed, n_units])) for seed in seeds]
    networks = FullNetworks(np.array(patterns))
    untrained = np.zeros((len(seeds), 2, 2))
    firsts = networks.learn(untrained, a, p.dt, p.rate, p.max_updates, p.start, setting.bound)
    learnt = np.array([first.m[-1] for first in firsts])
    seconds = networks.learn(learnt, b, p.dt, p.rate, p.max_updates, p.start, setting.bound, (a,))
    return [Sequence(first, second) for first, second in zip(firsts, seconds, strict=True)]


class Deviation(NamedTuple):
    """How one network differs from the model, over the updates that both have.

    m_first: max |M_N - M| while A is learnt; m_max, m_rms: while B is; loss_a, loss_b: max |difference| of the
    losses while B is learnt; loss_a_end: at the end of each one's own learning; same_side: the rotation went to the
    same side (sign of M_BA).
    """

    setting: str
    drive: float
    offset: float
    n_units: int
    seed: int
    m_first: float
    m_max: float
    m_rms: float
    loss_a: float
    loss_b: float
    loss_a_end: float
    same_side: bool


def deviation(setting: Setting, n_units: int, seed: int, network: Sequence, model: Sequence) -> Deviation:
    """Compare two paths."""
    first, second = (_common(getattr(network, k).m, getattr(model, k).m) for k in ("first", "second"))
    losses = _common(network.second.losses, model.second.losses)
    loss_b, loss_a = np.max(np.abs(losses), axis=0)
    sides = np.sign([path.second.m[-1][B, A] for path in (network, model)])
    return Deviation(
        setting.name,
        setting.drive,
        setting.protocol.offset,
        n_units,
        seed,
        float(np.max(np.abs(first))),
        float(np.max(np.abs(second))),
        float(np.sqrt(np.mean(second**2))),
        float(loss_a),
        float(loss_b),
        float(network.second.losses[-1, 1] - model.second.losses[-1, 1]),
        bool(sides[0] == sides[1]),
    )


def _common(a: Floats, b: Floats) -> Floats:
    n = min(len(a), len(b))
    return a[:n] - b[:n]


class Slope(NamedTuple):
    """d log(deviation) / d log N over networks, with a 95 % bootstrap interval over seeds."""

    setting: str
    quantity: str
    slope: float
    low: float
    high: float


QUANTITIES = ("m_first", "m_max", "m_rms", "loss_a", "loss_b")


def slopes(table: list[Deviation], rng: np.random.Generator, resamples: int = 2000) -> list[Slope]:
    """The slope of the root mean square over seeds, for each setting and quantity.

    Seeds are redrawn at each N by itself: networks of different size have nothing in common.
    """
    found = []
    for setting in dict.fromkeys(row.setting for row in table):
        rows = [row for row in table if row.setting == setting]
        sizes = sorted({row.n_units for row in rows})
        if len(sizes) < 2:
            continue
        for quantity in QUANTITIES:
            values = [np.array([getattr(row, quantity) for row in rows if row.n_units == n]) for n in sizes]
            drawn = [_slope(sizes, [rng.choice(column, len(column)) for column in values]) for _ in range(resamples)]
            low, high = np.quantile(drawn, [0.025, 0.975])
            found.append(Slope(setting, quantity, _slope(sizes, values), float(low), float(high)))
    return found


def _slope(sizes: list[int], values: list[Floats]) -> float:
    size = [np.sqrt(np.mean(column**2)) for column in values]
    return float(np.polyfit(np.log(sizes), np.log(size), 1)[0])
