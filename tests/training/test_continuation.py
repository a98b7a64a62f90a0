"""A larger budget goes on from where a network stopped, and gives the same numbers as if it had not stopped."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.store import Store

PARTS = {
    "name": "budgets",
    "tasks": [
        {"use": "fixed_points", "duration": 6, "loss_start": 3},
        {"use": "flip_flop", "channels": 2, "duration": 8},
    ],
    "architectures": [{"use": "vanilla_rnn", "units": 16, "learn": "all", "sweep": {"g": [0.5, 1.2]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
    "seeds": 2,
    "training": {"batch": 8, "evaluate_every": 10, "evaluation_trials": 16, "criterion": {"relative_loss": 0.15}},
}


def benchmark(budget: int, **parts) -> dict:
    content = copy.deepcopy(PARTS) | parts
    content["training"]["max_updates"] = budget
    return content


def run(folder: Path, budget: int, **parts) -> rnnbench.Results:
    return rnnbench.run(benchmark(budget, **parts), results=folder, workers=1, figures=False)


def results_of(folder: Path, budget: int, **parts) -> dict[str, str]:
    """The result of each cell with this budget, by identity, without the checksum of its arrays."""
    store, found = Store(folder / PARTS["name"]), {}
    for cell in cells_of(load_benchmark(benchmark(budget, **parts))):
        record = store.get(cell.identity)
        assert record is not None
        found[cell.identity] = json.dumps(record.result.model_dump(mode="json", exclude={"arrays_sha256"}))
    return found


RULES = {
    "gradient descent with momenta": {},
    "a rule that remembers": {"rules": [{"use": "ewc", "learning_rate": 3e-3, "fisher_batches": 2}]},
    "a rule without a state": {"rules": [{"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.05}]},
    "all channels from the start": {"channels": {"idle_outputs": "zero"}},
    "weights tracked at every evaluation": {
        "tasks": [
            {"use": "fixed_points", "duration": 6, "loss_start": 3},
            {"use": "fixed_points", "duration": 6, "loss_start": 3, "label": "again"},
        ],
        "architectures": [{"use": "restricted_rnn", "units": 16}],
        "rules": [{"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.3}],
    },
}


@pytest.mark.parametrize("parts", RULES.values(), ids=RULES)
def test_a_larger_budget_gives_the_numbers_of_a_run_that_had_it_from_the_start(tmp_path, parts):
    small = run(tmp_path / "again", 25, **parts)
    assert (~small.interference["converged_second"].fillna(True).astype(bool)).any(), "some network must have stopped"
    again, straight = (run(tmp_path / where, 70, **parts) for where in ("again", "straight"))
    assert results_of(tmp_path / "again", 70, **parts) == results_of(tmp_path / "straight", 70, **parts)
    assert again.interference.equals(straight.interference)
    for name in ("curves", "stages", "tracked"):
        one, two = (getattr(results, name) for results in (again, straight))
        assert (one is None and two is None) or one.equals(two)


def updates_made(folder: Path, budget: int, **parts) -> int:
    """How many network-updates a run has reported."""
    made = 0

    class Counter:
        def planned(self, prepared): ...
        def finished(self): ...
        def analysed(self, done, total): ...

        def heard(self, report):
            nonlocal made
            made += report.updates

    rnnbench.run(benchmark(budget, **parts), results=folder, workers=1, watcher=Counter(), figures=False)
    return made


def test_only_the_updates_beyond_the_smaller_budget_are_made(tmp_path):
    first = updates_made(tmp_path / "again", 25)
    more = updates_made(tmp_path / "again", 70)
    parents = results_of(tmp_path / "again", 25)
    assert 0 < more < updates_made(tmp_path / "straight", 70)
    # A second stage that begins after an unfinished first one must be trained anew, so more may exceed the difference.
    assert first > 0 and parents


def test_a_smaller_budget_uses_what_converged_within_it_and_keeps_the_rest(tmp_path):
    run(tmp_path / "again", 400)
    kept = results_of(tmp_path / "again", 400)
    made, straight = updates_made(tmp_path / "again", 60), updates_made(tmp_path / "straight", 60)
    assert made < straight
    assert results_of(tmp_path / "again", 60) == results_of(tmp_path / "straight", 60)
    assert results_of(tmp_path / "again", 400) == kept


def test_a_criterion_met_only_at_the_end_of_a_budget_is_not_carried_over(tmp_path):
    """With evaluations every 10 updates, those after 25 are made only because the budget ends there."""
    training = PARTS["training"] | {"dense_start": False}
    for parts in ({"training": training | {"criterion": {"relative_loss": level}}} for level in (0.2, 0.4, 0.6, 0.8)):
        shutil.rmtree(tmp_path, ignore_errors=True)
        small = run(tmp_path / "again", 25, **copy.deepcopy(parts))
        stages = small.stages[small.stages["stage"] == small.stages["history"].str.count(">") + 1]
        if ((stages["updates"] == 25) & stages["converged"].fillna(False).astype(bool)).any():
            break
    else:
        pytest.fail("some network must have met its criterion after 25 updates")
    run(tmp_path / "again", 70, **copy.deepcopy(parts)), run(tmp_path / "straight", 70, **copy.deepcopy(parts))
    again, straight = (results_of(tmp_path / where, 70, **copy.deepcopy(parts)) for where in ("again", "straight"))
    assert again == straight


def test_without_its_weights_a_network_that_stopped_is_trained_from_the_start(tmp_path):
    run(tmp_path / "again", 25)
    for path in (tmp_path / "again").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-7])
    run(tmp_path / "again", 70), run(tmp_path / "straight", 70)
    assert results_of(tmp_path / "again", 70) == results_of(tmp_path / "straight", 70)
