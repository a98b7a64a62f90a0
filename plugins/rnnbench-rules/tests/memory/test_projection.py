"""Orthogonal weight projection and OWM: which activity a step leaves unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import GradientDescent
from rnnbench_rules.projection import OrthogonalWeightProjection, OrthogonalWeightsModification
from rnnbench_rules.projection.activity import CURRENT, READOUT, activities, arrays, maps
from rnnbench_rules.projection.kronecker import shrinkage, solve

A, B = "fixed points", "flip flop"
RULES = [OrthogonalWeightProjection, OrthogonalWeightsModification]


@pytest.fixture
def activity(lab, rate_rnn):
    """A Lab, and weights, batch and context of 2 networks with every weight trained."""
    setting = lab(GradientDescent(), rate_rnn(bias=True, initial_state_std=0.4, noise=0.1), torch.float64)
    weights = setting.trainer.tensors([setting.initial(seed) for seed in (0, 1)])
    weights["b"] += 0.1
    context = setting.trainer.context(A, (0, 1))
    return setting, weights, context.sample("train", 0, 8), context


def test_sources_and_errors_make_up_the_gradient(activity):
    """sum e z^T over time and trials equals the engine's gradient when the signal is dL/dz."""
    setting, weights, batch, context = activity
    outputs = context.outputs(weights, batch)
    signals = [(outputs[n] - batch.targets[s]) * batch.mask[s] / batch.mask[s].sum() for n, s in enumerate(batch.sets)]
    _, gradient = context.gradient(weights, batch)
    for n, one in enumerate(activities(setting.architecture, weights, batch, signals)):
        torch.testing.assert_close(one.targets[READOUT], outputs[n], rtol=1e-10, atol=1e-13)
        for kind, expected in maps({name: g[n : n + 1] for name, g in gradient.items()}).items():
            found = torch.einsum("tbi,tbj->ij", one.errors[kind], one.sources[kind])
            torch.testing.assert_close(found, expected[0], rtol=1e-9, atol=1e-14)


def test_maps_and_arrays_are_each_others_inverse(activity):
    _, weights, _, _ = activity
    chosen = {name: w for name, w in weights.items() if name != "h0"}
    back = arrays(maps(chosen), chosen)
    assert back.keys() == chosen.keys() and all(torch.equal(back[name], w) for name, w in chosen.items())


