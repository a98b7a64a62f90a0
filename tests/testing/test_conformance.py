"""The built-in plugins against everything that is asked of a plugin, and planted faults against the checks."""

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
    """A sound rule: a spring to the weights that the last task left."""

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
    """At strength 0 still something else than gradient descent."""

    def before_update(self, weights, gradients, state, context):
        return {n: g * (1 + 1e-6) for n, g in super().before_update(weights, gradients, state, context).items()}


PLANTED = {
    DoesNothing: (rule_checks.protects, "learnt as by plain gradient descent"),
    Disturbs: (rule_checks.remembering, "end_task() changes w_rec"),
    Mixes: (rule_checks.one_or_many, "network 0 learns otherwise beside two others"),
    Hoards: (rule_checks.nothing_on_itself, "self.kept holds arrays"),
    NotZero: (rule_checks.strength_zero, "with stiffness = 0 it is not gradient descent on A"),
}


def test_a_sound_rule_passes_every_check():
    assert [v for v in verdicts(Anchored()) if v.outcome == "failed"] == []


@pytest.mark.parametrize("planted", PLANTED, ids=lambda rule: rule.__name__)
def test_a_planted_fault_is_found_by_its_check_in_one_line(planted):
    check, told = PLANTED[planted]
    verdict = judge(check, planted())
    assert verdict.outcome == "failed" and told in verdict.found and "\n" not in verdict.found


def test_a_rule_that_does_nothing_fails_that_check_and_no_other():
    assert [v.check for v in verdicts(DoesNothing()) if v.outcome == "failed"] == [
        "What it does shows on the second task: it does not silently do nothing"
    ]


class Blind(Task):
    """Asks for a number that no input tells."""

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


def test_tasks_that_cannot_be_learnt_or_draw_from_elsewhere_fail():
    assert [v.check for v in verdicts(Blind()) if v.outcome == "failed"] == [
        "A small network learns it better than can be answered blindly"
    ]
    failed = {v.check: v.found for v in verdicts(Global()) if v.outcome == "failed"}
    assert "moves the global random state of numpy" in failed["Global random state is neither used nor moved"]


def test_checks_leave_the_global_random_state_alone():
    before = torch.get_rng_state()
    assert judge(rule_checks.global_randomness, GradientDescent()).outcome == "passed"
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_no_plugin_has_no_checks():
    with pytest.raises(TypeError, match="give an object"):
        checks_of(VanillaRNN)  # type: ignore[arg-type]


def test_a_plugin_by_name_with_parameters():
    task = plugin_named("flip_flop", None, ["channels=2", "drive=0.5"], installed())
    assert (task.channels, task.drive) == (2, 0.5)
    for name, settings, told in (
        ("flop", [], "no plugin is called 'flop'; did you mean"),
        ("flip_flop", ["drive"], "--set drive: expected parameter=value"),
        ("flip_flop", ["drive=7"], "flip_flop.drive"),
        ("flip_flop", ["colour=1"], "colour"),
    ):
        with pytest.raises(RnnbenchError) as caught:
            plugin_named(name, None, settings, installed())
        assert told in str(caught.value) and "\n" not in str(caught.value)


def test_what_has_been_mended_is_judged_anew(monkeypatch):
    task = Recall()
    with monkeypatch.context() as broken:
        broken.setattr(Recall, "sample", lambda self, rng, n_trials, dt: None)
        assert "failed" in {verdict.outcome for verdict in verdicts(task)}
    assert "failed" not in {verdict.outcome for verdict in verdicts(task)}
