"""The methods text: what was done, and the sources of the plugins that were used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnbench import load_results
from rnnbench.plugin.description import description_of
from rnnbench.plugin.registry import installed
from rnnbench.reports.page.equations import equations
from rnnbench.reports.page.methods import methods
from rnnbench.reports.page.provenance import provenance


def text_of(results) -> str:
    found = methods(results.benchmark, provenance(results))
    return "\n".join(" ".join([title, text, *items]) for title, text, items in found.paragraphs)


def test_results_keep_the_descriptions_of_their_plugins(folder):
    recorded = json.loads((folder / "benchmark.json").read_text())["plugins"]
    assert {kind: list(ids) for kind, ids in recorded.items()} == {
        "task": ["fixed_points@1"],
        "architecture": ["vanilla_rnn@1"],
        "rule": ["gradient_descent@1"],
    }
    found = installed().find("task", "fixed_points@1")
    described = recorded["task"]["fixed_points@1"]
    assert described["source"] == found.cls.source and described["summary"] == description_of(found).summary
    assert (described["package"], described["package_version"]) == (found.package, found.package_version)
    assert described["parameters"]["duration"]["unit"] == "tau"


def test_every_source_is_cited(results):
    found = methods(results.benchmark, provenance(results))
    assert [one.plugin for one in found.sources] == ["fixed_points@1", "vanilla_rnn@1", "gradient_descent@1"]
    text = text_of(results)
    for kind, plugin in (("task", "fixed_points"), ("architecture", "vanilla_rnn"), ("rule", "gradient_descent")):
        assert installed().find(kind, plugin).cls.source in text


def test_what_was_done_is_described(results):
    text = text_of(results)
    for words in (
        "N = 16 recurrent units",
        "g = 0.5 and 1.",
        "Adam, η = 0.01, β₁ = 0.9, β₂ = 0.999",
        "duration = 6 tau",
        "update used 4 fresh trials",
        "Every 4 updates (more often at first) the loss was evaluated on 8 held-out trials",
        "at or below 90 % of the same network's loss before any training, or after 40 updates",
        "2 seeds (0 and 1)",
        "float32",
        "Efron & Tibshirani 1993",
    ):
        assert words in text, words


def test_older_results_say_that_sources_were_not_recorded():
    text = text_of(load_results(Path(__file__).parents[2] / "results" / "formats" / "format-1"))
    assert "vanilla_rnn (version 1; source not recorded)" in text


def test_equations_parameters_and_seeds_are_given(reference):
    text = text_of(reference("neuro"))
    assert "h[t+1] = (1 − Δt) h[t] + Δt (W φ(h[t]) + W_in x[t]); z[t] = W_out φ(h[t+1])" in text
    assert "frequency = 0.1" in text and "5 seeds (0 to 4)" in text


def test_conditions_and_sequences_are_given(reference):
    text = text_of(reference("claims/c2-drive"))
    assert "9 conditions: drive = 0.02, 0.05" in text
    assert "in 1 sequence: A > B." in text


VANILLA = {
    "units": 8,
    "dt": 0.5,
    "g": 1.0,
    "nonlinearity": "tanh",
    "readout_scale": "small",
    "orthogonal": True,
    "learn": "all",
    "bias": False,
    "noise": 0.0,
    "initial_state_std": 0.0,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Learning changed W, W_in and W_out."),
        ({"learn": "recurrent"}, "Learning changed W alone."),
        ({"bias": True}, "+ W_in x[t] + b)"),
        ({"noise": 0.1}, "σ = 0.1"),
        ({"initial_state_std": 0.5}, "h[0] drawn once, with standard deviation 0.5"),
        ({"nonlinearity": "erf"}, "φ(h) = erf(√π h / 2)"),
        ({"readout_scale": "large"}, "readout vectors norm 1,"),
        ({"orthogonal": False}, "all random"),
    ],
)
def test_the_reference_network_is_described_with_its_parameters(changes, words):
    assert words in equations("vanilla_rnn@1", VANILLA | changes)


def test_plugins_without_known_equations_use_their_own_description(copy):
    path = copy / "benchmark.json"
    document = json.loads(path.read_text())
    document["benchmark"]["rules"][0]["plugin"] = "other@3"
    document["plugins"]["rule"] = {
        "other@3": {"summary": "Another rule", "details": "w <- w - x", "source": "Who, 1999"}
    }
    path.write_text(json.dumps(document))
    assert "other (version 3; Who, 1999). Another rule. w <- w - x. Parameters: optimizer = adam" in text_of(
        load_results(copy)
    )
