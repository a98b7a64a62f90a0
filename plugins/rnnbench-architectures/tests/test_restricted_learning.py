"""Learning two tasks in turn: M against the 2x2 model's, and whole benchmarks from description to table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnnbench
from rnnbench import Batch, Weights
from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench_architectures import RestrictedRNN

DT, RATE, OFFSET = 0.5, 0.3, 0.02
DRIVES = {"rotation": 0.02, "formation": 0.15}


def fixed_point_task(channel: int, drive: float) -> model.Episode:
    """One trial: a pulse of duration 1, the drive for the rest, 0.5 asked for from 10 to 20."""
    inputs, targets, mask = np.zeros((1, 40, 2)), np.zeros((1, 40, 2)), np.zeros((1, 40, 2))
    inputs[0, :, channel] = drive
    inputs[0, :2, channel] = 1
    targets[0, 20:, channel], mask[0, 20:] = 0.5, 1
    return model.Episode(inputs, targets, mask)


def learn(architecture: RestrictedRNN, weights: Weights, task: model.Episode, bound: float) -> tuple[Weights, int]:
    """Descend until the loss is at `bound`, as the model's `learn` does; the weights, and how many updates it took."""
    inputs, targets, mask = (torch.tensor(a.swapaxes(0, 1))[None] for a in (task.inputs, task.targets, task.mask))
    batch, engine = Batch(inputs, targets, mask, (0,)), architecture.engine()
    for update in range(1000):
        losses, gradients = engine.gradient(weights, batch)
        if losses.item() <= bound:
            return weights, update
        weights = weights | {"m": weights["m"] - RATE * gradients["m"]}
    pytest.fail(f"loss {losses.item()} after 1000 updates")


@pytest.mark.parametrize("mode", DRIVES)
def test_what_is_learnt_is_what_the_2x2_model_learns(mode: str) -> None:
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
        # N^-1/2 = 0.022 in what drives the learning; rotation passes a saddle, which multiplies it several times.
        np.testing.assert_allclose(weights["m"][0], expected.m[-1], atol=0.1)
        assert updates == pytest.approx(len(expected.m) - 1, rel=0.15)

    m, a_after_b = weights["m"][0].numpy(), model.loss(weights["m"][0].numpy(), tasks[0], DT, start=start)
    if mode == "rotation":  # A's activity drives B's, with either sign: A is lost
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
        "training": training,
        **changes,
    }


@pytest.mark.parametrize("mode", DRIVES)
def test_a_benchmark_from_description_to_table(mode: str, tmp_path: Path) -> None:
    results = rnnbench.run(benchmark(DRIVES[mode]), results=tmp_path, workers=1)
    table = results.interference
    assert len(table) == 4 and (table["status"] == "done").all() and (table["units"] == 250).all()
    pairs = table[table["first_task"] != table["second_task"]]
    assert pairs["converged_first"].astype(bool).all() and pairs["converged_second"].astype(bool).all()
    # Rotation loses A and turns its output into B's: towards 2. Formation leaves it, up to overlaps of order N^-1/2.
    inside = pairs["interference"].between(1.5, 2.2) if mode == "rotation" else pairs["interference"].abs() < 0.1
    assert inside.all(), pairs["interference"].tolist()


def test_tasks_with_a_context_input_are_refused_in_words(tmp_path: Path) -> None:
    unfit = benchmark(0.1, channels={"layout": "shared", "context": True})
    table = rnnbench.run(unfit, results=tmp_path, workers=1).interference
    assert (table["status"] == "failed").all()
    assert table["failure"].str.contains("as many outputs as inputs, and here are 3 inputs and 1 outputs").all()
