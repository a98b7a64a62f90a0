"""Learning without forgetting: which outputs are held, at which values, and what is refused."""

from __future__ import annotations

import pytest
import torch

from rnnbench.benchmark.schema import Channels
from rnnbench.engine.loss import masked_loss
from rnnbench_rules.regularisation import LwF

STEP = {"optimizer": "sgd", "learning_rate": 0.3}
FREE = Channels(idle_outputs="free")


@pytest.mark.parametrize("channels", [Channels(), FREE], ids=["zero", "free"])
def test_it_descends_the_loss_and_the_distance_to_the_old_answers(histories, channels):
    """The reference is autograd through a plain loop. Task a uses output 0, b outputs 1 and 2, c output 3."""
    rule = LwF(**STEP, penalty=3)
    networks = histories(rule, channels=channels, dtype=torch.float64)
    weights = networks.weights([0])
    context = networks.context("b", [0], position=1, earlier=("a",))
    state = rule.begin_task(weights, {}, context)
    batch = context.sample("train", 0, 4)
    moved = {name: 1.1 * w for name, w in weights.items()}
    _, ours = rule.gradient(moved, batch, state, context)

    def answers(w):
        h, z = torch.zeros(4, 16, dtype=torch.float64), []
        for x in batch.inputs[0]:
            h = 0.5 * h + 0.5 * (torch.tanh(h) @ w["w_rec"].T + x @ w["w_in"].T)
            z.append(torch.tanh(h) @ w["w_out"].T)
        return torch.stack(z)

    leaves = {name: w[0].clone().requires_grad_() for name, w in moved.items()}
    z, old = answers(leaves), answers({name: w[0] for name, w in weights.items()})
    loss = masked_loss(z, batch.targets[0], batch.mask[0]) + 3 * ((z[..., 0] - old[..., 0]) ** 2).mean() / 2
    for (name, _), g in zip(leaves.items(), torch.autograd.grad(loss, list(leaves.values())), strict=True):
        torch.testing.assert_close(ours[name][0], g)


def test_the_old_answers_are_kept_and_more_so_the_larger_the_penalty(histories):
    changes = []
    for penalty in (0, 1, 10):
        networks = histories(LwF(optimizer="adam", learning_rate=0.01, penalty=penalty), channels=FREE)
        a, b = (networks.trainer.tensors([s[0].weights]) for s in networks.learn("ab", updates=60))
        context = networks.context("b", [0])
        batch = context.sample("test", 0, 64)
        z = [context.outputs(w, batch)[..., 0] for w in (a, b)]
        changes.append(float((z[1] - z[0]).square().mean()))
    assert changes[0] > 3 * changes[1] > 3 * changes[2]


def test_a_task_that_comes_again_is_not_held_by_itself(histories, same):
    plain, held = (histories(LwF(**STEP, penalty=p)).learn("aa")[1][0] for p in (0, 1))
    assert same(plain, held)


def test_it_says_so_where_there_is_nothing_to_hold(histories):
    with pytest.raises(ValueError, match=r"but a uses them all; give each task outputs of its own"):
        histories(LwF(**STEP), channels=Channels(layout="shared", context=True)).learn("ca", updates=1)
