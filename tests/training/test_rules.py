"""What a learning rule may do in a run: remember, use other weights for a task, or replace an update."""

from __future__ import annotations

import numpy as np
import pytest

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.errors import BenchmarkError
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.store import Store

RULES = '''
import torch
from rnnbench import GradientDescent, hookimpl


class Diary(GradientDescent):
    """Remembers each task under its own name, in an array as long as the name, and checks the earlier tasks."""

    name = "diary"
    remembers = True

    def end_task(self, weights, state, context):
        assert context.earlier == tuple(n for n in context.earlier if f"knows.{n}" in state)
        n = len(weights["w_rec"])
        kept = {name: a for name, a in state.items() if name.startswith("knows.")}
        return kept | {f"knows.{context.task}": torch.full((n, len(context.task)), float(context.position))}


class Forgetful(Diary):
    """Leaves a memory, although its class does not set `remembers`."""

    name = "forgetful"
    remembers = False

    def end_task(self, weights, state, context):
        return {"note": torch.ones(len(weights["w_rec"]), 1)}


class Mute(GradientDescent):
    """Gives no output in task b."""

    name = "mute"

    def weights_for(self, weights, state, context):
        return weights | {"w_out": 0 * weights["w_out"]} if context.task == "b" else weights


class Idle(GradientDescent):
    """Makes no update."""

    name = "idle"

    def learn(self, weights, batch, state, context):
        return weights, state


class Watchful(GradientDescent):
    """Adds to the gradient, and checks that it gets the gradient of the loss afterwards."""

    name = "watchful"

    def before_update(self, weights, gradients, state, context):
        return {name: g + 1 for name, g in gradients.items()}

    def after_update(self, old, new, gradients, state, context):
        for name, g in gradients.items():
            torch.testing.assert_close(new[name], old[name] - self.learning_rate * (g + 1))
        return state


class Choosy(GradientDescent):
    """Trains networks of 7 units only."""

    name = "choosy"

    def check(self, architecture):
        if architecture.units != 7:
            raise ValueError("it needs 7 units")


class Asking(GradientDescent):
    """Checks what the context gives."""

    name = "asking"
    remembers = True

    def begin_task(self, weights, memory, context):
        one, again = (context.rngs("noise", context.task)[0].standard_normal(4) for _ in range(2))
        assert (one == again).all() and (one != context.rngs("noise", "other")[0].standard_normal(4)).all()
        # A network has the channels of the tasks that it has learnt and of this one, in the order of learning.
        known = ["a", "b"] if context.position == 2 else [*context.earlier, context.task]
        owners = [label for label in known for _ in range({"a": 1, "b": 2}[label])]
        assert context.own_outputs.tolist() == [label == context.task for label in owners]
        for label in known:
            assert context.on(label).own_outputs.tolist() == [owner == label for owner in owners]
        trained = context.sample("train", 0, 4).inputs
        assert torch.equal(trained, context.on(context.task).sample("train", 0, 4).inputs)
        if context.earlier:
            other = context.on(context.earlier[0])
            fresh, later = other.sample("train", 0, 4), other.sample("train", 1, 4)
            assert not torch.equal(fresh.inputs, later.inputs) and other.task == context.earlier[0]
        return super().begin_task(weights, memory, context)


@hookimpl
def rnnbench_rules():
    return [Diary, Forgetful, Mute, Idle, Watchful, Choosy, Asking]
'''


def description(rule: str, **changes):
    return {
        "name": "rules",
        "tasks": [
            {"use": "fixed_points", "label": "a", "duration": 6, "loss_start": 3},
            {"use": "flip_flop", "label": "b", "channels": 2, "duration": 8},
        ],
        "architectures": [{"use": "vanilla_rnn", "units": 10, "learn": "all", "sweep": {"g": [0.5, 1.0]}}],
        "rules": [{"use": rule, "optimizer": "sgd", "learning_rate": 0.1}],
        "seeds": 1,
        "training": {"batch": 4, "max_updates": 6, "evaluate_every": 3, "evaluation_trials": 8},
    } | changes


