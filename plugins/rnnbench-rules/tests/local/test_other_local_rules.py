"""Feedback alignment, e-prop, node perturbation and FORCE against backpropagation, RFLO and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench_architectures.architectures import GRU
from rnnbench_rules.local import RFLO, EProp, FeedbackAlignment, Force, NodePerturbation
from rnnbench_rules.local.force import least_squares_step

EVERYTHING = {"bias": True, "noise": 0.3, "initial_state_std": 0.5, "dt": 0.3}


def gradient(rule, p, label="A", state=None):
    context = p.context(label)
    state = rule.begin_task(p.weights, {}, context) if state is None else state
    return rule.gradient(p.weights, p.batch(label), state, context)[1]


@pytest.mark.parametrize("nonlinearity", ["tanh", "erf", "softplus", "relu", "identity"])
def test_feedback_alignment_through_the_true_transposes_is_backpropagation(population, nonlinearity):
    p = population(nonlinearity=nonlinearity, **EVERYTHING)
    found = gradient(FeedbackAlignment(feedback="symmetric"), p)
    for name, g in p.bptt().items():
        torch.testing.assert_close(found[name], g, rtol=1e-10, atol=1e-14)


def test_random_feedback_changes_all_gradients_but_the_readouts(population):
    p = population(**EVERYTHING)
    exact = p.bptt()
    for rule in (FeedbackAlignment(), FeedbackAlignment(feedback="symmetric", recurrent="random")):
        found = gradient(rule, p)
        torch.testing.assert_close(found["w_out"], exact["w_out"], rtol=1e-10, atol=1e-14)
        assert (found["w_rec"] - exact["w_rec"]).norm() > 0.1 * exact["w_rec"].norm()


def test_a_task_is_learnt_through_random_feedback(population):
    """W_out is trained here; if it were fixed, it would be unrelated to B."""
    rule = FeedbackAlignment(learning_rate=3e-3)
    p = population(rule=rule, units=60)
    weights, _ = p.learn(rule, 200, n_trials=16)
    for start, end in zip(*(p.trainer.evaluate("A", w, p.seeds) for w in (p.weights, weights)), strict=True):
        assert end.loss < 0.5 * start.loss


@pytest.mark.parametrize("feedback", ["symmetric", "random"])
def test_eprop_with_the_feedback_of_rflo_is_rflo(population, feedback):
    p = population(**EVERYTHING)
    one, two = gradient(EProp(feedback=feedback), p), gradient(RFLO(feedback=feedback), p)
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-12, atol=0)


def test_adaptive_feedback_becomes_the_transposed_readout(population):
    """Both get the same steps, so their difference decays exactly by the factor 1 - c in every update."""
    p, rule = population(), EProp(feedback="adaptive", optimizer="sgd", learning_rate=0.05, decay=0.02)
    start = rule.begin_task(p.weights, {}, p.context())["feedback"] - p.weights["w_out"].mT
    weights, state = p.learn(rule, 30)
    torch.testing.assert_close(state["feedback"] - weights["w_out"].mT, start * 0.98**30, rtol=1e-9, atol=1e-12)
    assert "feedback" in rule.end_task(weights, state, p.context())


def test_kicks_find_the_gradient_on_average(population):
    """The mean of 400 estimates points along the gradient of W.

    Kicks are small, the trials always the same, and the baseline is the loss without kicks. One estimate has a cosine
    near 0.1 (49 weights, few trials); the error of the mean is smaller by the factor 400^-1/2.
    """
    p = population(seeds=(0,))
    rule = NodePerturbation(
        eligibility="perturbation",
        baseline="unperturbed",
        amplitude=0.02,
        rate=2.0,
        scaled_by_error=False,
        max_change=None,
    )
    context, batch = p.context(), p.batch(n_trials=8)
    state = rule.begin_task(p.weights, {}, context)
    mean = sum(rule.gradient(p.weights, batch, state, context)[1]["w_rec"] for _ in range(400)) / 400
    exact = p.bptt(n_trials=8)["w_rec"]
    assert torch.nn.functional.cosine_similarity(mean.flatten(), exact.flatten(), dim=0) > 0.9
    # In size, too: the estimate is of the gradient itself, to first order in the kicks.
    assert (mean * exact).sum() / exact.square().sum() == pytest.approx(1, abs=0.25)


def test_the_expected_loss_is_a_running_mean(population):
    p, rule = population(seeds=(0,)), NodePerturbation(reward_decay=0.6)
    context, batch = p.context(), p.batch()
    state, losses = rule.begin_task(p.weights, {}, context), []
    for _ in range(4):
        losses.append(rule.gradient(p.weights, batch, state, context)[0].item())
    expected = losses[0]
    for loss in losses:
        expected = 0.6 * expected + 0.4 * loss
    assert state["expected_loss"].item() == pytest.approx(expected, rel=1e-9)
    assert len(set(losses)) == 4  # each time other kicks


def test_no_weight_moves_further_than_allowed(population):
    p, rule = population(), NodePerturbation(learning_rate=1e3, max_change=3e-4)
    weights, _ = p.learn(rule, 1)
    moved = (weights["w_rec"] - p.weights["w_rec"]).abs()
    assert moved.max().item() == pytest.approx(3e-4, rel=1e-9)


def test_recursive_least_squares_is_ridge_regression():
    """For any division into blocks W = (X^T X + alpha)^-1 X^T Y, starting from W = 0, and P is that inverse."""
    rng, alpha = np.random.default_rng(0), 0.7
    x, y = torch.from_numpy(rng.standard_normal((40, 6))), torch.from_numpy(rng.standard_normal((40, 2)))
    w, p = torch.zeros(1, 2, 6, dtype=torch.float64), torch.eye(6, dtype=torch.float64)[None] / alpha
    for block in (slice(0, 1), slice(1, 9), slice(9, 40)):
        step, p = least_squares_step(p, x[None, block], x[None, block] @ w.mT - y[None, block])
        w = w + step
    inverse = torch.linalg.inv(x.T @ x + alpha * torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(p[0], inverse, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(w[0], (inverse @ x.T @ y).T, rtol=1e-9, atol=1e-12)


def test_force_moves_w_along_the_feedback_and_leaves_the_rest(population):
    p, rule = population(), Force()
    state = rule.begin_task(p.weights, {}, p.context())
    weights, _ = rule.learn(p.weights, p.batch(), state, p.context())
    changed = {name: weights[name] - w for name, w in p.weights.items()}
    torch.testing.assert_close(changed["w_rec"], state["feedback"] @ changed["w_out"], rtol=1e-9, atol=1e-12)
    assert changed["w_out"].abs().max() > 0 and not changed["w_in"].any()


def test_force_learns_within_a_few_updates(population):
    p = population(rule=Force(), units=60, g=1.5, readout_scale="small")
    weights, _ = p.learn(Force(), 10, n_trials=16)
    seeds = p.seeds
    before, after = (p.trainer.evaluate("A", w, seeds) for w in (p.weights, weights))
    assert all(b.loss < 0.5 * a.loss for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "rule", [RFLO(), EProp(), FeedbackAlignment(), NodePerturbation(), Force()], ids=lambda r: r.name
)
def test_gated_units_are_refused_in_one_line(rule):
    with pytest.raises(ValueError, match=rf"{rule.name} needs the rate units of vanilla_rnn; gru has others"):
        rule.check(GRU())
