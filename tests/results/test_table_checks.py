"""Tables that were edited, truncated or invented are refused with one line that says where; valid ones are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import rnnbench
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.reports.page.assemble import write_page
from rnnbench.reports.trade_off.table import trade_off
from rnnbench.results.columns import TABLES

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "neuro"


@pytest.fixture
def folder(tmp_path):
    for name in ("benchmark.json", "interference.csv"):
        shutil.copy(REFERENCE / name, tmp_path / name)
    return tmp_path


def edit(folder: Path, change) -> None:
    path = folder / "interference.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(path, index=False)


def put(row: int, column: str, value: str):
    return lambda table: table.__setitem__(column, [value if i == row else v for i, v in enumerate(table[column])])


EDITS = {
    "a word for a number": (put(3, "loss_first", "much"), r"loss_first: row 5: 'much' is not a number"),
    "infinity": (put(4, "loss_peak", "inf"), r"loss_peak: row 6: infinity"),
    "another interference": (
        put(0, "interference", "0.5"),
        r"row 2: interference is 0.5, but its losses give .*edited",
    ),
    "no interference": (put(0, "interference", ""), r"row 2: interference is nan, but its losses give"),
    "an unknown task": (put(7, "first_task", "<b>x</b>"), r"row 9: first_task '<b>x</b>' is not in benchmark.json"),
    "an unknown seed": (put(7, "seed", "99"), r"row 9: seed 99 is not in benchmark.json"),
    "another status": (put(2, "status", "fine"), r"row 4: status 'fine' is not done or failed"),
    "no truth value": (
        put(2, "converged_first", "perhaps"),
        r"converged_first: expected True, False or an empty field",
    ),
    "a column gone": (lambda table: table.pop("loss_first"), r"has no column 'loss_first'"),
    "a row twice": (lambda table: table.__setitem__("seed", ["0"] * len(table)), r"row 3: .* is listed twice"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_table_is_refused_in_one_line(folder, name):
    change, message = EDITS[name]
    edit(folder, change)
    with pytest.raises(StoreError, match=message) as caught:
        rnnbench.load_results(folder)
    assert "\n" not in str(caught.value) and "interference.csv" in str(caught.value)


def test_an_untouched_table_is_read(folder):
    assert len(rnnbench.load_results(folder).interference) == 900


def test_a_truncated_file_is_refused(folder):
    path = folder / "interference.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:601]))
    with pytest.raises(StoreError, match=r"interference\.csv: 600 rows where benchmark.json describes 900 pairs"):
        rnnbench.load_results(folder)


@pytest.mark.parametrize("content", ["", "[1]", '{"benchmark": {"name": 3}}', '{"benchmark": ' + "[" * 100_000])
def test_an_invalid_description_is_refused(folder, content):
    (folder / "benchmark.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        rnnbench.load_results(folder)
    assert "\n" not in str(caught.value)


def test_an_architecture_without_a_number_of_units_is_refused(folder):
    path = folder / "benchmark.json"
    document = json.loads(path.read_text())
    document["benchmark"]["architectures"][1]["parameters"].pop("units")
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError, match=r"benchmark\.json: architectures\.1\.parameters\.units: missing"):
        rnnbench.load_results(folder)


def test_a_trade_off_without_its_reference_is_refused(folder):
    path = folder / "benchmark.json"
    document = json.loads(path.read_text())
    document["benchmark"]["architectures"][0]["label"] = "renamed"
    path.write_text(json.dumps(document))
    with pytest.raises(RnnbenchError, match="no rows of the reference, gradient_descent on renamed"):
        trade_off(rnnbench.load_results(folder))


def test_results_of_a_newer_format_are_refused(folder):
    path = folder / "benchmark.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"format": 3}))
    with pytest.raises(StoreError, match=r"made by a newer rnnbench \(format 3, this one reads up to 2\)"):
        rnnbench.load_results(folder)


def test_metrics_of_format_1_are_read_under_their_authors_names(folder):
    row = {"condition": "", "architecture": "vanilla_rnn", "rule": "gradient_descent", "g": 0.6, "units": 128}
    row |= {"history": "mante > romo", "seed": 0, "ACC": 0.7, "BWT": -0.3, "FWT": 0.0, "forgetting": 0.3}
    pd.DataFrame([row]).to_csv(folder / "continual.csv", index=False)
    (read,) = rnnbench.load_results(folder).continual.to_dict("records")
    assert (read["acc_lopez_paz_2017"], read["bwt_lopez_paz_2017"]) == (0.7, -0.3)
    assert (read["fwt_lopez_paz_2017"], read["forgetting_since_learnt"]) == (0.0, 0.3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished results folder with every table, among them tracked weights and an analysis."""
    benchmark = {
        "name": "whole",
        "tasks": ["fixed_points", {"use": "fixed_points", "label": "other"}],
        "architectures": [{"use": "restricted_rnn", "units": 8}],
        "seeds": 1,
        "analyses": ["modes"],
        "training": {"batch": 2, "max_updates": 2, "evaluate_every": 1, "evaluation_trials": 2},
    }
    return rnnbench.run(benchmark, tmp_path_factory.mktemp("whole"), workers=1, device="cpu", figures=False).folder


