"""Rings and reservoirs: which trials are stored, how likely, and that a drawn trial is the stored one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from rnnbench import Batch
from rnnbench_rules import episodes

NAME = "trials.x"


def numbered(first: int, n_trials: int, n_steps: int = 3, networks: int = 1) -> Batch:
    """Trials that carry their own number in every channel."""
    number = torch.arange(first, first + n_trials, dtype=torch.float64)
    one = number[None, None, :, None].expand(1, n_steps, n_trials, 2).contiguous()
    return Batch(one, 10 * one, torch.ones_like(one), (0,) * networks)


def kept(state, network: int = 0) -> list[int]:
    """Numbers of the trials kept, by slot; empty slots are left out."""
    full = state[f"{NAME}.mask"][network, :, 0, 0] > 0
    return state[f"{NAME}.inputs"][network, full, 0, 0].int().tolist()


def offer(state, slots: int, batches: list[Batch], rngs=None) -> None:
    episodes.make_room(state, NAME, slots, max(batches, key=lambda batch: batch.inputs.shape[1]))
    for batch in batches:
        if rngs is None:
            writes = episodes.latest(state, NAME, slots, batch)
        else:
            writes = episodes.reservoir(state, NAME, slots, batch, rngs)
        episodes.write(state, NAME, batch, writes)


def test_a_reservoir_keeps_every_trial_seen_with_equal_probability():
    """60 trials in batches of 7, 8 slots, 3000 reservoirs.

    The count of each trial has variance R p (1 - p). The counts have a fixed sum and hence correlation -1/(T - 1), so
    sum (count - R p)^2 / (R p (1 - p)) * (T - 1)/T is chi-squared with T - 1 degrees of freedom. The bound is its
    99.9 % quantile, and the seed is fixed.
    """
    T, slots, R = 60, 8, 3000
    rngs = [np.random.default_rng([7, i]) for i in range(R)]
    state: dict = {}
    offer(state, slots, [numbered(i, min(7, T - i), 1, networks=R) for i in range(0, T, 7)], rngs)
    ids = state[f"{NAME}.inputs"][:, :, 0, 0].int().numpy()
    assert all(len(set(row)) == slots for row in ids)
    counts, p = np.bincount(ids.ravel(), minlength=T), slots / T
    statistic = ((counts - R * p) ** 2).sum() / (R * p * (1 - p)) * (T - 1) / T
    assert statistic < chi2.ppf(0.999, T - 1)


def test_a_reservoir_first_fills_its_slots_in_order():
    state: dict = {}
    offer(state, 8, [numbered(0, 3), numbered(3, 4)], [np.random.default_rng(0)])
    assert kept(state) == list(range(7)) and state[f"{NAME}.seen"].tolist() == [[7]]


@pytest.mark.parametrize("sizes", [[3, 3, 3], [2, 5, 1], [11], [4, 9]])
def test_a_ring_holds_the_latest_trials(sizes):
    state: dict = {}
    starts = np.cumsum([0, *sizes])
    offer(state, 4, [numbered(int(a), n) for a, n in zip(starts, sizes, strict=False)])
    assert sorted(kept(state)) == list(range(starts[-1] - 4, starts[-1]))


def test_networks_may_have_seen_different_numbers_of_trials():
    state: dict = {}
    offer(state, 4, [numbered(0, 3, networks=2)])
    state[f"{NAME}.seen"][1] = 1  # as if the second had seen only one
    offer(state, 4, [numbered(10, 2, networks=2)])
    assert kept(state, 0) == [11, 1, 2, 10] and kept(state, 1) == [0, 10, 11]


def test_trials_of_different_length_end_in_steps_that_nothing_asks_about():
    state: dict = {}
    offer(state, 3, [numbered(1, 1, n_steps=20), numbered(2, 1, n_steps=3), numbered(3, 1, n_steps=40)])
    assert state[f"{NAME}.mask"].shape[2] == 48  # the next multiple of 16
    assert state[f"{NAME}.mask"][0, :, :, 0].sum(1).tolist() == [20, 3, 40]
    offer(state, 3, [numbered(4, 1, n_steps=2)])  # a shorter trial overwrites all of a longer one
    assert state[f"{NAME}.inputs"][0, 0, :, 0].tolist() == [4] * 2 + [0] * 46


def test_draws_give_every_kept_trial_of_all_names_the_same_chance():
    """4000 draws from rings of 2 and 6 trials; bound: 99.9 % quantile of chi-squared with 7 degrees of freedom."""
    state: dict = {}
    for name, first, n in (("a", 0, 2), ("b", 2, 6)):
        batch = numbered(first, n, n_steps=20 if name == "b" else 3)
        episodes.make_room(state, name, 6, batch)
        episodes.write(state, name, batch, episodes.latest(state, name, 6, batch))
    drawn = episodes.draw(state, ["a", "b"], 4000, [np.random.default_rng(1)], 0)
    batch = drawn.batch
    counts = np.bincount(batch.inputs[0, 0, :, 0].int().numpy(), minlength=8)
    assert ((counts - 500) ** 2 / 500).sum() < chi2.ppf(0.999, 7)
    assert drawn.outputs is None and drawn.some.tolist() == [1] and torch.equal(batch.targets, 10 * batch.inputs)
    lengths = batch.mask[0, :, :, 0].sum(0)
    assert torch.equal(lengths, torch.where(batch.inputs[0, 0, :, 0] < 2, 3.0, 20.0).double())


def test_drawn_trials_get_noise_of_their_own():
    state: dict = {}
    offer(state, 4, [numbered(0, 4, networks=2)])
    rngs = [np.random.default_rng(i) for i in range(2)]
    batch = episodes.draw(state, [NAME], 5, rngs, n_noise=6).batch
    assert batch.noise is not None and batch.noise.shape == (2, 16, 5, 6)
    assert abs(float(batch.noise.std()) - 1) < 0.15  # 960 numbers: seven standard errors


def test_a_trial_longer_than_there_is_room_for_is_cut():
    state: dict = {}
    offer(state, 3, [numbered(1, 1, n_steps=16)])
    long = numbered(2, 1, n_steps=20)
    episodes.write(state, NAME, long, episodes.latest(state, NAME, 3, long))
    assert state[f"{NAME}.inputs"].shape[2] == 16 and kept(state) == [1, 2]


def test_a_network_that_has_kept_nothing_draws_blanks_and_says_so():
    state: dict = {}
    offer(state, 4, [numbered(1, 3, networks=2)])
    state[f"{NAME}.seen"][1] = 0
    state[f"{NAME}.mask"][1] = 0
    for drawn in (
        episodes.draw(state, [NAME], 5, [np.random.default_rng(i) for i in range(2)], 0),
        episodes.all_of(state, NAME, [np.random.default_rng(i) for i in range(2)], 0),
    ):
        assert drawn.some.tolist() == [1, 0] and (drawn.batch.mask.sum((1, 2, 3)) > 0).all()
