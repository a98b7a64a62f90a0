"""The gradient that replay adds, compared with autograd on the drawn trials, and what is stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnbench import losses
from rnnbench_rules import episodes
from rnnbench_rules.replay import DarkExperienceReplay, ReservoirReplay, RingReplay
from rnnbench_rules.replay.reservoir_replay import RESERVOIR

A, B = "fixed points", "flip flop"


def after_two_batches(setting, seeds=(0, 1)):
    """Learn one batch of each task; returns weights, state and context of the second task, and its next batch."""
    weights = setting.trainer.tensors([setting.initial(seed) for seed in seeds])
    memory: dict = {}
    for position, label in enumerate((A, B)):
        context = setting.trainer.context(label, seeds, position, (A,) if position else ())
        state = setting.rule.begin_task(weights, memory, context)
        weights, state = setting.rule.learn(weights, context.sample("train", 0, 24), state, context)
        memory = setting.rule.end_task(weights, state, context)
    return weights, state, context, context.sample("train", 1, 24)


def by_autograd(setting, weights, terms):
    """Gradient of sum(weight * L(batch)) by autograd through the architecture's own step, network by network."""
    architecture = setting.architecture
    total = {name: [] for name in architecture.trained}
    for n in range(len(weights["w_rec"])):
        one = {name: w[n].clone().requires_grad_() for name, w in weights.items()}
        loss = torch.zeros((), dtype=torch.float64)
        for weight, batch in terms:
            s = batch.sets[n]
            h, z = architecture.initial_state(one, batch.inputs.shape[2]), []
            for x in batch.inputs[s]:
                h = architecture.step(one, h, x, None)
                z.append(architecture.readout(one, h))
            error = (torch.stack(z) - batch.targets[s]) ** 2 * batch.mask[s]
            loss = loss + weight * error.sum() / (2 * batch.mask[s].sum())
        loss.backward()
        for name in total:
            total[name].append(one[name].grad)
    return {name: torch.stack(each) for name, each in total.items()}


@pytest.mark.parametrize("rule", [ReservoirReplay, RingReplay])
def test_replay_descends_on_the_batch_and_the_drawn_trials(rule, lab):
    setting = lab(rule(replay=0.7, replayed=10, slots=32), dtype=torch.float64)
    weights, state, context, batch = after_two_batches(setting)
    rngs = setting.rule.rngs("replay of targets", state, context)
    drawn = episodes.draw(state, setting.rule.pool(context), 10, rngs, 0).batch
    assert drawn.inputs.shape[2] == 10
    _, raw = context.gradient(weights, batch)
    found = setting.rule.before_update(weights, raw, state, context)
    expected = by_autograd(setting, weights, [(1.0, batch), (0.7, drawn)])
    for name, g in expected.items():
        torch.testing.assert_close(found[name], g, rtol=1e-9, atol=1e-13)


def test_der_pp_asks_for_kept_outputs_and_for_targets_of_other_trials(lab):
    setting = lab(DarkExperienceReplay(replay=2.0, alpha=0.3, beta=0.6, replayed=10, slots=32), dtype=torch.float64)
    weights, state, context, batch = after_two_batches(setting)
    draws = {
        against: episodes.draw(state, [RESERVOIR], 10, setting.rule.rngs(f"replay of {against}", state, context), 0)
        for against in ("outputs", "targets")
    }
    assert not torch.equal(draws["outputs"].batch.inputs, draws["targets"].batch.inputs)
    dark = replace(draws["outputs"].batch, targets=draws["outputs"].outputs)
    light = draws["targets"].batch
    _, raw = context.gradient(weights, batch)
    found = setting.rule.before_update(weights, raw, state, context)
    expected = by_autograd(setting, weights, [(1.0, batch), (2.0 * 0.3, dark), (2.0 * 0.6, light)])
    for name, g in expected.items():
        torch.testing.assert_close(found[name], g, rtol=1e-9, atol=1e-13)


def test_der_pp_keeps_the_outputs_that_trials_got_when_they_were_seen(lab):
    setting = lab(DarkExperienceReplay(slots=16, learning_rate=0.01), dtype=torch.float64)
    weights = setting.trainer.tensors([setting.initial(0)])
    context = setting.trainer.context(A, (0,))
    batch = context.sample("train", 0, 16)
    new, state = setting.rule.learn(weights, batch, setting.rule.begin_task(weights, {}, context), context)
    n_steps = batch.inputs.shape[1]
    kept = state[f"{RESERVOIR}.outputs"][0, :, :n_steps].transpose(0, 1)
    torch.testing.assert_close(kept, context.outputs(weights, batch)[0], rtol=0, atol=0)
    assert not torch.allclose(kept, context.outputs(new, batch)[0], atol=1e-4)
    # Compared with outputs of the same weights the loss is 0.
    batch = replace(batch, targets=context.outputs(weights, batch))
    assert float(losses(context.outputs(weights, batch), batch)) == 0


def test_tasks_have_equal_shares_in_the_rings_and_shares_by_time_in_the_reservoir(lab):
    """A is learnt for 40 batches, B for 10: rings hold equally many of each, the reservoir four times as many of A.

    240 of 300 slots are expected to hold A, with standard deviation below sqrt(300 * 0.8 * 0.2) = 7; tolerance 5 of it.
    """
    rings, reservoir = lab(RingReplay(slots=30)), lab(ReservoirReplay(slots=300))
    shares = {}
    for setting in (rings, reservoir):
        weights = setting.trainer.tensors([setting.initial(0)])
        memory: dict = {}
        for position, (label, n) in enumerate(((A, 40), (B, 10))):
            context = setting.trainer.context(label, (0,), position, (A,) if position else ())
            state = setting.rule.begin_task(weights, memory, context)
            for step in range(n):
                setting.rule.keep(weights, context.sample("train", step, 16), state, context)
                state["updates of this task"] += 1
            memory = setting.rule.end_task(weights, state, context)
        if setting is reservoir:
            # Fixed points and flip-flop have different lengths: 12 and 18 steps of 0.5 tau.
            length = (memory[f"{RESERVOIR}.mask"].sum(-1) > 0).float().argsort(dim=-1, stable=True)[0, :, -1]
            shares["reservoir"] = int((length < 12).sum())
        else:
            shares |= {label: int((memory[f"trials.{label}.mask"].sum((2, 3)) > 0).sum()) for label in (A, B)}
    assert shares[A] == shares[B] == 30
    assert abs(shares["reservoir"] - 240) < 35


def test_the_memory_is_as_large_as_it_says(lab):
    """The size is slots * time * (inputs + 2 outputs), with the time axis rounded up to a multiple of 16."""
    setting = lab(RingReplay(slots=20))
    (one,) = setting.learn(A, updates=3)[0]
    n_in, n_out = setting.layout.n_inputs, setting.layout.n_outputs
    size = sum(np.size(a) for name, a in one.memory.items() if not name.endswith("seen"))
    assert size == 20 * 16 * (n_in + 2 * n_out)
