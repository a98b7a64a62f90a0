"""Joint training: the mean gradient over tasks, on fresh trials of each, and what is not lost."""

from __future__ import annotations

import torch

from rnnbench import GradientDescent
from rnnbench_rules.baselines import Joint

STEP = {"optimizer": "adam", "learning_rate": 0.01}


def test_an_update_follows_the_mean_gradient_of_all_tasks_so_far(histories):
    """The reference is SGD on the mean of the three tasks' gradients, each on trials drawn for this purpose only."""
    networks = histories(Joint(optimizer="sgd", learning_rate=0.3), dtype=torch.float64)
    rule, weights = networks.trainer.rule, networks.weights([0])
    context = networks.context("c", [0], position=2, earlier=("a", "b"))
    state = rule.begin_task(weights, {}, context)
    for step in range(3):
        batch = context.sample("train", step, 8)
        trials = [batch, *(context.on(label).sample("joint", step, 8) for label in "ab")]
        each = [context.gradient(weights, t)[1] for t in trials]
        expected = {name: weights[name] - 0.3 * (each[0][name] + each[1][name] + each[2][name]) / 3 for name in weights}
        weights, state = rule.learn(weights, batch, state, context)
        for name in expected:
            torch.testing.assert_close(weights[name], expected[name])


def test_the_first_task_and_its_return_are_gradient_descent(histories, same):
    joint, plain = (histories(cls(**STEP)).learn("aa") for cls in (Joint, GradientDescent))
    assert all(same(j, p) for [j], [p] in zip(joint, plain, strict=True))


def test_the_earlier_task_stays_near_its_level_where_gradient_descent_loses_it(histories):
    """Bounds: joint training loses less than 10 % of what was learnt, gradient descent more than 35 %."""
    lost = {}
    for cls in (Joint, GradientDescent):
        networks = histories(cls(**STEP))
        [untrained] = networks.trainer.evaluate("a", networks.weights([0]), [0])
        [a], [b] = networks.learn("ab", updates=150)
        learnt, kept = a.after["a"].loss, b.after["a"].loss
        lost[cls] = (kept - learnt) / (untrained.loss - learnt)
        assert b.after["b"].loss < 0.5 * b.curve[0]["b"].loss
    assert lost[Joint] < 0.1 and lost[GradientDescent] > 0.35


def test_a_network_learns_the_same_alone_as_beside_others(histories, same):
    networks = histories(Joint(**STEP))
    together = networks.learn("abca", (0, 1, 0), (20, 10, 20))
    for n, (seed, budget) in enumerate(((0, 20), (1, 10), (0, 20))):
        assert all(
            same(s[n], alone) for s, [alone] in zip(together, networks.learn("abca", [seed], budget), strict=True)
        )
