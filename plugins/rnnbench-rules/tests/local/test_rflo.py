"""RFLO against the eligibility traces of the paper, carried forward synapse by synapse."""

from __future__ import annotations

import pytest
import torch

from rnnbench import error_signal
from rnnbench_rules.local import RFLO

EVERYTHING = {"bias": True, "noise": 0.3, "initial_state_std": 0.5, "dt": 0.3}


def by_traces(p, batch, b):
    """The published rule, one trial and one step at a time, with a trace for every synapse and bias."""
    architecture, dt, found = p.trainer.architecture, p.trainer.architecture.dt, []
    z = p.trainer.engine.outputs(p.weights, batch)
    for n, s in enumerate(batch.sets):
        w = {name: a[n] for name, a in p.weights.items()}
        dz = error_signal(z[n], batch.targets[s], batch.mask[s])
        total = {name: torch.zeros_like(w[name]) for name in architecture.trained}
        for k in range(batch.inputs.shape[2]):
            h = architecture.initial_state(w, 1)
            trace = {name: torch.zeros_like(w[name]) for name in ("w_rec", "w_in", "b")}
            for t in range(batch.inputs.shape[1]):
                r, x = architecture.phi(h)[0], batch.inputs[s, t, k]
                for name, source in (("w_rec", r), ("w_in", x)):
                    trace[name] = (1 - dt) * trace[name] + dt * source.expand_as(trace[name])
                trace["b"] = (1 - dt) * trace["b"] + dt
                h = architecture.step(w, h, x[None], batch.noise[s, t, k][None])
                leaf = h.clone().requires_grad_()
                with torch.enable_grad():
                    (slope,) = torch.autograd.grad(architecture.phi(leaf).sum(), leaf)
                signal = slope[0] * (b[n] @ dz[t, k])
                total["w_rec"] += signal[:, None] * trace["w_rec"]
                total["w_in"] += signal[:, None] * trace["w_in"]
                total["b"] += signal * trace["b"]
                total["w_out"] += torch.outer(dz[t, k], architecture.phi(h)[0])
        found.append(total)
    return {name: torch.stack([total[name] for total in found]) for name in found[0]}


@pytest.mark.parametrize("nonlinearity", ["tanh", "erf", "softplus"])
@pytest.mark.parametrize("feedback", ["random", "symmetric"])
def test_the_update_is_the_sum_of_traces_times_fed_back_errors(population, nonlinearity, feedback):
    p = population(nonlinearity=nonlinearity, **EVERYTHING)
    rule, batch = RFLO(feedback=feedback), p.batch("B", n_trials=2)
    state = rule.begin_task(p.weights, {}, p.context("B"))
    loss, gradients = rule.gradient(p.weights, batch, state, p.context("B"))
    expected = by_traces(p, batch, state.get("feedback", p.weights["w_out"].mT))
    assert set(gradients) == set(expected) == {"w_rec", "w_in", "w_out", "b"}
    for name, g in gradients.items():
        torch.testing.assert_close(g, expected[name], rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(loss, p.trainer.engine.gradient(p.weights, batch)[0])


def test_without_recurrent_weights_nothing_is_left_out(population):
    """With W = 0 and B = W_out^T the rule is backpropagation; with W only the readout's gradient is exact."""
    rule, p = RFLO(feedback="symmetric"), population(**EVERYTHING)
    p.weights["w_rec"].zero_()
    _, gradients = rule.gradient(p.weights, p.batch(), {}, p.context())
    for name, g in p.bptt().items():
        torch.testing.assert_close(gradients[name], g, rtol=1e-10, atol=1e-14)

    p = population(**EVERYTHING)
    _, gradients = rule.gradient(p.weights, p.batch(), {}, p.context())
    exact = p.bptt()
    torch.testing.assert_close(gradients["w_out"], exact["w_out"], rtol=1e-10, atol=1e-14)
    assert (gradients["w_rec"] - exact["w_rec"]).norm() > 0.1 * exact["w_rec"].norm()


def test_random_feedback_is_a_networks_own_for_life(population):
    """It depends on the seed and not on the task, up to the number of the task's own outputs.

    Its variance is 1/n for n own outputs; 3000 numbers give it with a relative error of sqrt(2/3000) = 0.026.
    """
    p, rule = population(units=1000, seeds=(0, 1, 0)), RFLO()
    b = rule.begin_task(p.weights, {}, p.context("A"))["feedback"]
    assert torch.equal(b[0], b[2]) and not torch.equal(b[0], b[1])
    n_a, n_b = (int(p.context(label).own_outputs.sum()) for label in "AB")
    on_b = rule.begin_task(p.weights, {}, p.context("B", 1))["feedback"]
    assert torch.allclose(b * n_a**0.5, on_b * n_b**0.5)
    assert b[0].var().item() == pytest.approx(1 / n_a, rel=0.1)
