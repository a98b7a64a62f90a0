"""A small network learns tasks of the package with rnnbench's training, far above chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import GradientDescent, VanillaRNN
from rnnbench.benchmark.schema import Channels, Criterion, Training
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Start
from rnnbench.training.trainer import Trainer
from rnnbench_yang19 import Dm1, FdAnti
from rnnbench_yang19.ring_task import RingTask

TASKS: dict[str, RingTask] = {"fdanti": FdAnti(), "dm1": Dm1(coherences=(0.1, 0.2, 0.4, 0.8))}


@pytest.mark.parametrize(("label", "updates", "at_least"), [("fdanti", 150, 0.95), ("dm1", 250, 0.75)])
def test_a_small_network_learns_on_shared_channels_with_a_rule_input(label: str, updates: int, at_least: float) -> None:
    layout = Layout(Channels(layout="shared", context=True), TASKS)
    assert (layout.n_inputs, layout.n_outputs) == (1 + 2 * 32 + 2, 1 + 32)
    network = VanillaRNN(units=64, dt=0.5, nonlinearity="relu", g=1.2, learn="all", bias=True)
    rule = GradientDescent(learning_rate=1e-3)
    trainer = Trainer(TASKS, layout, network, rule, {label: 128}, torch.float32, torch.device("cpu"))
    training = Training(batch=32, max_updates=updates, criterion=Criterion(loss=1e-9), evaluate_every=updates)
    weights = network.init(np.random.default_rng(0), layout.n_inputs, layout.n_outputs)
    (outcome,) = trainer.train(label, 0, training, [Start(0, 0, updates, None, (label,), weights)])
    before, after = outcome.curve[0][label], outcome.curve[updates][label]
    assert before.accuracy is not None and after.accuracy is not None
    assert before.accuracy < 0.4  # random directions are right in 1/5 of the trials, a random one of two stimuli in 1/2
    assert after.accuracy >= at_least
    assert after.loss < 0.25 * before.loss
