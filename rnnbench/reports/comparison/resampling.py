"""Seeds drawn again and dealt out anew: the two ways to learn what chance does, as one sum with weights.

All cells of a seed share networks, so a whole seed moves at once. A resample is a row of weights, one for each
seed: how often it was drawn (bootstrap), whether it is in this lab (permutation), or its sign (sign flips). Means
and variances under all of them are matrix products of the weights with the values.

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
"""Up to this many, all ways of dealing out the seeds are gone through: 8 against 8 seeds, or 13 pairs."""
N_RESAMPLES = 10_000
"""Of the bootstrap, and arrangements where there are more than that."""
CHUNK = 500
"""Resamples at a time, so that 20 tasks fit into memory."""


def moments(values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance (n - 1) of the known values under each resample, each [resample, cell].

    values    [seed, cell], NaN where a network does not count
    weights   [resample, seed]: counts, or signs, which turn a value round and leave its square
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
    """Lab b minus lab a in each cell, under each resample: [resample, cell].

    error     standard error of the difference
    freedom   its degrees of freedom, at least 1 (Welch 1947 for seeds of their own, n - 1 for pairs)
    """

    difference: Floats
    error: Floats
    freedom: Floats

    @property
    def real(self) -> Contrast:
        """Of the first resample, each [cell]."""
        return Contrast(*(one[0] for one in self))


@dataclass(frozen=True)
class Independent:
    """Two labs with seeds of their own: values a [seed, cell] and b [seed, cell]."""

    a: Floats
    b: Floats

    @cached_property
    def centred(self) -> Floats:
        """All seeds, around the common mean of each cell: differences stay what they are and rounding is small."""
        both = np.vstack([self.a, self.b])
        return np.asarray(both - _mean(both), dtype=float)

    @property
    def observed(self) -> Contrast:
        """Of the seeds as they are, each [cell]."""
        return self._under(self._in_a[None], 1 - self._in_a[None]).real

    @property
    def n_arrangements(self) -> int:
        return math.comb(len(self.a) + len(self.b), len(self.a))

    @property
    def symmetric(self) -> bool:
        """Whether every arrangement has a mirror image, in which all differences are turned round."""
        return len(self.a) == len(self.b)

    def arrangements(self, rng: np.random.Generator, n_random: int) -> Iterator[Contrast]:
        """[arrangement, cell] with the seeds dealt out to the labs anew, the real way first."""
        total, n = len(self.centred), len(self.a)
        if self.n_arrangements <= MOST_EXACT:
            chosen = np.array(list(itertools.combinations(range(total), n)))  # the first is the real one
        else:
            dealt = rng.permuted(np.tile(np.arange(total), (n_random - 1, 1)), axis=1)[:, :n]
            chosen = np.vstack([np.arange(n), dealt])
        in_a = np.zeros((len(chosen), total))
        np.put_along_axis(in_a, chosen, 1.0, axis=1)
        for part in _parts(len(chosen)):
            yield self._under(in_a[part], 1 - in_a[part])

    def bootstrap(self, rng: np.random.Generator, n_resamples: int) -> Iterator[Contrast]:
        """[resample, cell] with each lab's seeds drawn from its own with replacement."""
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
            # Where nothing varies the formula has no value, and the error no doubt.
            freedom = np.where(np.isnan(freedom), n_a + n_b - 2, freedom)
            return Contrast(mean_b - mean_a, np.sqrt(v_a + v_b), np.maximum(freedom, 1))


@dataclass(frozen=True)
class Paired:
    """Two labs with the same seeds: values a and b [seed, cell], of which the differences of a seed are the sample."""

    a: Floats
    b: Floats

    @cached_property
    def differences(self) -> Floats:
        return np.asarray(self.b - self.a, dtype=float)

    @property
    def observed(self) -> Contrast:
        """Of the pairs as they are, each [cell]."""
        return self._under(np.ones((1, len(self.differences)))).real

    @property
    def n_arrangements(self) -> int:
        return int(2 ** len(self.differences))

    @property
    def symmetric(self) -> bool:
        """Whether every arrangement has a mirror image, in which all differences are turned round."""
        return True

    def arrangements(self, rng: np.random.Generator, n_random: int) -> Iterator[Contrast]:
        """[arrangement, cell] with the labs of a seed exchanged or not, the real way first."""
        n = len(self.differences)
        if self.n_arrangements <= MOST_EXACT:
            signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))  # the first is the real one
        else:
            signs = np.vstack([np.ones(n), rng.choice([1.0, -1.0], size=(n_random - 1, n))])
        for part in _parts(len(signs)):
            yield self._under(signs[part])

    def bootstrap(self, rng: np.random.Generator, n_resamples: int) -> Iterator[Contrast]:
        """[resample, cell] with the pairs drawn with replacement."""
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
