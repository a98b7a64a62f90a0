"""Context-dependent gating: what is silent, what is learnt, and what remains when it is switched off."""

from __future__ import annotations

import pytest
import torch

from rnnbench import Architecture, GradientDescent, VanillaRNN
from rnnbench.engine.loss import masked_loss
from rnnbench_rules.gating import XdG, XdGSI
from rnnbench_rules.regularisation import SynapticIntelligence

STEP = {"optimizer": "sgd", "learning_rate": 0.3}
SOFTPLUS = VanillaRNN(units=16, learn="all", nonlinearity="softplus", bias=True)
"""Its units are active at rest, so that gating is tested without relying on phi(0) = 0."""


def gates_of(networks, label, seeds=(0,)):
    """1 for each active unit, [network, unit], read from the columns of the weights that the rule uses."""
    weights = {name: torch.ones_like(w) for name, w in networks.weights(seeds).items()}
    used = networks.trainer.rule.weights_for(weights, {}, networks.context(label, seeds))
    assert (used["w_rec"] == used["w_rec"][:, :1]).all() and (used["w_out"] == used["w_rec"][:, :1]).all()
    return used["w_rec"][:, 0]


@pytest.mark.parametrize(("gated", "active"), [(0.8, 3), (0.5, 8), (0.99, 1)])
def test_the_same_number_of_units_takes_part_in_every_task_and_others_in_each(histories, gated, active):
    networks = histories(XdG(gated=gated))
    gates = {label: gates_of(networks, label, (0, 1, 2)) for label in "abc"}
    assert all((g.sum(1) == active).all() for g in gates.values())
    distinct = {tuple(g.tolist()) for each in gates.values() for g in each}
    assert len(distinct) > 3  # tasks and seeds differ, but a single active unit of 16 may be drawn twice


def test_answers_and_gradient_are_those_of_a_network_with_silent_units(histories):
    """The reference is autograd through a loop in which the rates themselves are gated."""
    networks = histories(XdG(**STEP, gated=0.5), SOFTPLUS, dtype=torch.float64)
    rule, weights, context = networks.trainer.rule, networks.weights([0]), networks.context("b", [0])
    batch, gate = context.sample("train", 0, 4), gates_of(networks, "b")[0]
    leaves = {name: w[0].clone().requires_grad_() for name, w in weights.items()}
    h, z = torch.zeros(4, 16, dtype=torch.float64), []
    for x in batch.inputs[0]:
        rates = gate * torch.nn.functional.softplus(h)
        h = 0.5 * h + 0.5 * (rates @ leaves["w_rec"].T + x @ leaves["w_in"].T + leaves["b"])
        z.append((gate * torch.nn.functional.softplus(h)) @ leaves["w_out"].T)
    answers = torch.stack(z)
    torch.testing.assert_close(context.outputs(rule.weights_for(weights, {}, context), batch)[0], answers)
    loss = masked_loss(answers, batch.targets[0], batch.mask[0])
    state = rule.begin_task(weights, {}, context)
    ours = rule.gradient(weights, batch, state, context)[1]
    for (name, _), g in zip(leaves.items(), torch.autograd.grad(loss, list(leaves.values())), strict=True):
        torch.testing.assert_close(ours[name][0], g)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weights_of_silent_units_are_not_learnt(histories, optimizer):
    networks = histories(XdG(optimizer=optimizer, learning_rate=0.01))
    initial, [[after]] = networks.initial(0), networks.learn("a")
    silent = gates_of(networks, "a")[0].numpy() == 0
    changed = after.weights["w_rec"] != initial["w_rec"].astype("float32")
    assert not changed[silent].any() and not changed[:, silent].any() and changed[~silent][:, ~silent].all()


def test_two_tasks_that_share_no_unit_do_not_interfere(histories):
    """If the gates of a and c are disjoint, learning c leaves the loss of a exactly as it was."""
    networks = histories(XdG(**STEP))
    seed = next(s for s in range(100) if not (gates_of(networks, "a", [s]) * gates_of(networks, "c", [s])).any())
    [[a], [c]] = networks.learn("ac", [seed])
    assert c.after["a"].loss == a.after["a"].loss and c.after["c"].loss < a.after["c"].loss


def test_an_untrained_network_is_gated_too(histories):
    [gated], [plain] = (
        networks.trainer.evaluate("a", networks.weights([0]), [0])
        for networks in (histories(XdG()), histories(GradientDescent()))
    )
    assert gated.loss != plain.loss


def test_without_gates_or_penalty_the_rest_remains_to_the_bit(histories, same):
    def after(rule):
        return [outcome for [outcome] in histories(rule).learn("aba")]

    plain, si = after(GradientDescent(**STEP)), after(SynapticIntelligence(**STEP, penalty=0.5))
    xdg, both = after(XdG(**STEP, gated=0.5)), after(XdGSI(**STEP, gated=0.5, penalty=0.5))
    pairs = [
        (after(XdG(**STEP, gated=0)), plain),
        (after(XdGSI(**STEP, gated=0, penalty=0.5)), si),
        (after(XdGSI(**STEP, gated=0.5, penalty=0)), xdg),
    ]
    assert all(same(one, two) for ones, twos in pairs for one, two in zip(ones, twos, strict=True))
    assert same(both[0], xdg[0]) and not any(same(both[1], other[1]) for other in (plain, si, xdg))


@pytest.mark.parametrize("cls", [XdG, XdGSI])
def test_a_network_learns_the_same_alone_as_beside_others(cls, histories, same):
    networks = histories(cls(**STEP))
    together = networks.learn("abca", (0, 1, 0), (20, 10, 20))
    for n, (seed, budget) in enumerate(((0, 20), (1, 10), (0, 20))):
        assert all(
            same(s[n], alone) for s, [alone] in zip(together, networks.learn("abca", [seed], budget), strict=True)
        )


class Other(Architecture):
    """An architecture of another kind, which is never run."""

    name = "other"
    trained = property(lambda self: ("w",))  # type: ignore[assignment]

    def init(self, rng, n_inputs, n_outputs):
        raise NotImplementedError

    step = readout = init  # type: ignore[assignment]


def test_rate_units_are_needed():
    for rule in (XdG(), XdGSI()):
        rule.check(VanillaRNN())
        with pytest.raises(ValueError, match=f"{rule.name} silences rate units; use vanilla_rnn"):
            rule.check(Other())
