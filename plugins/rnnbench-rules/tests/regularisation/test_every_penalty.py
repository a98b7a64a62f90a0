"""Properties of all penalties: off at 0, on from the second task, the same alone, on any architecture."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import GradientDescent
from rnnbench_rules.regularisation import RULES

STEP = {"optimizer": "sgd", "learning_rate": 0.3}
LIGHT = {"fisher_batches": 3, "fisher_trials": 4, "importance_trials": 4}


def cheap(cls, **changes):
    """A rule with few trials, so that it is quick."""
    return cls(**STEP | {name: v for name, v in LIGHT.items() if name in cls.model_fields} | changes)


@pytest.fixture(params=RULES, ids=lambda cls: cls.name)
def cls(request):
    return request.param


def test_without_penalty_it_is_gradient_descent_to_the_bit(cls, histories, same):
    for optimizer in ("sgd", "adam"):
        rule = {"optimizer": optimizer, "learning_rate": 0.01}
        plain = histories(GradientDescent(**rule)).learn("aba")
        held = histories(cheap(cls, **rule, penalty=0)).learn("aba")
        assert all(same(p, h) for [p], [h] in zip(plain, held, strict=True))


def test_a_penalty_acts_on_the_second_task_and_not_on_the_first(cls, histories, same):
    [[plain_a], [plain_b]] = histories(GradientDescent(**STEP)).learn("ab")
    [[held_a], [held_b]] = histories(cheap(cls, penalty=0.1)).learn("ab")
    assert same(plain_a, held_a) and not same(plain_b, held_b)
    assert all(np.isfinite(w).all() for w in held_b.weights.values())


def test_ending_a_task_changes_neither_weights_nor_state(cls, histories):
    networks = histories(cheap(cls, penalty=0.1))
    rule, weights, context = networks.trainer.rule, networks.weights([0, 1]), networks.context("a", [0, 1])
    state = rule.begin_task(weights, {}, context)
    weights, state = rule.learn(weights, context.sample("train", 0, 4), state, context)
    before = {name: a.clone() for name, a in (weights | state).items()}
    rule.end_task(weights, state, context)
    assert all((a == before[name]).all() for name, a in (weights | state).items())


def test_a_network_learns_the_same_alone_as_beside_others(cls, histories, same):
    """Two networks share a seed, and one stops early."""
    networks = histories(cheap(cls, penalty=0.1))
    seeds, updates = (0, 1, 0), (20, 10, 20)
    together = networks.learn("abca", seeds, updates)
    for n, (seed, budget) in enumerate(zip(seeds, updates, strict=True)):
        for stage, [alone] in zip(together, networks.learn("abca", [seed], budget), strict=True):
            assert same(stage[n], alone)


def test_any_architecture_can_be_held(cls, histories, generic_rnn, same):
    [plain] = histories(GradientDescent(**STEP), generic_rnn).learn("ab", updates=5)[1]
    [held] = histories(cheap(cls, penalty=0.1), generic_rnn).learn("ab", updates=5)[1]
    assert not same(plain, held) and all(np.isfinite(w).all() for w in held.weights.values())
