"""Interference at equal progress: at equal loss of B, at equal numbers of updates, and over the same networks.

At B's criterion, networks that need more updates have changed more. A comparison over g, drive, rules or architectures
therefore also needs the interference at the same fraction of B's untrained loss and at the same number of updates, and
it must be made over the pairs and seeds that count everywhere.

Between two evaluations, the logarithm of a loss is taken as linear in the number of updates. Where the loss is 0 at one
of them, the loss itself is taken as linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rnnbench.results.columns import NETWORK
from rnnbench.results.interference import counts, in_context
from rnnbench.results.intervals import Floats


class Moment(NamedTuple):
    """A moment of the training on B; both values are NaN if it is never reached.

    Attributes:
        update: number of updates of the training on B [..]; it may lie between two evaluations.
        interference: interference of B with A at that moment [..].
    """

    update: Floats
    interference: Floats


def at_fraction(
    updates: npt.ArrayLike,
    loss_first: npt.ArrayLike,
    loss_second: npt.ArrayLike,
    loss_a_untrained: npt.ArrayLike,
    loss_a_first: npt.ArrayLike,
    loss_b_untrained: npt.ArrayLike,
    fraction: float,
) -> Moment:
    """Interference at the first moment at which B's loss is down to a fraction of its untrained loss.

    Evaluations without a finite loss on B are left out.

    Args:
        updates: numbers of updates at the evaluations, ascending [.., evaluation]; shorter curves end with NaN.
        loss_first: loss on A at the evaluations [.., evaluation].
        loss_second: loss on B at the evaluations [.., evaluation].
        loss_a_untrained: loss on A before any training [..].
        loss_a_first: loss on A after training on A [..].
        loss_b_untrained: loss on B before any training [..].
        fraction: the fraction of `loss_b_untrained`, above 0.

    Returns:
        The moment: update 0 if B's loss starts below the fraction, NaN if it never falls to it. The interference is
        also NaN if training on A did not lower the loss on A.
    """
    u, a, b = np.broadcast_arrays(*(np.asarray(each, dtype=float) for each in (updates, loss_first, loss_second)))
    usable = np.isfinite(u) & np.isfinite(b)
    order = np.argsort(~usable, axis=-1, kind="stable")  # evaluations that are left out go to the end
    u, a, b, usable = (np.take_along_axis(each, order, axis=-1) for each in (u, a, b, usable))
    bound = fraction * np.asarray(loss_b_untrained, dtype=float)
    low = usable & (b <= bound[..., None]) & (bound[..., None] > 0)
    after = low.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    share = _share(_at(b, before), _at(b, after), bound)
    share = np.where(after == 0, 0.0, share)
    update = _at(u, before) + share * (_at(u, after) - _at(u, before))
    loss = _between(_at(a, before), _at(a, after), share)
    reached = low.any(axis=-1)
    found = _interference(loss, loss_a_untrained, loss_a_first)
    return Moment(np.where(reached, update, np.nan), np.where(reached, found, np.nan))


def at_update(
    updates: npt.ArrayLike,
    loss_first: npt.ArrayLike,
    loss_a_untrained: npt.ArrayLike,
    loss_a_first: npt.ArrayLike,
    update: npt.ArrayLike,
) -> Floats:
    """Interference at a given number of updates of the training on B.

    Args:
        updates: numbers of updates at the evaluations, ascending [.., evaluation]; shorter curves end with NaN.
        loss_first: loss on A at the evaluations [.., evaluation].
        loss_a_untrained: loss on A before any training [..].
        loss_a_first: loss on A after training on A [..].
        update: the number of updates [..].

    Returns:
        The interference [..]; NaN before the first and after the last evaluation, and if training on A did not lower
        the loss on A.
    """
    u, a, wanted = (np.asarray(each, dtype=float) for each in (updates, loss_first, update))
    shape = np.broadcast_shapes(u.shape[:-1], a.shape[:-1], wanted.shape)
    u, a = (np.broadcast_to(each, (*shape, each.shape[-1])) for each in (u, a))
    before, after, share = _around(u, wanted)
    loss = _between(_at(a, before), _at(a, after), share)
    return np.where(np.isfinite(share), _interference(loss, loss_a_untrained, loss_a_first), np.nan)


def _around(u: Floats, wanted: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """The evaluations before and after an update, and how much of the way it is between them (NaN if outside)."""
    late = u >= wanted[..., None]
    after = late.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    step = _at(u, after) - _at(u, before)
    share = np.where(step > 0, (wanted - _at(u, before)) / np.where(step > 0, step, 1), 0.0)
    return before, after, np.where(late.any(axis=-1) & (wanted >= u[..., 0]), share, np.nan)


def accuracy_lost(interference: pd.DataFrame, curves: pd.DataFrame, update: npt.ArrayLike) -> Floats:
    """Accuracy on A that was lost at a given number of updates of the training on B; linear between evaluations.

    Args:
        interference: the interference table.
        curves: the curves table.
        update: the number of updates of each network [row].

    Returns:
        `accuracy_first` minus the accuracy on A at that moment [row], from -1 to 1; NaN if A defines no accuracy or the
        network has no curve up to there.
    """
    each = _curves_of(interference, curves)
    before, after, share = _around(each.updates, np.asarray(update, dtype=float))
    start, end = _at(each.accuracy, before), _at(each.accuracy, after)
    at = np.where(share == 0, start, np.where(share == 1, end, (1 - share) * start + share * end))
    first = interference.reindex(columns=["accuracy_first"]).to_numpy(float)[:, 0]
    return first - np.where(np.isfinite(share), at, np.nan)


def _at(values: Floats, index: npt.NDArray[np.intp]) -> Floats:
    """The values [..] at an index of the last axis of [.., evaluation]."""
    return np.take_along_axis(values, index[..., None], axis=-1)[..., 0]


@np.errstate(all="ignore")
def _share(start: Floats, end: Floats, bound: Floats) -> Floats:
    """How much of the way from `start` to `end` it is to `bound`, 0..1, on a logarithmic scale where that exists."""
    logarithmic = np.log(start / bound) / np.log(start / end)
    return np.where(end > 0, logarithmic, (start - bound) / (start - end))


@np.errstate(all="ignore")
def _between(start: Floats, end: Floats, share: Floats) -> Floats:
    """The value at a share of the way from `start` to `end`, on a logarithmic scale where both are above 0."""
    mixed = np.exp((1 - share) * np.log(start) + share * np.log(end))
    linear = (1 - share) * start + share * end
    inner = np.where((start > 0) & (end > 0), mixed, linear)
    return np.where(share == 0, start, np.where(share == 1, end, inner))


@np.errstate(all="ignore")
def _interference(loss: Floats, untrained: npt.ArrayLike, first: npt.ArrayLike) -> Floats:
    """The measure of `rnnbench.results.interference` for arrays [..]."""
    learnt = np.asarray(untrained, dtype=float) - np.asarray(first, dtype=float)
    found = (loss - np.asarray(first, dtype=float)) / learnt
    return np.where(np.isfinite(loss) & np.isfinite(learnt) & (learnt > 0), found, np.nan)


class _Curves(NamedTuple):
    """The curves of the rows of an interference table [row, evaluation], ended with NaN."""

    updates: Floats
    first: Floats
    second: Floats
    accuracy: Floats


_CURVES = ("update", "loss_first", "loss_second", "accuracy_first")


def _curves_of(interference: pd.DataFrame, curves: pd.DataFrame) -> _Curves:
    """Arrange the curves of the networks in the order of the rows of the interference table."""
    places = in_context(interference)[NETWORK].assign(_row=np.arange(len(interference)))
    points = in_context(curves).reindex(columns=[*NETWORK, *_CURVES])
    points = points.merge(places, on=NETWORK, how="inner", validate="many_to_one").sort_values(["_row", "update"])
    row = points["_row"].to_numpy(int)
    place = points.groupby("_row").cumcount().to_numpy(int)
    arranged = np.full((len(_CURVES), len(interference), int(place.max(initial=0)) + 1), np.nan)
    for target, name in zip(arranged, _CURVES, strict=True):
        target[row, place] = points[name].to_numpy(float)
    return _Curves(*arranged)


def at_equal_loss(interference: pd.DataFrame, curves: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """Interference of every network at the moment at which B's loss is down to a fraction of its untrained loss.

    Args:
        interference: the interference table.
        curves: the curves table.
        fraction: the fraction, e.g. 0.5 or 0.1.

    Returns:
        The interference table with two more columns: `update_at_loss`, the number of updates at that moment, and
        `interference_at_loss`; NaN if it was never reached or the network has no curve.
    """
    each = _curves_of(interference, curves)
    untrained, first, second = (
        interference[name].to_numpy(float) for name in ("loss_untrained", "loss_first", "second_loss_untrained")
    )
    moment = at_fraction(each.updates, each.first, each.second, untrained, first, second, fraction)
    return interference.assign(update_at_loss=moment.update, interference_at_loss=moment.interference)


def at_equal_updates(interference: pd.DataFrame, curves: pd.DataFrame, across: Sequence[str]) -> pd.DataFrame:
    """Interference at equal numbers of updates of the training on B.

    The number is the smallest `updates_second` of the same pair and seed over the values of `across` at which the
    network counts. All other columns of the setting are kept apart. Where a network counts at one value only, the
    number is its own: pass the rows of `common` to compare the same networks.

    Args:
        interference: the interference table.
        curves: the curves table.
        across: columns over which is compared, e.g. ["g"], ["rule"], or a varied parameter such as ["drive"].

    Returns:
        The rows of the networks that count, with two more columns: `equal_updates`, and
        `interference_at_equal_updates`, NaN if the network has no curve up to there.

    Raises:
        KeyError: the table lacks a column of `across`.
    """
    counted = interference[counts(interference)]
    keys = _keys(counted, across)
    smallest = counted["updates_second"].astype(float).groupby(keys).transform("min")
    each = _curves_of(counted, curves)
    untrained, first = (counted[name].to_numpy(float) for name in ("loss_untrained", "loss_first"))
    found = at_update(each.updates, each.first, untrained, first, smallest.to_numpy(float))
    return counted.assign(equal_updates=smallest, interference_at_equal_updates=found)


PAIR_AND_SEED = ["first_task", "second_task", "seed"]


def _keys(table: pd.DataFrame, across: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each pair, seed and setting without the columns `across`, [row]."""
    return _numbers(names_without(table, across))


