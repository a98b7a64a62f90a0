"""Properties of every environment of neurogym that can be used, and why the others cannot be used."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

if find_spec("neurogym") is None:
    pytest.skip("neurogym is not installed here; make test-neurogym has it", allow_module_level=True)

from rnnbench import Trials
from rnnbench_neurogym import Neurogym
from rnnbench_neurogym.__main__ import table
from rnnbench_neurogym.capability import NEEDED_OPTIONS, capability, usable
from rnnbench_neurogym.environments import creators

README = Path(__file__).parents[1] / "README.md"

TAU_MS = {"PulseDecisionMaking-v0": 20, "SpatialSuppressMotion-v0": 16.6}
"""Environments for which the usual 100 ms is too long, with a time step of half of it."""

REFUSED = {
    "Bandit-v0": "defines no ground truth",
    "DawTwoStep-v0": "defines no ground truth",
    "EconomicDecisionMaking-v0": "defines no ground truth",
    "Null-v0": "defines no ground truth",
    "Reaching1D-v0": "is closed-loop: its observations depend on the actions",
    "Reaching1DWithSelfDistraction-v0": "is closed-loop: its observations depend on the actions",
    "perceptualdecisionmaking.roitman02-v0": "is closed-loop: its wrapper changes the ground truth during a trial",
}

USABLE = sorted(set(creators()) - set(REFUSED))
BOX = {"ReachingDelayResponse-v0", "SpatialSuppressMotion-v0"}
MOVING = {"ReadySetGo-v0", "MotorTiming-v0"}
"""Environments in which the right action is due at one moment of the response period."""

each = pytest.mark.parametrize("env", USABLE)


def task_of(env: str, **parameters: object) -> Neurogym:
    known = {"options": NEEDED_OPTIONS.get(env, {}), "tau_ms": TAU_MS.get(env, 100)}
    return Neurogym.model_validate({"env": env, **known, **parameters})


def draw(task: Neurogym, seed: int = 0, n_trials: int = 32, dt: float = 0.5) -> Trials:
    return task.sample(np.random.default_rng(seed), n_trials, dt)


@cache
def drawn(env: str) -> Trials:
    return draw(task_of(env))


def test_45_of_52_are_usable_and_2_of_them_continuous() -> None:
    assert len(creators()) == 52
    assert len(USABLE) == 45
    assert {env for env in USABLE if capability(env, NEEDED_OPTIONS.get(env, {}), {}).kind == "box"} == BOX


@pytest.mark.parametrize("env", REFUSED)
def test_the_others_are_refused_by_name_with_the_reason(env: str) -> None:
    assert usable(env) == f"{env} {REFUSED[env]}"
    with pytest.raises(ValidationError, match=f"{env} {REFUSED[env]}"):
        Neurogym(env=env)


@each
def test_shapes_and_types(env: str) -> None:
    task, trials = task_of(env), drawn(env)
    n_steps = trials.inputs.shape[1]
    assert trials.inputs.shape == (32, n_steps, task.n_inputs)
    assert trials.targets.shape == (32, n_steps, task.n_outputs)
    assert trials.mask.shape == (32, n_steps, 1)
    for array in (trials.inputs, trials.targets, trials.mask):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    assert all(len(fact) == 32 for fact in trials.info.values())


@each
def test_every_trial_is_asked_for_something_and_not_all_for_the_same(env: str) -> None:
    trials = drawn(env)
    assert (trials.mask >= 0).all()
    # Both parts of the mask have weight 1; in two environments the response takes the whole trial.
    parts = 1 if env in {"SpatialSuppressMotion-v0", "ToneDetection-v0"} else 2
    assert trials.mask.sum(axis=(1, 2)) == pytest.approx(np.full(32, parts), rel=1e-4)  # float32
    assert (trials.info["response"] > 0).any(axis=1).all()
    counted = trials.targets[trials.mask[:, :, 0] > 0]
    assert not (counted == counted[0]).all()


@each
def test_inputs_differ_from_trial_to_trial(env: str) -> None:
    assert len(np.unique(drawn(env).inputs.reshape(32, -1), axis=0)) > 1


@each
def test_the_same_generator_gives_the_same_trials_and_another_gives_others(env: str) -> None:
    again, other = draw(task_of(env)), draw(task_of(env), seed=1)
    for name in ("inputs", "targets", "mask"):
        assert np.array_equal(getattr(drawn(env), name), getattr(again, name))
    assert not np.array_equal(drawn(env).inputs, other.inputs)


@each
def test_global_randomness_is_neither_used_nor_moved(env: str) -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    trials = draw(task_of(env))
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]
    assert np.array_equal(trials.inputs, drawn(env).inputs)


def test_another_process_draws_the_same() -> None:
    """An environment that drew random numbers while it was built, before it is seeded, would differ."""
    sums = [drawn(env).inputs.sum(dtype=float) + drawn(env).targets.sum(dtype=float) for env in USABLE]
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_every_environment import USABLE, drawn\n"
        "for env in USABLE: print(drawn(env).inputs.sum(dtype=float) + drawn(env).targets.sum(dtype=float))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert [float(line) for line in done.stdout.split()] == sums


@each
def test_accuracy_of_the_targets_is_1_and_of_the_wrong_answer_0(env: str) -> None:
    task, trials = task_of(env), drawn(env)
    right, wrong = task.accuracy(trials.targets, trials), task.accuracy(-trials.targets, trials)
    if env in BOX | MOVING:
        assert right is None and wrong is None
        return
    assert right is not None and wrong is not None
    assert right.tolist() == [1] * 32
    assert wrong.tolist() == [0] * 32


def test_the_readme_has_the_table_that_the_command_prints() -> None:
    assert table() in README.read_text(encoding="utf-8")
