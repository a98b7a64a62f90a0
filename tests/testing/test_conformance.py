"""The built-in plugins pass all conformance checks, and planted faults are found by the checks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field

from rnnbench import GradientDescent, Task, Trials, VanillaRNN
from rnnbench.errors import RnnbenchError
from rnnbench.loading.plugin_choice import plugin_named
from rnnbench.plugin.registry import installed
from rnnbench.testing import checks_of, conformance, rule_checks, verdicts
from rnnbench.testing.check import judge
from rnnbench.testing.small_plugins import Recall

test_vanilla_rnn = conformance(VanillaRNN())
test_gradient_descent = conformance(GradientDescent())


class Anchored(GradientDescent):
    """A correct rule: a spring to the weights after the previous task."""

    name, source = "anchored", "here"
    remembers, strength = True, "stiffness"
    stiffness: float = Field(0.5, ge=0, description="of the spring (1/weight^2)")

    def before_update(self, weights, gradients, state, context):
        if self.stiffness == 0 or "old.w_rec" not in state:
            return gradients
        return {n: g + self.stiffness * (weights[n] - state[f"old.{n}"]) for n, g in gradients.items()}

    def end_task(self, weights, state, context):
        return {f"old.{name}": weights[name].clone() for name in context.architecture.trained}


class DoesNothing(Anchored):
    """Its penalty is always zero."""

    def before_update(self, weights, gradients, state, context):
        return {n: g + 0 * self.stiffness for n, g in gradients.items()}


class Disturbs(Anchored):
    """Computing what it remembers changes the weights."""

    def end_task(self, weights, state, context):
        kept = super().end_task(weights, state, context)
        weights["w_rec"].mul_(1.01)
        return kept


class Mixes(Anchored):
    """Each network gets the mean of all networks' gradients."""

    def before_update(self, weights, gradients, state, context):
        return {n: g.mean(0, keepdim=True).expand_as(g) for n, g in gradients.items()}


class Hoards(Anchored):
    """Keeps arrays on its class."""

    kept: ClassVar[dict] = {}

    def end_task(self, weights, state, context):
        Hoards.kept["w_rec"] = weights["w_rec"].clone()
        return super().end_task(weights, state, context)


class NotZero(Anchored):
    """At strength 0 it still differs from gradient descent."""

    def before_update(self, weights, gradients, state, context):
        return {n: g * (1 + 1e-6) for n, g in super().before_update(weights, gradients, state, context).items()}


PLANTED = {
    DoesNothing: (rule_checks.protects, "learnt as by plain gradient descent"),
    Disturbs: (rule_checks.remembering, "end_task() changes w_rec"),
    Mixes: (rule_checks.one_or_many, "network 0 learns differently beside two others"),
    Hoards: (rule_checks.nothing_on_itself, "self.kept holds arrays"),
    NotZero: (rule_checks.strength_zero, "with stiffness = 0 it is not gradient descent on A"),
}


def test_a_correct_rule_passes_every_check():
    assert [v for v in verdicts(Anchored()) if v.outcome == "failed"] == []


@pytest.mark.parametrize("planted", PLANTED, ids=lambda rule: rule.__name__)
def test_a_planted_fault_is_found_by_its_check_in_one_line(planted):
    check, message = PLANTED[planted]
    verdict = judge(check, planted())
    assert verdict.outcome == "failed" and message in verdict.found and "\n" not in verdict.found


def test_a_rule_that_does_nothing_fails_that_check_and_no_other():
    assert [v.check for v in verdicts(DoesNothing()) if v.outcome == "failed"] == [
        "It affects learning of the second task: it does not silently do nothing"
    ]


class Blind(Task):
    """The targets cannot be inferred from the inputs."""

    name, version, source = "blind", 1, "here"
    n_inputs = property(lambda self: 1)
    n_outputs = property(lambda self: 1)

    def sample(self, rng, n_trials, dt):
        shape = (n_trials, round(4 / dt), 1)
        return Trials(np.zeros(shape), rng.standard_normal((n_trials, 1, 1)) * np.ones(shape), np.ones(shape))


class Global(Blind):
    """Draws from the global generator."""

    def sample(self, rng, n_trials, dt):
        shape = (n_trials, round(4 / dt), 1)
        x = np.random.standard_normal((n_trials, 1, 1)) * np.ones(shape)
        return Trials(x, x, np.ones(shape))


def test_tasks_that_cannot_be_learnt_or_use_global_randomness_fail():
    assert [v.check for v in verdicts(Blind()) if v.outcome == "failed"] == [
        "A small network learns to do better than the best answer that ignores the inputs"
    ]
    failed = {v.check: v.found for v in verdicts(Global()) if v.outcome == "failed"}
    assert "changes the global random state of numpy" in failed["The global random state is neither used nor changed"]


def test_checks_do_not_change_the_global_random_state():
    before = torch.get_rng_state()
    assert judge(rule_checks.global_randomness, GradientDescent()).outcome == "passed"
    assert torch.equal(before, torch.get_rng_state())


def test_a_class_instead_of_an_object_is_refused():
    with pytest.raises(TypeError, match="give an object"):
        checks_of(VanillaRNN)  # type: ignore[arg-type]


def test_a_plugin_by_name_with_parameters():
    task = plugin_named("flip_flop", None, ["channels=2", "drive=0.5"], installed())
    assert (task.channels, task.drive) == (2, 0.5)
    for name, settings, message in (
        ("flop", [], "no plugin is called 'flop'; did you mean"),
        ("flip_flop", ["drive"], "--set drive: expected parameter=value"),
        ("flip_flop", ["drive=7"], "flip_flop.drive"),
        ("flip_flop", ["colour=1"], "colour"),
    ):
        with pytest.raises(RnnbenchError) as caught:
            plugin_named(name, None, settings, installed())
        assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_plugin_that_was_fixed_is_checked_again(monkeypatch):
    task = Recall()
    with monkeypatch.context() as broken:
        broken.setattr(Recall, "sample", lambda self, rng, n_trials, dt: None)
        assert "failed" in {verdict.outcome for verdict in verdicts(task)}
    assert "failed" not in {verdict.outcome for verdict in verdicts(task)}