def names_without(table: pd.DataFrame, across: Sequence[str]) -> pd.DataFrame:
    """Return the columns that name a network, without `across` and without its values in the name of the condition.

    Args:
        table: the interference table.
        across: names of columns.

    Raises:
        KeyError: the table lacks a column of `across`.
    """
    if missing := [name for name in across if name not in in_context(table)]:
        raise KeyError(f"the table has no column {', '.join(missing)}")
    varied = {name.removeprefix("condition_") for name in across if name not in NETWORK}
    named = in_context(table)[[name for name in NETWORK if name not in across]]
    if varied and "condition" in named:
        named = named.assign(condition=named["condition"].map(lambda label: _without(str(label), varied)))
    return named


def _without(label: str, varied: set[str]) -> str:
    """The name of a condition, e.g. "drive=0.1, dt=0.5", without the parameters `varied`."""
    return ", ".join(part for part in label.split(", ") if part.partition("=")[0] not in varied)


def _numbers(named: pd.DataFrame) -> npt.NDArray[np.int64]:
    """A number for each different row, [row]."""
    return np.asarray(named.groupby(list(named), dropna=False, sort=False).ngroup(), dtype=np.int64)


@dataclass(frozen=True)
class Common:
    """The networks that can be compared across the values of some columns.

    Attributes:
        rows: the rows whose pair and seed count at every value, drift controls included.
        n_pairs: number of ordered pairs of different tasks with at least one such seed.
        of_pairs: number of ordered pairs of different tasks in the table.
        n_networks: number of such networks of different tasks at each value: pairs times seeds.
        of_networks: number of networks of different tasks at each value in the table.
    """

    rows: pd.DataFrame
    n_pairs: int
    of_pairs: int
    n_networks: int
    of_networks: int

    @property
    def text(self) -> str:
        """The numbers in words, e.g. "24 of 30 pairs, 110 of 150 networks"."""
        return f"{self.n_pairs} of {self.of_pairs} pairs, {self.n_networks} of {self.of_networks} networks"


