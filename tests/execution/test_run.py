"""Whole runs: the results depend only on the description, not on workers or interruptions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench.execution.run import Prepared
from rnnbench.plugin.executor import Report
from rnnbench.results.columns import CURVES, INTERFERENCE

SMOKE = Path(__file__).parents[2] / "benchmarks" / "smoke.yaml"
ROUNDING = 1e-5
"""Largest relative difference between losses of one network with more and with fewer channels, in float32."""

NAMES = ["architecture", "rule", "g", "units", "first_task", "second_task", "seed"]

TINY = {
    "name": "tiny",
    "tasks": [
        {"use": "fixed_points", "duration": 6, "loss_start": 3},
        {"use": "flip_flop", "channels": 2, "duration": 8},
    ],
    "architectures": [{"use": "vanilla_rnn", "units": 20, "learn": "all", "sweep": {"g": [0.5, 1.2]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 3e-3}],
    "seeds": 2,
    "training": {
        "batch": 8,
        "max_updates": 60,
        "evaluate_every": 10,
        "evaluation_trials": 16,
        "criterion": {"relative_loss": 0.2},
    },
}


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("interference.csv",)}


@pytest.fixture(scope="module")
def serial(tmp_path_factory) -> rnnbench.Results:
    return rnnbench.run(TINY, results=tmp_path_factory.mktemp("serial"), workers=1)


def test_a_run_fills_every_entry_of_the_matrix(serial):
    table = serial.interference
    assert len(table) == 2 * 2 * 2 * 2  # first tasks x second tasks x g x seeds
    assert (table["status"] == "done").all() and np.isfinite(table["interference"]).all()
    assert list(table.columns) == INTERFERENCE.names and list(serial.curves.columns) == CURVES.names


def test_the_first_task_is_trained_once_for_all_second_tasks(serial):
    assert serial.computed == 2 * 2 * (2 + 4)  # g x seeds x (first tasks + pairs)


def test_the_table_agrees_with_the_curves_and_the_definition(serial):
    table, curves = serial.interference, serial.curves
    first, after, untrained = table["loss_first"], table["loss_after"], table["loss_untrained"]
    np.testing.assert_allclose(table["interference"], (after - first) / (untrained - first), rtol=1e-12)
    by_network = curves.sort_values("update").groupby(NAMES, sort=False)
    endpoints = by_network[["loss_first", "loss_second", "update"]].agg(["first", "last"])
    endpoints.columns = pd.Index(["_".join(name) for name in endpoints.columns])
    joined = table.set_index(NAMES).add_prefix("table_").join(endpoints)
    # The curve begins with the network that has received the channels of B, which differs from A's by rounding.
    np.testing.assert_allclose(joined["loss_first_first"], joined["table_loss_first"], rtol=ROUNDING)
    np.testing.assert_array_equal(joined["loss_first_last"], joined["table_loss_after"])
    np.testing.assert_array_equal(joined["loss_second_last"], joined["table_second_loss_after"])
    np.testing.assert_array_equal(joined["loss_second_first"], joined["table_second_loss_before"])
    np.testing.assert_array_equal(joined["update_last"], joined["table_updates_second"])


def test_a_converged_network_is_below_its_criterion_and_any_other_has_spent_its_budget(serial):
    table = serial.interference
    reached = table["converged_first"].astype(bool)
    assert (table["loss_first"][reached] <= 0.2 * table["loss_untrained"][reached]).all()
    assert (table["updates_first"][~reached] == 60).all()


def test_networks_of_one_seed_differ_by_their_connectivity(serial):
    """Each network of a population has its own g, so that untrained losses differ between values of g."""
    untrained = serial.interference.groupby(["first_task", "seed"])["loss_untrained"].nunique()
    assert (untrained == 2).all()


def test_the_drift_control_trains_as_long_as_the_first_time(serial):
    control = serial.interference[serial.interference["first_task"] == serial.interference["second_task"]]
    assert (control["updates_second"] == control["updates_first"]).all()
    assert control["converged_second"].isna().all()


def test_transfer_compares_with_the_same_seed_learning_b_alone(serial):
    table = serial.interference
    for _, row in table[table["first_task"] != table["second_task"]].iterrows():
        alone = table[
            (table["first_task"] == row["second_task"]) & (table["seed"] == row["seed"]) & (table["g"] == row["g"])
        ]
        assert (alone["updates_first"] == row["second_updates_alone"]).all()
        # The network of the pair also has the channels of A, so that its sums are rounded differently.
        np.testing.assert_allclose(alone["loss_untrained"], row["second_loss_untrained"], rtol=ROUNDING)


def test_two_workers_give_the_same_table_as_one(serial, tmp_path):
    parallel = rnnbench.run(TINY, results=tmp_path, workers=2, figures=False)
    assert files(parallel.folder) == files(serial.folder)
    pd.testing.assert_frame_equal(parallel.curves, serial.curves)


@pytest.mark.parametrize("kept", ["first stages", "every other cell"])
def test_a_run_in_two_halves_gives_the_same_table(serial, tmp_path, kept):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    cells = sorted((tmp_path / "tiny" / "cells").glob("*/*.json"))
    for i, path in enumerate(cells):
        second = len(json.loads(path.read_text())["description"]["history"]) == 2
        if second if kept == "first stages" else i % 2:
            path.unlink()
            path.with_suffix(".safetensors").unlink(missing_ok=True)
    for name in ("interference.csv", "curves.parquet", "benchmark.json"):
        (tmp_path / "tiny" / name).unlink()
    again = rnnbench.run(TINY, results=tmp_path, workers=1, figures=False)
    assert 0 < again.computed < len(cells)
    assert files(again.folder) == files(serial.folder)
    pd.testing.assert_frame_equal(again.curves, serial.curves)


def test_a_finished_run_is_not_computed_again(serial, tmp_path):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "tiny" / "cells").rglob("*.*")}
    again = rnnbench.run(TINY, results=tmp_path, workers=2, figures=False)
    assert again.computed == 0
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "tiny" / "cells").rglob("*.*")} == before
    assert files(again.folder) == files(serial.folder)


def test_more_seeds_leave_the_old_ones_as_they_are(serial, tmp_path):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    more = rnnbench.run(TINY | {"seeds": 3}, results=tmp_path, workers=1, figures=False)
    assert more.computed == serial.computed / 2
    old = more.interference[more.interference["seed"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, serial.interference)


def test_a_damaged_cell_is_set_aside_and_computed_again(serial, tmp_path):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    path = sorted((tmp_path / "tiny" / "cells").glob("*/*.json"))[3]
    path.write_text(path.read_text().replace('"seed": ', '"seed": 1', 1))
    again = rnnbench.run(TINY, results=tmp_path, workers=1, figures=False)
    assert again.computed == 1 and path.with_name(path.name + ".damaged").exists()
    assert files(again.folder) == files(serial.folder)


def test_results_are_read_back_as_they_were_written(serial):
    read = rnnbench.load_results(serial.folder)
    assert read.benchmark == serial.benchmark == rnnbench.load_benchmark(TINY)
    pd.testing.assert_frame_equal(read.curves, serial.curves)
    plain = pd.read_csv(serial.folder / "interference.csv")
    np.testing.assert_allclose(plain["interference"], serial.interference["interference"], rtol=0, atol=0)
    np.testing.assert_allclose(read.interference["loss_after"], serial.interference["loss_after"], rtol=0, atol=0)


def test_the_description_records_what_was_run_and_where(serial):
    document = json.loads((serial.folder / "benchmark.json").read_text())
    assert document["benchmark"]["tasks"][1]["plugin"] == "flip_flop@1"
    assert {"time", "rnnbench", "plugins", "torch", "numpy", "machine"} <= set(document["provenance"])


def test_figures_are_drawn(serial):
    names = {path.name for path in (serial.folder / "figures").glob("*.png")}
    assert names == {
        "interference_summary.png",
        "interference_matrix.png",
        "interference_against_g.png",
        "curves.png",
    }


class Watch:
    """Counts what a run reports."""

    def __init__(self) -> None:
        self.prepared: Prepared | None = None
        self.updates, self.cells, self.ended = 0, [], False

    def planned(self, prepared: Prepared) -> None:
        self.prepared = prepared

    def heard(self, report: Report) -> None:
        self.updates += report.updates
        self.cells += report.finished

    def finished(self) -> None:
        self.ended = True


@pytest.mark.parametrize("workers", [1, 2])
def test_a_watcher_gets_every_update_and_cell_and_a_bound_on_the_time(tmp_path, workers):
    watch = Watch()
    begin = time.monotonic()
    results = rnnbench.run(TINY | {"seeds": 1}, results=tmp_path, workers=workers, watcher=watch, figures=False)
    assert watch.ended and len(watch.cells) == results.computed == 12
    table = results.interference
    firsts = table.drop_duplicates(["first_task", "g", "seed"])["updates_first"].sum()
    assert watch.updates == firsts + table["updates_second"].sum()
    assert watch.prepared is not None and 0 < watch.prepared.at_most < 60
    assert time.monotonic() - begin < 60


def test_the_smoke_benchmark_works_from_its_file(tmp_path):
    results = rnnbench.run(SMOKE, results=tmp_path)
    assert (results.interference["status"] == "done").all()
    assert results.interference["converged_first"].mean() == 1


def test_own_losses_leave_the_idle_outputs_out(serial, tmp_path):
    """Targets of idle outputs are 0 and untrained outputs are close to 0, so idle outputs lower A's untrained loss."""
    held = TINY | {"channels": {"idle_outputs": "zero"}, "seeds": 1}
    table = rnnbench.run(held, results=tmp_path, workers=1, figures=False).interference
    assert (table["own_loss_untrained"] > table["loss_untrained"]).all()
    own = (table["own_loss_after"] - table["own_loss_first"]) / (table["own_loss_untrained"] - table["own_loss_first"])
    np.testing.assert_allclose(table["interference_own"], own, rtol=1e-12)
    # Outputs that are left free do not count, so the two losses are the same.
    free = serial.interference
    for stage in ("untrained", "first", "after"):
        np.testing.assert_allclose(free[f"own_loss_{stage}"], free[f"loss_{stage}"], rtol=1e-6)


