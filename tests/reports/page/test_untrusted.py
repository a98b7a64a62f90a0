"""Results of unknown origin: markup in names, an invalid benchmark.json, plugins that do harm when imported."""

from __future__ import annotations

import json

import pytest

from rnnbench import load_results
from rnnbench.reports.page.assemble import page
from rnnbench.reports.page.embedded import as_json

EVIL = "</script><script>pwned=1</script><!--\u2028&"


def edit(folder, **changes):
    """Change parts of a benchmark.json."""
    path = folder / "benchmark.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_no_name_becomes_markup(results, parse):
    text = page([results])
    parsed = parse(text)
    assert len(parsed.of("script")) == 2
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in parsed.of("img"))
    for word in ("<script>pwned", "<img src=x", "<svg/onload", "<b>bold"):
        assert word not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert "{{ 7*7 }}" in text  # names are not rendered as templates


def test_embedded_data_cannot_leave_its_element():
    text = as_json({"name": EVIL})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": EVIL}
    with pytest.raises(ValueError, match="JSON"):
        as_json(float("nan"))


@pytest.mark.parametrize(
    "changes",
    [
        {"plugins": [], "provenance": "x", "metrics": 3},
        {
            "plugins": {
                "task": [1],
                "rule": {"gradient_descent@1": "x"},
                "architecture": {"vanilla_rnn@1": {"source": [EVIL]}},
            }
        },
        {"provenance": {"time": {"a": [EVIL]}, "rnnbench": None, "plugins": ["x"], "machine": 4}},
        {"provenance": {"time": float("nan"), "torch": float("inf"), "machine": {"cores": float("-inf")}}},
        {"plugins": {"rule": {"gradient_descent@1": {"parameters": {"optimizer": 7, "epsilon": {"unit": [1]}}}}}},
    ],
    ids=[
        "no mappings",
        "plugins of other kinds",
        "provenance of other kinds",
        "not finite",
        "parameters of other kinds",
    ],
)
def test_invalid_parts_of_benchmark_json_are_treated_as_not_recorded(copy, parse, changes):
    edit(copy, **changes)
    text = page([load_results(copy)])
    parse(text)
    assert "not recorded" in text
    assert not any(word in text for word in ("NaN", "Infinity", ">nan<", ">inf<", ">-inf<"))
    assert "<script>pwned" not in text


def test_texts_of_plugins_and_provenance_are_escaped(copy, parse):
    described = {"summary": EVIL, "source": EVIL, "package": EVIL, "package_version": "\ud800"}
    edit(copy, plugins={"rule": {"gradient_descent@1": described}}, provenance={"time": EVIL, "plugins": {EVIL: EVIL}})
    text = page([load_results(copy)])
    assert len(parse(text).of("script")) == 2
    text.encode()


def test_a_known_plugin_with_other_parameters_has_no_equations_and_raises_no_error(copy):
    document = json.loads((copy / "benchmark.json").read_text())
    for spec in document["benchmark"]["rules"]:
        spec["parameters"] = {"learning_rate": EVIL}
    edit(copy, benchmark=document["benchmark"])
    assert "Gradient descent by backpropagation" not in page([load_results(copy)])


def test_errors_are_one_line(cli, tmp_path):
    missing = cli("report", "nowhere")
    assert missing.code == 2 and missing.err.count("\n") == 1 and "nowhere" in missing.err
    assert not (tmp_path / "report.html").exists()
