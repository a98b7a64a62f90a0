"""The format of results: schemas, columns, older versions, and reading without rnnbench."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

from rnnbench import run
from rnnbench.reports.claims.judge import judge
from rnnbench.reports.page.assemble import write_page
from rnnbench.results import schemas as formats
from rnnbench.results.columns import TABLES
from rnnbench.results.exchange.exporting import export_results
from rnnbench.results.exchange.ro_crate import Citation
from rnnbench.results.interference import matrix_table
from rnnbench.results.reading import FORMAT_1_FIGURES, load_results
from rnnbench.results.records import verified
from rnnbench.results.sequence_metrics import METRICS

ROOT = Path(__file__).parents[3]
OLD = Path(__file__).parent / "format-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with an analysis and two values of g."""
    home = tmp_path_factory.mktemp("results")
    described = json.loads((OLD / "benchmark.json").read_text())["benchmark"]
    benchmark = {
        "name": "small",
        "tasks": [{"use": "fixed_points", "duration": 6, "loss_start": 3}, {"use": "flip_flop", "duration": 8}],
        "architectures": [{"use": "vanilla_rnn", "units": 8, "learn": "recurrent", "sweep": {"g": [0.5, 1.0]}}],
        "rules": [{"use": "gradient_descent", "learning_rate": 0.05}],
        "seeds": 2,
        "analyses": ["modes"],
        "training": {k: v for k, v in described["tasks"][0]["training"].items() if k != "rule" and v is not None},
    }
    run(benchmark, home, workers=1, device="cpu")
    return home / "small"


def test_the_committed_schemas_and_columns_are_up_to_date(tmp_path):
    for path in formats.write_schemas(tmp_path):
        committed = (ROOT / "docs" / "schemas" / path.name).read_text()
        assert committed == path.read_text(), "run: rnnbench schema --out docs/schemas"


@pytest.mark.parametrize("kind", formats.SCHEMAS)
def test_schemas_are_valid(kind):
    jsonschema.Draft202012Validator.check_schema(json.loads(formats.schema(kind)))


def test_real_files_are_valid_and_damaged_ones_are_not(folder):
    validators = {kind: jsonschema.Draft202012Validator(json.loads(formats.schema(kind))) for kind in formats.SCHEMAS}
    document = json.loads((folder / "benchmark.json").read_text())
    cells = [json.loads(path.read_text()) for path in folder.glob("cells/*/*.json")]
    assert len(cells) > 10
    validators["benchmark"].validate(document)
    for cell in cells:
        validators["cell"].validate(cell)
    damaged = [
        ("benchmark", {name: value for name, value in document.items() if name != "benchmark"}),
        ("benchmark", document | {"format": "two"}),
        ("benchmark", document | {"more": 1}),
        ("cell", cells[0] | {"identity": 7}),
        ("cell", cells[0] | {"result": cells[0]["result"] | {"status": "perhaps"}}),
        ("cell", {name: value for name, value in cells[0].items() if name != "checksum"}),
    ]
    for kind, content in damaged:
        assert not validators[kind].is_valid(content)


def test_every_column_of_every_table_is_declared_with_its_type(folder):
    declared = {table.file: {column.name: column.kind for column in table.columns} for table in TABLES}
    for path in [*folder.glob("*.csv"), *folder.glob("*.parquet")]:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        assert set(table) <= set(declared[path.name]), path.name
        for name, column in table.dropna(axis=1, how="all").items():
            kind = declared[path.name][str(name)]
            numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
            as_number = kind in ("number", "whole number")
            # What is compared may be numbers or names, so these columns are text, which may look like numbers.
            assert numeric == as_number or name in ("value", "left_out"), (path.name, name, kind)
            if kind == "whole number":
                assert (column.dropna() % 1 == 0).all()
            if kind == "truth":
                assert set(column.dropna()) <= {True, False}


BLOCKED = "import sys; sys.modules['rnnbench'] = None\n"
"""Makes every import of rnnbench an error."""


def documented_programs() -> list[str]:
    """The programs in docs/results-format.md."""
    text = (ROOT / "docs" / "results-format.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("old", [False, True], ids=["today", "format 1"])
def test_the_documented_program_gives_the_identities_and_checksums_without_rnnbench(folder, old):
    program = documented_programs()[1]
    assert set(re.findall(r"^import (.*)$", program, re.MULTILINE)) == {"hashlib, json, pathlib"}
    of = OLD if old else folder
    ran = subprocess.run([sys.executable, "-c", BLOCKED + program], cwd=of, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    cells = sorted(path.stem for path in of.glob("cells/*/*.json"))
    assert [line.removesuffix(" is right") for line in ran.stdout.splitlines()] == cells and cells


def test_ten_lines_of_pandas_give_the_matrix_without_rnnbench(folder, tmp_path):
    """The program in docs/results-format.md, in a process in which rnnbench cannot be imported."""
    program = documented_programs()[0]
    assert len([line for line in program.splitlines() if line and not line.startswith("import")]) <= 10
    code = BLOCKED + program + "\nmeans.reset_index().to_json(orient='records', path_or_buf=sys.argv[1])\n"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "means.json")], cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    ours = matrix_table(load_results(folder).interference).dropna(subset="mean")
    theirs = pd.read_json(tmp_path / "means.json")
    key = ["architecture", "rule", "g", "first_task", "second_task"]
    merged = ours.merge(theirs, on=key, how="outer")
    assert len(merged) == len(ours) == len(theirs) > 4
    assert merged["interference"].to_numpy() == pytest.approx(merged["mean"].to_numpy(), rel=1e-9)
    assert "small" in ran.stdout and "flip_flop" in ran.stdout


def test_results_of_format_1_are_read(tmp_path):
    results = load_results(OLD)
    assert json.loads((OLD / "benchmark.json").read_text())["format"] == 1
    assert len(results.interference) == 16 and len(results.analysis) == 16 and len(results.curves)
    assert set(FORMAT_1_FIGURES.values()) <= set(results.continual) & set(METRICS)
    assert not set(FORMAT_1_FIGURES) & set(results.continual)
    for path in OLD.glob("cells/*/*.json"):
        assert verified(path.read_bytes(), path.stem).result.status == "done"


def test_results_of_format_1_can_be_reported_and_exported(tmp_path):
    folder = Path(shutil.copytree(OLD, tmp_path / "old", ignore=shutil.ignore_patterns("cells")))
    write_page([load_results(folder)], tmp_path / "old.html")
    assert "not recorded" in (tmp_path / "old.html").read_text()
    export_results(folder, tmp_path / "old.zip", Citation("2026-01-31"))
    assert len(load_results(tmp_path / "old.zip").interference) == 16
    assert judge([load_results(folder)])