def test_a_benchmark_of_one_task_has_nothing_but_drift_controls(tmp_path):
    results = rnnbench.run(TINY | {"tasks": TINY["tasks"][:1]}, results=tmp_path, workers=1, figures=False)
    assert len(results.interference) == 2 * 2


def test_labels_that_look_like_other_values_are_read_back_as_texts(tmp_path):
    tasks = [TINY["tasks"][0] | {"label": "NA"}, TINY["tasks"][0] | {"label": "1"}]
    results = rnnbench.run(TINY | {"tasks": tasks, "seeds": 1}, results=tmp_path, workers=1, figures=False)
    read = rnnbench.load_results(results.folder).interference
    names = ["architecture", "rule", "first_task", "second_task"]
    assert read[names].to_numpy().tolist() == results.interference[names].to_numpy().tolist()
    np.testing.assert_allclose(read["g"], results.interference["g"])


def test_damaged_weights_are_computed_again_in_the_same_run(serial, tmp_path):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    for path in (tmp_path / "tiny" / "cells").glob("*/*.safetensors"):
        path.write_bytes(path.read_bytes() + b"x")
    for path in (tmp_path / "tiny" / "cells").glob("*/*.json"):
        if len(json.loads(path.read_text())["description"]["history"]) == 2:
            path.unlink()
    again = rnnbench.run(TINY, results=tmp_path, workers=1, figures=False)
    assert files(again.folder) == files(serial.folder)


