"""Every heading, caption and methods text about interference says what happened to idle outputs.

All reports are rendered from small results under both settings. Each test looks at every place on its own, so that it
fails if the phrase is missing in any one of them, or if it is the phrase of the other setting.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from rnnbench import load_results, run
from rnnbench.figures import (
    curves_of_pairs,
    interference_against,
    interference_matrix,
    interference_overview,
    interference_summary,
)
from rnnbench.reports.claims.judge import CLAIMS, Judgement, judge
from rnnbench.reports.claims.report import csv_table, markdown as claims_markdown
from rnnbench.reports.claims.theory import modes_figure, network_figure
from rnnbench.reports.claims.theory.boundary import PlanePoint
from rnnbench.reports.claims.theory.connectivity import Connectivity
from rnnbench.reports.claims.theory.finite_size import SETTINGS, Deviation, Sequence
from rnnbench.reports.claims.theory.protocol import Protocol
from rnnbench.reports.claims.theory.two_by_two import Learning
from rnnbench.reports.comparison.comparison import compare_folders
from rnnbench.reports.comparison.report import markdown as compare_markdown
from rnnbench.reports.page.assemble import page
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.report import markdown as trade_off_markdown
from rnnbench.reports.trade_off.table import trade_off
from rnnbench.results.columns import CONTINUAL, SETTING
from rnnbench.results.comparisons import compared
from rnnbench.results.interference import IDLE
from rnnbench.results.reading import Results

OTHER = {"free": "zero", "zero": "free"}
TASK = {"use": "fixed_points", "duration": 3, "loss_start": 1.5}
VANILLA = {"use": "vanilla_rnn", "units": 16, "learn": "recurrent", "orthogonal": True}
RATES = {"use": "gradient_descent", "optimizer": "sgd", "sweep": {"learning_rate": [0.02, 0.01]}}
RATE = {"use": "gradient_descent", "optimizer": "sgd", "learning_rate": 0.02}
BENCHMARKS: dict[str, dict[str, Any]] = {
    "drive": {
        "conditions": {"drive": [0.05, 0.2, 0.5]},
        "architectures": [VANILLA | {"sweep": {"g": [0.5, 1.0]}}],
        "rules": [RATES],
        "analyses": ["modes", "updates"],
        "claims": ["C1", "C2", "C3", "C5", "flow"],
    },
    "pairs": {
        "tasks": [TASK | {"label": label} for label in "ABCD"],
        "architectures": [VANILLA | {"g": 0.9}],
        "rules": [RATE],
        "analyses": ["updates"],
        "claims": ["C7"],
    },
    "restricted": {
        "conditions": {"drive": [0.05, 0.2, 0.5]},
        "architectures": [{"use": "restricted_rnn", "g": 0.0, "dt": 0.5, "offset": 0.1, "sweep": {"units": [16, 24]}}],
        "rules": [RATE],
        "analyses": ["modes"],
        "claims": ["C4"],
    },
    "correlated": {
        "conditions": {"input_correlation": [0.0, 0.9]},
        "architectures": [VANILLA | {"sweep": {"g": [0.3, 0.6, 0.9]}}],
        "rules": [RATE],
        "analyses": ["modes"],
        "claims": ["C6"],
    },
    "histories": {
        "architectures": [VANILLA | {"g": 0.9}],
        "rules": [RATE],
        "protocol": [["A", "B"], ["B", "A", "B"]],
        "claims": ["C8"],
    },
}


class Small:
    """Small results under one setting of idle outputs."""

    def __init__(self, idle: str, home: Path) -> None:
        self.idle, self.home = idle, home
        for name in BENCHMARKS:
            run(self.described(name), home, workers=1, device="cpu", figures=False)

    def described(self, name: str) -> dict[str, Any]:
        """A benchmark as it would be written in its file."""
        return {
            "name": name,
            "tasks": [TASK | {"label": "A"}, TASK | {"label": "B"}],
            "seeds": 2,
            "channels": {"layout": "separate", "idle_outputs": self.idle},
            "training": {
                "batch": 2,
                "max_updates": 20,
                "evaluate_every": 5,
                "evaluation_trials": 4,
                "criterion": {"relative_loss": 0.99},
            },
        } | BENCHMARKS[name]

    def of(self, name: str) -> Results:
        return load_results(self.home / name)

    def check(self, place: str, text: str) -> None:
        """Fail unless the text has the phrase of this setting, and not that of the other one."""
        assert IDLE[self.idle] in text, f"{place}: {text[:200]}"
        assert IDLE[OTHER[self.idle]] not in text, f"{place}: {text[:200]}"

    def check_each(self, place: str, texts: Iterable[str], at_least: int = 1) -> None:
        found = list(texts)
        assert len(found) >= at_least, f"{place}: {found}"
        for text in found:
            self.check(place, text)


@pytest.fixture(scope="module", params=["free", "zero"])
def small(request, tmp_path_factory) -> Small:
    return Small(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def shown(small: Small) -> str:
    results = small.of("drive")
    names = results.interference[SETTING].drop_duplicates()  # these tasks have no accuracy, so the metrics are made up
    made_up = names.assign(history="A > B", seed=0, acc_lopez_paz_2017=0.5).reindex(columns=CONTINUAL.names)
    with_metrics = replace(results, tables={**results.tables, "continual": made_up})
    return page([with_metrics, small.of("histories")])


@pytest.fixture(scope="module")
def judgements(small: Small) -> list[Judgement]:
    return judge([small.of(name) for name in BENCHMARKS])


def texts(figure: Figure) -> str:
    """All texts of a figure, with line breaks as spaces."""
    return " | ".join(" ".join(artist.get_text().split()) for artist in figure.findobj(Text))


def plain(fragment: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", fragment)).split())


def test_every_heading_of_the_page_about_interference(shown, small):
    found = dict(re.findall(r'<h\d id="(r1-\w+)">(.*?)</h\d>', shown))
    for part in ("matrices", "progress", "shares", "charts", "sequences", "claims", "rules"):
        small.check(f"heading of {part}", found[f"r1-{part}"])


def test_every_caption_and_alternative_text_of_the_page(shown, small):
    without_parameters = re.sub(r'<table class="plain parameters">.*?</table>', "", shown, flags=re.S)
    captions = re.findall(r"<caption>(.*?)</caption>", without_parameters, re.S)
    small.check_each("caption", map(plain, captions), at_least=10)
    small.check_each("caption", map(plain, re.findall(r"<figcaption>(.*?)</figcaption>", shown, re.S)), at_least=4)
    small.check_each("image", re.findall(r'<img src="[^"]*" alt="([^"]*)"', shown), at_least=7)
    charts = re.findall(r'<svg viewBox[^>]*aria-label="(Mean interference[^"]*)"', shown)
    small.check_each("chart", charts, at_least=2)
    small.check_each("axis", re.findall(r'text-anchor="middle">(interference.*?)</text>', shown), at_least=2)
    small.check_each("entry", re.findall(r'"setting":"(.*?)"', shown), at_least=12)


def test_every_table_of_the_page_that_shows_interference(shown, small):
    heads = [plain(head) for head in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', shown, re.S)]
    small.check_each("mean", [head for head in heads if head.startswith("interference,")], at_least=2)
    small.check_each("claims", [head for head in heads if head.startswith("estimate")], at_least=6)
    small.check_each("rules", [head for head in heads if head.startswith(("interference (", "difference"))], at_least=2)
    small.check_each("matrix", re.findall(r"<br><small>(idle[^;]*);", shown), at_least=12)


def test_sentences_of_the_page(shown, small):
    small.check_each("abstract", re.findall(r'<p class="abstract">(.*?)</p>', shown, re.S), at_least=2)
    small.check_each("trend", re.findall(r"<li>(From .*? changes by .*?)</li>", shown))
    small.check_each("conclusion", re.findall(r"<li>(The conclusion .*?)</li>", shown))
    small.check_each("skill lost", re.findall(r"<li>(The skill lost .*?)</li>", shown))
    small.check_each("rows and columns", re.findall(r"<li>([^<]*, interference \(.*?)</li>", shown), at_least=1)


def test_the_methods_of_the_page(shown, small):
    small.check_each("methods", re.findall(r"<strong>Idle outputs\.</strong> (.*?)</p>", shown, re.S), at_least=2)
    assert IDLE[OTHER[small.idle]] not in shown
    told = "they were not constrained" if small.idle == "free" else "taught the outputs of A to be silent"
    assert told in shown


def test_the_claims_report(judgements, small):
    figures = {position: f"{position}.png" for position in range(len(judgements))}
    lines = claims_markdown(judgements, figures).splitlines()
    names = {judgement.name for judgement in judgements}
    small.check_each("heading", [line for line in lines if line.startswith("### ")], at_least=9)
    small.check_each("figure", [line for line in lines if line.startswith("![")], at_least=9)
    small.check_each("finding", [line for line in lines if line.startswith("- **")], at_least=9)
    rows = [line for line in lines if any(re.match(rf"\| \w+ \| {name}\b", line) for name in names)]
    small.check_each("row", rows, at_least=9)
    table = csv_table(judgements)
    assert set(table["idle_outputs"]) == {IDLE[small.idle]}


def test_results_that_cannot_be_judged_say_it_too(small):
    text = claims_markdown([Judgement(CLAIMS["C4"], small.of("drive"), why_not="too few")], {})
    small.check_each("row", [line for line in text.splitlines() if "not judged" in line])


@pytest.mark.parametrize("claim", list(CLAIMS))
def test_the_figure_of_every_claim(judgements, small, claim):
    found = [judgement for judgement in judgements if judgement.claim.id == claim]
    assert found and all(judgement.findings for judgement in found)
    for judgement in found:
        small.check(claim, texts(judgement.claim.figure(judgement.results)))


def test_every_figure_of_a_benchmark(small):
    results = small.of("drive")
    interference, curves = results.interference, results.curves
    one = interference[["condition", "architecture", "rule", "g"]].drop_duplicates().iloc[:1]
    found = {
        "matrix": interference_matrix(interference),
        "overview": interference_overview(interference, curves),
        "curves": curves_of_pairs(curves.merge(one), interference),
    }
    for comparison in compared(interference, curves):
        if comparison.across in ("g", "drive"):
            name = f"{comparison.across} {comparison.setting}"
            found[f"against {name}"] = interference_against([comparison], interference, curves)
            found[f"summary {name}"] = interference_summary(comparison, interference, curves)
    assert len([name for name in found if name.startswith("summary")]) >= 2
    for name, figure in found.items():
        small.check(name, texts(figure))


def test_the_trade_off_report_and_its_figure(small):
    results = small.of("drive")
    table = trade_off(results)
    lines = trade_off_markdown(table, results.benchmark).splitlines()
    small.check("title", lines[0])
    small.check_each("figure", [line for line in lines if line.startswith("![")])
    (head,) = (line for line in lines if line.startswith("| ") and "verdict |" in line)
    heads = [cell for cell in head.split("|") if "interference" in cell]
    small.check_each("head", heads, at_least=2)
    small.check_each("text", [line for line in lines if line.startswith("Made by")])
    small.check_each("axis", [axes.get_xlabel() for axes in trade_off_figure(table).axes])
    assert set(table["idle_outputs"]) == {IDLE[small.idle]}


def test_the_comparison_report(small):
    comparison = compare_folders([small.home / "drive"] * 3)
    lines = compare_markdown(comparison, ["compare.png"]).splitlines()
    small.check("title", lines[0])
    small.check_each("rule", [line for line in lines if line.startswith("An entry agrees")])
    small.check_each("figure", [line for line in lines if line.startswith("![")])
    marks = ("concordance", "over seeds, all entries", "95 % over labs")
    heads = [line for line in lines if any(mark in line for mark in marks)]
    small.check_each("head", heads, at_least=7)


def blocks(printed: str, start: str) -> list[str]:
    """The beginnings of the blocks of what was printed whose headings start with the given words."""
    not_the_next = r"(?:(?! (?:mean |change of |variance of )?interference ).){0,120}"
    return re.findall(rf"(?:^|(?<= )){re.escape(start)}{not_the_next}", " ".join(printed.split()))


def printed_by(command_line, small: Small, name: str, folder: Path) -> str:
    """What `run` prints about results that are complete, so that nothing is trained."""
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(small.described(name)))  # JSON is YAML
    ran = command_line(["run", file, "--results", small.home, "--no-figures", "--workers", 1], folder)
    assert ran.code == 0, ran.err
    return ran.out


def test_every_block_that_the_terminal_shows_after_a_run(command_line, small, tmp_path):
    drive = printed_by(command_line, small, "drive", tmp_path)
    small.check_each("matrix", blocks(drive, "interference I(A ← B)"), at_least=12)
    for across in ("along g", "along drive", "by rule"):
        small.check_each(across, blocks(drive, f"interference {across}"))
    small.check_each("control", blocks(drive, "interference if only A"))
    small.check_each("trends", blocks(drive, "change of interference"))
    assert "pairs fall" in drive.split("change of interference")[1]
    histories = printed_by(command_line, small, "histories", tmp_path)
    small.check_each("means", blocks(histories, "mean interference"))


def test_what_the_terminal_shows_of_trade_offs_and_claims(command_line, small, tmp_path):
    shown = command_line(["trade-off", small.home / "drive", "--out", tmp_path], tmp_path)
    assert shown.code == 0, shown.err
    small.check_each("trade-off", blocks(shown.out, "interference I "))
    judged = command_line(["claims", small.home / "correlated", "--out", tmp_path], tmp_path)
    assert judged.code == 0, judged.err
    small.check("claims", " ".join(judged.out.split()))


def theory_figures() -> dict[str, Figure]:
    """Every figure of the theory, from small or made-up data."""
    quick = Protocol(dt=0.5, criterion=0.05)
    drives = np.linspace(0.02, 0.1, 5)
    plane = [PlanePoint(d, m, 1 - d / 0.1, 0.5, True, 9) for d in drives for m in (1.1, 1.2)]
    learnt = [PlanePoint(d, 1.2 - 2 * d, 1 - d / 0.1, 0.5, True, 9) for d in drives]
    rows = [Connectivity(g, 0.15, 0.0, 0.0, 0.01 + g, 1.0, 0.5, True) for g in (0.0, 0.5)]
    losses = np.linspace(1, 0, 12)[:, None]
    matrix = np.linspace(0, 1, 12)[:, None, None] * np.ones((2, 2))
    path = Sequence(Learning(matrix, losses), Learning(matrix, np.hstack([losses, losses[::-1]])))
    sizes = [
        Deviation("rotation", 0.02, 0.1, n, seed, v, v, v, v, v, v, True)
        for n, v in ((100, 0.3), (400, 0.1))
        for seed in range(2)
    ]
    return {
        "phase planes": modes_figure.phase_planes([0.15], ["Formation"], quick),
        "phase diagram": modes_figure.phase_diagram(plane, learnt, quick),
        "restricted": modes_figure.restricted_connectivity({"one": rows}),
        "amplification": network_figure.amplification_figure(np.array([0.0, 0.9]), np.ones((2, 2, 2)), 50),
        "paths": network_figure.paths_figure([SETTINGS[0]], [path], [[path, path]], 77),
        "finite size": network_figure.finite_size_figure(sizes),
    }


def test_the_figures_of_the_theory_in_which_idle_outputs_are_trained_to_zero():
    for name, figure in theory_figures().items():
        text = texts(figure)
        assert IDLE["zero"] in text.replace("Idle", "idle"), name
        assert IDLE["free"] not in text, name
    both = [axes.get_title() for axes in theory_figures()["phase diagram"].axes if axes.get_title()]
    assert len(both) == 2 and all(IDLE["zero"] in title for title in both)
