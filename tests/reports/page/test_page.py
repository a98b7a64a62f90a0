"""The page without a browser: its structure, its data, and that they say what the tables say."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from rnnbench.reports.page import colours, embedded
from rnnbench.reports.page.assemble import page
from rnnbench.results.interference import CELL, counts, matrix_table
from rnnbench.results.reading import Results


@pytest.fixture(scope="module")
def parsed(results, parse):
    return parse(page([results]))


@pytest.fixture(scope="module")
def neuro(reference: Callable[[str], Results]) -> Results:
    return reference("neuro")


def test_the_data_of_every_cell_is_what_the_table_says(parsed, results):
    expected = matrix_table(results.interference)
    cells = parsed.data["cells"]
    assert len(cells) == len(expected) == 8
    for cell, row in zip(cells, expected.to_dict("records"), strict=True):
        assert (cell["first"], cell["second"]) == (row["first_task"], row["second_task"])
        assert cell["networks"] == [row["networks"], row["converged"], row["counted"]]
        assert cell["numbers"][:2] == pytest.approx([row["mean"], row["sd"]], rel=1e-5)
    loss_after = parsed.data["columns"].index("A after B")
    told = [row[loss_after] for cell in cells for row in cell["rows"]]
    assert sorted(told) == pytest.approx(sorted(results.interference["loss_after"]), rel=1e-5)


def test_every_cell_has_a_button_whose_place_in_the_data_is_its_own(parsed):
    buttons = [one for one in parsed.of("button") if "data-cell" in one]
    cells = parsed.data["cells"]
    assert [int(button["data-cell"]) for button in buttons] == list(range(len(cells)))
    for button, cell in zip(buttons, cells, strict=True):
        assert button["aria-label"].startswith(f"{cell['first']}, then ")


def test_curves_are_those_of_the_table(parsed, results):
    by_network = dict(list(results.curves.groupby([*CELL, "seed"], dropna=False, sort=False)))
    shown = [curve for cell in parsed.data["cells"] for curve in cell["curves"]]
    assert len(shown) == len(by_network)
    for curve, rows in zip(shown, by_network.values(), strict=True):
        assert curve[0] == rows["update"].tolist()  # fewer than 60 points: all of them
        assert curve[1] == pytest.approx(rows["loss_first"].tolist(), rel=1e-3)
        assert curve[2] == pytest.approx(rows["loss_second"].tolist(), rel=1e-3)


def test_thinning_keeps_the_ends_and_the_peak():
    curve = np.exp(-np.linspace(0, 5, 2001))
    curve[777] = 9.0
    places = embedded.thinned(curve, 60)
    assert len(places) <= 60
    assert {0, 777, 2000} <= set(places.tolist())


def test_a_page_of_many_networks_stays_small():
    """20 tasks, three g and five seeds: 6000 curves."""
    points = embedded.points_for(6000)
    assert embedded.FEWEST_POINTS <= points <= embedded.MOST_POINTS
    assert points * 6000 * 25 < 3e6


def test_neuro_is_far_below_three_megabytes_and_always_the_same(neuro):
    text = page([neuro])
    assert len(text.encode()) < 500_000
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


def test_two_results_of_one_name_are_told_apart_and_their_ids_do_not_clash(results, parse):
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
    for place in range(colours.N_SHADES):
        background = colours.colour(place)
        assert contrast(background, {"#000": "#000000", "#fff": "#ffffff"}[colours.ink(background)]) >= 4.5


def test_the_scale_turns_at_one_and_holds_at_its_ends():
    assert colours.shade(1.0) != colours.shade(0.999)
    assert colours.shade(99.0) == colours.shade(3.99)
    assert colours.shade(-9.0) == "i0"
    assert colours.shade(math.nan) == "absent"


def test_claims_and_rules_are_told_where_the_benchmark_names_them(reference):
    text = page([reference("claims/half-rate-neuro")])
    assert "flow: Steps small enough" in text and "✓ supported" in text
    assert "What keeping old tasks costs" in text
    assert text.count("data:image/png;base64,") == 2


def test_interference_against_what_the_conditions_vary(reference):
    results = reference("claims/c2-drive")
    text = page([results])
    assert "Interference against drive" in text
    table = results.interference
    at = table[(table["drive"] == 0.02) & counts(table)]["interference"].mean()
    assert f"<td>{at:.2f} (" in text


def test_a_network_that_does_not_count_is_counted_out_and_a_failure_told(results, parse):
    table = results.interference.copy()
    table["failure"] = table["failure"].astype(object)
    table.loc[table.index[0], ["status", "failure", "interference", "loss_after"]] = [
        "failed",
        "it <b>broke</b>",
        np.nan,
        np.nan,
    ]
    changed = Results(results.folder, results.benchmark, table, pd.DataFrame())
    text = page([changed])
    cell = parse(text).data["cells"][0]
    assert cell["networks"][2] == 1 and cell["counted"] == [0, 1]
    assert cell["failures"] == ["it <b>broke</b>", ""]
    assert cell["rows"][0][1] is None and cell["curves"] == []
    assert "1 of 2 networks counted" in text
    assert "<b>broke" not in text