@pytest.fixture
def run(make_plugin, tmp_path):
    make_plugin("lab-rules", RULES)
    return lambda rule, **changes: rnnbench.run(
        description(rule, **changes), tmp_path, workers=1, device="cpu", figures=False
    )


def test_what_is_remembered_may_have_another_name_and_shape_for_each_task(run):
    labels = {"tasks": [{"use": "fixed_points", "label": label, "duration": 12} for label in ("a", "bb", "ccc")]}
    results = run("diary", **labels, protocol=[["a", "bb", "ccc"], ["bb", "a", "ccc"], ["a", "a", "bb"]])
    assert not results.failures
    store = Store(results.folder)
    memories = {}
    for cell in cells_of(results.benchmark):
        record = store.get(cell.identity)
        arrays = store.arrays(record) if record else None
        if arrays:
            memories[cell.history] = {n: a.shape for n, a in arrays.items() if n.startswith("memory.")}
    assert memories["bb", "a"] == {"memory.knows.bb": (2,), "memory.knows.a": (1,)}


def test_a_memory_of_a_rule_that_says_it_has_none_is_refused(run):
    results = run("forgetful")
    failures = set(results.interference["failure"])
    message = "forgetful@1: end_task() returns 'note', but its class does not set `remembers = True`"
    assert all(message in failure for failure in failures)


def test_a_task_is_evaluated_with_the_weights_that_the_rule_has_for_it(run):
    table = run("mute").stages
    b = table[table["task"] == "b"]
    # Both outputs are zero whatever is learnt, so the loss of b is the same before and after training.
    assert b["loss"].nunique() == 1
    assert table[table["task"] == "a"]["loss"].nunique() > 2


def test_an_update_can_be_replaced(run):
    table = run("idle").interference
    # Measured with the channels of the second task, which changes the last digits.
    np.testing.assert_allclose(table["loss_first"], table["loss_untrained"], rtol=1e-5)


def test_after_an_update_a_rule_gets_the_gradient_of_the_loss_alone(run):
    assert not run("watchful").failures


def test_the_context_gives_streams_channels_and_other_tasks(run):
    assert not run("asking", protocol=[["a", "b", "a"], ["b", "a"]]).failures


def test_a_rule_that_cannot_train_an_architecture_is_refused_before_anything_runs(run):
    with pytest.raises(BenchmarkError, match=r"rules: choosy cannot train architecture vanilla_rnn: it needs 7 units"):
        run("choosy")
    assert not run("choosy", architectures=[{"use": "vanilla_rnn", "units": 7}]).failures


def test_weights_of_a_task_of_its_own_cannot_be_analysed(make_plugin):
    make_plugin("lab-rules", RULES)
    with pytest.raises(BenchmarkError, match="analyses: rule mute has different weights for each task"):
        load_benchmark(description("mute", analyses=["updates"]))


def test_only_networks_with_the_same_history_share_populations(run, tmp_path):
    """Networks with different histories are evaluated on other tasks, and may have other channels and memories."""
    many = {"tasks": [{"use": "fixed_points", "label": label, "duration": 12} for label in "abcd"]}
    sizes = {}
    for idle in ("free", "zero"):
        for rule in ("gradient_descent", "diary"):
            content = description(rule, **many, channels={"idle_outputs": idle})
            plan = rnnbench.prepare(content, tmp_path, workers=1, device="cpu").plan
            sizes[idle, rule] = {len({cell.history for cell in p.cells}) for p in plan.populations}
    assert set(map(frozenset, sizes.values())) == {frozenset({1})}


def test_the_seconds_of_a_stage_are_in_a_table_of_their_own(run):
    results = run("gradient_descent")
    assert len(results.timing) == 2 * (2 + 4) and (results.timing["seconds"] > 0).all()
    again = rnnbench.load_results(results.folder)
    np.testing.assert_allclose(again.timing["seconds"].astype(float), results.timing["seconds"].astype(float))
    assert "seconds" not in results.interference
