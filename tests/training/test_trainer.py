"""The training loop: networks stop independently of each other, and networks of one seed see the same trials."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import GradientDescent
from rnnbench.benchmark.cells import Cell
from rnnbench.errors import PluginError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.interfaces import Batch
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.setting import Setting
from rnnbench.training.stage import Start

A, B = "fixed_points", "flip_flop"


def make_trainer(**changes) -> CellTrainer:
    description = {
        "name": "t",
        "tasks": [{"use": A, "duration": 6, "loss_start": 3}, {"use": B, "channels": 2, "duration": 8}],
        "architectures": [{"use": "vanilla_rnn", "units": 24, "learn": "all"}],
        "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
        "seeds": 3,
        "training": {"batch": 8, "max_updates": 60, "evaluate_every": 5, "evaluation_trials": 16},
    }
    return CellTrainer(Setting(load_benchmark(description | changes), installed()), torch.device("cpu"))


def cell(cells: CellTrainer, *history: str, seed: int = 0) -> Cell:
    b = cells.setting.benchmark
    return Cell(b, b.architectures[0], b.rules[0], seed, history)


def start(cells: CellTrainer, seed: int, budget: int = 60, bound: float | None = None, occurrence: int = 0) -> Start:
    return Start(seed, occurrence, budget, bound, (A,), cells.setting.initial_weights(cell(cells, A, seed=seed)))


def train(cells: CellTrainer, starts: list[Start]):
    return cells.trainer(cell(cells, A)).train(A, 0, cells.setting.benchmark.task(A).training, starts)


def test_training_lowers_the_loss():
    cells = make_trainer()
    (outcome,) = train(cells, [start(cells, 0)])
    assert outcome.curve[60][A].loss < 0.2 * outcome.curve[0][A].loss


def test_a_network_stops_at_the_first_evaluation_at_which_its_criterion_is_met():
    cells = make_trainer()
    (free,) = train(cells, [start(cells, 0)])
    evaluations = sorted(free.curve)
    bound = free.curve[20][A].loss * 1.0001
    first = next(u for u in evaluations if free.curve[u][A].loss <= bound)
    (stopped,) = train(cells, [start(cells, 0, bound=bound)])
    assert stopped.updates == first and sorted(stopped.curve) == [u for u in evaluations if u <= first]


def test_networks_stop_independently_of_the_others():
    """Weights and curves are bit-identical, whatever other networks are in the population and whenever they stop."""
    cells = make_trainer()
    starts = [
        start(cells, 0, budget=10),
        start(cells, 1, budget=35),
        start(cells, 0, budget=60),
        start(cells, 2, budget=20),
    ]
    together = train(cells, starts)
    for one, outcome in zip(starts, together, strict=True):
        (alone,) = train(cells, [one])
        assert alone.updates == outcome.updates == one.budget
        assert all(np.array_equal(alone.weights[name], outcome.weights[name]) for name in alone.weights)
        assert {u: s[A].loss for u, s in alone.curve.items()} == {u: s[A].loss for u, s in outcome.curve.items()}


def test_global_random_state_changes_nothing():
    cells = make_trainer()
    torch.manual_seed(1)
    np.random.seed(1)
    (one,) = train(cells, [start(cells, 0, budget=10)])
    torch.manual_seed(2)
    np.random.seed(2)
    (two,) = train(cells, [start(cells, 0, budget=10)])
    assert np.array_equal(one.weights["w_rec"], two.weights["w_rec"])


def test_a_network_whose_loss_is_not_finite_leaves_and_the_others_stay():
    cells = make_trainer()
    broken = start(cells, 1)
    broken.weights["w_rec"][0, 0] = np.inf
    healthy, diverged = train(cells, [start(cells, 0, budget=10), broken])
    assert diverged.diverged and diverged.updates == 0
    assert not healthy.diverged and healthy.updates == 10


class Spy:
    """The trainer's source of trials; it records what was drawn for training."""

    def __init__(self, source):
        self.source, self.seen = source, []

    def __getattr__(self, name):
        return getattr(self.source, name)

    def batch(self, label, seeds, stream, n_trials) -> Batch:
        batch = self.source.batch(label, seeds, stream, n_trials)
        if stream[0] == "train":
            self.seen.append((label, tuple(seeds), batch.inputs.numpy().copy()))
        return batch


