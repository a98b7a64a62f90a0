"""Learning two tasks one after the other: M compared with the 2x2 model, and whole benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnnbench
from rnnbench import Batch, Weights
from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench_architectures.architectures import RestrictedRNN

DT, RATE, OFFSET = 0.5, 0.3, 0.02
DRIVES = {"rotation": 0.02, "formation": 0.15}


def fixed_point_task(channel: int, drive: float) -> model.Episode:
    """One trial: a pulse of duration 1, then the drive; the target is 0.5 from 10 to 20."""
    inputs, targets, mask = np.zeros((1, 40, 2)), np.zeros((1, 40, 2)), np.zeros((1, 40, 2))
    inputs[0, :, channel] = drive
    inputs[0, :2, channel] = 1
    targets[0, 20:, channel], mask[0, 20:] = 0.5, 1
    return model.Episode(inputs, targets, mask)


def learn(architecture: RestrictedRNN, weights: Weights, task: model.Episode, bound: float) -> tuple[Weights, int]:
    """Gradient descent until the loss is at most `bound`, as in `model.learn`; returns weights and update count."""
    inputs, targets, mask = (torch.tensor(a.swapaxes(0, 1))[None] for a in (task.inputs, task.targets, task.mask))
    batch, engine = Batch(inputs, targets, mask, (0,)), architecture.engine()
    for update in range(1000):
        losses, gradients = engine.gradient(weights, batch)
        if losses.item() <= bound:
            return weights, update
        weights = weights | {"m": weights["m"] - RATE * gradients["m"]}
    pytest.fail(f"loss {losses.item()} after 1000 updates")


@pytest.mark.parametrize("mode", DRIVES)
def test_it_learns_the_same_m_as_the_2x2_model(mode: str) -> None:
    """M after A and after B, each learnt to 2 % of the untrained loss of about 0.0625 = 0.5^2 / 2 / 2 channels."""
    tasks = [fixed_point_task(channel, DRIVES[mode]) for channel in (0, 1)]
    bound, start = 0.02 * 0.0625, np.full(2, OFFSET)
    after_a = model.learn(np.zeros((2, 2)), tasks[0], DT, RATE, 1000, bound, start=start)
    after_b = model.learn(after_a.m[-1], tasks[1], DT, RATE, 1000, bound, start=start)

    architecture = RestrictedRNN(units=2000, dt=DT, offset=OFFSET)
    drawn = architecture.init(np.random.default_rng(0), 2, 2)
    weights: Weights = {name: torch.tensor(w)[None] for name, w in drawn.items()}
    for expected, task in zip((after_a, after_b), tasks, strict=True):
        weights, updates = learn(architecture, weights, task, bound)
        # The deviation is of order N^-1/2 = 0.022. Rotation passes a saddle, which multiplies it several times.
        np.testing.assert_allclose(weights["m"][0], expected.m[-1], atol=0.1)
        assert updates == pytest.approx(len(expected.m) - 1, rel=0.15)

    m, a_after_b = weights["m"][0].numpy(), model.loss(weights["m"][0].numpy(), tasks[0], DT, start=start)
    if mode == "rotation":  # the activity of A drives that of B, with either sign, and A is lost
        assert abs(m[1, 0]) > 0.5 and a_after_b > 0.0625
    else:  # each pattern is held by itself
        assert abs(m[0, 1]) < 0.1 and abs(m[1, 0]) < 0.1 and a_after_b < 0.002


def benchmark(drive: float, **changes: Any) -> dict[str, Any]:
    training = {"batch": 1, "max_updates": 600, "evaluation_trials": 4, "criterion": {"relative_loss": 0.02}}
    task = {"use": "fixed_points", "drive": drive}
    return {
        "name": "restricted",
        "tasks": [task | {"label": "a"}, task | {"label": "b"}],
        "architectures": [{"use": "restricted_rnn", "units": 250}],
        "rules": [{"use": "gradient_descent", "optimizer": "sgd", "learning_rate": RATE}],
        "seeds": 1,
        # As in the model: the output of the other task is trained to zero.
        "channels": {"idle_outputs": "zero"},
        "training": training,
        **changes,
    }


@pytest.mark.parametrize("mode", DRIVES)
def test_a_benchmark_from_description_to_table(mode: str, tmp_path: Path) -> None:
    results = rnnbench.run(benchmark(DRIVES[mode]), results=tmp_path, workers=1, figures=False)
    table = results.interference
    assert len(table) == 4 and (table["status"] == "done").all() and (table["units"] == 250).all()
    pairs = table[table["first_task"] != table["second_task"]]
    assert pairs["converged_first"].astype(bool).all() and pairs["converged_second"].astype(bool).all()
    # Rotation turns the output of A into that of B, so interference is near 2. Formation leaves A unchanged, up to
    # overlaps of order N^-1/2.
    inside = pairs["interference"].between(1.5, 2.2) if mode == "rotation" else pairs["interference"].abs() < 0.1
    assert inside.all(), pairs["interference"].tolist()


def test_tasks_with_a_context_input_are_refused_with_the_reason(tmp_path: Path) -> None:
    unfit = benchmark(0.1, channels={"layout": "shared", "context": True})
    table = rnnbench.run(unfit, results=tmp_path, workers=1, figures=False).interference
    assert (table["status"] == "failed").all()
    assert table["failure"].str.contains("as many outputs as inputs, but the tasks have 3 inputs and 1 outputs").all()
