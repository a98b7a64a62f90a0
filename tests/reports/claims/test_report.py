"""The report, its table and its figures, and which claims a results folder is judged on."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from rnnbench.cli.report_tables import claims_table
from rnnbench.errors import BenchmarkError
from rnnbench.reports.claims.judge import CLAIMS, judge
from rnnbench.reports.claims.report import COLUMNS, csv_table, markdown, rules, write_report
from rnnbench.reports.estimates import GENERAL_RULE
from rnnbench.results.store import StoreError

DRIVES = (0.02, 0.1, 0.3)
TASKS = ("fixed_points", "a_task_with_quite_a_long_name", "romo", "mante")


def _lost(row, rng):
    return 1.5 * (row["drive"] < 0.2) * (1 - 0.3 * row["g"]) + rng.normal(0, 0.1)


def _measured(row, rng):
    mode = 1.0 * (row["drive"] < 0.2)
    return {"mode_index": mode, "rotation_angle": 1.5 * mode, "update_correlation": rng.uniform(-1, 1)}


@pytest.fixture(scope="module")
def rich_results(make):
    """Results to which C1, C2, C3, C5 and C7 apply."""
    return make(
        _lost,
        tasks=TASKS,
        seeds=5,
        g=(0.3, 1.5),
        conditions={"drive": DRIVES},
        analysis=_measured,
        learnt=lambda row: not (row["drive"] == 0.1 and row["g"] == 0.3 and row["seed"] == 0),
    )


@pytest.fixture(scope="module")
def histories(make):
    """Results to which C1 and C8 apply and which name C8."""
    results = make(lambda row, rng: rng.normal(1, 0.1), tasks=TASKS, seeds=5, histories=("", "flip_flop > mante"))
    return named(results, "C8")


@pytest.fixture(scope="module")
def judgements(rich_results, histories):
    return judge([rich_results, histories])


def named(results, *claims, name="made-up"):
    benchmark = SimpleNamespace(**{**vars(results.benchmark), "claims": claims, "name": name})
    return type(results)(benchmark, results.interference, analysis=results.analysis)


def test_results_are_judged_on_what_applies(judgements):
    assert [j.claim.id for j in judgements] == ["C1", "C2", "C3", "C5", "C7", "C8"]
    assert all(j.findings for j in judgements)


def test_a_benchmark_may_name_its_claims(rich_results):
    found = judge([named(rich_results, "C5", "C4"), named(rich_results, "C1")])
    assert [(j.claim.id, bool(j.findings)) for j in found] == [("C1", True), ("C4", False), ("C5", True)]
    assert found[1].why_not == "there is no restricted_rnn among the architectures"
    with pytest.raises(BenchmarkError, match=r"made-up: claims: there is no claim 'C9'; the claims are C1, .*C8"):
        judge([named(rich_results, "C9")])


def test_the_table_has_a_row_for_each_estimate(judgements):
    table = csv_table(judgements)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == sum(len(f.parts) + len(f.further) for j in judgements for f in j.findings)
    first = judgements[0].findings[0]
    row = table.iloc[0]
    assert (row["value"], row["low"], row["seeds"]) == (
        first.parts[0].value,
        first.parts[0].low,
        first.parts[0].n_seeds,
    )
    assert row["verdict"] == first.verdict
    assert set(table["verdict"]) <= {"supported", "not supported", "undecided"}
    assert table.loc[~table["decides"], "part_verdict"].eq("").all()
    assert csv_table([]).empty


def test_the_report_holds_everything(judgements, tmp_path):
    paths = write_report(judgements, tmp_path)
    assert all(path.stat().st_size > 0 for path in paths)
    text = (tmp_path / "claims.md").read_text()
    assert GENERAL_RULE in text
    for judgement in judgements:
        assert judgement.claim.statement in text
        assert judgement.claim.rule in text
        assert f"](figures/{judgement.claim.id}-made-up.png)" in text
        assert (tmp_path / "figures" / f"{judgement.claim.id}-made-up.png") in paths
        for finding in judgement.findings:
            assert f"{finding.left_out} of {finding.networks} networks left out" in text
    read = pd.read_csv(tmp_path / "claims.csv", keep_default_na=False, na_values={"p": [""]})
    assert len(read) == len(csv_table(judgements))
    assert not list(tmp_path.rglob("*.partial"))


def test_every_row_of_a_markdown_table_has_as_many_cells(judgements, rich_results):
    wild = judge([named(rich_results, "C2", "C4", name="wild|name_*")])
    for each in (judgements, wild):
        rows = [line for line in markdown(each, {}).splitlines() if line.startswith("|")]
        counts = {line.replace(r"\|", "").count("|") for line in rows}
        assert counts == {10}


def test_two_results_of_one_name_have_their_own_figures(rich_results, tmp_path):
    twice = judge([named(rich_results, "C1"), named(rich_results, "C1")])
    names = {path.name for path in write_report(twice, tmp_path) if path.suffix == ".png"}
    assert names == {"C1-made-up.png", "C1-made-up.2.png"}
    text = (tmp_path / "claims.md").read_text()
    assert all(f"](figures/{name})" in text for name in names)


def test_nothing_to_judge_is_still_a_report(tmp_path):
    paths = write_report([], tmp_path)
    assert [path.name for path in paths] == ["claims.md", "claims.csv"]


def test_a_folder_that_cannot_be_written_is_told(judgements, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        write_report(judgements[:1], tmp_path / "file")


def test_the_terminal_shows_every_finding(judgements, rich_results):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(claims_table([*judgements, *judge([named(rich_results, "C6")])]))
    shown = console.export_text()
    for judgement in judgements:
        for finding in judgement.findings:
            assert finding.verdict in shown
    assert "not judged" in shown
    assert "no conditions with input_correlation" in shown


def test_no_text_of_a_figure_is_cut(judgements):
    for judgement in judgements:
        figure = judgement.claim.figure(judgement.results)
        figure.draw_without_rendering()  # lays it out
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        # Antialiasing may extend one pixel over the edge.
        inside = min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -1 / figure.dpi
        assert inside, (judgement.claim.id, drawn)


def test_figures_do_without_what_was_not_learnt(make):
    none = make(
        lambda row, rng: np.nan,
        seeds=2,
        g=(0.3, 1.5),
        conditions={"drive": DRIVES},
        tasks=("a", "b"),
        analysis=lambda row, rng: {"mode_index": np.nan, "update_correlation": np.nan},
        learnt=lambda row: False,
    )
    for judgement in judge([none]):
        assert {finding.verdict for finding in judgement.findings} == {"undecided"}
        judgement.claim.figure(none).draw_without_rendering()


def test_the_document_has_the_rules_as_they_are():
    from pathlib import Path

    document = Path(__file__).parents[3] / "docs" / "claims.md"
    assert rules().strip() in document.read_text()
    assert list(CLAIMS) == [*(f"C{n}" for n in range(1, 9)), "flow"]
