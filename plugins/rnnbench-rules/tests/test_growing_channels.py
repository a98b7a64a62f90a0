"""Every rule learns B in a network that receives B's channels after A as in one that had them from the start."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnbench import LearningRule, VanillaRNN
from rnnbench.benchmark.schema import Channels, Training
from rnnbench.plugin.registry import installed
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import initial_weights, with_new_channels
from rnnbench.training.stage import Outcome, Start
from rnnbench.training.trainer import Trainer
from rnnbench_neuro.fixed_points import FixedPoints
from rnnbench_neuro.flip_flop import FlipFlop

TASKS = {"a": FixedPoints(duration=6, loss_start=3), "b": FlipFlop(channels=2, duration=8)}
TRAINING = Training(batch=8, evaluate_every=10, evaluation_trials=16)
NETWORK = VanillaRNN(units=16, learn="all", orthogonal=True)
SEED = 3
UPDATES = 12

IDLE_TERMS = {
    "owp": "it measures the readouts of A's activity along the readout vectors of all outputs, B's included",
    "ncl": "its prior is about all weights, and the nearest Kronecker product depends on their number",
}
"""Rules that have a term on the weights of channels that no task has used yet, and what it is."""

RULES = [found.cls for (kind, _), found in installed().found.items() if kind == "rule"]


def trained(rule: LearningRule, grown: bool, dtype: torch.dtype = torch.float64) -> list[Outcome]:
    """Networks after A and after B, which receive B's channels after A (`grown`) or have them from the start."""
    both = Layout(Channels(), TASKS)
    layouts = [Layout(Channels(), {"a": TASKS["a"]}), both] if grown else [both, both]
    weights, memory = initial_weights(NETWORK, SEED, layouts[0]), {}
    outcomes: list[Outcome] = []
    for position, label in enumerate("ab"):
        layout, known = layouts[position], "ab"[: position + 1]
        trainer = Trainer(TASKS, layout, NETWORK, rule, dict.fromkeys(known, 16), dtype, torch.device("cpu"))
        initial = initial_weights(NETWORK, SEED, layout)
        context = trainer.context(label, [SEED])
        weights, memory = with_new_channels(weights, memory, initial, layout, rule, context, trainer.tensors)
        start = Start(SEED, 0, UPDATES, None, tuple(known), weights, memory)
        outcomes += trainer.train(label, position, TRAINING, [start])
        weights, memory = outcomes[-1].weights, outcomes[-1].memory
    return outcomes


def difference(one: Outcome, two: Outcome) -> float:
    """Largest difference of weights on the channels that both networks have, relative to the largest weight."""
    found = 0.0
    for name, w in one.weights.items():
        common = two.weights[name][tuple(slice(n) for n in w.shape)]
        found = max(found, float(np.abs(w - common).max() / np.abs(common).max()))
    return found


@pytest.mark.parametrize("cls", RULES, ids=lambda cls: cls.name)
def test_learning_is_the_same_as_with_all_channels_from_the_start(cls):
    rule = cls()
    try:
        rule.check(NETWORK)
    except ValueError as error:
        pytest.skip(str(error))
    grown, from_start = trained(rule, grown=True), trained(rule, grown=False)
    moved = difference(from_start[1], from_start[0])
    assert moved > 1e-4, "the rule has learnt nothing, so that the comparison means nothing"
    after_a, after_b = (difference(*pair) for pair in zip(grown, from_start, strict=True))
    assert after_a < 1e-9
    if IDLE_TERMS.get(cls.name):
        assert 1e-9 < after_b < 2 * moved
    else:
        assert after_b < 1e-9
