"""The page without a browser: its structure, and its data compared with the tables."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from rnnbench.reports.page import colours, embedded
from rnnbench.reports.page.assemble import page
from rnnbench.results.columns import ENTRY
from rnnbench.results.interference import counts, matrix_table
from rnnbench.results.reading import Results


@pytest.fixture(scope="module")
def parsed(results, parse):
    return parse(page([results]))


@pytest.fixture(scope="module")
def neuro(reference: Callable[[str], Results]) -> Results:
    return reference("neuro")


def test_the_data_of_every_entry_equals_the_table(parsed, results):
    expected = matrix_table(results.interference)
    entries = parsed.data["cells"]
    assert len(entries) == len(expected) == 8
    for entry, row in zip(entries, expected.to_dict("records"), strict=True):
        assert (entry["first"], entry["second"]) == (row["first_task"], row["second_task"])
        assert entry["networks"] == [row["networks"], row["converged"], row["counted"]]
        assert entry["numbers"][:2] == pytest.approx([row["mean"], row["sd"]], rel=1e-5)
    loss_after = parsed.data["columns"].index("A after B")
    losses = [row[loss_after] for entry in entries for row in entry["rows"]]
    assert sorted(losses) == pytest.approx(sorted(results.interference["loss_after"]), rel=1e-5)


def test_every_entry_has_a_button_with_its_index_in_the_data(parsed):
    buttons = [one for one in parsed.of("button") if "data-cell" in one]
    entries = parsed.data["cells"]
    assert [int(button["data-cell"]) for button in buttons] == list(range(len(entries)))
    for button, entry in zip(buttons, entries, strict=True):
        assert button["aria-label"].startswith(f"{entry['first']}, then ")


def test_curves_are_those_of_the_table(parsed, results):
    by_network = dict(list(results.curves.groupby([*ENTRY, "seed"], dropna=False, sort=False)))
    shown = [curve for entry in parsed.data["cells"] for curve in entry["curves"]]
    assert len(shown) == len(by_network)
    for curve, rows in zip(shown, by_network.values(), strict=True):
        assert curve[0] == rows["update"].tolist()  # fewer than 60 points: all of them
        assert curve[1] == pytest.approx(rows["loss_first"].tolist(), rel=1e-3)
        assert curve[2] == pytest.approx(rows["loss_second"].tolist(), rel=1e-3)


def test_thinning_keeps_the_ends_and_the_peak():
    curve = np.exp(-np.linspace(0, 5, 2001))
    curve[777] = 9.0
    indices = embedded.thinned(curve, 60)
    assert len(indices) <= 60
    assert {0, 777, 2000} <= set(indices.tolist())


def test_a_page_of_many_networks_stays_small():
    """20 tasks, three g and five seeds: 6000 curves."""
    points = embedded.points_for(6000)
    assert embedded.FEWEST_POINTS <= points <= embedded.MOST_POINTS
    assert points * 6000 * 25 < 3e6


def test_neuro_is_far_below_three_megabytes_and_always_the_same(neuro):
    text = page([neuro])
    assert len(text.encode()) < 1_000_000
    assert page([neuro]) == text


def test_structure(parsed, results):
    assert parsed.open == []
    assert parsed.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in parsed.elements if tag in {"h1", "h2", "h3", "h4", "h5"}]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        for reference in (attributes.get("aria-labelledby"), (attributes.get("href") or "")[1:]):
            assert not reference or attributes.get("rel") == "icon" or reference in ids
    assert all(image["alt"] for image in parsed.of("img"))


def test_two_results_of_one_name_are_numbered_and_their_ids_are_distinct(results, parse):
    parsed = parse(page([results, results]))
    assert {"evil (1)", "evil (2)"} <= set(parsed.text("a"))
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(parsed.data["cells"]) == 16


def test_only_this_script_and_this_sheet_are_allowed(parsed):
    (policy,) = (meta["content"] for meta in parsed.of("meta") if "http-equiv" in meta)
    allowed = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert allowed["img-src"] == "data:"
    for kind, text in (
        ("script-src", "".join(parsed.text("script")[1:])),
        ("style-src", "".join(parsed.text("style"))),
    ):
        checksum = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[kind] == f"'sha256-{checksum}'"
    assert not any(name.startswith("on") or name == "style" for _, names in parsed.elements for name in names)


def contrast(one: str, other: str) -> float:
    low, high = sorted((colours.luminance(one), colours.luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_numbers_are_legible_on_every_colour():
    assert colours.luminance("#ffffff") == pytest.approx(1) and contrast("#000000", "#ffffff") == pytest.approx(21)
    for number in range(colours.N_SHADES):
        background = colours.colour(number)
        assert contrast(background, {"#000": "#000000", "#fff": "#ffffff"}[colours.ink(background)]) >= 4.5


def test_the_scale_changes_hue_at_one_and_is_constant_beyond_its_ends():
    assert colours.shade(1.0) != colours.shade(0.999)
    assert colours.shade(99.0) == colours.shade(3.99)
    assert colours.shade(-9.0) == "i0"
    assert colours.shade(math.nan) == "absent"


def test_claims_and_rules_are_shown_if_the_benchmark_names_them(reference):
    text = page([reference("claims/half-rate")])
    assert "flow: Steps small enough" in text and "✓ supported" in text
    assert "What keeping old tasks costs" in text
    assert text.count("data:image/png;base64,") == 2


def test_interference_against_the_values_of_the_conditions(reference):
    results = reference("claims/c2-drive")
    text = page([results])
    assert "Interference against drive" in text
    table = results.interference
    at = table[(table["drive"] == 0.02) & counts(table)]["interference"].mean()
    assert f"<td>{at:.2f} (" in text


def test_a_network_that_does_not_count_is_left_out_and_its_failure_is_shown(results, parse):
    table = results.interference.copy()
    table["failure"] = table["failure"].astype(object)
    table.loc[table.index[0], ["status", "failure", "interference", "loss_after"]] = [
        "failed",
        "it <b>broke</b>",
        np.nan,
        np.nan,
    ]
    changed = Results(results.folder, results.benchmark, {"interference": table})
    text = page([changed])
    entry = parse(text).data["cells"][0]
    assert entry["networks"][2] == 1 and entry["counted"] == [0, 1]
    assert entry["failures"] == ["it <b>broke</b>", ""]
    assert entry["rows"][0][1] is None and entry["curves"] == []
    assert "1 of 2 networks counted" in text
    assert "<b>broke" not in text
