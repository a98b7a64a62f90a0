"""Properties of every task of the package."""

from __future__ import annotations

import numpy as np
import pluggy
import pytest
from pydantic import ValidationError

import rnnbench_neuro
from rnnbench import Task, Trials
from rnnbench_neuro import ComplexSine, Cycling, FixedPoints, FlipFlop, Mante, Romo
from rnnbench_neuro.timing import Drive

DURATIONS = {FixedPoints: 20, FlipFlop: 25, Mante: 48, Romo: 29, Cycling: 72, ComplexSine: 50}
"""Published lengths of a trial (tau); for Romo the largest possible one, 3 + 1 + 12 + 1 + 4 + 8."""

CHANNELS = {
    FixedPoints: (1, 1),
    FlipFlop: (3, 3),
    Mante: (4, 1),
    Romo: (1, 1),
    Cycling: (2, 2),
    ComplexSine: (1, 1),
}

VARIANTS: list[Task] = [
    *(task() for task in DURATIONS),
    FixedPoints(channels=2, pulse="one_step", drive=0.3),
    FlipFlop(channels=2, duration=50, target_amplitude=0.5, decision_delay=5, pulse_interval=(5, 25), drive=0.5),
    FlipFlop(channels=1, decision_delay=0, pulse_interval=(1, 1), fixation=(0, 0)),
    Mante(fixate=False, noise=0, drive=1),
    Romo(outputs=2, fixate=True, drive=0.2),
    Cycling(delay=0, drive=0.4),
    ComplexSine(drive=0),
]

each_task = pytest.mark.parametrize("task", VARIANTS, ids=repr)
each_dt = pytest.mark.parametrize("dt", [0.5, 0.2, 0.1])


def draw(task: Task, seed: int = 0, n_trials: int = 32, dt: float = 0.5) -> Trials:
    return task.sample(np.random.default_rng(seed), n_trials, dt)


def test_the_hook_gives_six_tasks_with_distinct_ids() -> None:
    manager = pluggy.PluginManager("rnnbench")
    manager.register(rnnbench_neuro)
    found = rnnbench_neuro.rnnbench_tasks()
    assert sorted(task.id() for task in found) == [
        "complex_sine@1",
        "cycling@1",
        "fixed_points@1",
        "flip_flop@1",
        "mante@1",
        "romo@1",
    ]
    assert all(task.source and task.__doc__ for task in found)


@pytest.mark.parametrize("task_class", DURATIONS)
@each_dt
def test_published_length_and_channels(task_class: type[Task], dt: float) -> None:
    trials = draw(task_class(), n_trials=5, dt=dt)
    n_steps = round(DURATIONS[task_class] / dt)
    n_inputs, n_outputs = CHANNELS[task_class]
    assert trials.inputs.shape == (5, n_steps, n_inputs)
    assert trials.targets.shape == (5, n_steps, n_outputs)


@each_task
@each_dt
def test_shapes_types_and_masks(task: Task, dt: float) -> None:
    trials = draw(task, dt=dt)
    n_steps = trials.inputs.shape[1]
    assert trials.inputs.shape == (32, n_steps, task.n_inputs)
    assert trials.targets.shape == (32, n_steps, task.n_outputs)
    assert trials.mask.shape in [(32, n_steps, 1), (32, n_steps, task.n_outputs)]
    for array in (trials.inputs, trials.targets, trials.mask):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert array.flags.writeable and array.flags.c_contiguous
    assert set(np.unique(trials.mask)) <= {0, 1}
    assert trials.mask.any(axis=(1, 2)).all()
    assert all(len(fact) == 32 for fact in trials.info.values())


@each_task
def test_the_length_depends_on_neither_the_draw_nor_the_number_of_trials(task: Task) -> None:
    lengths = {draw(task, seed, n_trials, 0.3).inputs.shape[1] for seed in range(20) for n_trials in (1, 2, 7)}
    assert len(lengths) == 1


@each_task
def test_the_same_generator_gives_the_same_trials_and_another_gives_others(task: Task) -> None:
    first, again, other = draw(task, 1), draw(task, 1), draw(task, 2)
    for name in ("inputs", "targets", "mask"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.inputs, other.inputs)


@each_task
def test_global_randomness_is_neither_used_nor_moved(task: Task) -> None:
    np.random.seed(1)
    one = draw(task)
    np.random.seed(2)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    two = draw(task)
    assert np.array_equal(one.inputs, two.inputs)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


@each_task
def test_accuracy_of_the_targets_is_1_and_of_silence_0(task: Task) -> None:
    trials = draw(task)
    right = task.accuracy(trials.targets, trials)
    if isinstance(task, ComplexSine):
        assert right is None
        return
    silent = task.accuracy(np.zeros_like(trials.targets), trials)
    assert right is not None and silent is not None
    assert right.shape == silent.shape == (32,)
    assert np.array_equal(right, np.ones(32))
    assert np.array_equal(silent, np.zeros(32))


