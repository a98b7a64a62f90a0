"""EWC, online EWC, L2, synaptic intelligence and MAS against their equations, evaluated in a second way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench_rules.regularisation import EWC, MAS, L2ToOld, OnlineEWC, SynapticIntelligence

RATE = 0.3
STEP = {"optimizer": "sgd", "learning_rate": RATE}
FISHER = {"fisher_batches": 3, "fisher_trials": 4}
TRAINED = ("w_rec", "w_in", "w_out")


def added(rule, networks, weights, state, context) -> dict[str, torch.Tensor]:
    """What the rule adds to the gradient of the loss."""
    _, raw = context.gradient(weights, context.sample("train", 0, 4))
    total = rule.before_update(weights, raw, state, context)
    return {name: total[name] - raw[name] for name in TRAINED}


def slope(penalty, weights) -> dict[str, torch.Tensor]:
    """Gradient of penalty(weights) by autograd."""
    leaves = {name: weights[name].clone().requires_grad_() for name in TRAINED}
    return dict(zip(TRAINED, torch.autograd.grad(penalty(leaves), list(leaves.values())), strict=True))


def begun(histories, rule, history: str):
    """Train all but the last task of `history`, begin the last one and perturb the weights.

    Float64, so that small differences of gradients are visible.

    Returns:
        The networks, the outcomes of the stages, the perturbed weights, the state and the context of the last task.
    """
    networks = histories(rule, dtype=torch.float64)
    stages = networks.learn(history[:-1], updates=5)
    start = networks.trainer.tensors([stages[-1][0].weights])
    memory = networks.trainer.tensors([stages[-1][0].memory]) if stages[-1][0].memory else {}
    earlier = tuple(dict.fromkeys(k for k in history[:-1] if k != history[-1]))
    context = networks.context(history[-1], [0], position=len(history) - 1, earlier=earlier)
    state = rule.begin_task(start, memory, context)
    rng = np.random.default_rng(0)
    moved = {n: w + 0.1 * torch.from_numpy(rng.standard_normal(tuple(w.shape))) for n, w in start.items()}
    return networks, stages, moved, state, context


def close(ours, theirs) -> None:
    """Tolerance: rounding of the difference of two gradients in float64."""
    for name in TRAINED:
        assert theirs[name].abs().max() > 0
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-9, atol=1e-14)


def test_ewc_has_a_term_for_each_other_task_around_its_own_weights(histories):
    rule = EWC(**STEP, **FISHER, penalty=7)
    networks, stages, weights, state, context = begun(histories, rule, "abc")
    left = dict(zip("ab", (networks.trainer.tensors([s[0].weights]) for s in stages), strict=True))

    def penalty(w):
        terms = ((state[f"fisher.{k}.{n}"] * (w[n] - left[k][n]) ** 2).sum() for k in "ab" for n in TRAINED)
        return 7 / 2 * sum(terms)

    close(added(rule, networks, weights, state, context), slope(penalty, weights))


def test_ewc_renews_the_term_of_a_task_that_comes_again(histories):
    networks = histories(EWC(**STEP, **FISHER, penalty=7))
    _, [second], [third] = networks.learn("aba", updates=5)
    assert (third.memory["anchor.a.w_rec"] == third.weights["w_rec"]).all()
    assert (third.memory["fisher.b.w_rec"] == second.memory["fisher.b.w_rec"]).all()
    assert not (third.memory["fisher.a.w_rec"] == second.memory["fisher.a.w_rec"]).all()


def test_online_ewc_sums_the_fisher_information_and_lets_it_decay(histories):
    rule, every = OnlineEWC(**STEP, **FISHER, penalty=7, decay=0.5), EWC(**STEP, **FISHER, penalty=0)
    networks, stages, weights, state, context = begun(histories, rule, "abc")
    latest = networks.trainer.tensors([stages[-1][0].weights])
    f_a = torch.from_numpy(stages[0][0].memory["importance.w_rec"])
    f_b = torch.from_numpy(stages[1][0].memory["importance.w_rec"]) - 0.5 * f_a
    # EWC's Fisher information at the same weights, trials and position.
    own = every.end_task(latest, {}, networks.context("b", [0], position=1, stream=(0,)))
    torch.testing.assert_close(f_b[None], own["fisher.b.w_rec"])

    def penalty(w):
        return 7 / 2 * sum((0.5 * state[f"importance.{n}"] * (w[n] - latest[n]) ** 2).sum() for n in TRAINED)

    close(added(rule, networks, weights, state, context), slope(penalty, weights))


def test_l2_pulls_to_the_weights_that_the_last_task_left(histories):
    rule = L2ToOld(**STEP, penalty=7)
    networks, stages, weights, state, context = begun(histories, rule, "ab")
    latest = networks.trainer.tensors([stages[-1][0].weights])
    ours = added(rule, networks, weights, state, context)
    close(ours, slope(lambda w: 7 / 2 * sum(((w[n] - latest[n]) ** 2).sum() for n in TRAINED), weights))


@pytest.mark.parametrize("rule_class", [SynapticIntelligence, MAS])
def test_si_and_mas_hold_weights_without_the_half(histories, rule_class):
    rule = rule_class(**STEP, penalty=7)
    networks, stages, weights, state, context = begun(histories, rule, "ab")
    latest = networks.trainer.tensors([stages[-1][0].weights])

    def penalty(w):
        return 7 * sum((state[f"importance.{n}"] * (w[n] - latest[n]) ** 2).sum() for n in TRAINED)

    close(added(rule, networks, weights, state, context), slope(penalty, weights))


def path_by_hand(networks, rule, updates: int):
    """omega of gradient descent, summed by its definition, with the weights before and after."""
    context = networks.context("a", [0], stream=(0,))
    weights = start = networks.weights([0])
    omega = {name: torch.zeros_like(weights[name]) for name in TRAINED}
    for step in range(updates):
        _, g = context.gradient(weights, context.sample("train", step, 8))
        new = weights | {name: weights[name] - RATE * g[name] for name in TRAINED}
        omega = {name: omega[name] - g[name] * (new[name] - weights[name]) for name in TRAINED}
        weights = new
    return omega, start, weights


def test_synaptic_intelligence_adds_up_the_path_integral(histories):
    rule = SynapticIntelligence(**STEP, penalty=1, damping=1e-3)
    networks = histories(rule, dtype=torch.float64)
    [[outcome]] = networks.learn("a", updates=20)
    omega, start, end = path_by_hand(networks, rule, 20)
    for name in TRAINED:
        importance = omega[name].clamp_min(0) / ((end[name] - start[name]) ** 2 + 1e-3)
        torch.testing.assert_close(torch.from_numpy(outcome.memory[f"importance.{name}"])[None], importance)


def test_the_path_integral_is_the_drop_of_the_loss(histories):
    """This holds to first order in the step; tolerance 1 % for small steps on one batch."""
    rule = SynapticIntelligence(optimizer="sgd", learning_rate=0.01, penalty=1)
    networks = histories(rule, dtype=torch.float64)
    weights, context = networks.weights([0]), networks.context("a", [0])
    batch, state = context.sample("train", 0, 8), rule.begin_task(weights, {}, context)
    before = context.gradient(weights, batch)[0]
    for _ in range(200):
        weights, state = rule.learn(weights, batch, state, context)
    drop = before - context.gradient(weights, batch)[0]
    path = sum(state[f"path.{name}"].sum() for name in TRAINED)
    assert drop > 0
    torch.testing.assert_close(path, drop[0], rtol=0.01, atol=0)


def test_the_path_integral_leaves_the_penalty_out(histories):
    """Where the gradient of the loss is 0 only the penalty moves the weights, and the path integral must stay 0."""
    rule = SynapticIntelligence(**STEP, penalty=1)
    _, _, weights, state, context = begun(histories, rule, "ab")
    state = state | {f"path.{n}": torch.zeros_like(weights[n]) for n in TRAINED}
    silent = {n: torch.zeros_like(weights[n]) for n in TRAINED}
    new, state = rule.update(weights, rule.before_update(weights, silent, state, context), state)
    state = rule.after_update(weights, new, silent, state, context)
    assert not (new["w_rec"] == weights["w_rec"]).all() and all((state[f"path.{n}"] == 0).all() for n in TRAINED)


def test_mas_is_the_mean_absolute_slope_of_each_trials_squared_answers(histories):
    """The reference is finite differences of sum m z^2 / sum m for each trial and some weights of every kind."""
    rule = MAS(**STEP, importance_trials=5)
    networks = histories(rule, dtype=torch.float64)
    weights, context = networks.weights([0, 1]), networks.context("b", [0, 1])
    ours = rule.end_task(weights, {}, context)
    batch = context.sample("mas", 0, 5)
    rows = list(batch.sets)

    def norms(w):  # [network, trial]
        z, m = context.outputs(w, batch), batch.mask[rows]
        return (m * z**2).sum((1, 3)) / m.sum((1, 3))

    step = 1e-6
    for name in TRAINED:
        for i, j in ((0, 0), (1, 2), (2, 1)):
            moved = {sign: weights | {name: weights[name].clone()} for sign in (1, -1)}
            for sign, w in moved.items():
                w[name][:, i, j] += sign * step
            slopes = (norms(moved[1]) - norms(moved[-1])) / (2 * step)
            torch.testing.assert_close(ours[f"importance.{name}"][:, i, j], slopes.abs().mean(1), rtol=1e-5, atol=1e-9)
