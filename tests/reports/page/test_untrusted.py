"""Results from elsewhere: names that are markup, a benchmark.json that is not what it should be, plugins that bite."""

from __future__ import annotations

import json
import subprocess
import sys

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
    assert "{{ 7*7 }}" in text  # a name is no template


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
def test_what_is_not_what_it_should_be_is_not_recorded(copy, parse, changes):
    edit(copy, **changes)
    text = page([load_results(copy)])
    parse(text)
    assert "not recorded" in text
    assert not any(word in text for word in ("NaN", "Infinity", ">nan<", ">inf<", ">-inf<"))
    assert "<script>pwned" not in text


def test_what_plugins_and_machines_say_is_escaped(copy, parse):
    told = {"summary": EVIL, "source": EVIL, "package": EVIL, "package_version": "\ud800"}
    edit(copy, plugins={"rule": {"gradient_descent@1": told}}, provenance={"time": EVIL, "plugins": {EVIL: EVIL}})
    text = page([load_results(copy)])
    assert len(parse(text).of("script")) == 2
    text.encode()


def test_a_name_without_its_parameters_has_no_equations_and_no_fault(copy):
    document = json.loads((copy / "benchmark.json").read_text())
    for spec in document["benchmark"]["rules"]:
        spec["parameters"] = {"learning_rate": EVIL}
    edit(copy, benchmark=document["benchmark"])
    assert "Gradient descent by backpropagation" not in page([load_results(copy)])


BITING = "import pathlib\npathlib.Path({marker!r}).write_text('imported')\nraise SystemExit(3)\n"
QUIET = """
import sys
from pathlib import Path
from rnnbench import load_results
from rnnbench.reports.page.assemble import write_page
write_page([load_results(path) for path in sys.argv[2:]], Path(sys.argv[1]))
print(sorted(name for name in sys.modules if name.startswith("rnnbench_") or name == "biting"))
"""


def test_no_plugin_is_imported(make_plugin, cli, folder, tmp_path):
    marker = tmp_path / "imported"
    make_plugin("biting", BITING.format(marker=str(marker)))
    done = cli("report", folder, "--html", "page.html")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    assert not marker.exists()
    listed = cli("list")
    assert marker.exists(), f"the plugin does not bite, so nothing was tested: {listed.out}"


def test_not_even_the_plugins_that_made_the_results(folder, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", QUIET, str(tmp_path / "page.html"), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_mistakes_are_one_line(cli, tmp_path):
    missing = cli("report", "nowhere")
    assert missing.code == 2 and missing.err.count("\n") == 1 and "nowhere" in missing.err
    assert not (tmp_path / "report.html").exists()