# Cycling is left out because a negated rotation turns the same way, complex_sine because it has no accuracy.
@pytest.mark.parametrize("task", [task for task in VARIANTS if not isinstance(task, Cycling | ComplexSine)], ids=repr)
def test_accuracy_of_the_opposite_is_0(task: Task) -> None:
    trials = draw(task)
    opposite = task.accuracy(-trials.targets, trials)
    assert opposite is not None
    assert np.array_equal(opposite, np.zeros(32))


@pytest.mark.parametrize("task_class", DURATIONS)
def test_drive_means_the_same_and_is_bounded(task_class: type[Task]) -> None:
    fields = task_class.model_json_schema()["properties"]
    assert fields["drive"]["description"] == Drive.__metadata__[0].description  # type: ignore[attr-defined]
    assert fields["drive"]["default"] == (1 if task_class is ComplexSine else 0)
    for drive in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValidationError, match="drive"):
            task_class.model_validate({"drive": drive})


WITHOUT_NOISE: dict[type[Task], dict[str, object]] = {
    FixedPoints: {"channels": 2, "pulse_amplitude": 2},
    FlipFlop: {"pulse_amplitude": 2},
    Mante: {"noise": 0, "fixate": False},
    Romo: {},
    Cycling: {"pulse_amplitude": 2},
    ComplexSine: {"input_amplitude": 2},
}
"""Parameters with which the mask covers the response alone, and all of the input is the task's."""


def last_input(inputs: np.ndarray) -> np.ndarray:
    """For each trial, step and channel, the last input that was not 0, or 0 if there was none yet."""
    held = inputs.copy()
    for step in range(1, inputs.shape[1]):
        held[:, step] = np.where(inputs[:, step] != 0, inputs[:, step], held[:, step - 1])
    return held


@pytest.mark.parametrize("task_class", DURATIONS)
@pytest.mark.parametrize("drive", [0, 0.3, 1])
@each_dt
def test_drive_is_the_input_in_the_response_relative_to_the_pulse(
    task_class: type[Task], drive: float, dt: float
) -> None:
    pulses, driven = (
        draw(task_class.model_validate({**WITHOUT_NOISE[task_class], "drive": d}), dt=dt) for d in (0, drive)
    )
    in_pulse = pulses.inputs != 0
    assert np.array_equal(driven.inputs[in_pulse], pulses.inputs[in_pulse])  # The pulse is the same at any drive.
    response = (driven.mask > 0) & ~in_pulse  # complex_sine is asked for its output from the start of the pulse
    assert response.any(axis=(1, 2)).all()
    pulse = last_input(pulses.inputs)
    assert (pulse[response] != 0).any()
    assert driven.inputs[response] == pytest.approx(drive * pulse[response], rel=1e-6)


@pytest.mark.parametrize("task_class", DURATIONS)
def test_every_parameter_is_described(task_class: type[Task]) -> None:
    for name, field in task_class.model_fields.items():
        assert field.description, f"{task_class.name}.{name}"


@pytest.mark.parametrize("task_class", DURATIONS)
def test_unknown_parameters_are_refused(task_class: type[Task]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        task_class.model_validate({"nonsense": 1})


@pytest.mark.parametrize(
    ("task_class", "parameters", "message"),
    [
        (FixedPoints, {"channels": 0}, "greater than or equal to 1"),
        (FixedPoints, {"loss_start": 20}, "must be below duration 20.0"),
        (FixedPoints, {"pulse_duration": 11}, "at most loss_start 10.0"),
        (FixedPoints, {"pulse": "two_steps"}, "unit_time"),
        (FlipFlop, {"pulse_interval": (10, 3)}, r"e\.g\. \[3\.0, 10\.0\]"),
        (FlipFlop, {"pulse_interval": (-1, 3)}, r"e\.g\. \[0\.0, 3\.0\]"),
        (FlipFlop, {"duration": 3}, "must be above .* 3.0"),
        (FlipFlop, {"pulse_duration": 6}, "at most .* 5.0"),
        (FlipFlop, {"pulse_duration": 0}, "greater than 0"),
        (Mante, {"coherences": (0.5, -0.5)}, "must be above 0"),
        (Mante, {"coherences": ()}, "at least 1 item"),
        (Mante, {"stimulus": 0}, "greater than 0"),
        (Romo, {"min_difference": 1}, "below the width of amplitudes, 1.0"),
        (Romo, {"outputs": 3}, "1 or 2"),
        (Romo, {"delay": (12, 2)}, r"e\.g\. \[2\.0, 12\.0\]"),
        (Cycling, {"pulse_duration": 73}, "at most .* 72.0"),
        (Cycling, {"frequency": 0}, "greater than 0"),
        (ComplexSine, {"pulse_duration": 51}, "at most duration 50.0"),
        (ComplexSine, {"duration": float("inf")}, "finite"),
    ],
)
def test_impossible_parameters_are_refused_with_what_would_be_right(
    task_class: type[Task], parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        task_class.model_validate(parameters)
