"""The programs whose speed is compared compute the same results. Speed itself is not tested."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def speed(monkeypatch):
    """The modules of benchmarks/speed, imported as its programs import them."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "speed"))
    import measure
    import ours
    import peers
    import problem

    yield measure, ours, peers, problem
    for name in ("measure", "ours", "peers", "problem"):
        sys.modules.pop(name, None)


NAMES = ["research_loop", "autograd_loop", "torch_rnn", "rnnbench"]


def test_every_approach_computes_the_same_loss_and_gradient(speed):
    measure, ours, _, problem = speed
    names = [*NAMES, *(name for name in ours.approaches() if name != "rnnbench")]
    assert set(measure.networks(problem.Problem(24, 5), 3, names)) == set(names)  # raises an error if one differs


def test_a_program_with_other_results_is_not_timed(speed, monkeypatch):
    measure, _, peers, problem = speed
    wrong = type("Wrong", (peers.ResearchLoop,), {"outputs": lambda self, x: 1.01 * super(type(self), self).outputs(x)})
    monkeypatch.setitem(peers.PEERS, "research_loop", wrong)
    with pytest.raises(RuntimeError, match="research_loop at N = 24 does not compute what the others do"):
        measure.networks(problem.Problem(24, 5), 1, ["research_loop"])


def test_an_update_changes_every_weight(speed):
    measure, _, _, problem = speed
    for name, (network, _) in measure.networks(problem.Problem(16, 4), 2, NAMES).items():
        trials = network.problem.trials(np.random.default_rng(0))
        before = network.loss_and_gradient(trials)[0]
        for _ in range(30):
            network.update()
        assert network.loss_and_gradient(trials)[0] < before, name


def test_trials_of_the_research_loop_are_flip_flops(speed):
    """As in the task, pulses of size 1 are on one channel at a time, and targets hold the sign of the last pulse."""
    _, _, peers, problem = speed
    inputs, targets, mask = peers.ResearchLoop(problem.Problem(4, 50)).trials()
    assert inputs.shape == targets.shape == mask.shape == (50, problem.STEPS, problem.CHANNELS)
    assert set(np.unique(inputs)) == {-1.0, 0.0, 1.0} and (np.abs(inputs).sum(axis=-1) <= 1).all()
    for trial in range(50):
        for channel in range(problem.CHANNELS):
            response = np.flatnonzero(mask[trial, :, channel])
            for t in response:  # the response starts four steps after the pulse does
                pulses = np.flatnonzero(inputs[trial, : t - 3, channel])
                assert targets[trial, t, channel] == inputs[trial, pulses[-1], channel]


def test_the_operations_are_those_of_the_products(speed):
    """Three products (forward, backward, gradient) of [T B, N] with [N, N], [N, input] and [N, output]."""
    *_, problem = speed
    n, b, t, c = 10, 4, problem.STEPS, problem.CHANNELS
    by_hand = 3 * 2 * (t * b) * n * n + 3 * 2 * (t * b) * n * c * 2
    assert problem.Problem(n, b).operations == by_hand


def test_the_command_writes_the_table_and_names_the_machine_by_cores_and_model(tmp_path):
    command = [sys.executable, "benchmarks/speed", "table", "--units", "16", "--batches", "4", "--populations", "2"]
    options = ["--repeats", "1", "--without", "torch_compile", "--without", "jax_scan", "--out", str(tmp_path)]
    ran = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    with open(tmp_path / "speed.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["n_units", "batch", "population", "approach", "updates_per_second", "fraction_of_peak"]
    assert set(NAMES) <= {row["approach"] for row in rows}
    assert all(float(row["updates_per_second"]) > 0 and 0 < float(row["fraction_of_peak"]) < 1 for row in rows)
    machine = (tmp_path / "machine.json").read_text()
    assert '"cores"' in machine and '"processor"' in machine and "host" not in machine
    assert (tmp_path / "speed.png").stat().st_size > 10_000


def test_the_card_table_has_the_requested_rows(speed, monkeypatch):
    """With the CPU in place of the card."""
    import card
    import torch

    monkeypatch.setattr(card, "SECONDS", 0.05)
    monkeypatch.setattr(card, "SIDE", 64)
    monkeypatch.setenv(card.SWITCH, "1")
    waits = []
    found = list(card.rows([16], [1, 4], 5, 1, torch.device("cpu"), lambda: waits.append(1)))
    assert [row[:4] for row in found] == [
        (16, 5, 8, "one_core"),
        *((16, 5, p, name) for p in (1, 4) for name in ("card", "card_step_by_step")),
    ]
    assert all(float(row[4]) > 0 for row in found) and waits
    sys.modules.pop("card")


def test_without_a_card_the_command_fails_with_one_line(speed, monkeypatch, capsys):
    import card
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(card.typer.Exit) as end:
        card.card()
    assert end.value.exit_code == 2
    assert capsys.readouterr().err.splitlines() == ["error: no CUDA device is available to torch; `card` measures one"]
    sys.modules.pop("card")
