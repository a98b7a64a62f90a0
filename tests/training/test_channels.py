"""Tasks on the channels they share: blocks, idle outputs, context, correlations."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench import Task, Trials
from rnnbench.benchmark.schema import Channels
from rnnbench.errors import PluginError
from rnnbench.training.channels import Layout


class Echo(Task):
    """Any number of inputs and outputs; nothing to learn."""

    name, version = "echo", 1
    inputs: int
    outputs: int

    @property
    def n_inputs(self) -> int:
        return self.inputs

    @property
    def n_outputs(self) -> int:
        return self.outputs

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        n_steps = 7
        mask = (rng.random((n_trials, n_steps, self.outputs)) < 0.5).astype(np.float32)
        return Trials(
            rng.standard_normal((n_trials, n_steps, self.inputs)),
            rng.standard_normal((n_trials, n_steps, self.outputs)),
            mask,
        )


TASKS = {"a": Echo(inputs=2, outputs=1), "b": Echo(inputs=1, outputs=3), "c": Echo(inputs=3, outputs=2)}


def draw(label: str) -> Trials:
    return TASKS[label].sample(np.random.default_rng(3), 4, 0.5)


def test_separate_tasks_drive_and_read_blocks_of_their_own():
    layout = Layout(Channels(), TASKS)
    assert (layout.n_inputs, layout.n_outputs) == (6, 6)
    trials = draw("b")
    inputs, targets, mask = layout.place("b", trials)
    assert inputs.shape == (7, 4, 6) and targets.shape == mask.shape == (7, 4, 6)
    np.testing.assert_allclose(inputs[..., 2:3], trials.inputs.swapaxes(0, 1), rtol=1e-6)
    np.testing.assert_allclose(targets[..., 1:4], trials.targets.swapaxes(0, 1), rtol=1e-6)
    assert not inputs[..., [0, 1, 3, 4, 5]].any() and not targets[..., [0, 4, 5]].any()


def test_idle_outputs_are_held_at_zero_while_any_own_output_counts():
    trials = draw("b")
    _, _, mask = Layout(Channels(idle_outputs="zero"), TASKS).place("b", trials)
    np.testing.assert_array_equal(mask[..., 1:4], trials.mask.swapaxes(0, 1))
    any_own = trials.mask.max(axis=-1).T
    for idle in (0, 4, 5):
        np.testing.assert_array_equal(mask[..., idle], any_own)


def test_idle_outputs_are_left_free_by_default():
    trials = draw("b")
    assert Channels() == Channels(idle_outputs="free")
    _, _, mask = Layout(Channels(), TASKS).place("b", trials)
    np.testing.assert_array_equal(mask[..., 1:4], trials.mask.swapaxes(0, 1))
    assert not mask[..., [0, 4, 5]].any()


def test_a_mask_of_one_channel_applies_to_all_own_outputs():
    trials = draw("c")
    trials = Trials(trials.inputs, trials.targets, trials.mask[..., :1])
    _, _, mask = Layout(Channels(idle_outputs="free"), TASKS).place("c", trials)
    np.testing.assert_array_equal(mask[..., 4], mask[..., 5])
    np.testing.assert_array_equal(mask[..., 4], trials.mask[..., 0].T)


def test_shared_channels_are_as_many_as_the_widest_task_needs():
    trials = draw("a")
    for idle in ("free", "zero"):
        layout = Layout(Channels(layout="shared", idle_outputs=idle), TASKS)
        assert (layout.n_inputs, layout.n_outputs) == (3, 3)
        inputs, _, mask = layout.place("a", trials)
        np.testing.assert_allclose(inputs[..., :2], trials.inputs.swapaxes(0, 1), rtol=1e-6)
        assert not inputs[..., 2].any()
        np.testing.assert_array_equal(mask[..., 0], trials.mask[..., 0].T)
        # Outputs that this task does not use count only if they are trained to zero.
        unused = trials.mask.max(axis=-1).T if idle == "zero" else np.zeros(trials.mask.shape[:2]).T
        np.testing.assert_array_equal(mask[..., 1], unused)


def test_context_inputs_identify_the_task():
    layout = Layout(Channels(layout="shared", context=True), TASKS)
    assert layout.n_inputs == 3 + 3
    for i, label in enumerate(TASKS):
        inputs, _, _ = layout.place(label, draw(label))
        np.testing.assert_array_equal(inputs[..., 3:], np.broadcast_to(np.eye(3)[i], (7, 4, 3)))


@pytest.mark.parametrize("correlation", [0.3, 0.8])
def test_vectors_of_two_tasks_have_the_given_correlation(correlation):
    """A vector is the network's channels for a unit pulse on channel k; the cosine is c for the same k, else 0."""
    layout = Layout(Channels(input_correlation=correlation, output_correlation=correlation), TASKS)
    for index in (0, 1):  # inputs, targets

        def vectors(label: str, index: int = index) -> np.ndarray:
            task = TASKS[label]
            n = task.n_inputs if index == 0 else task.n_outputs
            unit = np.eye(n)[:, None, :]  # one trial per channel, one step
            other = np.zeros((n, 1, task.n_outputs if index == 0 else task.n_inputs))
            arrays = (unit, other) if index == 0 else (other, unit)
            return layout.place(label, Trials(*arrays, np.ones((n, 1, 1))))[index][0]

        a, b, c = (vectors(label) for label in TASKS)
        for one in (a, b, c):
            np.testing.assert_allclose(one @ one.T, np.eye(len(one)), atol=1e-6)
        for one, two in ((a, b), (b, c), (a, c)):
            np.testing.assert_allclose(one @ two.T, correlation * np.eye(len(one), len(two)), atol=1e-6)


@pytest.mark.parametrize(
    "channels",
    [Channels(), Channels(layout="shared"), Channels(output_correlation=0.6), Channels(idle_outputs="zero")],
)
def test_own_outputs_of_the_targets_are_the_targets_of_the_task(channels):
    layout = Layout(channels, TASKS)
    for label in TASKS:
        trials = draw(label)
        _, targets, _ = layout.place(label, trials)
        np.testing.assert_allclose(layout.own_outputs(label, targets), trials.targets.swapaxes(0, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "grow"),
    [
        (Channels(), True),
        (Channels(idle_outputs="zero"), False),
        (Channels(layout="shared"), False),
        (Channels(input_correlation=0.1), False),
        (Channels(output_correlation=0.1), False),
    ],
)
def test_networks_grow_unless_idle_outputs_are_trained_or_channels_are_shared_or_correlated(channels, grow):
    assert channels.grow is grow


def test_blocks_are_the_channels_of_each_task_or_one_for_all():
    assert Layout(Channels(), TASKS).blocks == [("a", 2, 1), ("b", 1, 3), ("c", 3, 2)]
    assert Layout(Channels(layout="shared", context=True), TASKS).blocks == [("shared", 6, 3)]


def test_more_channels_than_memory_has_room_for_are_refused():
    with pytest.raises(PluginError, match=r"n_inputs is 1000000000000; expected a whole number from 0 to 10,000"):
        Layout(Channels(), {"a": Echo(inputs=10**12, outputs=1)})