def trials_seen(cells: CellTrainer, one: Start, history: tuple[str, ...]):
    trainer, label = cells.trainer(cell(cells, *history)), history[-1]
    trainer.source = Spy(trainer.source)
    trainer.train(label, len(history) - 1, cells.setting.benchmark.task(label).training, [one])
    return [inputs for _, _, inputs in trainer.source.seen]


def test_networks_of_one_seed_see_the_same_trials_of_b_whatever_came_before():
    cells = make_trainer()
    initial = {history: cells.setting.initial_weights(cell(cells, *history)) for history in [(B,), (A, B)]}
    alone = Start(0, 0, 3, None, (B,), initial[B,])
    later = Start(0, 0, 3, None, (A, B), {k: w + 0.1 for k, w in initial[A, B].items()})
    seen = trials_seen(cells, alone, (B,)), trials_seen(cells, later, (A, B))
    own = cells.setting.layout(cell(cells, A, B)).n_inputs - 2  # the channels of B are behind those of A
    for one, two in zip(*seen, strict=True):
        assert np.array_equal(one, two[..., own:]) and not two[..., :own].any()


def test_learning_the_same_task_again_sees_fresh_trials():
    cells = make_trainer()
    first = trials_seen(cells, start(cells, 0, budget=3), (A,))
    again = trials_seen(cells, start(cells, 0, budget=3, occurrence=1), (A, A))
    assert not any(np.array_equal(one, two) for one in first for two in again)


def test_updates_and_seeds_see_different_trials_and_evaluation_is_held_out():
    cells = make_trainer()
    source = cells.trainer(cell(cells, A)).source
    draws = [
        source.batch(A, [seed], stream, 16).inputs.numpy()
        for seed, stream in [(0, ("train", 0, 0)), (0, ("train", 0, 1)), (1, ("train", 0, 0)), (0, ("evaluation",))]
    ]
    assert all(not np.array_equal(a, b) for i, a in enumerate(draws) for b in draws[:i])


def test_plain_gradient_descent_follows_autograd_through_the_whole_program():
    """Three SGD updates in float64, recomputed with autograd and a plain loop over the same trials."""
    rule = {"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.5}
    cells = make_trainer(dtype="float64", rules=[rule])
    one = start(cells, 0, budget=3)
    (outcome,) = train(cells, [one])
    trainer = cells.trainer(cell(cells, A))
    weights = {name: torch.tensor(w, dtype=torch.float64, requires_grad=True) for name, w in one.weights.items()}
    for step in range(3):
        batch = trainer.source.batch(A, [0], ("train", 0, step), 8)
        x, y, m = batch.inputs[0], batch.targets[0], batch.mask[0]
        h, z = torch.zeros(8, 24, dtype=torch.float64), []
        for t in range(len(x)):
            h = 0.5 * h + 0.5 * (torch.tanh(h) @ weights["w_rec"].T + x[t] @ weights["w_in"].T)
            z.append(torch.tanh(h) @ weights["w_out"].T)
        loss = (m * (torch.stack(z) - y) ** 2).sum() / (2 * m.sum())
        gradients = torch.autograd.grad(loss, list(weights.values()))
        pairs = zip(weights.items(), gradients, strict=True)
        weights = {name: (w - 0.5 * g).detach().requires_grad_() for (name, w), g in pairs}
    for name, w in weights.items():
        np.testing.assert_allclose(outcome.weights[name], w.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("occurrences", [(0, 1)])
def test_networks_of_a_population_have_learnt_the_task_equally_often(occurrences):
    cells = make_trainer()
    with pytest.raises(ValueError, match="equally often"):
        train(cells, [start(cells, 0, occurrence=k) for k in occurrences])


class Shared(GradientDescent):
    """Returns the gradient of one network for all."""

    name = "shared"

    def before_update(self, weights, gradients, state, context):
        return {name: g[0] for name, g in gradients.items()}


class Counting(GradientDescent):
    """Keeps one number for the whole population."""

    name = "counting"

    def begin_task(self, weights, memory, context):
        return super().begin_task(weights, memory, context) | {"count": torch.tensor(0.0)}


@pytest.mark.parametrize("rule, message", [(Shared, "the gradient of w_rec has shape"), (Counting, "state 'count'")])
def test_a_rule_that_loses_the_network_axis_is_refused_by_name(rule, message):
    cells = make_trainer()
    trainer = cells.trainer(cell(cells, A))
    trainer.rule = rule(optimizer="sgd")
    with pytest.raises(PluginError, match=f"rule {rule.name}@1: .*{message}"):
        trainer.train(A, 0, cells.setting.benchmark.task(A).training, [start(cells, 0)])