def test_figures_of_an_earlier_description_do_not_stay(tmp_path):
    rules = [{"use": "gradient_descent", "label": label, "learning_rate": 3e-3} for label in ("a", "b")]
    few = {"seeds": 1, "training": TINY["training"] | {"max_updates": 10}}
    rnnbench.run(TINY | few | {"rules": rules}, results=tmp_path, workers=1)
    assert len(list((tmp_path / "tiny" / "figures").glob("curves*.png"))) == 2
    rnnbench.run(TINY | few | {"rules": rules[:1]}, results=tmp_path, workers=1)
    assert [p.name for p in (tmp_path / "tiny" / "figures").glob("curves*.png")] == ["curves.png"]


def test_without_figures_those_of_earlier_tables_do_not_stay(serial, tmp_path):
    shutil.copytree(serial.folder, tmp_path / "tiny")
    figures = tmp_path / "tiny" / "figures"
    (figures / "mine.png").write_bytes(b"x")
    again = rnnbench.run(TINY | {"seeds": 3}, results=tmp_path, workers=1, figures=False)
    assert len(again.interference) > len(serial.interference)
    assert [path.name for path in figures.iterdir()] == ["mine.png"]


def test_a_script_without_a_guard_may_run_a_benchmark_with_several_workers(tmp_path):
    """Workers do not import the script that started them; the example in the README relies on this."""
    script = tmp_path / "snippet.py"
    script.write_text(
        f"import rnnbench\nresults = rnnbench.run({TINY!r}, workers=2)\nprint(len(results.interference))\n"
    )
    ran = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "16"), ran.stderr


def test_networks_with_and_without_an_initial_state_are_in_different_populations(tmp_path):
    """They have different weights; in one population, h0 of one network would be lost or that of another missing."""
    content = {
        "name": "h0",
        "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}],
        "architectures": [{"use": "vanilla_rnn", "units": 8, "sweep": {"initial_state_std": [0, 0.5]}}],
        "seeds": 1,
        "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
    }
    both = rnnbench.run(content, tmp_path / "both", workers=1, figures=False)
    content["architectures"] = [{"use": "vanilla_rnn", "units": 8, "initial_state_std": 0.5}]
    alone = rnnbench.run(content, tmp_path / "alone", workers=1, figures=False)
    assert not both.failures
    with_h0 = both.interference[both.interference["architecture"].str.contains("0.5")]
    assert with_h0["loss_first"].tolist() == alone.interference["loss_first"].tolist()