@pytest.fixture
def damage(whole, tmp_path):
    """Copies the folder and changes one of its tables: `damage(file, change)` returns the copy."""

    def damaged(file: str, change) -> Path:
        folder = Path(shutil.copytree(whole, tmp_path / "damaged", dirs_exist_ok=True))
        parquet = file.endswith(".parquet")
        table = pd.read_parquet(folder / file) if parquet else pd.read_csv(folder / file)
        change(table)
        if parquet:
            table.to_parquet(folder / file, index=False)
        else:
            table.to_csv(folder / file, index=False)
        return folder

    return damaged


def infinite(column: str):
    return lambda table: table.__setitem__(column, [float("inf"), *table[column][1:]])


def test_weights_and_what_is_measured_on_them_may_be_infinite(damage):
    """The weights of a network that diverged are kept; its losses have no value then."""
    assert rnnbench.load_results(damage("tracked.parquet", infinite("value"))).tracked.value[0] == float("inf")
    assert rnnbench.load_results(damage("analysis.csv", infinite("output_first"))).analysis.output_first[0] == float(
        "inf"
    )


@pytest.mark.parametrize(("file", "column"), [("curves.parquet", "loss_second"), ("stages.csv", "loss")])
def test_a_loss_is_never_infinite(damage, file, column):
    with pytest.raises(StoreError, match=rf"{file}: {column}: row 2: infinity"):
        rnnbench.load_results(damage(file, infinite(column)))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_without_a_column_that_names_its_networks_a_table_is_refused(damage, table):
    with pytest.raises(StoreError, match=rf"{table.file}: has no column 'architecture'"):
        rnnbench.load_results(damage(table.file, lambda rows: rows.pop("architecture")))


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("interference.csv", "converged_second"),
        ("interference.csv", "second_loss_untrained"),
        ("stages.csv", "accuracy_auc"),
        ("continual.csv", "acc_lopez_paz_2017"),
        ("curves.parquet", "accuracy_first"),
    ],
)
def test_other_columns_that_are_absent_have_no_values(damage, file, column):
    """Older versions wrote fewer columns; who reads them need not ask which."""
    folder = damage(file, lambda rows: rows.pop(column))
    read = getattr(rnnbench.load_results(folder), file.partition(".")[0])
    assert column in read and read[column].isna().all()
    write_page([rnnbench.load_results(folder)], folder / "page.html")
    trade_off(rnnbench.load_results(folder))


def test_a_run_without_pairs_writes_empty_tables_that_can_be_read(tmp_path):
    benchmark = {
        "name": "singles",
        "tasks": ["fixed_points", {"use": "flip_flop", "channels": 1, "duration": 6}],
        "architectures": [{"use": "vanilla_rnn", "units": 8}],
        "seeds": 1,
        "protocol": [["fixed_points"], ["flip_flop"]],
        "training": {"batch": 2, "max_updates": 2, "evaluate_every": 1, "evaluation_trials": 2},
    }
    written = rnnbench.run(benchmark, tmp_path, workers=1, device="cpu", figures=False)
    read = rnnbench.load_results(written.folder)
    assert len(read.interference) == len(read.curves) == 0 and len(read.stages) > 0
    # An empty column has no type of its own: nothing in the file depends on the declaration.
    assert set(pd.read_parquet(written.folder / "curves.parquet").dtypes.astype(str)) == {"float64"}
