"""`python -m rnnbench claims` makes verdicts, a report and figures from results folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

import rnnbench
from rnnbench.reports.claims.judge import CLAIMS

ROOT = Path(__file__).parents[2]

TASK = {"use": "fixed_points", "duration": 12, "loss_start": 6, "balanced": True}
CONTENT = {
    "name": "driven",
    "tasks": [{**TASK, "label": "A"}, {**TASK, "label": "B"}],
    "conditions": {"drive": [0.1, 0.4, 0.8]},
    "architectures": [{"use": "vanilla_rnn", "units": 32, "learn": "recurrent", "g": 0.0, "orthogonal": True}],
    "rules": [{"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.5}],
    "protocol": [["A", "B"]],
    "seeds": 2,
    "training": {"batch": 2, "evaluation_trials": 2, "max_updates": 600, "criterion": {"relative_loss": 0.05}},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("results")
    rnnbench.run(CONTENT, results=home, workers=1)
    return home


def test_every_finished_folder_is_judged_and_a_report_written(home, cli):
    code, out, err = cli("claims", "--in", home)
    assert (code, err) == (0, "")
    assert "C2" in out and "driven" in out and "too few seeds" in out
    report = (home / "claims" / "claims.md").read_text()
    assert CLAIMS["C2"].rule in report and "figures/C2-driven.png" in report
    assert (home / "claims" / "figures" / "C2-driven.png").stat().st_size > 5_000
    table = pd.read_csv(home / "claims" / "claims.csv")
    assert set(table.loc[table["claim"] == "C2", "verdict"]) == {"undecided"}
    # A second time, when the report's folder is among the results.
    assert cli("claims", "--in", home)[0] == 0


def test_a_folder_may_be_named(home, cli, tmp_path):
    code, out, _ = cli("claims", home / "driven", "--out", tmp_path / "here")
    assert code == 0 and "C2" in out
    assert (tmp_path / "here" / "claims.md").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--in", "nowhere"], "nowhere: no results of a finished run"),
        (["nowhere"], "benchmark.json: missing or unreadable"),
    ],
)
def test_the_error_for_results_that_cannot_be_judged_is_one_line(cli, arguments, message):
    code, _, err = cli("claims", *arguments)
    assert code == 2 and message in err and err.count("\n") == 1


def test_the_error_for_an_unknown_claim_names_the_known_ones(home, cli, tmp_path):
    shutil.copytree(home / "driven", tmp_path / "odd")
    path = tmp_path / "odd" / "benchmark.json"
    path.write_text(path.read_text().replace('"claims": []', '"claims": ["C9"]'))
    code, _, err = cli("claims", tmp_path / "odd")
    assert code == 2 and 'no claim "C9"' in err.replace("'", '"') and "C1, C2" in err and err.count("\n") == 1


def test_every_benchmark_of_a_claim_names_known_claims():
    files = sorted((ROOT / "benchmarks" / "claims").glob("**/*.yaml"))
    asked = {file: yaml.safe_load(file.read_text())["claims"] for file in files}
    assert all(asked.values()) and {name for names in asked.values() for name in names} <= set(CLAIMS)
    assert {name for file in files for name in asked[file]} == set(CLAIMS)


def test_every_benchmark_of_a_claim_has_a_larger_sibling():
    small = {file.name for file in (ROOT / "benchmarks" / "claims").glob("*.yaml")}
    assert small == {file.name for file in (ROOT / "benchmarks" / "claims" / "large").glob("*.yaml")}
