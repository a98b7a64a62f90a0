"""Properties of every task of the package."""

from __future__ import annotations

import math

import numpy as np
import pluggy
import pytest
from pydantic import ValidationError

import rnnbench_yang19
from rnnbench import Trials
from rnnbench_yang19 import TASKS
from rnnbench_yang19.ring_task import RingTask

PAPER = [
    *("fdgo", "reactgo", "delaygo", "fdanti", "reactanti", "delayanti"),
    *("dm1", "dm2", "contextdm1", "contextdm2", "multidm"),
    *("delaydm1", "delaydm2", "contextdelaydm1", "contextdelaydm2", "multidelaydm"),
    *("dmsgo", "dmsnogo", "dmcgo", "dmcnogo"),
]

FIXATION_STAYS = {"reactgo", "reactanti", "dmsgo", "dmsnogo", "dmcgo", "dmcnogo"}

BY_NAME: dict[str, type[RingTask]] = {task.name: task for task in TASKS}  # type: ignore[misc]

VARIANTS: list[RingTask] = [
    *(task() for task in BY_NAME.values()),
    *(BY_NAME[name](common_times=True) for name in ("fdgo", "contextdm1", "dmcgo")),
    BY_NAME["multidelaydm"](ring=16, noise=0, grace=0.5, response_weight=25, fixation_weight=4),
]

each_task = pytest.mark.parametrize("task", VARIANTS, ids=repr)
each_dt = pytest.mark.parametrize("dt", [0.5, 0.2, 0.1])


def draw(task: RingTask, seed: int = 0, n_trials: int = 16, dt: float = 0.5) -> Trials:
    return task.sample(np.random.default_rng(seed), n_trials, dt)


def test_the_hook_gives_the_twenty_tasks_by_their_names_in_the_authors_code() -> None:
    manager = pluggy.PluginManager("rnnbench")
    manager.register(rnnbench_yang19)
    found = rnnbench_yang19.rnnbench_tasks()
    assert [task.name for task in found] == PAPER
    assert all(task.source and (task.__doc__ or "").count("A trial:") == 1 for task in found)


@each_task
@each_dt
def test_shapes_and_types(task: RingTask, dt: float) -> None:
    trials = draw(task, dt=dt)
    n_steps = int(trials.info["end"].max())
    ring = task.ring
    assert (task.n_inputs, task.n_outputs) == (1 + 2 * ring, 1 + ring)
    assert trials.inputs.shape == (16, n_steps, 1 + 2 * ring)
    assert trials.targets.shape == trials.mask.shape == (16, n_steps, 1 + ring)
    for array in (trials.inputs, trials.targets, trials.mask):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert array.flags.writeable and array.flags.c_contiguous
    assert all(len(fact) == 16 for fact in trials.info.values())


@pytest.mark.parametrize("name", PAPER)
@each_dt
def test_arrays_say_what_the_facts_say(name: str, dt: float) -> None:
    """The reference is the published formulas for one trial, step and channel at a time."""
    trials = BY_NAME[name](noise=0).sample(np.random.default_rng(5), 3, dt)
    grace = round(1 / dt)
    for k in range(3):
        fact = {key: value[k] for key, value in trials.info.items()}
        holds = math.isnan(fact["response"])
        for t in range(trials.inputs.shape[1]):
            inside = t < fact["end"]
            fixation = float(inside if name in FIXATION_STAYS else t < fact["go"])
            rings = np.zeros((2, 32))
            for s in range(len(fact["direction"])):
                if fact["onset"][s] <= t < fact["offset"][s]:
                    for modality in range(2):
                        rings[modality] += fact["strength"][s, modality] * gaussian(fact["direction"][s])
            np.testing.assert_allclose(trials.inputs[k, t], [fixation, *rings[0], *rings[1]], atol=1e-6)  # float32

            fixating = inside and (holds or t < fact["go"])
            shown = np.zeros(32) if fixating or not inside else gaussian(fact["response"])
            np.testing.assert_allclose(trials.targets[k, t], [0.85 if fixating else 0.05, *(0.05 + shown)], atol=1e-6)

            weight = 1.0 if grace <= t < fact["go"] else 5.0 if fact["go"] + grace <= t < fact["end"] else 0.0
            assert trials.mask[k, t].tolist() == [2 * weight] + [weight] * 32


