"""Tables that were edited, truncated or invented are refused with one line that says where; valid ones are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import rnnbench
from rnnbench.errors import StoreError

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
    assert len(rnnbench.load_results(folder).interference) == 324


def test_a_truncated_file_is_refused(folder):
    path = folder / "interference.csv"
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 3])
    with pytest.raises(StoreError, match=r"interference\.csv: 2\d\d rows where benchmark.json describes 324 pairs"):
        rnnbench.load_results(folder)


@pytest.mark.parametrize("content", ["", "[1]", '{"benchmark": {"name": 3}}', '{"benchmark": ' + "[" * 100_000])
def test_an_invalid_description_is_refused(folder, content):
    (folder / "benchmark.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        rnnbench.load_results(folder)
    assert "\n" not in str(caught.value)


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
