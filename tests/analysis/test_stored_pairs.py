"""The analysis table of a run agrees with measures computed here from the stored weights."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.execution import outputs
from rnnbench.results.analysis_columns import ORIGIN, measured
from rnnbench.results.columns import NETWORK
from rnnbench.results.reading import finished
from rnnbench.results.store import Store

TASK = {"use": "fixed_points", "duration": 12, "loss_start": 6, "drive": 0.3}
CONTENT = {
    "name": "measured",
    "tasks": [{**TASK, "label": "A"}, {**TASK, "label": "B"}],
    "architectures": [{"use": "vanilla_rnn", "units": 24, "learn": "recurrent", "g": 0.5, "orthogonal": True}],
    "rules": [{"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.3}],
    "seeds": 2,
    "protocol": [["A", "B"], ["B", "A"]],
    "training": {"batch": 1, "max_updates": 400, "evaluate_every": 5, "evaluation_trials": 4},
    "analyses": ["updates", "fixed_points", "modes"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> rnnbench.Results:
    return rnnbench.run(CONTENT, results=tmp_path_factory.mktemp("measured"), workers=1, figures=False)


def weights_of(results: rnnbench.Results) -> dict[tuple[tuple[str, ...], int], np.ndarray]:
    store = Store(results.folder)
    return {
        (cell.history, cell.seed): store.arrays(store.get(cell.identity))["weights.w_rec"]
        for cell in cells_of(results.benchmark)
    }


def test_there_is_a_row_for_every_pair_and_a_column_for_every_measure(results):
    table = results.analysis
    assert list(table.columns) == [*NETWORK, *measured(results.benchmark.analyses), *(column.name for column in ORIGIN)]
    assert len(table) == len(results.interference) == 4
    assert np.isfinite(table[["update_correlation", "mode_index", "rotation_angle"]].to_numpy(float)).all()


def test_the_correlation_of_updates_is_that_of_the_stored_weights(results):
    w = weights_of(results)
    for row in results.analysis.itertuples():
        a, b = row.first_task, row.second_task
        # The initial weights are drawn again, since they are not stored.
        architecture = results.benchmark.architectures[0]
        rng = rnnbench.rng_for(row.seed, "weights", "vanilla_rnn@1")
        w0 = rnnbench.VanillaRNN(**architecture.parameters).init(rng, 2, 2)["w_rec"]
        d_a, d_b = w[(a,), row.seed] - w0, w[(a, b), row.seed] - w[(a,), row.seed]
        expected = float((d_a * d_b).sum() / np.sqrt((d_a**2).sum() * (d_b**2).sum()))
        assert row.update_correlation == pytest.approx(expected, abs=1e-6)
        assert row.update_norm_second == pytest.approx(float(np.sqrt((d_b**2).sum())), rel=1e-6)


def test_the_table_comes_back_from_its_file(results):
    loaded = rnnbench.load_results(results.folder)
    pd.testing.assert_frame_equal(loaded.analysis, results.analysis, check_dtype=False)


def test_nothing_is_measured_twice_and_what_is_gone_is_measured_again(results, tmp_path, monkeypatch):
    asked: list[int] = []
    measure = outputs.measure

    def counted(cells, *rest):
        asked.append(len(cells))
        return measure(cells, *rest)

    monkeypatch.setattr(outputs, "measure", counted)
    again = rnnbench.run(CONTENT, results=results.folder.parent, workers=1, figures=False)
    pd.testing.assert_frame_equal(again.analysis, results.analysis, check_dtype=False)
    (results.folder / "analysis.csv").write_text("made_from\n?\n")
    rebuilt = rnnbench.run(CONTENT, results=results.folder.parent, workers=2, figures=False)
    pd.testing.assert_frame_equal(rebuilt.analysis, results.analysis, check_dtype=False)
    assert asked == [0, 4]


def test_an_analysis_that_is_asked_for_later_needs_no_new_first_stages(tmp_path):
    plain = rnnbench.run(CONTENT | {"analyses": []}, results=tmp_path, workers=1, figures=False)
    assert plain.analysis.empty and not (plain.folder / "analysis.csv").exists()
    later = rnnbench.run(CONTENT, results=tmp_path, workers=1, figures=False)
    assert later.computed == 4  # the second stages, whose weights had not been stored
    assert len(later.analysis) == 4
    pd.testing.assert_frame_equal(later.interference, plain.interference)


def test_what_cannot_be_analysed_says_why_and_is_tried_again(results, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such thing")

    (results.folder / "analysis.csv").unlink()
    with monkeypatch.context() as change:
        change.setattr("rnnbench.analysis.stored_pairs.update_measures", broken)
        table = rnnbench.run(CONTENT, results=results.folder.parent, workers=1, figures=False).analysis
    assert table["update_correlation"].isna().all() and set(table["failure"]) == {"RuntimeError: no such thing"}
    mended = rnnbench.run(CONTENT, results=results.folder.parent, workers=1, figures=False).analysis
    pd.testing.assert_frame_equal(mended, results.analysis, check_dtype=False)


def test_damaged_weights_whose_record_is_gone_are_replaced_and_measured(results, tmp_path):
    shutil.copytree(results.folder, tmp_path / "measured")
    (tmp_path / "measured" / "analysis.csv").unlink()
    cell = next(c for c in cells_of(results.benchmark) if len(c.history) == 2)
    store = Store(tmp_path / "measured")
    record = store.get(cell.identity)
    store.arrays_path(cell.identity, record.result.arrays_sha256).write_bytes(b"junk")
    store.path(cell.identity).unlink()
    mended = rnnbench.run(CONTENT, results=tmp_path, workers=1, figures=False)
    pd.testing.assert_frame_equal(mended.analysis, results.analysis, check_dtype=False)


def test_tables_of_another_description_do_not_stay(results, tmp_path):
    shutil.copytree(results.folder, tmp_path / "measured")
    plain = rnnbench.run(CONTENT | {"analyses": [], "seeds": 1}, results=tmp_path, workers=1, figures=False)
    assert len(plain.interference) == 2
    assert rnnbench.load_results(plain.folder).analysis.empty and not (plain.folder / "analysis.csv").exists()


def test_a_run_that_was_extended_and_interrupted_is_not_taken_for_finished(results, tmp_path, monkeypatch):
    shutil.copytree(results.folder, tmp_path / "measured")

    def interrupted(executor, work):
        """Interrupt after the first job, when the folder contains a cell of the new description."""
        work.tell(rnnbench.Worker(work.folder, work.device, work.threads).compute(work.jobs[0], work.tell))
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnbench.execution.executors.serial.Serial.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rnnbench.run(CONTENT | {"seeds": 3}, results=tmp_path, workers=1, figures=False)
    assert finished(tmp_path) == []
    with pytest.raises(rnnbench.RnnbenchError, match="the run has not come to its end"):
        rnnbench.load_results(tmp_path / "measured")


def test_a_run_that_was_extended_and_interrupted_at_once_leaves_the_finished_one(results, tmp_path, monkeypatch):
    shutil.copytree(results.folder, tmp_path / "measured")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnbench.execution.executors.serial.Serial.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rnnbench.run(CONTENT | {"seeds": 3}, results=tmp_path, workers=1, figures=False)
    assert finished(tmp_path) == [tmp_path / "measured"]
    left, before = (rnnbench.load_results(folder) for folder in (tmp_path / "measured", results.folder))
    assert left.benchmark == before.benchmark
    pd.testing.assert_frame_equal(left.interference, before.interference)


def test_tracked_weights_are_kept_at_every_look(tmp_path):
    content = CONTENT | {
        "architectures": [{"use": "restricted_rnn", "units": 50, "g": 0.0}],
        "analyses": [],
    }
    results = rnnbench.run(content, results=tmp_path, workers=1, figures=False)
    tracked = results.tracked
    pd.testing.assert_frame_equal(rnnbench.load_results(results.folder).tracked, tracked)
    one = tracked[(tracked["first_task"] == "A") & (tracked["seed"] == 0)]
    looks = results.curves.query("first_task == 'A' and seed == 0")["update"]
    assert set(one["weight"]) == {"m"} and sorted(set(one["update"])) == sorted(looks)
    last = one[one["update"] == one["update"].max()].pivot(index="row", columns="column", values="value")
    store = Store(results.folder)
    cell = next(c for c in cells_of(results.benchmark) if c.history == ("A", "B") and c.seed == 0)
    np.testing.assert_array_equal(last.to_numpy(np.float32), store.arrays(store.get(cell.identity))["weights.m"])