def common(table: pd.DataFrame, across: Sequence[str]) -> Common:
    """The networks whose pair and seed count at all values of some columns.

    Settings that differ in other columns are kept apart: each needs all values of `across` that it has itself.

    Args:
        table: the interference table.
        across: columns over which is compared, e.g. ["g"], ["rule"], or a varied parameter such as ["drive"].

    Returns:
        The rows and their numbers.

    Raises:
        KeyError: the table lacks a column of `across`.
    """
    named = names_without(table, across)
    setting = named.drop(columns=PAIR_AND_SEED)
    marked = pd.DataFrame({"network": _numbers(named), "value": _numbers(in_context(table)[list(across)])})
    marked["setting"] = _numbers(setting) if setting.shape[1] else 0
    needed = marked.groupby("setting")["value"].transform("nunique")
    marked["counted"] = marked["value"].where(counts(table).to_numpy(bool))
    chosen = (marked.groupby("network")["counted"].transform("nunique") == needed).to_numpy(bool)
    different = (table["first_task"] != table["second_task"]).to_numpy(bool)
    pairs = _numbers(named.drop(columns="seed"))
    every, used = different, different & chosen
    return Common(
        table[chosen],
        len(np.unique(pairs[used])),
        len(np.unique(pairs[every])),
        int(marked["network"][used].nunique()),
        int(marked["network"][every].nunique()),
    )