def test_a_maps_targets_are_its_matrix_times_its_sources(activity):
    setting, weights, batch, _ = activity
    for n, one in enumerate(activities(setting.architecture, weights, batch)):
        for kind, M in maps({name: w[n : n + 1] for name, w in weights.items() if name != "h0"}).items():
            torch.testing.assert_close(one.targets[kind], one.sources[kind] @ M[0].mT, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rank", [2, 6])
def test_shrinkage_and_solve_against_plain_linear_algebra(rank):
    rng = np.random.default_rng(rank)
    half = torch.from_numpy(rng.standard_normal((6, rank)))
    C, G = half @ half.mT, torch.from_numpy(rng.standard_normal((3, 6)))
    D = torch.from_numpy(np.diag(rng.random(3)))
    eye = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(shrinkage(C, 3.0), torch.linalg.inv(eye + 3 * C), rtol=1e-9, atol=1e-12)
    kron = torch.eye(18, dtype=torch.float64) + 0.7 * torch.kron(D, C)  # acts on X flattened row by row
    X = torch.linalg.solve(kron, G.flatten()).view(3, 6)
    torch.testing.assert_close(solve(G, torch.linalg.eigh(C), torch.linalg.eigh(D), 0.7), X, rtol=1e-9, atol=1e-12)


def change_of_currents(lab, rule, architecture, updates: int = 20) -> float:
    """Mean squared change, caused by learning B, of the currents from inputs and rates of A's trials."""
    setting = lab(rule, architecture, torch.float64)
    ((before,), (after,)) = setting.learn(A, B, updates=updates)
    batch = setting.trainer.context(A, (0,), stream=(0,)).sample("mean products", 0, 256)
    start = setting.trainer.tensors([before.weights])
    (one,) = activities(setting.architecture, start, batch)
    change = {n: torch.from_numpy(after.weights[n] - before.weights[n])[None] for n in setting.architecture.trained}
    return float((one.sources[CURRENT] @ maps(change)[CURRENT][0].mT).square().sum(-1).mean())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("learn", ["all", "recurrent"])
def test_steps_leave_the_currents_of_earlier_tasks_alone(rule, optimizer, learn, lab, rate_rnn):
    """The change of the currents falls with s without a limit, for Adam too, since the step itself is projected."""
    step = {"optimizer": optimizer, "learning_rate": 3e-3 if optimizer == "adam" else 0.3}
    architecture = rate_rnn(learn=learn, bias=True)
    plain = change_of_currents(lab, GradientDescent(**step), architecture)
    moved = {s: change_of_currents(lab, rule(**step, projection=s), architecture) for s in (10.0, 1e3, 1e7, 1e11)}
    assert plain > 1e-4
    assert plain > moved[10.0] > moved[1e3] > moved[1e7] > moved[1e11]
    assert moved[1e3] < 0.1 * plain and moved[1e11] < 1e-8 * plain


def test_one_step_is_the_projected_step_of_the_optimizer(lab):
    """The step is P_out D P_in, with P = (I + s C)^-1 from A's trials and D the step of Adam without projection."""
    s = 50.0
    rule = OrthogonalWeightProjection(learning_rate=3e-3, projection=s)
    setting = lab(rule, dtype=torch.float64)
    ((first,),) = setting.learn(A)
    weights = setting.trainer.tensors([first.weights])
    batch = setting.trainer.context(A, (0,), stream=(0,)).sample("mean products", 0, rule.sampled)
    new = {}
    for r in (rule, GradientDescent(learning_rate=3e-3)):
        context = setting.trainer.context(B, (0,), 1, (A,))
        memory = setting.trainer.tensors([first.memory]) if r is rule else {}
        state = r.begin_task(weights, memory, context)
        new[r.name], _ = r.learn(weights, context.sample("train", 0, 16), state, context)
    trial_rates = setting.trainer.engine.rates(weights, batch)[0]
    z0 = torch.zeros_like(trial_rates[:1])  # phi(h[0]) = 0
    x = batch.inputs[0]
    z = torch.cat([torch.cat([z0, trial_rates[:-1]]), x], -1).flatten(0, 1)
    W = torch.cat([weights["w_rec"][0], weights["w_in"][0]], 1)
    r, w_out = trial_rates.flatten(0, 1), weights["w_out"][0]
    for names, inputs, matrix in ((("w_rec", "w_in"), z, W), (("w_out",), r, w_out)):
        D = torch.cat([(new["gradient_descent"][n] - weights[n])[0] for n in names], 1)
        found = torch.cat([(new["owp"][n] - weights[n])[0] for n in names], 1)
        C_in, currents = inputs.mT @ inputs / len(inputs), inputs @ matrix.mT
        C_out = currents.mT @ currents / len(currents)
        P_out, P_in = (torch.linalg.inv(torch.eye(len(C), dtype=torch.float64) + s * C) for C in (C_out, C_in))
        torch.testing.assert_close(found, P_out @ D @ P_in, rtol=1e-8, atol=1e-12)
        # P C P <= 1/(4 s), since x/(1 + s x)^2 <= 1/(4 s) for every eigenvalue x of C, and P_out shrinks.
        assert float((inputs @ found.mT).square().sum(-1).mean()) <= float(D.square().sum()) / (4 * s)


def test_owm_is_the_published_recursion_over_single_inputs(lab):
    """P <- P - k x^T P, k = P x / (alpha + x^T P x), over all inputs of A and then of B gives the P of a third task."""
    s = 20.0
    rule = OrthogonalWeightsModification(projection=s, sampled=6, learning_rate=3e-3)
    setting = lab(rule, dtype=torch.float64)
    stages = setting.learn(A, B)
    n = setting.architecture.units
    P = torch.eye(n, dtype=torch.float64)
    for label, (one,) in zip((A, B), stages, strict=True):
        weights = setting.trainer.tensors([one.weights])
        batch = setting.trainer.context(label, (0,), stream=(0,)).sample("mean products", 0, rule.sampled)
        rates = setting.trainer.engine.rates(weights, batch)[0].flatten(0, 1)
        for x in rates / len(rates) ** 0.5:
            k = P @ x / (1 / s + x @ P @ x)
            P = P - torch.outer(k, x @ P)
    memory = setting.trainer.tensors([stages[1][0].memory])
    state = rule.begin_task(weights, memory, setting.trainer.context(A, (0,), 2, (A, B)))
    torch.testing.assert_close(state[f"project.{READOUT}.in"][0], P, rtol=1e-7, atol=1e-10)


def test_owp_averages_over_tasks(lab):
    """After A, B, A the mean products are the average over the three stages, each with weight 1/3."""
    rule = OrthogonalWeightProjection(learning_rate=3e-3)
    setting = lab(rule, dtype=torch.float64)
    stages = setting.learn(A, B, A)
    each = []
    for (one,), label, occurrence in zip(stages, (A, B, A), (0, 0, 1), strict=True):
        batch = setting.trainer.context(label, (0,), stream=(occurrence,)).sample("mean products", 0, rule.sampled)
        rates = setting.trainer.engine.rates(setting.trainer.tensors([one.weights]), batch)[0].flatten(0, 1)
        each.append((rates.mT @ rates / len(rates)).numpy())
    found = stages[2][0].memory[f"product.{READOUT}.in"]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-6, atol=1e-9)
