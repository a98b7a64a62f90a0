"""`python -m rnnbench compare`: from results folders to a verdict, tables, files and an exit code."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from rnnbench.benchmark.schema import RuleSpec
from rnnbench.errors import RnnbenchError
from rnnbench.reports.comparison.comparison import compare_folders
from rnnbench.reports.comparison.report import COLUMNS, csv_table, write_report


def values(seed: int, n: int = 20, n_tasks: int = 5, sd: float = 0.04) -> np.ndarray:
    """Interference [seed, entry] that is larger for later tasks and has little spread over seeds."""
    means = 0.2 * np.add.outer(np.arange(n_tasks), np.arange(n_tasks) % 3).ravel()
    return means + np.random.default_rng(seed).normal(0, sd, size=(n, n_tasks**2))


def test_labs_that_are_alike_agree(lab, cli, tmp_path):
    a, b = lab("here", values(1)), lab("there", values(2), first_seed=20)
    code, out, err = cli("compare", a, b, "--out", tmp_path / "found")
    assert (code, err) == (0, "")
    assert out.startswith(
        "here and there agree: each of the 25 entries they share is shown to differ by less than 0.2."
    )
    assert "margin: 0.2" in out and "inconclusive" not in out
    table = pd.read_csv(tmp_path / "found" / "compare.csv")
    assert list(table) == list(COLUMNS) and len(table) == 25
    assert set(table["verdict"]) == set(table["labs_verdict"]) == {"agree"}
    read = pd.read_csv(a / "interference.csv").groupby(["first_task", "second_task"])["interference"].mean()
    found = table.set_index(["first_task", "second_task"])["mean_a"]
    assert found.to_numpy() == pytest.approx(read.loc[found.index].to_numpy())
    assert (tmp_path / "found" / "compare.png").stat().st_size > 20_000


def test_the_exit_code_is_0_whatever_the_verdict_unless_asked_for(lab, cli, tmp_path):
    a, b = lab("here", values(1)), lab("there", values(2) + 0.6, first_seed=20)
    code, out, _ = cli("compare", a, b, "--out", tmp_path / "found")
    assert code == 0
    assert out.startswith("here and there disagree: 25 of the 25 entries they share differ individually")
    assert cli("compare", a, b, "--out", tmp_path / "found", "--fail-if-different")[0] == 1
    # An inconclusive result is not a difference.
    few, fewer = (lab(f"few {k}", values(k, n=3, sd=0.5), first_seed=10 * k) for k in (3, 4))
    code, out, _ = cli("compare", few, fewer, "--out", tmp_path / "found", "--fail-if-different")
    assert code == 0 and out.startswith("Inconclusive")


def test_few_seeds_are_called_too_few(lab, tmp_path):
    a, b = lab("here", values(1, n=3, sd=0.5)), lab("there", values(2, n=3, sd=0.5) + 9, first_seed=20)
    report = (write_report(compare_folders([a, b]), tmp_path / "found")[0]).read_text()
    assert "3 and 3 seeds are too few to show any difference between here and there" in report
    assert "(the smallest possible p is 0.1)" in report


def test_below_five_seeds_no_interval_is_printed_and_no_entry_agrees(lab, tmp_path):
    labs = [lab(f"four {k}", values(k, n=4), first_seed=10 * k) for k in range(3)]
    found = compare_folders(labs)
    assert {entry.verdict for pair in found.pairs for entry in pair.entries} == {"inconclusive"}
    report = (write_report(found, tmp_path / "found")[0]).read_text()
    assert "95 % over seeds" in report and "± standard deviation over seeds" in report
    assert "## Scatter over all labs" in report and "95 % over labs" in report
    cells = [cell for line in report.splitlines() if line.startswith("| task") for cell in line.split("|")]
    assert cells and not any(re.search(r"\[−?\d", cell) for cell in cells)
    table = csv_table(found.pairs)
    assert table[["low", "high", "equivalence_low", "equivalence_high"]].isna().all(axis=None)


def test_shared_seeds_are_recognised(lab):
    a = lab("here", values(1))
    same, some = lab("same", values(2)), lab("some", values(2), first_seed=15)
    assert compare_folders([a, same]).pairs[0].paired
    pair = compare_folders([a, some]).pairs[0]
    assert (pair.paired, pair.shared) == (False, 5)


def test_labs_with_different_settings_are_refused_or_compared_with_a_warning(lab, cli, tmp_path):
    rule = RuleSpec(label="simulated", plugin="rule@1", parameters={"learning_rate": 0.3})
    a, b = lab("here", values(1)), lab("there", values(2), first_seed=20, rules=(rule,))
    code, out, err = cli("compare", a, b, "--out", tmp_path / "found")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "here and there: nothing to compare: 25 entries:" in err and "learning_rate: 0.1 / 0.3" in err
    code, out, _ = cli("compare", a, b, "--out", tmp_path / "found", "--by-label")
    assert code == 0 and "THE LABS DID NOT MEASURE THE SAME THING" in out
    assert "rules[simulated].parameters.learning_rate" in out


def test_three_labs_are_compared_in_pairs_and_their_scatter_is_reported(lab, tmp_path):
    shifts = {"a": 0, "b": 0, "c": 0.5}
    labs = [lab(name, values(k) + shift, first_seed=20 * k) for k, (name, shift) in enumerate(shifts.items())]
    found = compare_folders(labs)
    assert {pair.names: pair.verdict for pair in found.pairs} == {
        ("a", "b"): "agree",
        ("a", "c"): "disagree",
        ("b", "c"): "disagree",
    }
    assert found.verdict == "disagree" and len(found.heterogeneity) == 25
    # Means 0, 0 and 0.5: a standard deviation of 0.29 between labs.
    assert np.median([one.tau for one in found.heterogeneity.values()]) == pytest.approx(0.29, abs=0.02)
    paths = write_report(found, tmp_path / "found")
    assert [path.name for path in paths[2:]] == ["compare-a-b.png", "compare-a-c.png", "compare-b-c.png"]
    text = paths[0].read_text()
    assert "of 3 pairs of labs, 2 disagree, 1 agree (a and c; b and c disagree)" in text
    assert "## Scatter over all labs" in text


def test_a_lab_agrees_with_itself_and_numbers_do_not_change(lab):
    a, b = lab("here", values(1)), lab("there", values(2, sd=0.3), first_seed=20)
    assert compare_folders([a, a]).verdict == "agree"
    once, again = (csv_table(compare_folders([a, b]).pairs) for _ in range(2))
    pd.testing.assert_frame_equal(once, again, check_exact=True)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nowhere", "here"], "nowhere/benchmark.json: missing or unreadable"),
        (["here"], "compare: at least two results folders are needed, not 1"),
        (["here", "cut"], "cut/interference.csv: has no column 'interference'"),
        (["here", "twice"], "twice/interference.csv: row 77: 'task 0' then 'task 3', seed 0 is listed twice"),
        (["here", "words"], "words/interference.csv: interference: row 2: 'much' is not a number"),
    ],
)
def test_errors_that_a_user_can_fix_are_one_line(lab, tmp_path, names, message):
    lab("here", values(1, n=3))
    whole = pd.read_csv(lab("cut", values(1, n=3)) / "interference.csv")
    whole.drop(columns="interference").to_csv(tmp_path / "cut" / "interference.csv", index=False)
    pd.concat([whole, whole.iloc[3:5]]).to_csv(lab("twice", values(1, n=3)) / "interference.csv", index=False)
    whole.assign(interference="much").to_csv(lab("words", values(1, n=3)) / "interference.csv", index=False)
    with pytest.raises(RnnbenchError) as error:
        compare_folders([tmp_path / name for name in names])
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("margin", ["0", "-1", "nan", "inf"])
def test_a_margin_that_is_not_positive_and_finite_is_refused(lab, margin):
    folder = lab("here", values(1, n=3))
    with pytest.raises(RnnbenchError, match="margin"):
        compare_folders([folder, folder], float(margin))


def test_an_error_leaves_no_report_and_no_traceback(cli, tmp_path):
    code, out, err = cli("compare", "nowhere", "here", "--out", tmp_path / "found")
    assert (code, out) == (2, "") and err.startswith("error: nowhere/benchmark.json") and err.count("\n") == 1
    assert not (tmp_path / "found").exists()


def test_names_from_other_labs_are_shown_literally(lab, cli, tmp_path, benchmark_of):
    """Terminal markup, Markdown and paths in names have no effect."""
    rule = "[red]<b>|x|</b>"
    specs = {"rules": (RuleSpec(label=rule, plugin="rule@1", parameters={}),)}
    folders = [lab(name, values(k, n=6), first_seed=20 * k, **specs) for k, name in enumerate(("..[bold]", "*b*"))]
    for folder in folders:
        table = pd.read_csv(folder / "interference.csv").assign(rule=rule)
        table.to_csv(folder / "interference.csv", index=False)
    code, out, _ = cli("compare", *folders, "--out", tmp_path / "found")
    assert code == 0 and "..[bold] and *b*" in out and rule in out
    text = (tmp_path / "found" / "compare.md").read_text()
    assert "<b>" not in text and "\\*b\\*" in text


def test_missing_values_are_networks_that_do_not_count_and_infinities_are_refused(lab):
    a, b = lab("here", values(1)), lab("there", values(2), first_seed=20)
    table = pd.read_csv(b / "interference.csv")
    table.loc[0, ["interference", "loss_after"]] = np.nan
    table.to_csv(b / "interference.csv", index=False)
    found = compare_folders([a, b])
    assert [cell.n for cell in found.pairs[0].entries[:2]] == [(20, 19), (20, 20)]
    assert found.verdict == "agree"
    table.loc[0, "interference"] = np.inf
    table.to_csv(b / "interference.csv", index=False)
    with pytest.raises(RnnbenchError, match="interference: row 2: infinity"):
        compare_folders([a, b])


def test_figures_of_an_earlier_comparison_are_deleted_and_other_files_are_kept(lab, tmp_path):
    a, b = lab("here", values(1)), lab("there", values(2), first_seed=20)
    folder = tmp_path / "found"
    folder.mkdir()
    (folder / "compare-old-labs.png").write_text("stale")
    (folder / "notes.txt").write_text("mine")
    write_report(compare_folders([a, b]), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["compare.csv", "compare.md", "compare.png", "notes.txt"]
