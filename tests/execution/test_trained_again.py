"""A network that is trained again must be the stored one: the results of two networks are never mixed.

Results of another machine are imitated by stored results of which one loss is a little different.
"""

from __future__ import annotations

import copy
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import rnnbench
from rnnbench.benchmark.cells import Cell, cells_of
from rnnbench.cli.run_display import print_plan
from rnnbench.engine.native.kernel import native
from rnnbench.errors import AnotherNetwork
from rnnbench.execution.prepare import prepare
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.results.records import Curve, Result, record_bytes, sealed
from rnnbench.results.store import Store
from rnnbench.results.transfer import packed, unpacked

A, B, C = "fixed_points", "flip_flop", "third"
TASKS = [
    {"use": "fixed_points", "duration": 6, "loss_start": 3},
    {"use": "flip_flop", "channels": 2, "duration": 8},
    {"use": "fixed_points", "label": C, "duration": 5, "loss_start": 2},
]
CONTENT = {
    "name": "again",
    "tasks": TASKS[:2],
    "architectures": [{"use": "vanilla_rnn", "units": 12, "learn": "all", "sweep": {"g": [0.5, 1.0]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
    "seeds": 1,
    "training": {"batch": 4, "max_updates": 20, "evaluate_every": 10, "evaluation_trials": 8},
}
EXTENDED = CONTENT | {"tasks": TASKS}
ANALYSED = CONTENT | {"analyses": ["modes"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return rnnbench.run(CONTENT, results=tmp_path_factory.mktemp("finished"), workers=1, figures=False).folder


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "again"))


def cell(content: dict, *history: str, g: float = 0.5) -> Cell:
    cells = cells_of(load_benchmark(content))
    return next(c for c in cells if c.history == history and c.architecture.parameters["g"] == g)


def result_of(folder: Path, of: Cell) -> Result:
    record = Store(folder).get(of.identity)
    assert record is not None
    return record.result


def from_elsewhere(folder: Path, of: Cell, factor: float = 1 + 1e-6) -> bytes:
    """Change the last loss of a stored result, and return the file."""
    store, label = Store(folder), of.history[-1]
    record = store.get(of.identity)
    scores = record.result.after[label]
    after = record.result.after | {label: scores.model_copy(update={"loss": scores.loss * factor})}
    result = record.result.model_copy(update={"after": after})
    content = record_bytes(sealed(of.identity, record.description, result, record.provenance))
    store.path(of.identity).write_bytes(content)
    return content


def starting_elsewhere(folder: Path, of: Cell, factor: float) -> None:
    """Change the loss on the first task with which a stored result of the second stage began."""
    store, label = Store(folder), of.history[0]
    record = store.get(of.identity)
    losses = record.result.curve.loss
    losses = losses | {label: [losses[label][0] * factor, *losses[label][1:]]}
    curve = Curve.model_validate(record.result.curve.model_dump() | {"loss": losses})
    result = record.result.model_copy(update={"curve": curve})
    store.path(of.identity).write_bytes(
        record_bytes(sealed(of.identity, record.description, result, record.provenance))
    )


def drop_weights(folder: Path) -> None:
    for path in folder.glob("cells/*/*.safetensors"):
        path.unlink()


def damage_weights(folder: Path) -> None:
    for path in folder.glob("cells/*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.*") if path.name != "timing.csv"}


def run_again(folder: Path, content: dict, workers: int = 1) -> rnnbench.Results:
    return rnnbench.run(content, results=folder.parent, workers=workers, figures=False)


@pytest.mark.parametrize("workers", [1, 2], ids=["in this process", "in worker processes"])
@pytest.mark.parametrize("lose", [drop_weights, damage_weights])
@pytest.mark.parametrize("content", [EXTENDED, ANALYSED], ids=["an added task", "an added analysis"])
def test_another_network_is_refused_and_the_stored_result_stays(folder, workers, lose, content):
    theirs = cell(content, A, g=1.0)
    stored, before = from_elsewhere(folder, theirs), tables(folder)
    lose(folder)
    with pytest.raises(AnotherNetwork, match=rf"^{A}, g = 1.0, seed 0: its weights are missing or damaged, and"):
        run_again(folder, content, workers)
    assert Store(folder).path(theirs.identity).read_bytes() == stored
    assert tables(folder) == before
    # The other network of the population was trained in vain if its weights were not stored.
    beside = cell(content, A, g=0.5)
    assert Store(folder).has_arrays(Store(folder).get(beside.identity))


def test_the_same_network_is_trained_again_and_its_result_stays(folder, finished):
    drop_weights(folder)
    assert run_again(folder, EXTENDED).computed == 2 * (2 + 1 + 5)
    for of in cells_of(load_benchmark(CONTENT)):
        assert result_of(folder, of) == result_of(finished, of)


def test_a_later_stage_that_an_analysis_needs_is_compared_too(folder):
    stored = from_elsewhere(folder, cell(CONTENT, A, B))
    drop_weights(folder)
    with pytest.raises(AnotherNetwork, match=rf"^{A} > {B}, g = 0.5, seed 0: .*export --weights all"):
        run_again(folder, ANALYSED)
    assert Store(folder).path(cell(CONTENT, A, B).identity).read_bytes() == stored


def test_an_error_in_another_process_is_one_line_of_the_command_line(folder, tmp_path):
    from_elsewhere(folder, cell(CONTENT, A))
    drop_weights(folder)
    (tmp_path / "again.yaml").write_text(json.dumps(EXTENDED))
    command = [sys.executable, "-m", "rnnbench", "run", "again.yaml", "--results", ".", "--workers", "2"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"error: {A}, g = 0.5, seed 0: ")
    assert "export --weights first-tasks" in ended.stderr and "a results folder of your own (run)" in ended.stderr


def test_without_the_compiled_kernel_the_networks_are_others(finished, tmp_path, cli):
    if not native().told.startswith("native"):
        pytest.skip("there is no compiled kernel here")
    assert cli("export", finished, "a.zip").code == 0
    ended = cli("extend", "a.zip", json.dumps(TASKS[2]), "--workers", 1, env={"RNNBENCH_NATIVE": "0"})
    assert ended.code == 2 and "it differs from the stored network" in ended.err
    assert tables(tmp_path / "results" / "again")["interference.csv"] == tables(finished)["interference.csv"]


def test_the_plan_says_how_many_networks_must_be_trained_again(folder):
    drop_weights(folder)
    prepared = prepare(EXTENDED, folder.parent, workers=1)
    assert prepared.plan.trained_again == (4, 0)
    written = io.StringIO()
    print_plan(prepared, Console(file=written, width=1000))
    line = "4 networks at the first task must be trained again, because their weights are missing or damaged"
    assert line in written.getvalue()
    assert "adds third: 12 cells stay and 12 are new" in written.getvalue()
    assert prepare(ANALYSED, folder.parent, workers=1).plan.trained_again == (4, 8)


def test_a_lost_result_is_not_replaced_by_another_network_than_its_descendants_had(folder):
    """Here it is the stored second stage that comes from elsewhere."""
    first, second = cell(CONTENT, A), cell(CONTENT, A, B)
    starting_elsewhere(folder, second, 1.01)
    Store(folder).path(first.identity).unlink()
    stored = Store(folder).path(second.identity).read_bytes()
    with pytest.raises(AnotherNetwork, match=rf"^{A}, g = 0.5, seed 0: its result was lost.*{A} > {B} started"):
        run_again(folder, CONTENT)
    assert Store(folder).get(first.identity) is None
    assert Store(folder).path(second.identity).read_bytes() == stored


def test_a_lost_result_with_descendants_of_its_own_is_computed_again(folder, finished):
    for g in (0.5, 1.0):
        Store(folder).path(cell(CONTENT, A, g=g).identity).unlink()
    assert run_again(folder, CONTENT).computed == 2
    assert result_of(folder, cell(CONTENT, A)) == result_of(finished, cell(CONTENT, A))


def test_cells_of_another_network_are_not_received(folder, tmp_path):
    first, second = cell(CONTENT, A, g=0.5), cell(CONTENT, A, g=1.0)
    parcel = packed(folder, [first.identity, second.identity])
    stored = from_elsewhere(folder, first)
    drop_weights(folder)
    with pytest.raises(AnotherNetwork, match=r"g = 0\.5"):
        unpacked(folder, parcel)
    assert Store(folder).path(first.identity).read_bytes() == stored
    assert Store(folder).has_arrays(Store(folder).get(second.identity))


def with_budget(budget: int) -> dict:
    content = copy.deepcopy(CONTENT)
    content["training"] |= {"max_updates": budget, "criterion": {"relative_loss": 0.5}}
    return content


def test_a_larger_budget_does_not_mix_networks(tmp_path):
    """The first network ended within both budgets, elsewhere; its weights are missing and it is trained here anew."""
    small, large = with_budget(400), with_budget(500)
    straight, again = (tmp_path / name / "again" for name in ("straight", "mixed"))
    run_again(straight, large)
    run_again(again, small)
    first, second = cell(small, A), cell(small, A, B)
    assert result_of(again, first).converged and result_of(again, second).converged
    from_elsewhere(again, first), from_elsewhere(again, second, factor=1.5)
    drop_weights(again)
    run_again(again, large)
    for of in (cell(large, A), cell(large, A, B), cell(large, A, A)):
        assert result_of(again, of) == result_of(straight, of)
    assert result_of(again, second) != result_of(straight, cell(large, A, B))
