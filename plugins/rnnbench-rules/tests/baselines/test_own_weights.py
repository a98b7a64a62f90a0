"""A separate network or readout for each task: what it learns, and that nothing is lost, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import rnnbench
from rnnbench import GradientDescent, VanillaRNN
from rnnbench.benchmark.schema import Channels
from rnnbench_rules.baselines import FreshNetwork, NewReadout

STEP = {"optimizer": "adam", "learning_rate": 0.01}
LAYOUTS = [Channels(), Channels(idle_outputs="free"), Channels(layout="shared", context=True)]


@pytest.mark.parametrize("channels", LAYOUTS, ids=["separate", "free", "shared"])
@pytest.mark.parametrize("cls", [FreshNetwork, NewReadout])
def test_nothing_is_lost(cls, channels, histories):
    """The loss on a task stays exactly the same until that task is learnt again."""
    [a], [b], [c], [again] = histories(cls(**STEP), channels=channels).learn("abca")
    assert a.after["a"].loss == b.after["a"].loss == c.after["a"].loss != again.after["a"].loss
    assert b.after["b"].loss == c.after["b"].loss == again.after["b"].loss
    assert set(b.curve[10]) == {"a", "b"} and b.curve[10]["a"].loss == a.after["a"].loss


def test_gradient_descent_does_lose(histories):
    [a], [b] = histories(GradientDescent(**STEP)).learn("ab")
    assert a.after["a"].loss != b.after["a"].loss


def test_a_fresh_network_learns_a_second_task_as_it_would_a_first(histories, same):
    """It equals gradient descent on that task alone; before learning it has the loss of an untrained network."""
    networks = histories(FreshNetwork(**STEP))
    [[a], [b]], [[alone]] = networks.learn("ab"), networks.learn("b")
    [[plain]] = histories(GradientDescent(**STEP)).learn("b")
    assert same(b, alone) and same(b, plain) and b.after["b"].loss == alone.after["b"].loss
    [untrained] = networks.trainer.evaluate("b", networks.weights([0]), [0])
    assert a.after["b"].loss == b.curve[0]["b"].loss == untrained.loss > b.after["b"].loss


def test_a_task_that_comes_again_goes_on_with_its_network(histories, same):
    """A task in between changes nothing, because the trials of a task do not depend on its position."""
    networks = histories(FreshNetwork(**STEP))
    assert same(networks.learn("aba")[2][0], networks.learn("aa")[1][0])


def test_after_the_first_task_only_a_readout_is_learnt_and_each_begins_anew(histories):
    networks = histories(NewReadout(**STEP))
    initial, [[a], [b], [c]] = networks.initial(0), networks.learn("abc", updates=50)
    assert not np.array_equal(a.weights["w_rec"], initial["w_rec"].astype("float32"))
    for name in ("w_rec", "w_in"):
        assert np.array_equal(a.weights[name], b.weights[name]) and np.array_equal(a.weights[name], c.weights[name])
    assert not np.array_equal(b.weights["w_out"], c.weights["w_out"])
    assert np.array_equal(a.memory["initial.w_out"], initial["w_out"].astype("float32"))
    assert b.after["b"].loss < b.curve[0]["b"].loss and c.after["c"].loss < c.curve[0]["c"].loss


def test_the_readout_of_a_second_task_is_fitted_by_gradient_descent_on_it_alone(histories):
    """The first step of SGD, with the gradient computed from errors and rates."""
    networks = histories(NewReadout(optimizer="sgd", learning_rate=0.5))
    a, b = (networks.trainer.tensors([s[0].weights]) for s in networks.learn("ab", updates=1))
    context, initial = networks.context("b", [0], stream=(0,)), networks.weights([0])
    batch, used = context.sample("train", 0, 8), a | {"w_out": initial["w_out"]}
    rates = networks.trainer.engine.rates(used, batch)[0].flatten(0, 1)
    z = context.outputs(used, batch)[0].flatten(0, 1)
    y, m = batch.targets[0].flatten(0, 1), batch.mask[0].flatten(0, 1)
    step = 0.5 * (m * (z - y)).T @ rates / m.sum()
    np.testing.assert_allclose(b["w_out"][0], initial["w_out"][0] - step, rtol=1e-5, atol=1e-7)  # float32


def test_a_readout_that_is_not_learnt_is_refused():
    with pytest.raises(ValueError, match=r"w_out is not among the trained weights \(w_rec\); set learn: all"):
        NewReadout().check(VanillaRNN(learn="recurrent"))
    NewReadout().check(VanillaRNN(learn="all"))


@pytest.mark.parametrize("cls", [FreshNetwork, NewReadout])
def test_a_network_learns_the_same_alone_as_beside_others(cls, histories, same):
    networks = histories(cls(**STEP))
    together = networks.learn("abca", (0, 1, 0), (20, 10, 20))
    for n, (seed, budget) in enumerate(((0, 20), (1, 10), (0, 20))):
        for stage, [alone] in zip(together, networks.learn("abca", [seed], budget), strict=True):
            assert same(stage[n], alone) and stage[n].after == alone.after


@pytest.mark.parametrize("cls", [FreshNetwork, NewReadout])
def test_other_architectures_lose_nothing_but_rounding(cls, histories, generic_rnn):
    [a], [b] = histories(cls(**STEP), generic_rnn).learn("ab", updates=5)
    assert b.after["a"].loss == pytest.approx(a.after["a"].loss, rel=1e-6)


def test_a_benchmark_shows_no_interference_and_no_transfer(tmp_path):
    """Networks with two values of g are trained together; each starts from its own weights."""
    description = {
        "name": "own",
        "tasks": [
            {"use": "fixed_points", "label": "a", "duration": 6, "loss_start": 3},
            {"use": "flip_flop", "label": "b", "channels": 2, "duration": 8},
        ],
        "architectures": [{"use": "vanilla_rnn", "units": 12, "learn": "all", "sweep": {"g": [0.5, 1.0]}}],
        "rules": [{"use": "fresh_network", **STEP}, {"use": "new_readout", **STEP}],
        "seeds": 1,
        "training": {
            "batch": 4,
            "max_updates": 30,
            "evaluate_every": 10,
            "evaluation_trials": 8,
            "criterion": {"relative_loss": 0.99},
        },
    }
    table = rnnbench.run(description, tmp_path, workers=1, device="cpu", figures=False).interference
    between = table[table["first_task"] != table["second_task"]]
    assert len(between) == 8 and (between["interference"].abs() == 0).all()
