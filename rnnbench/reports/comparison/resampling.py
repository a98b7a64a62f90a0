"""Bootstrap and permutation of whole seeds, both computed as weighted sums over seeds.

All entries of one seed share networks, so a seed is always resampled as a whole. A resample is a row of weights with
one weight for each seed: how often the seed was drawn (bootstrap), whether it belongs to this lab (permutation), or
its sign (sign flips). Means and variances under all resamples are matrix products of the weights and the values.

Sources: Efron & Tibshirani 1993, chapters 12 and 15; Fisher 1935, section 21; Welch 1947.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_EXACT = 15_000
"""Up to this number of arrangements all of them are used: 8 against 8 seeds, or 13 pairs."""
N_RESAMPLES = 10_000
"""Number of bootstrap resamples, and of random arrangements if not all are used."""
CHUNK = 500
"""Resamples that are computed at a time, so that 20 tasks fit into memory."""


def moments(values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance of the known values under each resample.

    Args:
        values: [seed, entry], NaN where a network does not count.
        weights: [resample, seed], counts or signs; a negative sign inverts a value and leaves its square unchanged.

    Returns:
        Number of values, mean, and variance (divided by n - 1), each [resample, entry].
    """
    known = np.isfinite(values)
    x = np.where(known, values, 0.0)
    size = np.abs(weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = size @ known
        mean = np.where(n > 0, weights @ x / n, np.nan)
        spread = size @ x**2 - n * mean**2
        variance = np.where(n > 1, np.maximum(spread, 0) / (n - 1), np.nan)
    return n, mean, variance


class Contrast(NamedTuple):
    """Lab b minus lab a in each entry under each resample, each [resample, entry].

    Attributes:
        difference: difference of the means.
        error: standard error of the difference.
        freedom: its degrees of freedom, at least 1 (Welch 1947 for different seeds, n - 1 for paired seeds).
    """

    difference: Floats
    error: Floats
    freedom: Floats

    @property
    def real(self) -> Contrast:
        """The contrast of the first resample, each [entry]."""
        return Contrast(*(one[0] for one in self))


@dataclass(frozen=True)
class Independent:
    """Two labs with different seeds.

    Attributes:
        a: interference in the first lab, [seed, entry], NaN where a network does not count.
        b: interference in the second lab, [seed, entry].
    """

    a: Floats
    b: Floats

    @cached_property
    def centred(self) -> Floats:
        """Values of all seeds minus the common mean of each entry, which reduces rounding errors, [seed, entry]."""
        both = np.vstack([self.a, self.b])
        return np.asarray(both - _mean(both), dtype=float)

    @property
    def observed(self) -> Contrast:
        """The contrast of the observed arrangement, each [entry]."""
        return self._under(self._in_a[None], 1 - self._in_a[None]).real

    @property
    def n_arrangements(self) -> int:
        """Number of ways to assign the seeds to the labs."""
        return math.comb(len(self.a) + len(self.b), len(self.a))

    @property
    def symmetric(self) -> bool:
        """Whether every arrangement has a mirror image in which all differences have the opposite sign."""
        return len(self.a) == len(self.b)

    def arrangements(self, rng: np.random.Generator, n_random: int) -> Iterator[Contrast]:
        """Contrasts with the seeds reassigned to the labs, in chunks; the observed arrangement comes first.

        Args:
            rng: draws random arrangements if there are too many to use all.
            n_random: number of arrangements in that case, including the observed one.

        Yields:
            Contrasts of arrays [arrangement, entry].
        """
        total, n = len(self.centred), len(self.a)
        if self.n_arrangements <= MOST_EXACT:
            chosen = np.array(list(itertools.combinations(range(total), n)))  # the first is the observed one
        else:
            drawn = rng.permuted(np.tile(np.arange(total), (n_random - 1, 1)), axis=1)[:, :n]
            chosen = np.vstack([np.arange(n), drawn])
        in_a = np.zeros((len(chosen), total))
        np.put_along_axis(in_a, chosen, 1.0, axis=1)
        for part in _parts(len(chosen)):
            yield self._under(in_a[part], 1 - in_a[part])

    def bootstrap(self, rng: np.random.Generator, n_resamples: int) -> Iterator[Contrast]:
        """Contrasts with each lab's seeds drawn from its own seeds with replacement, in chunks.

        Yields:
            Contrasts of arrays [resample, entry].
        """
        n = len(self.a)
        for part in _parts(n_resamples):
            size = part.stop - part.start
            drawn = np.zeros((2, size, len(self.centred)))
            drawn[0, :, :n] = _counts(rng, size, n)
            drawn[1, :, n:] = _counts(rng, size, len(self.b))
            yield self._under(drawn[0], drawn[1])

    @property
    def _in_a(self) -> Floats:
        return (np.arange(len(self.centred)) < len(self.a)).astype(float)

    def _under(self, in_a: Floats, in_b: Floats) -> Contrast:
        n_a, mean_a, variance_a = moments(self.centred, in_a)
        n_b, mean_b, variance_b = moments(self.centred, in_b)
        with np.errstate(invalid="ignore", divide="ignore"):
            v_a, v_b = variance_a / n_a, variance_b / n_b
            freedom = (v_a + v_b) ** 2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
            # Without any spread the formula is 0 / 0; the error is then known to be 0.
            freedom = np.where(np.isnan(freedom), n_a + n_b - 2, freedom)
            return Contrast(mean_b - mean_a, np.sqrt(v_a + v_b), np.maximum(freedom, 1))


@dataclass(frozen=True)
class Paired:
    """Two labs with the same seeds; the sample consists of the differences within each seed.

    Attributes:
        a: interference in the first lab, [seed, entry], NaN where a network does not count.
        b: interference in the second lab, for the same seeds and entries.
    """

    a: Floats
    b: Floats

    @cached_property
    def differences(self) -> Floats:
        """Differences b - a, [seed, entry]."""
        return np.asarray(self.b - self.a, dtype=float)

    @property
    def observed(self) -> Contrast:
        """The contrast of the observed arrangement, each [entry]."""
        return self._under(np.ones((1, len(self.differences)))).real

    @property
    def n_arrangements(self) -> int:
        """Number of ways to exchange the labs within seeds."""
        return int(2 ** len(self.differences))

    @property
    def symmetric(self) -> bool:
        """Whether every arrangement has a mirror image in which all differences have the opposite sign."""
        return True

    def arrangements(self, rng: np.random.Generator, n_random: int) -> Iterator[Contrast]:
        """Contrasts with the labs exchanged in some seeds, in chunks; the observed arrangement comes first.

        Args:
            rng: draws random signs if there are too many arrangements to use all.
            n_random: number of arrangements in that case, including the observed one.

        Yields:
            Contrasts of arrays [arrangement, entry].
        """
        n = len(self.differences)
        if self.n_arrangements <= MOST_EXACT:
            signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))  # the first is the observed one
        else:
            signs = np.vstack([np.ones(n), rng.choice([1.0, -1.0], size=(n_random - 1, n))])
        for part in _parts(len(signs)):
            yield self._under(signs[part])

    def bootstrap(self, rng: np.random.Generator, n_resamples: int) -> Iterator[Contrast]:
        """Contrasts with the seeds drawn with replacement, in chunks.

        Yields:
            Contrasts of arrays [resample, entry].
        """
        for part in _parts(n_resamples):
            yield self._under(_counts(rng, part.stop - part.start, len(self.differences)))

    def _under(self, weights: Floats) -> Contrast:
        n, mean, variance = moments(self.differences, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            return Contrast(mean, np.sqrt(variance / n), np.maximum(n - 1, 1))


Design = Independent | Paired


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _parts(total: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, total)) for start in range(0, total, CHUNK))


def _counts(rng: np.random.Generator, n_resamples: int, n: int) -> Floats:
    """How often each of `n` seeds was drawn in `n` draws, [resample, seed]."""
    return rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float)