def gaussian(direction: float) -> np.ndarray:
    """0.8 exp(-(8 d / pi)^2 / 2), with d the distance to each of 32 preferred directions."""
    away = [abs(direction - 2 * math.pi * unit / 32) for unit in range(32)]
    return np.array([0.8 * math.exp(-((8 * min(d, 2 * math.pi - d) / math.pi) ** 2) / 2) for d in away])


@pytest.mark.parametrize("dt", [0.5, 0.2])
def test_noise_is_on_every_input_white_and_scales_with_the_step(dt: float) -> None:
    task = BY_NAME["delaygo"]
    noisy, clear = draw(task(), n_trials=200, dt=dt), draw(task(noise=0), n_trials=200, dt=dt)
    noise = (noisy.inputs - clear.inputs).astype(float)
    # over more than 2e4 steps of a channel a standard deviation has a standard error below 0.6 %
    assert noise.std(axis=(0, 1)) == pytest.approx(0.01 * np.sqrt(2 / dt), rel=0.03)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]) < 0.01


@each_task
@pytest.mark.parametrize("n_trials", [1, 2, 7])
def test_any_number_of_trials(task: RingTask, n_trials: int) -> None:
    trials = draw(task, n_trials=n_trials, dt=0.3)
    assert len(trials.inputs) == n_trials
    assert trials.mask.any(axis=(1, 2)).all()


@each_task
def test_the_same_generator_gives_the_same_trials_and_another_gives_others(task: RingTask) -> None:
    first, again, other = draw(task, 1), draw(task, 1), draw(task, 2)
    for name in ("inputs", "targets", "mask"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.info["direction"], other.info["direction"])


@each_task
def test_global_randomness_is_neither_used_nor_moved(task: RingTask) -> None:
    np.random.seed(1)
    one = draw(task)
    np.random.seed(2)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    two = draw(task)
    assert np.array_equal(one.inputs, two.inputs)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


@each_task
def test_with_common_times_a_batch_shares_them_and_its_modalities(task: RingTask) -> None:
    common, own = (draw(task.model_copy(update={"common_times": value}), n_trials=40).info for value in (True, False))
    for name in ("onset", "offset", "go", "end"):
        assert (common[name] == common[name][:1]).all()
    assert len(np.unique(own["end"])) > 1
    if task.name in {"fdgo", "dmcgo"}:
        assert (common["strength"] == common["strength"][:1]).all()
        assert not (own["strength"] == own["strength"][:1]).all()
    assert len(np.unique(common["direction"][:, 0])) > 5


@pytest.mark.parametrize("name", PAPER)
def test_every_parameter_is_described(name: str) -> None:
    for field, info in BY_NAME[name].model_fields.items():
        assert info.description, f"{name}.{field}"


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("fdgo", {"ring": 7}, "greater than or equal to 8"),
        ("fdgo", {"nonsense": 1}, "Extra inputs"),
        ("fdgo", {"fixation": (7, 3)}, r"e\.g\. \[3, 7\]"),
        ("reactgo", {"response": 1}, "longer than grace 1.0"),
        ("dmcgo", {"response": (0.5, 2)}, "longer than grace 1.0"),
        ("delaygo", {"delay": (0, 2)}, "above 0"),
        ("delaygo", {"delay": ()}, "at least 1 item"),
        ("dm1", {"coherences": (-0.1, 0.1)}, "above 0 and at most the smallest mean strength, 0.8"),
        ("delaydm1", {"coherences": (0.9,)}, "above 0 and at most the smallest mean strength, 0.8"),
        ("dm1", {"noise": float("nan")}, "finite"),
    ],
)
def test_impossible_parameters_are_refused_with_what_would_be_right(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        BY_NAME[name].model_validate(parameters)