def skill_lost(loss_untrained: npt.ArrayLike, loss_first: npt.ArrayLike, loss_after: npt.ArrayLike) -> Floats:
    """Fraction of what was learnt of A that is lost, on a logarithmic scale of the loss and between 0 and 1.

    clip((log L_after - log L_first) / (log L_untrained - log L_first), 0, 1)

    A few networks with a very large loss cannot dominate its mean, unlike that of interference.

    Args:
        loss_untrained: loss on A before any training [..].
        loss_first: loss on A after learning A [..].
        loss_after: loss on A after learning B [..].

    Returns:
        0 if nothing is lost, 1 if A is as bad as untrained or worse; NaN if a loss is missing or not finite, if A was
        not learnt, or if the loss after learning A is 0.
    """
    untrained, first, after = (np.asarray(each, dtype=float) for each in (loss_untrained, loss_first, loss_after))
    with np.errstate(all="ignore"):
        lost = np.clip(np.log(after / first) / np.log(untrained / first), 0, 1)
        known = np.isfinite(untrained) & np.isfinite(after) & (first > 0) & (untrained > first) & (after >= 0)
    return np.where(known, lost, np.nan)


class Summary(NamedTuple):
    """Mean and median of the finite ones of some values; NaN if there are none.

    Attributes:
        mean: the mean.
        median: the median.
        n: number of finite values.
    """

    mean: float
    median: float
    n: int


def summary(values: npt.ArrayLike) -> Summary:
    """Mean and median of values [..], without those that are missing or not finite."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return Summary(np.nan, np.nan, 0)
    return Summary(float(known.mean()), float(np.median(known)), known.size)
