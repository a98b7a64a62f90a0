"""Deviation of networks of N units from the 2x2 model while A and then B is learnt.

The field F of a network differs from that of the model by an average over N units that has mean zero. To first order,
M and the losses at a given update therefore differ by a Gaussian of order N^-1/2. Its factor grows where the path is
unstable, because near a point where paths diverge a small difference becomes a large one. No quantity here is an even
function of the fluctuation, so none should fall as 1/N.
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
class Scenario:
    """A setting in which networks are compared with the model.

    Attributes:
        name: name of the setting.
        drive: drive of both tasks.
        protocol: the tasks and their training.
    """

    name: str
    drive: float
    protocol: Protocol

    @property
    def episodes(self) -> tuple[Episode, Episode]:
        """The trials of A and the trials of B."""
        a, b = (pulse_episode(task, self.drive, self.protocol) for task in (A, B))
        return a, b

    @property
    def bound(self) -> float:
        """The loss at which learning stops; it is that of the model, so that it is the same for every size."""
        return self.protocol.criterion * untrained_loss(self.drive, self.protocol)


SETTINGS = (
    Scenario("rotation", 0.02, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.1)),
    Scenario("formation", 0.15, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.1)),
    # If the offset is no larger than chance overlaps, chance decides to which side A's fixed point is rotated.
    Scenario("rotation, small offset", 0.02, Protocol(dt=0.5, rate=0.2, criterion=0.02, mirrored=True, offset=0.02)),
)


@dataclass(frozen=True)
class Sequence:
    """The course of learning A from M = 0 and then B.

    Attributes:
        first: learning A.
        second: learning B; its `losses` are [1 + update, 2], on B and on A.
    """

    first: Learning
    second: Learning


def model_sequence(setting: Scenario) -> Sequence:
    """The course of learning in the 2x2 model."""
    p, (a, b) = setting.protocol, setting.episodes
    first = two_by_two.learn(np.zeros((2, 2)), a, p.dt, p.rate, p.max_updates, setting.bound, start=p.start)
    second = two_by_two.learn(first.m[-1], b, p.dt, p.rate, p.max_updates, setting.bound, (a,), start=p.start)
    return Sequence(first, second)


def network_sequences(setting: Scenario, n_units: int, seeds: range) -> list[Sequence]:
    """The course of learning in networks of N units.

    Args:
        setting: the tasks and their training.
        n_units: number of units N.
        seeds: one for each network; the network's patterns are drawn with its seed.

    Returns:
        The course of learning in each network.
    """
    p, (a, b) = setting.protocol, setting.episodes
    patterns = [gaussian_patterns(n_units, np.random.default_rng([seed, n_units])) for seed in seeds]
    networks = FullNetworks(np.array(patterns))
    untrained = np.zeros((len(seeds), 2, 2))
    firsts = networks.learn(untrained, a, p.dt, p.rate, p.max_updates, p.start, setting.bound)
    learnt = np.array([first.m[-1] for first in firsts])
    seconds = networks.learn(learnt, b, p.dt, p.rate, p.max_updates, p.start, setting.bound, (a,))
    return [Sequence(first, second) for first, second in zip(firsts, seconds, strict=True)]


class Deviation(NamedTuple):
    """Differences between one network and the model, over the updates that both have made.

    Attributes:
        setting: name of the setting.
        drive: drive of both tasks.
        offset: offset of kappa at the start of a trial.
        n_units: number of units N.
        seed: seed of the network.
        m_first: largest |M_N - M| while A is learnt.
        m_max: largest |M_N - M| while B is learnt.
        m_rms: root mean square of M_N - M while B is learnt.
        loss_a: largest difference of the loss on A, in size, while B is learnt.
        loss_b: largest difference of the loss on B, in size, while B is learnt.
        loss_a_end: difference of the loss on A between the end of the network's and the end of the model's learning.
        same_side: whether both rotated to the same side (sign of M_BA).
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


def deviation(setting: Scenario, n_units: int, seed: int, network: Sequence, model: Sequence) -> Deviation:
    """Compare the course of learning in a network with that in the model.

    Args:
        setting: the setting of both.
        n_units: number of units of the network.
        seed: seed of the network.
        network: the course of learning in the network.
        model: the course of learning in the 2x2 model.

    Returns:
        The differences.
    """
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
    """The slope d log(deviation) / d log N over networks.

    Attributes:
        setting: name of the setting.
        quantity: the field of `Deviation`.
        slope: the slope.
        low: lower end of the 95 % bootstrap interval over seeds.
        high: upper end of the interval.
    """

    setting: str
    quantity: str
    slope: float
    low: float
    high: float


QUANTITIES = ("m_first", "m_max", "m_rms", "loss_a", "loss_b")


def slopes(table: list[Deviation], rng: np.random.Generator, resamples: int = 2000) -> list[Slope]:
    """The slope of the root mean square over seeds against N, for each setting and quantity.

    Seeds are resampled independently at each N, because networks of different size have nothing in common.

    Args:
        table: one deviation for each setting, N and seed.
        rng: draws the resamples.
        resamples: number of resamples for the interval.

    Returns:
        The slopes; settings with fewer than two N are left out.
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
    rms = [np.sqrt(np.mean(column**2)) for column in values]
    return float(np.polyfit(np.log(sizes), np.log(rms), 1)[0])
